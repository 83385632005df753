"""Other metrics than R: identification of segments from BOLD (decoding), and similarity without
fitted weights. They are made where the configuration asks for them; needs activations, words and
BOLD, as scores do."""

from engram.study.stages import (
    associations,
    bold,
    decoding,
    features,
    identified_effects,
    metrics,
    similarity,
    stories,
    tunings,
)


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


rule association_identification:
    """Identify segments by every text of a text with associations and its controls."""
    input:
        activations=of_group(associations.ACTIVATIONS),
        bold=rules.decoding.input.bold,
        words=rules.decoding.input.words,
    output:
        scores=identified_effects.TEXT_SCORES,
    log:
        "<logs>/association_identification/group-{group}_model-{model}_text-{text}.log",
    benchmark:
        "<benchmarks>/association_identification/group-{group}_model-{model}_text-{text}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("association_identification"),
        runtime=minutes("association_identification"),
    params:
        config=of(identified_effects.scores_depend_on),
        code=code_of("identified_variants"),
    script:
        "../scripts/identified_variants.py"


rule tuning_identification:
    """Identify segments by a model and its tunings."""
    input:
        activations=of_group(tunings.ACTIVATIONS),
        bold=rules.decoding.input.bold,
        words=rules.decoding.input.words,
    output:
        scores=identified_effects.TUNING_SCORES,
    log:
        "<logs>/tuning_identification/group-{group}_model-{model}_tuning-{tuning}.log",
    benchmark:
        "<benchmarks>/tuning_identification/group-{group}_model-{model}_tuning-{tuning}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("tuning_identification"),
        runtime=minutes("tuning_identification"),
    params:
        config=of(identified_effects.scores_depend_on),
        code=code_of("identified_variants"),
    script:
        "../scripts/identified_variants.py"


rule identified_effects:
    """Test what associations, or tunings, change in identification."""
    input:
        scores=of(identified_effects.files),
    output:
        table="<results>/tables/{effect}_decoding.tsv",
    log:
        "<logs>/{effect}_decoding.log",
    benchmark:
        "<benchmarks>/{effect}_decoding.tsv"
    wildcard_constraints:
        effect="association|tuning",
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(identified_effects.table_depends_on),
        code=code_of("identified_effects"),
    script:
        "../scripts/identified_effects.py"


rule identified_effects_figure:
    """Draw F or M of identification, by set of targets."""
    input:
        table=rules.identified_effects.output.table,
    output:
        svg=report(
            "<results>/figures/{effect}-decoding.svg",
            caption="../report/figure.rst",
            category="Metrics",
            labels={"figure": "{effect}-decoding"},
        ),
        png="<results>/figures/{effect}-decoding.png",
    log:
        "<logs>/figure/{effect}-decoding.log",
    benchmark:
        "<benchmarks>/figure/{effect}-decoding.tsv"
    wildcard_constraints:
        effect="association|tuning",
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(identified_effects.figure_depends_on),
        code=code_of("identified_effects_figure"),
    script:
        "../scripts/identified_effects_figure.py"
