"""Ceilings: how well a story's listeners predict each other. One job per story,
over all its listeners."""

from engram.study.stages import bold, ceilings


rule ceiling:
    """Split-half and leave-one-out ceilings of every target of a story."""
    input:
        bold=bold.BOLD,
    output:
        ceiling=ceilings.CEILING,
    log:
        "<logs>/ceiling/{story}.log",
    benchmark:
        "<benchmarks>/ceiling/{story}.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=memory("ceiling"),
        runtime=minutes("ceiling"),
    params:
        config=of(ceilings.depends_on),
        code=code_of("ceiling"),
    script:
        "../scripts/ceiling.py"
