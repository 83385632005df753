"""Statistics: tables of scores and ceilings by region, and each model's best layer."""


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
    params:
        config=tables_config,
        code=code_of("tables"),
    script:
        "../scripts/tables.py"
