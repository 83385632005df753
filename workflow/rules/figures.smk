"""Figures, each as SVG for print and PNG for a look, with its words (title, caption, alternative
text) in a JSON file beside them.

They need tables, maps and other small files only, so a change of style costs seconds.
"""

from engram.study.stages import associations, bold, figures, stories


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
        figure="layers|depth|regions|roi-sets|roi-layers|reliability",
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(figures.depends_on),
        code=code_of("figure"),
    script:
        "../scripts/figure.py"


rule brain_figure:
    """Draw R, the ceiling, F or M on the brain."""
    input:
        table=of(figures.brain_table),
        ceilings="<results>/tables/ceilings.tsv",
        regions="<results>/tables/regions.tsv",
        L=of(figures.left_maps),
        R=of(figures.right_maps),
        places=of(figures.brain_places),
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
        config=of(figures.brain_depends_on),
        code=code_of("brain_figure"),
    script:
        "../scripts/brain_figure.py"


rule association_figure:
    """Draw F of each text, or by region with its controls and listeners, and by layer."""
    input:
        association="<results>/tables/association.tsv",
        controls="<results>/tables/association_controls.tsv",
        listeners="<results>/tables/association_listeners.tsv",
        layers="<results>/tables/association_layers.tsv",
    output:
        svg=report(
            "<results>/figures/{figure}.svg",
            caption="../report/figure.rst",
            category="Associations",
            labels={"figure": "{figure}"},
        ),
        png="<results>/figures/{figure}.png",
    log:
        "<logs>/figure/{figure}.log",
    benchmark:
        "<benchmarks>/figure/{figure}.tsv"
    wildcard_constraints:
        figure="association|association-texts",
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(figures.association_depends_on),
        code=code_of("association_figure"),
    script:
        "../scripts/association_figure.py"


rule insertions_figure:
    """Draw where in the stories insertions fall."""
    input:
        words=of(stories.files),
        associations=of(associations.checked),
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
        config=of(figures.insertions_depends_on),
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
        config=of(figures.tuning_depends_on),
        code=code_of("tuning_figure"),
    script:
        "../scripts/tuning_figure.py"


rule alignment_figure:
    """Draw words beside BOLD of auditory cortex: are their clocks the same?"""
    input:
        bold=of(bold.files),
        words=of(stories.files),
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
        config=of(figures.alignment_depends_on),
        code=code_of("alignment_figure"),
    script:
        "../scripts/alignment_figure.py"
