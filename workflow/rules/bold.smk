"""BOLD: checked, cleaned, cut to the story, all listeners of a story in one file,
the average listener among them.

Needs the raw scans and the words table (for the story's rows). One job per story, which lists
its scans too, those left out included.
"""

from engram.study.stages import bold, fetch, stories


rule bold:
    """Read and check the scans of a story, and clean them."""
    input:
        words=stories.WORDS,
        manifest=of(fetch.scans_manifest),
        atlas=of(fetch.atlas_manifest),
    output:
        bold=bold.BOLD,
        scans=bold.SCANS,
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
        config=of(bold.depends_on),
        code=code_of("bold"),
        reads=reads(bold.reads),
    script:
        "../scripts/bold.py"
