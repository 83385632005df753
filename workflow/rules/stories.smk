"""Stories.

Needs the dataset's raw words. Makes one words table per story, in one form whatever the dataset.
"""

from engram.study.stages import fetch, stories


rule story:
    """Bring a story's words into one form: complete times, sentences."""
    input:
        manifest=of(fetch.words_manifest),
    output:
        words=stories.WORDS,
    log:
        "<logs>/story/{story}.log",
    benchmark:
        "<benchmarks>/story/{story}.tsv"
    priority: 100
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(stories.depends_on),
        code=code_of("story"),
        reads=reads(stories.reads),
    script:
        "../scripts/story.py"
