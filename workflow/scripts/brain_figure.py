"""Draw R, the ceiling, F or M on the brain."""

from typing import Any

from engram.figures import brain_figures, brain_measures, maps, style
from engram.files import keys, storage
from engram.jobs.job import job
from engram.statistics import score_tables

config = snakemake.params.config
with job(snakemake), style.chosen(config["style"]):
    table, regions, ceilings = (
        storage.read_table(snakemake.input[name], dtype=score_tables.KEYS)
        for name in ("table", "regions", "ceilings")
    )
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for side in ("L", "R"):
        for key, path in keys.of_input(snakemake, side):
            found.setdefault((key.get("text", ""), key.get("model", "")), {})[side] = (
                maps.read_maps(path, side)
            )
    places = None
    if snakemake.input.places:
        keys.check(snakemake.input.places, {"result": "ceiling", "study": config["study"]})
        places = storage.open_dataset(snakemake.input.places)
    measure = {
        "brain": lambda: brain_measures.scores(
            table,
            {model: sides for (_, model), sides in found.items()},
            config["shown"],
            config["layer"],
        ),
        "ceiling-brain": lambda: brain_measures.ceilings(table, next(iter(found.values()), None)),
        "association-brain": lambda: brain_measures.association(
            table, found, places, config["space"]
        ),
        "tuning-brain": lambda: brain_measures.tuning(
            table, ceilings, places, config["space"], config["floor"]
        ),
    }[config["figure"]]()
    style.save(
        brain_figures.draw(measure, regions),
        snakemake.output.svg,
        snakemake.output.png,
        config["dpi"],
    )
