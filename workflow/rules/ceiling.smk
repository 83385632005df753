"""Ceilings: how well a story's listeners predict each other. One job per story, over all its listeners."""


rule ceiling:
    """Split-half and leave-one-out ceilings of every target of a story."""
    input:
        bold="<results>/bold/story-{story}_bold.nc",
    output:
        ceiling="<results>/ceilings/story-{story}_ceiling.nc",
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
        config=ceiling_config,
        code=code_of("ceiling"),
    script:
        "../scripts/ceiling.py"
