"""Encoding: brain scores R.

Needs activations, words and BOLD of a group's stories. One job per group of listeners,
model and text, with all layers, folds and listeners inside: listeners who heard the same stories
share features and so decompositions.
"""

from engram.study.stages import bold, encoding, features, stories


rule encoding:
    """Score every layer of a model on every target of a group's listeners."""
    input:
        activations=of_group(features.ACTIVATIONS),
        bold=of_group(bold.BOLD),
        words=of_group(stories.WORDS),
    output:
        scores=encoding.SCORES,
    log:
        "<logs>/encoding/group-{group}_model-{model}_text-{text}.log",
    benchmark:
        "<benchmarks>/encoding/group-{group}_model-{model}_text-{text}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("encoding"),
        runtime=minutes("encoding"),
    params:
        config=of(encoding.depends_on),
        code=code_of("encoding"),
    script:
        "../scripts/encoding.py"
