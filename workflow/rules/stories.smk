"""Stories.

Needs the dataset's raw words. Makes one words table per story, in one form whatever the dataset.
"""


rule story:
    """Bring a story's words into one form: complete times, sentences."""
    input:
        manifest=words_manifest,
    output:
        words="<results>/stories/story-{story}_words.tsv",
    log:
        "<logs>/story/{story}.log",
    benchmark:
        "<benchmarks>/story/{story}.tsv"
    priority: 100
    conda:
        "../../envs/environment.yaml"
    params:
        config=story_config,
        code=code_of("story"),
        reads=words_read,
    script:
        "../scripts/story.py"
