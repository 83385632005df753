"""Write the report."""

from engram import __version__, keys, report, storage
from engram.jobs import job
from engram.names import ORIGINAL

with job(snakemake):
    config, given = snakemake.params.config, snakemake.input
    tables = report.read_tables(given.tables)
    figures = report.read_figures(given.svg, given.png)
    shown = [{"aug": ORIGINAL, "model": model} for model in config["shown"] for _ in ("L", "R")]
    associated = [{"aug": aug, "model": model} for aug, model in config["association_maps"] for _ in ("L", "R")]
    keys.checked(shown if given.score_maps else [], given.score_maps)
    keys.checked(associated, given.association_maps)
    maps = report.surface_maps(config, tables["scores"].data, given.score_maps, given.association_maps, given.ceiling_maps)
    jobs = report.jobs_behind([*given.tables, *given.svg, *given.score_maps, *given.association_maps, *given.ceiling_maps])
    html = report.page(config, tables, figures, maps, jobs, __version__)
    with storage.atomic(snakemake.output.html) as path:
        path.write_text(html, encoding="utf-8")
