"""Associations: texts written into the stories, their controls, and the association score F.

Needs files of associations (docs/annotating.md), words, models and BOLD. An augmentation's controls and their seeds run
inside its jobs; their activations are removed when all groups were scored.
"""


# A chat endpoint is asked from the machine where Snakemake runs, as downloads are.
localrules:
    annotate,


rule annotate:
    """Ask a chat endpoint for a story's associations."""
    input:
        words="<results>/stories/story-{story}_words.tsv",
    output:
        associations="<results>/associations/written/story-{story}_associations-{aug}.tsv",
    log:
        "<logs>/annotate/story-{story}_aug-{aug}.log",
    benchmark:
        "<benchmarks>/annotate/story-{story}_aug-{aug}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=annotate_config,
        code=code_of("annotate"),
        reads=annotator_read,
    script:
        "../scripts/annotate.py"


rule annotate_here:
    """Let a model in a folder write a story's associations: work for a GPU, where there is one."""
    input:
        words=rules.annotate.input.words,
    output:
        associations="<results>/associations/generated/story-{story}_associations-{aug}.tsv",
    log:
        "<logs>/annotate_here/story-{story}_aug-{aug}.log",
    benchmark:
        "<benchmarks>/annotate_here/story-{story}_aug-{aug}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("annotate_here"),
        runtime=minutes("annotate_here"),
    params:
        config=annotate_config,
        code=code_of("annotate"),
        reads=annotator_read,
    script:
        "../scripts/annotate.py"


rule associations:
    """Check a story's associations against its words."""
    input:
        words="<results>/stories/story-{story}_words.tsv",
        file=written_associations,
    output:
        associations="<results>/associations/story-{story}_associations-{aug}.tsv",
    log:
        "<logs>/associations/story-{story}_aug-{aug}.log",
    benchmark:
        "<benchmarks>/associations/story-{story}_aug-{aug}.tsv"
    priority: 100
    conda:
        "../../envs/environment.yaml"
    params:
        config=associations_config,
        code=code_of("associations"),
        reads=associations_read,
    script:
        "../scripts/associations.py"


rule texts:
    """Make the control texts of a story's associations."""
    input:
        words="<results>/stories/story-{story}_words.tsv",
        associations="<results>/associations/story-{story}_associations-{aug}.tsv",
    output:
        insertions="<results>/associations/story-{story}_aug-{aug}_insertions.json",
        texts="<results>/associations/story-{story}_aug-{aug}_texts.tsv",
        rows="<results>/associations/story-{story}_aug-{aug}_rows.tsv",
    log:
        "<logs>/texts/story-{story}_aug-{aug}.log",
    benchmark:
        "<benchmarks>/texts/story-{story}_aug-{aug}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=texts_config,
        code=code_of("texts"),
        reads=pool_read,
    script:
        "../scripts/texts.py"


rule augment:
    """Read the story with a model, with associations and with every control's insertions."""
    input:
        words="<results>/stories/story-{story}_words.tsv",
        insertions="<results>/associations/story-{story}_aug-{aug}_insertions.json",
        model=model_manifest,
    output:
        activations=temp(
            "<results>/associations/story-{story}_model-{model}_aug-{aug}_activations.nc"
        ),
    log:
        "<logs>/augment/story-{story}_model-{model}_aug-{aug}.log",
    benchmark:
        "<benchmarks>/augment/story-{story}_model-{model}_aug-{aug}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("augment"),
        runtime=minutes("augment"),
    params:
        config=augment_config,
        code=code_of("augment"),
        reads=model_read,
    script:
        "../scripts/augment.py"


rule effects:
    """Score every text on a group's listeners."""
    input:
        activations=group_files(
            "<results>/associations/story-{story}_model-{model}_aug-{aug}_activations.nc"
        ),
        bold=group_files("<results>/bold/story-{story}_bold.nc"),
        words=group_files("<results>/stories/story-{story}_words.tsv"),
    output:
        scores="<results>/associations/group-{group}_model-{model}_aug-{aug}_scores.nc",
    log:
        "<logs>/effects/group-{group}_model-{model}_aug-{aug}.log",
    benchmark:
        "<benchmarks>/effects/group-{group}_model-{model}_aug-{aug}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("effects"),
        runtime=minutes("effects"),
    params:
        config=effects_config,
        code=code_of("effects"),
    script:
        "../scripts/effects.py"


rule effects_tables:
    """Test F over texts and over listeners, by region."""
    input:
        scores=all_effects,
        texts=all_texts,
        rows=all_rows,
        associations=all_associations,
    output:
        association=report(
            "<results>/tables/association.tsv",
            caption="../report/tables/association.rst",
            category="Tables",
            labels={"table": "association score F"},
        ),
        controls=report(
            "<results>/tables/association_controls.tsv",
            caption="../report/tables/association_controls.rst",
            category="Tables",
            labels={"table": "F of control texts"},
        ),
        listeners="<results>/tables/association_listeners.tsv",
        layers="<results>/tables/association_layers.tsv",
        texts=report(
            "<results>/tables/association_texts.tsv",
            caption="../report/tables/association_texts.rst",
            category="Tables",
            labels={"table": "what was inserted"},
        ),
        rows="<results>/tables/association_rows.tsv",
    log:
        "<logs>/effects_tables.log",
    benchmark:
        "<benchmarks>/effects_tables.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=memory("effects_tables"),
        runtime=minutes("effects_tables"),
    params:
        config=effects_table_config,
        code=code_of("effects_tables"),
    script:
        "../scripts/effects_tables.py"
