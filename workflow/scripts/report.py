"""Write the report."""

from engram import __version__
from engram.files import keys, storage
from engram.jobs.job import job
from engram.report import html_report, job_records, report_figures, report_tables, surfaces
from engram.vocabulary import ORIGINAL

with job(snakemake):
    config, given = snakemake.params.config, snakemake.input
    tables = report_tables.read_tables(given.tables)
    figures = report_figures.read_figures(given.svg, given.png)
    shown = [{"text": ORIGINAL, "model": model} for model in config["shown"] for _ in ("L", "R")]
    associated = [
        {"text": text, "model": model}
        for text, model in config["association_maps"]
        for _ in ("L", "R")
    ]
    keys.checked(shown if given.score_maps else [], given.score_maps)
    keys.checked(associated, given.association_maps)
    maps = surfaces.surface_maps(
        config, tables["scores"].data, given.score_maps, given.association_maps, given.ceiling_maps
    )
    jobs = job_records.jobs_behind(
        [*given.tables, *given.svg, *given.score_maps, *given.association_maps, *given.ceiling_maps]
    )
    html = html_report.page(config, tables, figures, maps, jobs, __version__)
    with storage.atomic(snakemake.output.html) as path:
        path.write_text(html, encoding="utf-8")
