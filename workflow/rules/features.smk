"""Feature spaces: what is laid over stories beside language models, such as word norms.

Needs words, and what each kind is made from (docs/data/feature-spaces.md). One job per space and story; the file
has the form of a model's activations, so all later stages take it as one. Spaces whose values
belong to words are also scored with the values of other words.
"""

from engram.features.known_tables import KNOWN_TABLES
from engram.study.stages import bold, deals, features, heads, spaces, stories


# What a space lays over a story has the name that a model's activations have.
ruleorder: feature_space > activations


rule fetch_word_norms:
    """Fetch a published table of word norms, pinned by its SHA-256."""
    output:
        manifest=spaces.MANIFEST,
    log:
        "<logs>/fetch_word_norms/{norms}.log",
    benchmark:
        "<benchmarks>/fetch_word_norms/{norms}.tsv"
    wildcard_constraints:
        norms="|".join(KNOWN_TABLES),
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(spaces.fetch_depends_on),
        code=code_of("fetch_word_norms"),
    script:
        "../scripts/fetch_word_norms.py"


rule feature_space:
    """Lay a feature space over a story."""
    input:
        words=stories.WORDS,
        table=of(spaces.table_manifest),
        model=of(spaces.model_manifest),
        taken=of(spaces.taken_activations),
        spaces=of(spaces.spaces_side_by_side),
    output:
        activations=features.ACTIVATIONS,
    log:
        "<logs>/feature_space/story-{story}_model-{model}_text-{text}.log",
    benchmark:
        "<benchmarks>/feature_space/story-{story}_model-{model}_text-{text}.tsv"
    wildcard_constraints:
        model=spaces.pattern(STUDY),
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=of(spaces.gpus),
        mem_mb=memory("feature_space"),
        runtime=minutes("feature_space"),
    params:
        config=of(spaces.depends_on),
        code=of(spaces.code),
        reads=reads(spaces.reads),
    script:
        "../scripts/feature_space.py"


rule feature_table:
    """Say what each feature space covers of each story."""
    input:
        spaces=of(spaces.files),
        words=of(stories.files),
    output:
        features=report(
            "<results>/tables/features.tsv",
            caption="../report/tables/features.rst",
            category="Tables",
            labels={"table": "feature spaces"},
        ),
    log:
        "<logs>/feature_table.log",
    benchmark:
        "<benchmarks>/feature_table.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(spaces.table_depends_on),
        code=code_of("feature_table"),
    script:
        "../scripts/feature_table.py"


rule spaces_table:
    """Set everything that is scored beside each other, with the word rate as the baseline."""
    input:
        scores="<results>/tables/scores.tsv",
        chance="<results>/tables/chance.tsv",
        comparisons="<results>/tables/comparisons.tsv",
    output:
        spaces=report(
            "<results>/tables/spaces.tsv",
            caption="../report/tables/spaces.rst",
            category="Tables",
            labels={"table": "everything that is scored"},
        ),
    log:
        "<logs>/spaces_table.log",
    benchmark:
        "<benchmarks>/spaces_table.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(spaces.spaces_table_depends_on),
        code=code_of("spaces_table"),
    script:
        "../scripts/spaces_table.py"


rule deals:
    """Deal the values of a space to other words, in all stories alike."""
    input:
        spaces=of(deals.spaces),
        words=of(stories.files),
    output:
        deals=deals.DEALS,
    log:
        "<logs>/deals/model-{model}.log",
    benchmark:
        "<benchmarks>/deals/model-{model}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(deals.deal_depends_on),
        code=code_of("deals"),
    script:
        "../scripts/deals.py"


rule deal_scores:
    """Score a space with its own values, and with those of other words."""
    input:
        activations=of_group(features.ORIGINAL_ACTIVATIONS),
        bold=of_group(bold.BOLD),
        words=of_group(stories.WORDS),
        deals=deals.DEALS,
    output:
        null=deals.SCORES,
    log:
        "<logs>/deal_scores/group-{group}_model-{model}.log",
    benchmark:
        "<benchmarks>/deal_scores/group-{group}_model-{model}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("deal_scores"),
        runtime=minutes("deal_scores"),
    params:
        config=of(deals.depends_on),
        code=code_of("deal_scores"),
    script:
        "../scripts/deal_scores.py"


rule deals_table:
    """Set scores beside those of dealt values."""
    input:
        nulls=of(deals.files),
    output:
        deals=report(
            "<results>/tables/feature_deals.tsv",
            caption="../report/tables/feature_deals.rst",
            category="Tables",
            labels={"table": "feature spaces against dealt values"},
        ),
    log:
        "<logs>/deals_table.log",
    benchmark:
        "<benchmarks>/deals_table.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(deals.table_depends_on),
        code=code_of("deals_table"),
    script:
        "../scripts/deals_table.py"


rule head_scores:
    """Score attention heads, each by itself and as a part of its layer."""
    input:
        activations=of_group(features.ORIGINAL_ACTIVATIONS),
        bold=of_group(bold.BOLD),
        words=of_group(stories.WORDS),
    output:
        scores=heads.SCORES,
    log:
        "<logs>/head_scores/group-{group}_model-{model}.log",
    benchmark:
        "<benchmarks>/head_scores/group-{group}_model-{model}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("head_scores"),
        runtime=minutes("head_scores"),
    params:
        config=of(heads.depends_on),
        code=code_of("head_scores"),
    script:
        "../scripts/head_scores.py"


rule heads_table:
    """Table what attention heads predict, and whether they differ by region."""
    input:
        scores=of(heads.files),
    output:
        heads=report(
            "<results>/tables/heads.tsv",
            caption="../report/tables/heads.rst",
            category="Tables",
            labels={"table": "attention heads"},
        ),
        specialisation="<results>/tables/head_specialisation.tsv",
    log:
        "<logs>/heads_table.log",
    benchmark:
        "<benchmarks>/heads_table.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(heads.table_depends_on),
        code=code_of("heads_table"),
    script:
        "../scripts/heads_table.py"


rule heads_figure:
    """Draw what attention heads predict, by layer and by region."""
    input:
        heads="<results>/tables/heads.tsv",
        specialisation="<results>/tables/head_specialisation.tsv",
    output:
        svg=report(
            "<results>/figures/heads.svg",
            caption="../report/figure.rst",
            category="Scores",
            labels={"figure": "heads"},
        ),
        png="<results>/figures/heads.png",
    log:
        "<logs>/figure/heads.log",
    benchmark:
        "<benchmarks>/figure/heads.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(heads.figure_depends_on),
        code=code_of("heads_figure"),
    script:
        "../scripts/heads_figure.py"
