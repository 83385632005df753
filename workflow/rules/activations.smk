"""Activations: what a model makes of each word of a story, all layers in one file.

Needs the words table and the model. One job per story, model and text.
"""

from engram.study.stages import features, fetch, stories


rule activations:
    """Read a story with a model and keep every layer's vector of every word."""
    input:
        words=stories.WORDS,
        model=of(fetch.model_manifest),
    output:
        activations=features.ACTIVATIONS,
    log:
        "<logs>/activations/story-{story}_model-{model}_text-{text}.log",
    benchmark:
        "<benchmarks>/activations/story-{story}_model-{model}_text-{text}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("activations"),
        runtime=minutes("activations"),
    params:
        config=of(features.depends_on),
        code=code_of("activations"),
        reads=reads(features.reads),
    script:
        "../scripts/activations.py"
