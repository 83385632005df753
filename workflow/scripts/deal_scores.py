"""Score a space with its own values, and with those of other words."""

from engram.encoding import dealt_scores
from engram.files import keys
from engram.jobs.job import job, use_threads
from engram.vocabulary import ORIGINAL

with job(snakemake):
    config = snakemake.params.config
    use_threads(snakemake.threads)
    activations, bold, words = keys.group_files(snakemake, "activations", text=ORIGINAL)
    deals = snakemake.input.deals
    keys.check(deals, {"result": "deals", "model": str(snakemake.wildcards.model)})
    settings = {key: config[key] for key in ("layer", "subjects", "targets")}
    null = dealt_scores.score_deals(
        activations, bold, words, deals, **settings, **config["encoding"]
    )
    keys.write_dataset(
        snakemake.output.null, null, keys.of_job(snakemake, "dealt scores", text=ORIGINAL)
    )
