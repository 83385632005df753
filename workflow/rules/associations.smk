"""Associations: texts written into the stories, their controls, and the association score F.

Needs files of associations (docs/annotating.md), words, models and BOLD. An augmentation's controls and their seeds run
inside its jobs; their activations are removed when all groups were scored.
"""

from engram.study.stages import associations, bold, features, fetch, stories


# A chat endpoint is asked from the machine where Snakemake runs, as downloads are.
localrules:
    annotate,


rule annotate:
    """Ask a chat endpoint for a story's associations."""
    input:
        words=stories.WORDS,
    output:
        associations=associations.WRITTEN,
    log:
        "<logs>/annotate/story-{story}_aug-{aug}.log",
    benchmark:
        "<benchmarks>/annotate/story-{story}_aug-{aug}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(associations.writing_depends_on),
        code=code_of("annotate"),
        reads=reads(associations.writing_reads),
    script:
        "../scripts/annotate.py"


rule annotate_here:
    """Let a model in a folder write a story's associations: work for a GPU, where there is one."""
    input:
        words=rules.annotate.input.words,
    output:
        associations=associations.GENERATED,
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
        config=of(associations.writing_depends_on),
        code=code_of("annotate"),
        reads=reads(associations.writing_reads),
    script:
        "../scripts/annotate.py"


rule associations:
    """Check a story's associations against its words."""
    input:
        words=stories.WORDS,
        file=of(associations.written),
    output:
        associations=associations.ASSOCIATIONS,
    log:
        "<logs>/associations/story-{story}_aug-{aug}.log",
    benchmark:
        "<benchmarks>/associations/story-{story}_aug-{aug}.tsv"
    priority: 100
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(associations.check_depends_on),
        code=code_of("associations"),
        reads=reads(associations.check_reads),
    script:
        "../scripts/associations.py"


rule texts:
    """Make the control texts of a story's associations."""
    input:
        words=stories.WORDS,
        associations=associations.ASSOCIATIONS,
    output:
        insertions=associations.INSERTIONS,
        texts=associations.TEXTS,
        rows=associations.ROWS,
    log:
        "<logs>/texts/story-{story}_aug-{aug}.log",
    benchmark:
        "<benchmarks>/texts/story-{story}_aug-{aug}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(associations.texts_depend_on),
        code=code_of("texts"),
        reads=reads(associations.texts_read),
    script:
        "../scripts/texts.py"


rule augment:
    """Read the story with a model, with associations and with every control's insertions."""
    input:
        words=stories.WORDS,
        insertions=associations.INSERTIONS,
        model=of(fetch.model_manifest),
    output:
        activations=temp(associations.ACTIVATIONS),
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
        config=of(associations.reading_depends_on),
        code=code_of("augment"),
        reads=reads(features.reads),
    script:
        "../scripts/augment.py"


rule effects:
    """Score every text on a group's listeners."""
    input:
        activations=of_group(associations.ACTIVATIONS),
        bold=of_group(bold.BOLD),
        words=of_group(stories.WORDS),
    output:
        scores=associations.SCORES,
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
        config=of(associations.scores_depend_on),
        code=code_of("effects"),
    script:
        "../scripts/effects.py"


rule effects_tables:
    """Test F over texts and over listeners, by region."""
    input:
        scores=of(associations.files),
        texts=of(associations.texts),
        rows=of(associations.rows),
        associations=of(associations.checked),
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
        config=of(associations.tables_depend_on),
        code=code_of("effects_tables"),
    script:
        "../scripts/effects_tables.py"
