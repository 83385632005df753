"""Table a metric beside R by listener, and test it against circular shifts."""

from engram.files import keys, storage
from engram.jobs.job import job
from engram.statistics import dependent_listeners, metric_columns, metric_tables

with job(snakemake):
    config = snakemake.params.config
    metric = metric_columns.METRICS[snakemake.wildcards.metric]
    of_study = {"study": config["study"]}
    scores = keys.of_input(
        snakemake,
        "scores",
        result=metric.name,
        layer_rule=keys.layer_rule(config["layer"]),
        **of_study,
    )
    ceilings = keys.of_input(snakemake, "ceilings", result=f"{metric.name}-ceiling", **of_study)
    files, bounds = keys.by("model", scores), [path for _, path in ceilings]
    storage.write_table(
        snakemake.output.table,
        metric_tables.listener_table(metric, files, bounds),
        metric.table,
        metric.columns,
    )
    tested = dependent_listeners.tested(
        metric_tables.tests_table(metric, files, bounds, config["seed"]),
        metric.tests,
        metric.test_columns,
        config["learn_from"],
    )
    storage.write_table(snakemake.output.tests, *tested)
