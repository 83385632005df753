"""Checkpoints: series of models by training step, and minimal pairs.

Needs models, and the scores of those in a series. One job per model that reads pairs.
"""

from engram.study.stages import fetch, pairs, series


rule pair_scores:
    """Score minimal pairs by a causal model."""
    input:
        model=of(fetch.model_manifest),
    output:
        pairs=pairs.PAIRS,
    log:
        "<logs>/pair_scores/model-{model}.log",
    benchmark:
        "<benchmarks>/pair_scores/model-{model}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("pair_scores"),
        runtime=minutes("pair_scores"),
    params:
        config=of(pairs.depends_on),
        code=code_of("pair_scores"),
        reads=reads(pairs.reads),
    script:
        "../scripts/pair_scores.py"


rule pairs_table:
    """Table how often models find the right sentence of a minimal pair more probable."""
    input:
        pairs=of(pairs.files),
    output:
        pairs=report(
            "<results>/tables/minimal_pairs.tsv",
            caption="../report/tables/minimal_pairs.rst",
            category="Tables",
            labels={"table": "minimal pairs"},
        ),
    log:
        "<logs>/pairs_table.log",
    benchmark:
        "<benchmarks>/pairs_table.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(pairs.table_depends_on),
        code=code_of("pairs_table"),
    script:
        "../scripts/pairs_table.py"


rule checkpoints_table:
    """Set the checkpoints of a series beside each other, by training step."""
    input:
        scores=of(series.files),
    output:
        checkpoints=report(
            "<results>/tables/checkpoints.tsv",
            caption="../report/tables/checkpoints.rst",
            category="Tables",
            labels={"table": "checkpoints"},
        ),
        changes="<results>/tables/checkpoint_changes.tsv",
    log:
        "<logs>/checkpoints_table.log",
    benchmark:
        "<benchmarks>/checkpoints_table.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(series.depends_on),
        code=code_of("checkpoints_table"),
    script:
        "../scripts/checkpoints_table.py"


rule checkpoints_figure:
    """Draw R, and consistency on minimal pairs, by training step."""
    input:
        checkpoints="<results>/tables/checkpoints.tsv",
        changes="<results>/tables/checkpoint_changes.tsv",
        pairs=of(series.figure_pairs),
    output:
        svg=report(
            "<results>/figures/checkpoints.svg",
            caption="../report/figure.rst",
            category="Scores",
            labels={"figure": "checkpoints"},
        ),
        png="<results>/figures/checkpoints.png",
    log:
        "<logs>/figure/checkpoints.log",
    benchmark:
        "<benchmarks>/figure/checkpoints.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(series.figure_depends_on),
        code=code_of("checkpoints_figure"),
    script:
        "../scripts/checkpoints_figure.py"
