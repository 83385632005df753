"""Statistics: tables of scores and ceilings by region, and each model's best layer."""


rule tables:
    """Average targets into regions, set scores beside their ceilings, find best layers."""
    input:
        scores=all_scores,
        ceilings=all_ceilings,
        scans=all_scans,
    output:
        scans="<results>/scans.tsv",
        scores="<results>/tables/scores.tsv",
        roi_sets="<results>/tables/roi_sets.tsv",
        best_layer="<results>/tables/best_layer.tsv",
        ceilings="<results>/tables/ceilings.tsv",
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
