"""Activations: what a model makes of each word of a story, all layers in one file.

Needs the words table and the model. One job per story, model and augmentation.
"""


rule activations:
    """Read a story with a model and keep every layer's vector of every word."""
    input:
        words="<results>/stories/story-{story}_words.tsv",
        model=model_manifest,
    output:
        activations="<results>/activations/story-{story}_model-{model}_aug-{aug}_activations.nc",
    log:
        "<logs>/activations/story-{story}_model-{model}_aug-{aug}.log",
    benchmark:
        "<benchmarks>/activations/story-{story}_model-{model}_aug-{aug}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("activations"),
        runtime=minutes("activations"),
    params:
        config=activations_config,
        code=code_of("activations"),
        reads=model_read,
    script:
        "../scripts/activations.py"
