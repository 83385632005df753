"""BOLD: checked, cleaned, cut to the story, all listeners of a story in one file, the average listener among them.

Needs the raw scans and the words table (for the story's rows). One job per story, which lists its scans too, those left
out included.
"""


rule bold:
    """Read and check the scans of a story, and clean them."""
    input:
        words="<results>/stories/story-{story}_words.tsv",
        manifest=scans_manifest,
        atlas=atlas_manifest,
    output:
        bold="<results>/bold/story-{story}_bold.nc",
        scans="<results>/bold/story-{story}_scans.tsv",
    log:
        "<logs>/bold/{story}.log",
    benchmark:
        "<benchmarks>/bold/{story}.tsv"
    # First of all that can run: wrong data should be known before models have run for hours.
    priority: 100
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=memory("bold"),
        runtime=minutes("bold"),
    params:
        config=bold_config,
        code=code_of("bold"),
        reads=scans_read,
    script:
        "../scripts/bold.py"
