"""Before a run: what it will take, beside what there is. And after it: what the results are."""


localrules:
    preflight,
    description,


rule preflight:
    """Check models, tokens, disk, memory and time: `snakemake preflight --configfile my.yaml`."""
    log:
        "<logs>/preflight.log",
    conda:
        "../../envs/environment.yaml"
    params:
        config=preflight_config,
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
    conda:
        "../../envs/environment.yaml"
    params:
        config=description_config,
        code=code_of("description"),
    script:
        "../scripts/description.py"
