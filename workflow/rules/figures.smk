"""Figures, each as SVG for print and PNG for a look. They need the tables only, so a change of style costs seconds."""


rule figure:
    """Draw a figure."""
    input:
        scores="<results>/tables/scores.tsv",
        roi_sets="<results>/tables/roi_sets.tsv",
        ceilings="<results>/tables/ceilings.tsv",
        regions="<results>/tables/regions.tsv",
        maps=figure_maps,
    output:
        svg="<results>/figures/{figure}.svg",
        png="<results>/figures/{figure}.png",
    log:
        "<logs>/figure/{figure}.log",
    benchmark:
        "<benchmarks>/figure/{figure}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=figure_config,
        code=code_of("figure"),
    script:
        "../scripts/figure.py"
