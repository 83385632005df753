"""Downloads: the only rules that open the network, and always on the machine where Snakemake runs.

Each makes a manifest of what it fetched; the files lie beside it, and may be removed when they are no longer read.
"""


localrules:
    fetch_alice,
    fetch_model,


rule fetch_alice:
    """Fetch the Alice dataset (4 MB), every file pinned by its SHA-256."""
    input:
        pins=workflow.source_path("../../resources/alice/files.tsv"),
    output:
        manifest="<downloads>/alice.tsv",
    log:
        "<logs>/fetch_alice.log",
    benchmark:
        "<benchmarks>/fetch_alice.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config={},
        code=code_of("fetch_alice"),
    script:
        "../scripts/fetch_alice.py"


rule fetch_model:
    """Fetch a model from the Hugging Face hub, or from a mirror."""
    output:
        manifest="<downloads>/models/{download}.tsv",
    log:
        "<logs>/fetch_model/{download}.log",
    benchmark:
        "<benchmarks>/fetch_model/{download}.tsv"
    conda:
        "../../envs/environment.yaml"
    params:
        config=download_config,
        code=code_of("fetch_model"),
    script:
        "../scripts/fetch_model.py"
