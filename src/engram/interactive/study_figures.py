"""The figures of a study by their names, drawn from its tables, arrays and maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from engram.datasets.images.surfaces import VERTICES
from engram.errors import EngramError
from engram.files import storage
from engram.interactive import plots
from engram.interactive.plots import Plot
from engram.vocabulary import WORD_RATE


class Study(Protocol):
    """What figures need of a finished study (`engram.interactive.results.Results`)."""

    @property
    def folder(self) -> Path:
        """Of the results."""

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """All tables by name."""

    @property
    def config(self) -> Mapping[str, Any]:
        """The checked configuration."""

    @property
    def models(self) -> list[str]:
        """The models, in the order of the figures."""

    @property
    def texts(self) -> list[str]:
        """The texts with associations, then the tunings."""

    @property
    def reported_layer(self) -> int | None:
        """The layer that the study reports."""


def plot(study: Study, name: str, style: str) -> Plot:
    """Return a figure of a study.

    Parameters
    ----------
    study : Study
    name : str
        One of `FIGURES`.
    style : str
        One of `engram.figures.style.STYLES`.

    Raises
    ------
    EngramError
        If there is no such figure or style, or the study lacks what it is drawn from.
    """
    looks = plots.family("style")
    if name not in FIGURES:
        raise EngramError(f"there is no figure '{name}'. There are {sorted(FIGURES)}.")
    if style not in looks.STYLES:
        raise EngramError(f"there is no style '{style}'. There are {list(looks.STYLES)}.")
    with looks.chosen(style):
        return plots.of_drawn(FIGURES[name](study))


def _scores(name: str, *tables: str) -> Callable[[Study], Any]:
    """Return what draws a figure of scores by layer, from tables and all models."""

    def draw(study: Study) -> Any:
        read = [study.tables[one] for one in tables]
        return getattr(plots.family("score_figures"), name)(*read, study.models)

    return draw


def _regions(name: str, table: str) -> Callable[[Study], Any]:
    """Return what draws a figure of scores by region at the reported layer."""

    def draw(study: Study) -> Any:
        draws = getattr(plots.family("score_figures"), name)
        return draws(
            study.tables[table], study.tables["ceilings"], study.models, study.reported_layer
        )

    return draw


def _metric(name: str, *tables: str) -> Callable[[Study], Any]:
    """Return what draws a figure of identification, similarity, or ranks by metric."""

    def draw(study: Study) -> Any:
        read = [study.tables[one] for one in tables]
        return getattr(plots.family("metric_figures"), name)(*read, study.models)

    return draw


def _tuning(name: str, *tables: str, texts: bool = False, what: str = "") -> Callable[..., Any]:
    """Return what draws a figure of tunings."""

    def draw(study: Study) -> Any:
        more = [*([study.texts] if texts else []), *([what] if what else [])]
        read = [study.tables[one] for one in tables]
        return getattr(plots.family("tuning_figures"), name)(*read, *more)

    return draw


def _roi_layers(study: Study) -> Any:
    shown = study.config.get("shown") or study.models
    return plots.family("score_figures").roi_layers(
        study.tables["scores"], shown, study.reported_layer
    )


def _reliability(study: Study) -> Any:
    return plots.family("score_figures").reliability(study.tables["ceilings"])


def _association(study: Study) -> Any:
    read = [study.tables[f"association{part}"] for part in ("", "_controls", "_listeners")]
    layers = study.tables["association_layers"]
    return plots.family("association_figures").association(*read, layers, study.texts)


def _association_texts(study: Study) -> Any:
    read = study.tables["association"], study.tables["association_controls"]
    return plots.family("association_figures").association_texts(*read, study.texts)


def _alignment(study: Study) -> Any:
    courses = []
    for path in sorted((study.folder / "bold").glob("*_bold.nc")):
        with storage.open_dataset(path) as bold:
            words = storage.read_words(study.folder / "stories" / f"{_story(path.stem)}_words.tsv")
            onsets = words["onset"].to_numpy()
            courses.append(plots.family("time_courses").course(bold, onsets))
    if not courses:
        raise EngramError(f"'{study.folder}' has no BOLD, which this figure is drawn from.")
    return plots.family("data_figures").alignment(courses)


def _insertions(study: Study) -> Any:
    words = {
        _story(path.stem).removeprefix("story-"): storage.read_words(path)
        for path in sorted((study.folder / "stories").glob("*_words.tsv"))
    }
    found = {}
    for path in sorted((study.folder / "associations").glob("story-*_associations-*.tsv")):
        story, text = path.stem.split("_associations-")
        found[story.removeprefix("story-"), text] = storage.read_table(path)
    table = study.tables["association_texts"]
    return plots.family("data_figures").insertions(words, found, table, study.texts)


def _story(stem: str) -> str:
    """Return the beginning of the names of a story's files."""
    return stem.split("_")[0]


def _identified(effect: str) -> Callable[[Study], Any]:
    """Return what draws a figure of effects in identification."""

    def draw(study: Study) -> Any:
        of_effect = getattr(plots.family("identified_figures"), effect)
        return of_effect(study.tables[f"{effect}_decoding"], study.texts)

    return draw


def _heads(study: Study) -> Any:
    tables = study.tables["heads"], study.tables["head_specialisation"]
    return plots.family("head_figures").heads(*tables)


def _checkpoints(study: Study) -> Any:
    tables = study.tables["checkpoints"], study.tables["checkpoint_changes"]
    has_pairs = "minimal_pairs" in study.tables
    pairs = study.tables["minimal_pairs"] if has_pairs else None
    return plots.family("checkpoint_figures").checkpoints(*tables, pairs)


def _time_resolved(study: Study) -> Any:
    shown = {*(study.config.get("shown") or study.models), WORD_RATE}
    return plots.family("time_resolved_figures").time_resolved(
        study.tables["time_resolved"],
        study.models,
        [name for name in study.models if name in shown],
    )


def _partitions(study: Study) -> Any:
    return plots.family("partition_figures").partitions(study.tables["partitions"])


def _brain(measured: Callable[[Study], Any]) -> Callable[[Study], Any]:
    """Return what draws a measure on the brain: on the cortex, or as markers of regions."""

    def draw(study: Study) -> Any:
        return plots.family("brain_figures").draw(measured(study), study.tables["regions"])

    return draw


def _scores_measure(study: Study) -> Any:
    maps = {key["model"]: sides for key, sides in _maps(study, "scores")}
    shown = study.config.get("shown") or study.models
    of = plots.family("brain_measures").scores
    return of(study.tables["scores"], maps, shown, study.reported_layer)


def _ceilings_measure(study: Study) -> Any:
    maps = next((sides for _, sides in _maps(study, "ceilings")), None)
    return plots.family("brain_measures").ceilings(study.tables["ceilings"], maps)


def _association_measure(study: Study) -> Any:
    maps = {(key["text"], key["model"]): sides for key, sides in _maps(study, "association")}
    of = plots.family("brain_measures").association
    return of(study.tables["association"], maps, *_places(study))


def _tuning_measure(study: Study) -> Any:
    floor = study.config["ceiling"]["floor"]
    of = plots.family("brain_measures").tuning
    return of(study.tables["tuning"], study.tables["ceilings"], *_places(study), floor)


def _places(study: Study) -> tuple[Any, str | None]:
    """Return which vertices belong to which region, and of which surface; None without one."""
    maps, stories = _maps(study, "ceilings"), sorted((study.folder / "ceilings").glob("*.nc"))
    if not maps or not stories:
        return None, None
    n_vertices = len(next(iter(maps[0][1]["L"].values())))
    space = next(name for name, number in VERTICES.items() if number == n_vertices)
    return storage.open_dataset(stories[0]), space


def _maps(study: Study, kind: str) -> list[tuple[dict[str, str], dict[str, Any]]]:
    """Return maps of a kind, with what each is of, by hemisphere."""
    found: dict[str, tuple[dict[str, str], dict[str, Any]]] = {}
    for path in sorted((study.folder / "maps").glob(f"*_{kind}.shape.gii")):
        entities = dict(part.split("-", 1) for part in path.name.split("_")[:-1])
        side = entities.pop("hemi")
        key = found.setdefault(str(entities), (entities, {}))
        key[1][side] = plots.family("maps").read_maps(path, side)
    return list(found.values())


#: What draws each figure, by its name in the folder of figures.
FIGURES: dict[str, Callable[[Study], Any]] = {
    "layers": _scores("layers", "scores", "ceilings"),
    "depth": _scores("depth", "scores", "ceilings"),
    "regions": _regions("regions", "scores"),
    "roi-sets": _regions("roi_sets", "roi_sets"),
    "roi-layers": _roi_layers,
    "reliability": _reliability,
    "alignment": _alignment,
    "time-resolved": _time_resolved,
    "decoding": _metric("decoding", "decoding", "decoding_tests"),
    "similarity": _metric("similarity", "similarity", "similarity_tests"),
    "metrics": _metric("metrics", "metrics"),
    "association-decoding": _identified("association"),
    "tuning-decoding": _identified("tuning"),
    "heads": _heads,
    "partitions": _partitions,
    "checkpoints": _checkpoints,
    "association": _association,
    "association-texts": _association_texts,
    "insertions": _insertions,
    "tuning": _tuning("tuning", "tuning", "tuning_models", "tuning_listeners", "tuning_layers"),
    "tuning-methods": _tuning("tuning_methods", "tuning", texts=True),
    "tuning-roi-sets": _tuning(
        "tuning_methods", "tuning_roi_sets", texts=True, what="set of regions"
    ),
    "tuning-losses": _tuning("losses", "tuning_curves"),
    "brain": _brain(_scores_measure),
    "ceiling-brain": _brain(_ceilings_measure),
    "association-brain": _brain(_association_measure),
    "tuning-brain": _brain(_tuning_measure),
}
