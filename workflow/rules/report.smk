"""The report: one page with everything that a study shows. Needs its tables, figures and maps; the last of its outputs."""


rule report:
    """Write the page that people open."""
    input:
        tables=report_tables,
        svg=report_svgs,
        png=report_pngs,
        score_maps=report_score_maps,
        association_maps=report_association_maps,
        ceiling_maps=report_ceiling_maps,
    output:
        html="<results>/report.html",
    log:
        "<logs>/report.log",
    benchmark:
        "<benchmarks>/report.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=report_config,
        code=code_of("report"),
    script:
        "../scripts/report.py"
