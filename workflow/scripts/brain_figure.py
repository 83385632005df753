"""Draw R, the ceiling, F or M on the brain."""

from engram import figures_brain, maps, storage, style, tables
from engram.jobs import job

with job(snakemake):
    config = snakemake.params.config
    table, regions, ceilings = (storage.read_table(snakemake.input[name], dtype=tables.KEYS) for name in ("table", "regions", "ceilings"))
    paths = iter(snakemake.input.maps)
    found = {tuple(key): {side: maps.read_maps(next(paths)) for side in ("L", "R")} for key in config["maps"]}
    places = storage.open_dataset(snakemake.input.places) if snakemake.input.places else None
    measure = {
        "brain": lambda: figures_brain.scores(table, {model: sides for (model,), sides in found.items()}, config["shown"], config["layer"]),
        "ceiling-brain": lambda: figures_brain.ceilings(table, next(iter(found.values()), None)),
        "association-brain": lambda: figures_brain.association(table, found, places, config["space"]),
        "tuning-brain": lambda: figures_brain.tuning(table, ceilings, places, config["space"], config["floor"]),
    }[config["figure"]]()
    style.save(figures_brain.draw(measure, regions), snakemake.output.svg, snakemake.output.png, config["dpi"])
