"""Variance partitions: what groups of feature spaces explain alone, and what they share.

Needs all spaces of a partition over a group's stories, BOLD and words. One job per partition and
group of listeners, all sets of groups inside.
"""

from engram.study.stages import bold, partitions, stories


rule partition:
    """Score groups of feature spaces, each and together, on a group's listeners."""
    input:
        activations=of(partitions.activations),
        bold=of_group(bold.BOLD),
        words=of_group(stories.WORDS),
    output:
        scores=partitions.SCORES,
    log:
        "<logs>/partition/group-{group}_partition-{partition}.log",
    benchmark:
        "<benchmarks>/partition/group-{group}_partition-{partition}.tsv"
    wildcard_constraints:
        partition=partitions.pattern(STUDY),
    conda:
        "../../envs/environment.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=memory("partition"),
        runtime=minutes("partition"),
    params:
        config=of(partitions.depends_on),
        code=code_of("partition"),
    script:
        "../scripts/partition.py"


rule partitions_table:
    """Say what groups of feature spaces explain alone, and what they share."""
    input:
        scores=of(partitions.files),
    output:
        partitions=report(
            "<results>/tables/partitions.tsv",
            caption="../report/tables/partitions.rst",
            category="Tables",
            labels={"table": "variance partitions"},
        ),
    log:
        "<logs>/partitions_table.log",
    benchmark:
        "<benchmarks>/partitions_table.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(partitions.table_depends_on),
        code=code_of("partitions_table"),
    script:
        "../scripts/partitions_table.py"


rule partition_figure:
    """Draw what groups of feature spaces explain alone, and what they share."""
    input:
        partitions="<results>/tables/partitions.tsv",
    output:
        svg=report(
            "<results>/figures/partitions.svg",
            caption="../report/figure.rst",
            category="Scores",
            labels={"figure": "partitions"},
        ),
        png="<results>/figures/partitions.png",
    log:
        "<logs>/figure/partitions.log",
    benchmark:
        "<benchmarks>/figure/partitions.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(partitions.figure_depends_on),
        code=code_of("partition_figure"),
    script:
        "../scripts/partition_figure.py"
