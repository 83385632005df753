"""Set models beside each other by brain score, identification and similarity."""

from engram.files import storage
from engram.jobs.job import job
from engram.statistics import dependent_listeners, metric_agreement, score_tables

with job(snakemake):
    config, given = snakemake.params.config, snakemake.input
    text = score_tables.KEYS | {"set": str, "metric": str, "direction": str}
    tables = {
        name: storage.read_table(path, dtype=text)
        for name, path in zip(config["metrics"], given.tables, strict=True)
    }
    table = metric_agreement.agreement_table(
        storage.read_table(given.scores, dtype=text),
        tables,
        config["models"],
        config["layer"],
        config["seed"],
    )
    tested = dependent_listeners.tested(
        table, metric_agreement.AGREEMENT, metric_agreement.AGREEMENT_COLUMNS, config["learn_from"]
    )
    storage.write_table(snakemake.output.metrics, *tested)
