"""Downloads: with a chat annotator the only rules that open the network, and always on the
machine where Snakemake runs.

Each makes a manifest of what it fetched; the files lie beside it, and may be removed when
they are no longer read.
"""

from engram.associations.norms.known import KNOWN_NORMS
from engram.datasets.alice.plan import MANIFEST as ALICE
from engram.datasets.repository import SCANS_MANIFEST, WORDS_MANIFEST
from engram.study.stages import fetch, norms

# What is fetched from a published dataset is known by its annex keys, whatever code fetched it: an upgrade
# must not fetch again what was dropped since, nor rerun what was made of it.
FETCH_VERSION = "1"


rule fetch_alice:
    """Fetch the Alice dataset (4 MB), every file pinned by its SHA-256."""
    output:
        manifest=ALICE,
    log:
        "<logs>/fetch_alice.log",
    benchmark:
        "<benchmarks>/fetch_alice.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(fetch.dataset_depends_on),
        code=code_of("fetch_alice"),
    script:
        "../scripts/fetch_alice.py"


rule fetch_model:
    """Fetch a model from the Hugging Face hub, or from a mirror."""
    output:
        manifest=fetch.MODEL,
    log:
        "<logs>/fetch_model/{download}.log",
    benchmark:
        "<benchmarks>/fetch_model/{download}.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(fetch.model_depends_on),
        code=code_of("fetch_model"),
    script:
        "../scripts/fetch_model.py"


rule fetch_words:
    """Fetch a story's words and times from a published dataset."""
    output:
        manifest=WORDS_MANIFEST,
    log:
        "<logs>/fetch_words/{clone}-{story}.log",
    benchmark:
        "<benchmarks>/fetch_words/{clone}-{story}.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(fetch.words_depends_on),
        code=FETCH_VERSION,
    script:
        "../scripts/fetch_dataset.py"


rule fetch_scans:
    """Fetch a story's scans from a published dataset: those of the study, verified by annex key."""
    output:
        manifest=SCANS_MANIFEST,
    log:
        "<logs>/fetch_scans/{clone}-{story}-{files}.log",
    benchmark:
        "<benchmarks>/fetch_scans/{clone}-{story}-{files}.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(fetch.scans_depends_on),
        code=FETCH_VERSION,
    script:
        "../scripts/fetch_dataset.py"


rule fetch_atlas:
    """Fetch an atlas in MNI space by nilearn."""
    output:
        manifest=fetch.ATLAS,
    log:
        "<logs>/fetch_atlas/{atlas}.log",
    benchmark:
        "<benchmarks>/fetch_atlas/{atlas}.tsv"
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        config={},
        code=code_of("fetch_atlas"),
    script:
        "../scripts/fetch_atlas.py"


rule fetch_norms:
    """Fetch a published table of norms, pinned by its SHA-256."""
    output:
        manifest=norms.MANIFEST,
    log:
        "<logs>/fetch_norms/{norms}.log",
    benchmark:
        "<benchmarks>/fetch_norms/{norms}.tsv"
    wildcard_constraints:
        norms="|".join(KNOWN_NORMS),
    localrule: True
    conda:
        "../../envs/environment.yaml"
    params:
        config=of(norms.fetch_depends_on),
        code=code_of("fetch_norms"),
    script:
        "../scripts/fetch_norms.py"
