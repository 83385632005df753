"""Instruction tunings: models tuned to associate, their controls, and the tuning effect M.

Needs samples (docs/data/tuning-samples.md), words, models and BOLD. Every tuned model is a folder,
`tunings/<tuning>/model-<model>_<condition>-<seed>`, which another study can name as the source
of a model. Their activations are removed when all groups were scored.
"""

from engram.study.stages import bold, features, fetch, stories, tunings


rule tuning_samples:
    """Check samples against the study's stories, and count them."""
    input:
        words=of(stories.files),
    output:
        counts=tunings.SAMPLES,
    log:
        "<logs>/tuning_samples/{tuning}.log",
    benchmark:
        "<benchmarks>/tuning_samples/{tuning}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(tunings.samples_depend_on),
        code=code_of("tuning_samples"),
    script:
        "../scripts/tuning_samples.py"


rule tune:
    """Tune a model; go on from the last checkpoint of a run that was stopped."""
    input:
        counts=tunings.SAMPLES,
        model=of(fetch.model_manifest),
    output:
        folder=directory(tunings.FOLDER),
    log:
        "<logs>/tune/{tuning}_model-{model}_{variant}.log",
    benchmark:
        "<benchmarks>/tune/{tuning}_model-{model}_{variant}.tsv"
    # Tunings take long, and a chain of jobs waits for each: begun last, they
    # would run alone at the end.
    priority: 1
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("tune"),
        runtime=minutes("tune"),
    params:
        config=of(tunings.depends_on),
        code=code_of("tune"),
        reads=reads(features.reads),
    script:
        "../scripts/tune.py"


rule tuned_activations:
    """Read a story with a model and its tunings."""
    input:
        words=stories.WORDS,
        model=of(fetch.model_manifest),
        tuned=of(tunings.folders_of),
    output:
        activations=temp(tunings.ACTIVATIONS),
    log:
        "<logs>/tuned_activations/story-{story}_model-{model}_tuning-{tuning}.log",
    benchmark:
        "<benchmarks>/tuned_activations/story-{story}_model-{model}_tuning-{tuning}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("tuned_activations"),
        runtime=minutes("tuned_activations"),
    params:
        config=of(tunings.reading_depends_on),
        code=code_of("tuned_activations"),
        reads=reads(features.reads),
    script:
        "../scripts/tuned_activations.py"


rule tuning_scores:
    """Score a model and its tunings on a group's listeners."""
    input:
        activations=of_group(tunings.ACTIVATIONS),
        bold=of_group(bold.BOLD),
        words=of_group(stories.WORDS),
    output:
        scores=tunings.SCORES,
    log:
        "<logs>/tuning_scores/group-{group}_model-{model}_tuning-{tuning}.log",
    benchmark:
        "<benchmarks>/tuning_scores/group-{group}_model-{model}_tuning-{tuning}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("tuning_scores"),
        runtime=minutes("tuning_scores"),
    params:
        config=of(tunings.scores_depend_on),
        code=code_of("association_scores"),
    script:
        "../scripts/association_scores.py"


rule tuning_tables:
    """Test M over seeds and over listeners, by region and by set of regions."""
    input:
        scores=of(tunings.files),
        tuned=of(tunings.folders),
        counts=of(tunings.samples),
    output:
        tuning=report(
            "<results>/tables/tuning.tsv",
            caption="../report/tables/tuning.rst",
            category="Tables",
            labels={"table": "tuning effect M"},
        ),
        roi_sets=report(
            "<results>/tables/tuning_roi_sets.tsv",
            caption="../report/tables/tuning_roi_sets.rst",
            category="Tables",
            labels={"table": "M by set of regions"},
        ),
        models="<results>/tables/tuning_models.tsv",
        listeners="<results>/tables/tuning_listeners.tsv",
        layers="<results>/tables/tuning_layers.tsv",
        curves="<results>/tables/tuning_curves.tsv",
        samples="<results>/tables/tuning_samples.tsv",
    log:
        "<logs>/tuning_tables.log",
    benchmark:
        "<benchmarks>/tuning_tables.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=memory("tuning_tables"),
        runtime=minutes("tuning_tables"),
    params:
        config=of(tunings.tables_depend_on),
        code=code_of("tuning_tables"),
    script:
        "../scripts/tuning_tables.py"
