"""Associations: texts written into the stories, their controls, and the association effect F.

Needs files of associations (docs/how-to/annotating.md), words, models and BOLD. A text's controls
and their seeds run inside its jobs; their activations are removed when all groups were scored.
"""

from engram.study.stages import associations, bold, features, fetch, norms, stories


# A chat endpoint is asked from the machine where Snakemake runs, as downloads are.
rule annotate:
    """Ask a chat endpoint for a story's associations."""
    input:
        words=stories.WORDS,
    output:
        associations=associations.WRITTEN,
    log:
        "<logs>/annotate/story-{story}_text-{text}.log",
    benchmark:
        "<benchmarks>/annotate/story-{story}_text-{text}.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(associations.writing_depends_on),
        code=code_of("annotate"),
        reads=reads(associations.writing_reads),
    script:
        "../scripts/annotate.py"


rule annotate_locally:
    """Let a model write a story's associations here: work for a GPU, where there is one."""
    input:
        words=rules.annotate.input.words,
        model=of(associations.writer_manifest),
    output:
        associations=associations.GENERATED,
    log:
        "<logs>/annotate_locally/story-{story}_text-{text}.log",
    benchmark:
        "<benchmarks>/annotate_locally/story-{story}_text-{text}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("annotate_locally"),
        runtime=minutes("annotate_locally"),
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
        "<logs>/associations/story-{story}_text-{text}.log",
    benchmark:
        "<benchmarks>/associations/story-{story}_text-{text}.tsv"
    priority: 100
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(associations.check_depends_on),
        code=code_of("associations"),
        reads=reads(associations.check_reads),
    script:
        "../scripts/associations.py"


rule association_texts:
    """Make the control texts of a story's associations."""
    input:
        words=stories.WORDS,
        associations=associations.ASSOCIATIONS,
        norms=of(norms.manifest),
        others=of(associations.of_other_stories),
    output:
        insertions=associations.INSERTIONS,
        texts=associations.TEXTS,
        rows=associations.ROWS,
    log:
        "<logs>/association_texts/story-{story}_text-{text}.log",
    benchmark:
        "<benchmarks>/association_texts/story-{story}_text-{text}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(associations.texts_depend_on),
        code=code_of("association_texts"),
        reads=reads(associations.texts_read),
    script:
        "../scripts/association_texts.py"


rule text_activations:
    """Read the story with a model, with associations and with every control's insertions."""
    input:
        words=stories.WORDS,
        insertions=associations.INSERTIONS,
        model=of(fetch.model_manifest),
    output:
        activations=temp(associations.ACTIVATIONS),
    log:
        "<logs>/text_activations/story-{story}_model-{model}_text-{text}.log",
    benchmark:
        "<benchmarks>/text_activations/story-{story}_model-{model}_text-{text}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("text_activations"),
        runtime=minutes("text_activations"),
    params:
        config=of(associations.reading_depends_on),
        code=code_of("text_activations"),
        reads=reads(features.reads),
    script:
        "../scripts/text_activations.py"


rule insertion_measures:
    """Measure how far insertions are from the passage before them, and how surprising there."""
    input:
        words=stories.WORDS,
        insertions=associations.INSERTIONS,
        model=of(fetch.model_manifest),
    output:
        measures=associations.MEASURES,
    log:
        "<logs>/insertion_measures/story-{story}_model-{model}_text-{text}.log",
    benchmark:
        "<benchmarks>/insertion_measures/story-{story}_model-{model}_text-{text}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("insertion_measures"),
        runtime=minutes("insertion_measures"),
    params:
        config=of(associations.measuring_depends_on),
        code=code_of("insertion_measures"),
        reads=reads(features.reads),
    script:
        "../scripts/insertion_measures.py"


rule association_insertions:
    """Say where a text's insertions stand among its null texts' in distance and surprisal."""
    input:
        measures=of(associations.measures),
    output:
        insertions="<results>/tables/association_insertions.tsv",
    log:
        "<logs>/association_insertions.log",
    benchmark:
        "<benchmarks>/association_insertions.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config={},
        code=code_of("association_insertions"),
    script:
        "../scripts/association_insertions.py"


rule association_scores:
    """Score every text on a group's listeners."""
    input:
        activations=of_group(associations.ACTIVATIONS),
        bold=of_group(bold.BOLD),
        words=of_group(stories.WORDS),
    output:
        scores=associations.SCORES,
    log:
        "<logs>/association_scores/group-{group}_model-{model}_text-{text}.log",
    benchmark:
        "<benchmarks>/association_scores/group-{group}_model-{model}_text-{text}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("association_scores"),
        runtime=minutes("association_scores"),
    params:
        config=of(associations.scores_depend_on),
        code=code_of("association_scores"),
    script:
        "../scripts/association_scores.py"


rule association_tables:
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
            labels={"table": "association effect F"},
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
        exchangeability="<results>/tables/association_exchangeability.tsv",
        kinds="<results>/tables/association_kinds.tsv",
        sources="<results>/tables/association_sources.tsv",
    log:
        "<logs>/association_tables.log",
    benchmark:
        "<benchmarks>/association_tables.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=memory("association_tables"),
        runtime=minutes("association_tables"),
    params:
        config=of(associations.tables_depend_on),
        code=code_of("association_tables"),
    script:
        "../scripts/association_tables.py"
