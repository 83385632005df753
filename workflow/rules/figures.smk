"""Figures, each as SVG for print and PNG for a look, with its words (title, caption, alternative text) in a JSON file beside them.

They need tables, maps and other small files only, so a change of style costs seconds.
"""


rule figure:
    """Draw scores by layer, by region or both, or listeners' reliability."""
    input:
        scores="<results>/tables/scores.tsv",
        roi_sets="<results>/tables/roi_sets.tsv",
        ceilings="<results>/tables/ceilings.tsv",
    output:
        svg=report(
            "<results>/figures/{figure}.svg",
            caption="../report/figure.rst",
            category="Scores",
            labels={"figure": "{figure}"},
        ),
        png="<results>/figures/{figure}.png",
    log:
        "<logs>/figure/{figure}.log",
    benchmark:
        "<benchmarks>/figure/{figure}.tsv"
    wildcard_constraints:
        figure="layers|regions|roi-sets|roi-layers|reliability",
    conda:
        "../../envs/environment.yaml"
    params:
        config=figure_config,
        code=code_of("figure"),
    script:
        "../scripts/figure.py"


rule brain_figure:
    """Draw R, the ceiling, F or M on the brain."""
    input:
        table=brain_table,
        ceilings="<results>/tables/ceilings.tsv",
        regions="<results>/tables/regions.tsv",
        L=brain_maps("L"),
        R=brain_maps("R"),
        places=brain_places,
    output:
        svg=report(
            "<results>/figures/{figure}.svg",
            caption="../report/figure.rst",
            category="Brain",
            labels={"figure": "{figure}"},
        ),
        png="<results>/figures/{figure}.png",
    log:
        "<logs>/figure/{figure}.log",
    benchmark:
        "<benchmarks>/figure/{figure}.tsv"
    wildcard_constraints:
        figure="brain|ceiling-brain|association-brain|tuning-brain",
    conda:
        "../../envs/environment.yaml"
    params:
        config=brain_figure_config,
        code=code_of("brain_figure"),
    script:
        "../scripts/brain_figure.py"


rule association_figure:
    """Draw F by region with its controls and listeners, and by layer."""
    input:
        association="<results>/tables/association.tsv",
        controls="<results>/tables/association_controls.tsv",
        listeners="<results>/tables/association_listeners.tsv",
        layers="<results>/tables/association_layers.tsv",
    output:
        svg=report(
            "<results>/figures/association.svg",
            caption="../report/figure.rst",
            category="Associations",
            labels={"figure": "association"},
        ),
        png="<results>/figures/association.png",
    log:
        "<logs>/figure/association.log",
    benchmark:
        "<benchmarks>/figure/association.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=association_figure_config,
        code=code_of("association_figure"),
    script:
        "../scripts/association_figure.py"


rule insertions_figure:
    """Draw where in the stories insertions fall."""
    input:
        words=all_words,
        associations=all_associations,
        texts="<results>/tables/association_texts.tsv",
    output:
        svg=report(
            "<results>/figures/insertions.svg",
            caption="../report/figure.rst",
            category="Associations",
            labels={"figure": "insertions"},
        ),
        png="<results>/figures/insertions.png",
    log:
        "<logs>/figure/insertions.log",
    benchmark:
        "<benchmarks>/figure/insertions.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=insertions_figure_config,
        code=code_of("insertions_figure"),
    script:
        "../scripts/insertions_figure.py"


rule tuning_figure:
    """Draw what tuning changes, M by method, or the losses."""
    input:
        tuning="<results>/tables/tuning.tsv",
        roi_sets="<results>/tables/tuning_roi_sets.tsv",
        models="<results>/tables/tuning_models.tsv",
        listeners="<results>/tables/tuning_listeners.tsv",
        layers="<results>/tables/tuning_layers.tsv",
        curves="<results>/tables/tuning_curves.tsv",
    output:
        svg=report(
            "<results>/figures/{figure}.svg",
            caption="../report/figure.rst",
            category="Tunings",
            labels={"figure": "{figure}"},
        ),
        png="<results>/figures/{figure}.png",
    log:
        "<logs>/figure/{figure}.log",
    benchmark:
        "<benchmarks>/figure/{figure}.tsv"
    wildcard_constraints:
        figure="tuning|tuning-methods|tuning-roi-sets|tuning-losses",
    conda:
        "../../envs/environment.yaml"
    params:
        config=tuning_figure_config,
        code=code_of("tuning_figure"),
    script:
        "../scripts/tuning_figure.py"


rule alignment_figure:
    """Draw words beside BOLD of auditory cortex: are their clocks the same?"""
    input:
        bold=all_bold,
        words=all_words,
    output:
        svg=report(
            "<results>/figures/alignment.svg",
            caption="../report/figure.rst",
            category="Data",
            labels={"figure": "alignment"},
        ),
        png="<results>/figures/alignment.png",
    log:
        "<logs>/figure/alignment.log",
    benchmark:
        "<benchmarks>/figure/alignment.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=alignment_figure_config,
        code=code_of("alignment_figure"),
    script:
        "../scripts/alignment_figure.py"
