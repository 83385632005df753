"""Norms: what people associate with single words, as texts with associations.

Needs words and a table of norms, the user's or one that is fetched. Their control texts, readings
and scores are those of all texts (associations.smk).
"""

from engram.study.stages import associations, norms, stories


rule write_norms:
    """Write into a story what people associate with its words."""
    input:
        words=stories.WORDS,
        norms=of(norms.manifest),
    output:
        associations=norms.WRITTEN,
        coverage=norms.COVERAGE,
    log:
        "<logs>/write_norms/story-{story}_text-{text}.log",
    benchmark:
        "<benchmarks>/write_norms/story-{story}_text-{text}.tsv"
    priority: 100
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(norms.depends_on),
        code=code_of("write_norms"),
        reads=reads(norms.reads),
    script:
        "../scripts/write_norms.py"


rule association_coverage:
    """Say how much of each story tables of norms cover."""
    input:
        coverage=of(norms.coverage),
    output:
        coverage="<results>/tables/association_coverage.tsv",
    log:
        "<logs>/association_coverage.log",
    benchmark:
        "<benchmarks>/association_coverage.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(norms.coverage_depends_on),
        code=code_of("association_coverage"),
    script:
        "../scripts/association_coverage.py"


rule association_strength:
    """Compare F of strong and of weak responses at the same places."""
    input:
        scores=of(associations.strength_scores),
    output:
        strength="<results>/tables/association_strength.tsv",
    log:
        "<logs>/association_strength.log",
    benchmark:
        "<benchmarks>/association_strength.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(norms.strength_depends_on),
        code=code_of("association_strength"),
    script:
        "../scripts/association_strength.py"
