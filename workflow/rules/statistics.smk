"""Statistics: tables of scores and ceilings by region, scores against chance and against each
other, and what of the published claims was reproduced."""

from engram.study.stages import (
    associations,
    bold,
    ceilings,
    chance,
    comparisons,
    encoding,
    features,
    folds,
    nuisance,
    stories,
    tables,
    time_resolved,
    tunings,
)


rule tables:
    """Average targets into regions, set scores beside their ceilings, find best layers."""
    input:
        scores=of(encoding.files),
        ceilings=of(ceilings.files),
        scans=of(bold.scans),
    output:
        scans=report(
            "<results>/scans.tsv",
            caption="../report/tables/scans.rst",
            category="Tables",
            labels={"table": "scans"},
        ),
        scores=report(
            "<results>/tables/scores.tsv",
            caption="../report/tables/scores.rst",
            category="Tables",
            labels={"table": "brain scores R"},
        ),
        roi_sets=report(
            "<results>/tables/roi_sets.tsv",
            caption="../report/tables/roi_sets.rst",
            category="Tables",
            labels={"table": "R by set of regions"},
        ),
        best_layer=report(
            "<results>/tables/best_layer.tsv",
            caption="../report/tables/best_layer.rst",
            category="Tables",
            labels={"table": "best layers"},
        ),
        ceilings=report(
            "<results>/tables/ceilings.tsv",
            caption="../report/tables/ceilings.rst",
            category="Tables",
            labels={"table": "ceilings"},
        ),
        regions="<results>/tables/regions.tsv",
    log:
        "<logs>/tables.log",
    benchmark:
        "<benchmarks>/tables.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=memory("tables"),
        runtime=minutes("tables"),
    params:
        config=of(tables.depends_on),
        code=code_of("tables"),
    script:
        "../scripts/tables.py"


rule folds:
    """Say which stories of which listener were tested, where whole stories are left out."""
    output:
        folds="<results>/tables/folds.tsv",
    log:
        "<logs>/folds.log",
    benchmark:
        "<benchmarks>/folds.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(folds.depends_on),
        code=code_of("folds"),
    script:
        "../scripts/folds.py"


rule chance:
    """Score the reported layer on BOLD that was shifted in time."""
    input:
        activations=of_group(features.ORIGINAL_ACTIVATIONS),
        bold=of_group(bold.BOLD),
        words=of_group(stories.WORDS),
    output:
        null=chance.NULL,
    log:
        "<logs>/chance/group-{group}_model-{model}.log",
    benchmark:
        "<benchmarks>/chance/group-{group}_model-{model}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
    params:
        config=of(chance.depends_on),
        code=code_of("chance"),
    script:
        "../scripts/chance.py"


rule comparisons:
    """Test scores against chance and against each other."""
    input:
        scores=of(encoding.of_listeners),
        nulls=of(chance.files),
    output:
        chance="<results>/tables/chance.tsv",
        comparisons="<results>/tables/comparisons.tsv",
    log:
        "<logs>/comparisons.log",
    benchmark:
        "<benchmarks>/comparisons.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(comparisons.depends_on),
        code=code_of("comparisons"),
    script:
        "../scripts/comparisons.py"


rule time_resolved:
    """Say which minutes of stories are predicted."""
    input:
        nulls=of(chance.files),
    output:
        table=report(
            "<results>/tables/time_resolved.tsv",
            caption="../report/tables/time_resolved.rst",
            category="Tables",
            labels={"table": "R by window"},
        ),
    log:
        "<logs>/time_resolved.log",
    benchmark:
        "<benchmarks>/time_resolved.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(time_resolved.depends_on),
        code=code_of("time_resolved"),
    script:
        "../scripts/time_resolved.py"


rule time_resolved_figure:
    """Draw which minutes of stories are predicted."""
    input:
        table=rules.time_resolved.output.table,
    output:
        svg=report(
            "<results>/figures/time-resolved.svg",
            caption="../report/figure.rst",
            category="Scores",
            labels={"figure": "time-resolved"},
        ),
        png="<results>/figures/time-resolved.png",
    log:
        "<logs>/figure/time-resolved.log",
    benchmark:
        "<benchmarks>/figure/time-resolved.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(time_resolved.figure_depends_on),
        code=code_of("time_resolved_figure"),
    script:
        "../scripts/time_resolved_figure.py"


rule nuisance:
    """Score nuisance features, a language model's reported layer, and both."""
    input:
        activations=rules.chance.input.activations,
        bold=rules.chance.input.bold,
        words=rules.chance.input.words,
    output:
        scores=nuisance.SCORES,
    log:
        "<logs>/nuisance/group-{group}_model-{model}.log",
    benchmark:
        "<benchmarks>/nuisance/group-{group}_model-{model}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
    params:
        config=of(nuisance.depends_on),
        code=code_of("nuisance"),
    script:
        "../scripts/nuisance.py"


rule nuisance_table:
    """Say what language models predict beyond nuisance features."""
    input:
        scores=of(nuisance.files),
    output:
        nuisance="<results>/tables/nuisance.tsv",
    log:
        "<logs>/nuisance_table.log",
    benchmark:
        "<benchmarks>/nuisance_table.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(nuisance.table_depends_on),
        code=code_of("nuisance_table"),
    script:
        "../scripts/nuisance_table.py"


rule association_nuisance:
    """Score what the insertions of texts change, beside nuisance features and the story alone."""
    input:
        activations=of_group(associations.ACTIVATIONS),
        bold=of_group(bold.BOLD),
        words=of_group(stories.WORDS),
        insertions=of_group(associations.INSERTIONS),
    output:
        scores=nuisance.TEXT_SCORES,
    log:
        "<logs>/association_nuisance/group-{group}_model-{model}_text-{text}.log",
    benchmark:
        "<benchmarks>/association_nuisance/group-{group}_model-{model}_text-{text}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("association_nuisance"),
        runtime=minutes("association_nuisance"),
    params:
        config=of(nuisance.texts_depend_on),
        code=code_of("association_nuisance"),
    script:
        "../scripts/association_nuisance.py"


rule association_nuisance_table:
    """Say what associations predict beyond nuisance features and the story alone."""
    input:
        scores=of(nuisance.text_files),
    output:
        unique=report(
            "<results>/tables/association_unique.tsv",
            caption="../report/tables/association_unique.rst",
            category="Tables",
            labels={"table": "unique contribution of associations"},
        ),
    log:
        "<logs>/association_nuisance_table.log",
    benchmark:
        "<benchmarks>/association_nuisance_table.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(nuisance.text_table_depends_on),
        code=code_of("association_nuisance_table"),
    script:
        "../scripts/association_nuisance_table.py"


rule claims:
    """Say of each published claim whether it was reproduced."""
    input:
        scores=of(encoding.of_listeners),
        activations=of(features.of_first_story),
        effects=of(associations.files),
        associations=of(associations.checked),
        tuned=of(tunings.files),
    output:
        claims="<results>/tables/claims.tsv",
    log:
        "<logs>/claims.log",
    benchmark:
        "<benchmarks>/claims.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(comparisons.claims_depend_on),
        code=code_of("claims"),
    script:
        "../scripts/claims.py"
