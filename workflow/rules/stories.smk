"""Stories.

Needs the dataset's raw words. Makes one words table per story, in one form whatever the dataset.
"""


rule story:
    """Bring a story's words into one form: complete times, sentences."""
    input:
        manifest=words_manifest,
        files=word_files,
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
    script:
        "../scripts/story.py"
