"""Stories and scans.

Needs the dataset's raw files. Makes scans.tsv (who heard what, and who is left out and why), for which every raw file is
read and checked, and one words table per story. All later stages wait for scans.tsv: wrong data stop here, before work.
"""


rule scans:
    """Read and check every scan; list them."""
    input:
        manifest=dataset_manifest,
        files=all_scan_files,
    output:
        scans="<results>/scans.tsv",
    log:
        "<logs>/scans.log",
    benchmark:
        "<benchmarks>/scans.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=scans_config,
        code=code_of("scans"),
    script:
        "../scripts/scans.py"


rule story:
    """Bring a story's words into one form: complete times, sentences."""
    input:
        manifest=dataset_manifest,
        files=word_files,
    output:
        words="<results>/stories/story-{story}_words.tsv",
    log:
        "<logs>/story/{story}.log",
    benchmark:
        "<benchmarks>/story/{story}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=story_config,
        code=code_of("story"),
    script:
        "../scripts/story.py"
