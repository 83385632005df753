"""Simulated listeners, in place of a download, and the check that the study finds
what was planted in them."""

from engram.datasets.simulated.plan import MANIFEST
from engram.study.stages import fetch, simulation


rule simulate:
    """Let simulated listeners hear the project's stories; write a small Narratives."""
    output:
        manifest=MANIFEST,
    log:
        "<logs>/simulate.log",
    benchmark:
        "<benchmarks>/simulate.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=memory("simulate"),
        runtime=minutes("simulate"),
    params:
        config=of(fetch.dataset_depends_on),
        code=code_of("simulate"),
    script:
        "../scripts/simulate.py"


rule truth:
    """Compare what was found with what was planted; fail if they differ."""
    input:
        scores="<results>/tables/scores.tsv",
        manifest=MANIFEST,
        association=of(simulation.association_tables),
        tuning=of(simulation.tuning_tables),
    output:
        truth=report(
            "<results>/tables/truth.tsv",
            caption="../report/tables/truth.rst",
            category="Tables",
            labels={"table": "what was planted, and found"},
        ),
    log:
        "<logs>/truth.log",
    benchmark:
        "<benchmarks>/truth.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(simulation.truth_depends_on),
        code=code_of("truth"),
    script:
        "../scripts/truth.py"
