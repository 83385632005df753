"""Statistics: tables of scores and ceilings by region, scores against chance and against each other, and what of the published
claims was reproduced."""


rule tables:
    """Average targets into regions, set scores beside their ceilings, find best layers."""
    input:
        scores=all_scores,
        ceilings=all_ceilings,
        scans=all_scans,
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
        config=tables_config,
        code=code_of("tables"),
    script:
        "../scripts/tables.py"


rule chance:
    """Score the reported layer on BOLD that was shifted in time."""
    input:
        activations=group_files(
            "<results>/activations/story-{story}_model-{model}_aug-original_activations.nc"
        ),
        bold=group_files("<results>/bold/story-{story}_bold.nc"),
        words=group_files("<results>/stories/story-{story}_words.tsv"),
    output:
        null="<results>/chance/group-{group}_model-{model}_null.nc",
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
        config=chance_config,
        code=code_of("chance"),
    script:
        "../scripts/chance.py"


rule comparisons:
    """Test scores against chance and against each other."""
    input:
        scores=listeners_scores,
        nulls=all_nulls,
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
        config=comparisons_config,
        code=code_of("comparisons"),
    script:
        "../scripts/comparisons.py"


rule nuisance:
    """Score nuisance features, a language model's reported layer, and both."""
    input:
        activations=rules.chance.input.activations,
        bold=rules.chance.input.bold,
        words=rules.chance.input.words,
    output:
        scores="<results>/nuisance/group-{group}_model-{model}_scores.nc",
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
        config=nuisance_config,
        code=code_of("nuisance"),
    script:
        "../scripts/nuisance.py"


rule nuisance_table:
    """Say what language models predict beyond nuisance features."""
    input:
        scores=all_nuisance,
    output:
        nuisance="<results>/tables/nuisance.tsv",
    log:
        "<logs>/nuisance_table.log",
    benchmark:
        "<benchmarks>/nuisance_table.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=nuisance_table_config,
        code=code_of("nuisance_table"),
    script:
        "../scripts/nuisance_table.py"


rule nuisance_texts:
    """Score what the insertions of texts change, beside nuisance features and the story alone."""
    input:
        activations=group_files(
            "<results>/associations/story-{story}_model-{model}_aug-{aug}_activations.nc"
        ),
        bold=group_files("<results>/bold/story-{story}_bold.nc"),
        words=group_files("<results>/stories/story-{story}_words.tsv"),
        insertions=group_files(
            "<results>/associations/story-{story}_aug-{aug}_insertions.json"
        ),
    output:
        scores="<results>/nuisance/group-{group}_model-{model}_aug-{aug}_scores.nc",
    log:
        "<logs>/nuisance_texts/group-{group}_model-{model}_aug-{aug}.log",
    benchmark:
        "<benchmarks>/nuisance_texts/group-{group}_model-{model}_aug-{aug}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("nuisance_texts"),
        runtime=minutes("nuisance_texts"),
    params:
        config=nuisance_texts_config,
        code=code_of("nuisance_texts"),
    script:
        "../scripts/nuisance_texts.py"


rule nuisance_texts_table:
    """Say what associations predict beyond nuisance features and the story alone."""
    input:
        scores=all_nuisance_texts,
    output:
        unique=report(
            "<results>/tables/association_unique.tsv",
            caption="../report/tables/association_unique.rst",
            category="Tables",
            labels={"table": "unique contribution of associations"},
        ),
    log:
        "<logs>/nuisance_texts_table.log",
    benchmark:
        "<benchmarks>/nuisance_texts_table.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=nuisance_texts_table_config,
        code=code_of("nuisance_texts_table"),
    script:
        "../scripts/nuisance_texts_table.py"


rule claims:
    """Say of each published claim whether it was reproduced."""
    input:
        scores=listeners_scores,
        activations=any_activations,
        effects=all_effects,
        associations=all_associations,
        tuned=all_tuned_effects,
    output:
        claims="<results>/tables/claims.tsv",
    log:
        "<logs>/claims.log",
    benchmark:
        "<benchmarks>/claims.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=claims_config,
        code=code_of("claims"),
    script:
        "../scripts/claims.py"
