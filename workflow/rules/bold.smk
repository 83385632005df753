"""BOLD: cleaned, cut to the story, all listeners of a story in one file, the average listener among them.

Needs the raw scans and the words table (for the story's rows). One job per story.
"""


rule bold:
    """Clean the scans of a story."""
    input:
        words="<results>/stories/story-{story}_words.tsv",
        scans=ancient("<results>/scans.tsv"),
        manifest=dataset_manifest,
        files=scan_files,
    output:
        bold="<results>/bold/story-{story}_bold.nc",
    log:
        "<logs>/bold/{story}.log",
    benchmark:
        "<benchmarks>/bold/{story}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=bold_config,
        code=code_of("bold"),
    script:
        "../scripts/bold.py"
