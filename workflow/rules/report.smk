"""The report: one page with everything that a study shows. Needs its tables, figures and maps;
the last of its outputs."""

from engram.study.stages import maps
from engram.study.stages import report as page


rule report:
    """Write the page that people open."""
    input:
        tables=of(page.tables),
        svg=of(page.svgs),
        png=of(page.pngs),
        score_maps=of(maps.of_scores),
        association_maps=of(maps.of_association),
        ceiling_maps=of(maps.of_ceilings),
    output:
        html="<results>/report.html",
    log:
        "<logs>/report.log",
    benchmark:
        "<benchmarks>/report.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(page.depends_on),
        code=code_of("report"),
    script:
        "../scripts/report.py"
