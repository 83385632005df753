"""Before a run: what it will take, beside what there is. And after it: what the results are."""

from engram.study.stages import preflight, results


rule preflight:
    """Check models, tokens, disk, memory and time: `snakemake preflight --configfile my.yaml`."""
    log:
        "<logs>/preflight.log",
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        config=lambda wildcards: preflight.depends_on(STUDY, PLAN, is_remote()),
        code=code_of("preflight"),
    script:
        "../scripts/preflight.py"


rule description:
    """Describe the results as a BIDS derivative."""
    output:
        description="<results>/dataset_description.json",
    log:
        "<logs>/description.log",
    benchmark:
        "<benchmarks>/description.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(results.description_depends_on),
        code=code_of("description"),
    script:
        "../scripts/description.py"
