"""Other metrics than R: identification of segments from BOLD (decoding), and similarity without
fitted weights. They are made where the configuration asks for them; needs activations, words and
BOLD, as scores do."""

from engram.study.stages import bold, decoding, features, metrics, similarity, stories


rule decoding:
    """Identify segments of stories by all layers of a model, also on shifted BOLD."""
    input:
        activations=of_group(features.ORIGINAL_ACTIVATIONS),
        bold=of_group(bold.BOLD),
        words=of_group(stories.WORDS),
    output:
        scores=decoding.SCORES,
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


rule similarity:
    """Compare what is alike in a model with what is alike in brains, also on shifted BOLD."""
    input:
        activations=rules.decoding.input.activations,
        bold=rules.decoding.input.bold,
        words=rules.decoding.input.words,
    output:
        scores=similarity.SCORES,
    log:
        "<logs>/similarity/group-{group}_model-{model}.log",
    benchmark:
        "<benchmarks>/similarity/group-{group}_model-{model}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        mem_mb=memory("similarity"),
        runtime=minutes("similarity"),
    params:
        config=of(similarity.depends_on),
        code=code_of("similarity"),
    script:
        "../scripts/similarity.py"


rule similarity_ceiling:
    """Noise ceilings of RSA of a story's listeners."""
    input:
        bold=bold.BOLD,
        words=stories.WORDS,
    output:
        ceiling=similarity.CEILING,
    log:
        "<logs>/similarity_ceiling/{story}.log",
    benchmark:
        "<benchmarks>/similarity_ceiling/{story}.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=memory("similarity_ceiling"),
        runtime=minutes("similarity_ceiling"),
    params:
        config=of(similarity.ceilings_depend_on),
        code=code_of("similarity_ceiling"),
    script:
        "../scripts/similarity_ceiling.py"


rule metric_tables:
    """Table a metric by listener, and test it against chance."""
    input:
        scores=of(metrics.scores),
        ceilings=of(metrics.ceilings),
    output:
        table="<results>/tables/{metric}.tsv",
        tests="<results>/tables/{metric}_tests.tsv",
    log:
        "<logs>/{metric}_tables.log",
    benchmark:
        "<benchmarks>/{metric}_tables.tsv"
    wildcard_constraints:
        metric="decoding|similarity",
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(metrics.tables_depend_on),
        code=code_of("metric_tables"),
    script:
        "../scripts/metric_tables.py"


rule metrics:
    """Set models beside each other by brain score, identification and similarity."""
    input:
        scores="<results>/tables/scores.tsv",
        tables=of(metrics.tables),
    output:
        metrics="<results>/tables/metrics.tsv",
    log:
        "<logs>/metrics.log",
    benchmark:
        "<benchmarks>/metrics.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(metrics.depends_on),
        code=code_of("metrics"),
    script:
        "../scripts/metrics.py"


rule metric_figure:
    """Draw identification, similarity, or models by each metric."""
    input:
        tables=of(metrics.figure_tables),
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
        figure="decoding|similarity|metrics",
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(metrics.figure_depends_on),
        code=code_of("metric_figure"),
    script:
        "../scripts/metric_figure.py"
