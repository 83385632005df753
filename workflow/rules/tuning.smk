"""Instruction tunings: models tuned to associate, their controls, and the tuning score M.

Needs samples (docs/data.md), words, models and BOLD. Every tuned model is a folder, `tunings/<tuning>/model-<model>_<condition>-<seed>`,
which another study can name as the source of a model. Their activations are removed when all groups were scored.
"""


rule tuning_set:
    """Check samples against the study's stories, and count them."""
    input:
        words=all_words,
    output:
        counts="<results>/tunings/{tuning}_samples.json",
    log:
        "<logs>/tuning_set/{tuning}.log",
    benchmark:
        "<benchmarks>/tuning_set/{tuning}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=tuning_set_config,
        code=code_of("tuning_set"),
    script:
        "../scripts/tuning_set.py"


rule tune:
    """Tune a model; go on from the last checkpoint of a run that was stopped."""
    input:
        counts="<results>/tunings/{tuning}_samples.json",
        model=model_manifest,
    output:
        folder=directory("<results>/tunings/{tuning}/model-{model}_{variant}"),
    log:
        "<logs>/tune/{tuning}_model-{model}_{variant}.log",
    benchmark:
        "<benchmarks>/tune/{tuning}_model-{model}_{variant}.tsv"
    conda:
        "../../envs/environment.yaml"
    # Tunings take long, and a chain of jobs waits for each: begun last, they would run alone at the end.
    priority: 1
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("tune"),
        runtime=minutes("tune"),
    params:
        config=tune_config,
        code=code_of("tune"),
        reads=model_read,
    script:
        "../scripts/tune.py"


rule tuned:
    """Read a story with a model and its tunings."""
    input:
        words="<results>/stories/story-{story}_words.tsv",
        model=model_manifest,
        tuned=tuned_folders,
    output:
        activations=temp(
            "<results>/tunings/story-{story}_model-{model}_tuning-{tuning}_activations.nc"
        ),
    log:
        "<logs>/tuned/story-{story}_model-{model}_tuning-{tuning}.log",
    benchmark:
        "<benchmarks>/tuned/story-{story}_model-{model}_tuning-{tuning}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("tuned"),
        runtime=minutes("tuned"),
    params:
        config=tuned_config,
        code=code_of("tuned"),
        reads=model_read,
    script:
        "../scripts/tuned.py"


rule tuned_effects:
    """Score a model and its tunings on a group's listeners."""
    input:
        activations=group_files(
            "<results>/tunings/story-{story}_model-{model}_tuning-{tuning}_activations.nc"
        ),
        bold=group_files("<results>/bold/story-{story}_bold.nc"),
        words=group_files("<results>/stories/story-{story}_words.tsv"),
    output:
        scores="<results>/tunings/group-{group}_model-{model}_tuning-{tuning}_scores.nc",
    log:
        "<logs>/tuned_effects/group-{group}_model-{model}_tuning-{tuning}.log",
    benchmark:
        "<benchmarks>/tuned_effects/group-{group}_model-{model}_tuning-{tuning}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("tuned_effects"),
        runtime=minutes("tuned_effects"),
    params:
        config=tuned_effects_config,
        code=code_of("effects"),
    script:
        "../scripts/effects.py"


rule tuning_tables:
    """Test M over seeds and over listeners, by region and by set of regions."""
    input:
        scores=all_tuned_effects,
        tuned=all_tuned_folders,
        counts=all_tuning_counts,
    output:
        tuning=report(
            "<results>/tables/tuning.tsv",
            caption="../report/tables/tuning.rst",
            category="Tables",
            labels={"table": "tuning score M"},
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
        config=tuning_tables_config,
        code=code_of("tuning_tables"),
    script:
        "../scripts/tuning_tables.py"
