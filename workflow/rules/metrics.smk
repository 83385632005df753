"""Other metrics than R: identification of segments from BOLD (decoding). They are made where the
configuration asks for them; needs activations, words and BOLD, as scores do."""

from engram.study.stages import bold, decoding, features, stories


rule decoding:
    """Identify segments of stories by all layers of a model, also on shifted BOLD."""
    input:
        activations=of_group(features.ORIGINAL_ACTIVATIONS),
        bold=of_group(bold.BOLD),
        words=of_group(stories.WORDS),
    output:
        accuracy=decoding.ACCURACY,
    log:
        "<logs>/decoding/group-{group}_model-{model}.log",
    benchmark:
        "<benchmarks>/decoding/group-{group}_model-{model}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("decoding"),
        runtime=minutes("decoding"),
    params:
        config=of(decoding.depends_on),
        code=code_of("decoding"),
    script:
        "../scripts/decoding.py"


rule decoding_ceiling:
    """Identify what each listener heard by the mean of the others."""
    input:
        bold=rules.decoding.input.bold,
        words=rules.decoding.input.words,
    output:
        ceiling=decoding.CEILING,
    log:
        "<logs>/decoding_ceiling/group-{group}.log",
    benchmark:
        "<benchmarks>/decoding_ceiling/group-{group}.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=memory("decoding_ceiling"),
        runtime=minutes("decoding_ceiling"),
    params:
        config=of(decoding.ceilings_depend_on),
        code=code_of("decoding_ceiling"),
    script:
        "../scripts/decoding_ceiling.py"


rule decoding_tables:
    """Table how well segments are identified, and test it against chance."""
    input:
        accuracy=of(decoding.files),
        ceilings=of(decoding.ceilings),
    output:
        decoding="<results>/tables/decoding.tsv",
        tests="<results>/tables/decoding_tests.tsv",
    log:
        "<logs>/decoding_tables.log",
    benchmark:
        "<benchmarks>/decoding_tables.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(decoding.tables_depend_on),
        code=code_of("decoding_tables"),
    script:
        "../scripts/decoding_tables.py"


rule metric_figure:
    """Draw how well segments are identified."""
    input:
        table="<results>/tables/{figure}.tsv",
        tests="<results>/tables/{figure}_tests.tsv",
    output:
        svg=report(
            "<results>/figures/{figure}.svg",
            caption="../report/figure.rst",
            category="Metrics",
            labels={"figure": "{figure}"},
        ),
        png="<results>/figures/{figure}.png",
    log:
        "<logs>/figure/{figure}.log",
    benchmark:
        "<benchmarks>/figure/{figure}.tsv"
    wildcard_constraints:
        figure="decoding",
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(decoding.figure_depends_on),
        code=code_of("metric_figure"),
    script:
        "../scripts/metric_figure.py"
