"""Encoding: brain scores R.

Needs activations, words and BOLD of a group's stories. One job per group of listeners, model and augmentation, with all
layers, folds and listeners inside: listeners who heard the same stories share features and so decompositions.
"""


rule encoding:
    """Score every layer of a model on every target of a group's listeners."""
    input:
        activations=group_files(
            "<results>/activations/story-{story}_model-{model}_aug-{aug}_activations.nc"
        ),
        bold=group_files("<results>/bold/story-{story}_bold.nc"),
        words=group_files("<results>/stories/story-{story}_words.tsv"),
    output:
        scores="<results>/scores/group-{group}_model-{model}_aug-{aug}_scores.nc",
    log:
        "<logs>/encoding/group-{group}_model-{model}_aug-{aug}.log",
    benchmark:
        "<benchmarks>/encoding/group-{group}_model-{model}_aug-{aug}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("encoding"),
        runtime=minutes("encoding"),
    params:
        config=encoding_config,
        code=code_of("encoding"),
    script:
        "../scripts/encoding.py"
