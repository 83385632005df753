"""The results of a finished study, read when they are asked for."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from engram.errors import EngramError
from engram.files import storage
from engram.files.checksums import checksum, provenance
from engram.interactive import plots, study_figures
from engram.interactive.data import SETTINGS
from engram.interactive.plots import Plot
from engram.statistics.score_tables import KEYS

logger = logging.getLogger(__name__)

#: What every finished study has.
_ALWAYS = (
    "dataset_description.json",
    "scans.tsv",
    *(f"tables/{name}.tsv" for name in ("scores", "best_layer", "ceilings", "regions")),
    "report.html",
)
#: Files that a message names.
_MOST_NAMED = 8
#: What a study asks for that has a table; other tables are always there.
_ASKED_FOR = {
    "association": "texts with associations (section `associations`)",
    "tuning": "tunings (section `tunings`)",
    "nuisance": "a nuisance control (nuisance: {method: banded})",
    "partitions": "variance partitions (section `partitions`)",
}


class Tables(Mapping[str, pd.DataFrame]):
    """The tables of a study by name, such as ``tables["scores"]``.

    Each is a DataFrame; ``attrs["description"]`` says what it holds, and ``attrs["columns"]`` what
    each column holds (`Results.describe`).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, pd.DataFrame] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        """Return a table; it is read once."""
        if name not in self._read:
            path = self._path(name)
            if not path.is_file():
                asked = next(
                    (what for begin, what in _ASKED_FOR.items() if name.startswith(begin)), None
                )
                why = f" The study asked for no {asked}, or is not finished." if asked else ""
                raise EngramError(
                    f"'{self._folder}' has no table '{name}'.{why} There are {list(self)}."
                )
            table = storage.read_table(path, dtype=KEYS)
            _warn_of_change(path)
            said = storage.read_json(storage.sidecar(path))
            table.attrs["description"] = said.get("Description", "")
            table.attrs["columns"] = {
                column: said.get(column, {}).get("Description", "") for column in table.columns
            }
            self._read[name] = table
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        """Go through the names of all tables."""
        if self._path("scans").is_file():
            yield "scans"
        yield from sorted(path.stem for path in (self._folder / "tables").glob("*.tsv"))

    def __len__(self) -> int:
        """Return how many tables there are."""
        return len(list(iter(self)))

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a table of a name."""
        return isinstance(name, str) and self._path(name).is_file()

    def __repr__(self) -> str:
        return f"<Tables: {', '.join(self)}>"

    def _path(self, name: str) -> Path:
        return self._folder / ("scans.tsv" if name == "scans" else f"tables/{name}.tsv")


def _warn_of_change(path: Path) -> None:
    """Say so where a table is not as its job wrote it, such as a copy that lacks its end."""
    digest = provenance(storage.sidecar(path)).get("Outputs", {}).get(path.name)
    if digest and digest != checksum(path):
        logger.warning(
            "'%s' is not as it was made: it was edited, or copied in part. Its sidecar, '%s', has "
            "the SHA-256 that it had",
            path,
            storage.sidecar(path).name,
        )


class Results:
    """The results of a study (`engram.load` opens them).

    Attributes
    ----------
    folder : Path
    tables : Tables
        All tables by name, as DataFrames.

    Examples
    --------
    >>> study = engram.load("results/alice")  # doctest: +SKIP
    >>> study.tables["chance"]  # doctest: +SKIP
    >>> study.plot_layers().save("layers.pdf")  # doctest: +SKIP
    """

    def __init__(self, folder: str | Path, *, unfinished: bool = False) -> None:
        self.folder = Path(folder).expanduser()
        _check_folder(self.folder)
        missing = missing_files(self.folder)
        if missing and not unfinished:
            more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
            raise EngramError(
                f"the study in '{self.folder}' is not finished: there is no "
                f"{', '.join(missing[:_MOST_NAMED])}{more}. Run the workflow again, which makes "
                "what is missing; or open what is there: load(folder, unfinished=True)."
            )
        self.tables = Tables(self.folder)

    def __repr__(self) -> str:
        return f"<Results of {self.name} in '{self.folder}': {', '.join(self.tables)}>"

    @property
    def name(self) -> str:
        """The study's name."""
        return str(self.config.get("study", self.folder.name))

    @property
    def config(self) -> dict[str, Any]:
        """The study's checked configuration, with defaults filled in; empty before its report."""
        return provenance(self.folder / "report.json").get("Config") or {}

    @property
    def settings(self) -> dict[str, Any]:
        """What brain scores of the study depend on: the `settings` of `engram.brain_score`.

        Examples
        --------
        >>> model, dataset = study.config["models"]["gpt2"], study.config["dataset"]
        ... # doctest: +SKIP
        >>> engram.brain_score(model, dataset, settings=study.settings)  # doctest: +SKIP
        """
        return {name: self.config[name] for name in SETTINGS if name in self.config}

    @property
    def scores(self) -> pd.DataFrame:
        """R by listener, model, layer and region, with ceilings (a row each)."""
        return self.tables["scores"]

    @property
    def ceilings(self) -> pd.DataFrame:
        """Noise ceilings of each kind by story, listener and region (a row each)."""
        return self.tables["ceilings"]

    @property
    def association(self) -> pd.DataFrame:
        """F with its tests by text, model and region (a row each)."""
        return self.tables["association"]

    @property
    def tuning(self) -> pd.DataFrame:
        """M with its tests by tuning, model and region (a row each)."""
        return self.tables["tuning"]

    @property
    def models(self) -> list[str]:
        """The models of the study, in the order of its figures."""
        return self._models(None)

    @property
    def texts(self) -> list[str]:
        """The texts with associations, then the tunings; their order gives their colours."""
        asked = [*self.config.get("associations", {}), *self.config.get("tunings", {})]
        return asked or list(dict.fromkeys(self.association["text"]))

    @property
    def reported_layer(self) -> int | None:
        """The layer that the study reports; None: two thirds of each model's depth."""
        return self._layer(None)

    def describe(self, table: str) -> pd.DataFrame:
        """Return what the columns of a table hold.

        Parameters
        ----------
        table : str
            Its name.

        Returns
        -------
        pandas.DataFrame
            Columns column and description; ``attrs["description"]`` says what the table holds.
        """
        read = self.tables[table]
        found = pd.DataFrame(list(read.attrs["columns"].items()), columns=["column", "description"])
        found.attrs["description"] = read.attrs["description"]
        return found

    @property
    def arrays(self) -> pd.DataFrame:
        """All arrays of the study: what each is (result, and group, model, ...), and its path."""
        rows = [
            {"result": path.parent.name, **_entities(path), "path": str(path)}
            for path in sorted(self.folder.rglob("*.nc"))
            if not any(part.startswith(".") for part in path.relative_to(self.folder).parts)
            and "earlier" not in path.relative_to(self.folder).parts
        ]
        return pd.DataFrame(rows, columns=list(dict.fromkeys(key for row in rows for key in row)))

    def array(self, result: str, **key: str) -> xr.Dataset:
        """Open an array; values are read from disk when they are used.

        Parameters
        ----------
        result : str
            What it is: scores, activations, bold, ceilings, ... (`arrays` lists them).
        **key : str
            Which one: group, story, model, text, ..., and suffix, how the file's name ends; what
            only one value fits is left out.

        Returns
        -------
        xarray.Dataset
            Its variables have units and descriptions in their attributes.

        Raises
        ------
        EngramError
            If no array fits, or more than one.

        Examples
        --------
        >>> study.array("scores", model="gpt2")["r"].sel(layer=8)  # doctest: +SKIP
        """
        arrays = self.arrays
        if arrays.empty or result not in set(arrays["result"]):
            known = sorted(set(arrays["result"])) if len(arrays) else []
            raise EngramError(f"'{self.folder}' has no arrays '{result}'. There are {known}.")
        found = arrays[arrays["result"] == result].dropna(axis=1, how="all")
        names = [name for name in found.columns if name not in ("result", "path")]
        if strange := sorted(set(key) - set(names)):
            raise EngramError(f"arrays '{result}' are told apart by {names}, and not by {strange}.")
        for name, value in key.items():
            if value not in set(found[name]):
                raise EngramError(
                    f"'{self.folder}' has no such array '{result}' of {name} '{value}'. There are "
                    f"{sorted(set(found[name].dropna()))}."
                )
            found = found[found[name] == value]
        if len(found) > 1:
            choices = {name: sorted(set(found[name].dropna())) for name in names}
            open_ = {name: values for name, values in choices.items() if len(values) > 1}
            raise EngramError(f"{len(found)} arrays '{result}' fit. Say which: {open_}.")
        return storage.open_dataset(found["path"].iloc[0])

    def plot(self, name: str, *, style: str = "paper") -> Plot:
        """Draw any figure of the study, as the workflow does.

        Parameters
        ----------
        name : str
            As in the folder `figures`, such as ``"roi-sets"`` or ``"tuning-losses"``;
            `figures` lists them.
        style : {"paper", "slides"}
            Type for print, or larger type beside the figure.

        Raises
        ------
        EngramError
            If there is no such figure, or the study lacks what it is drawn from.

        Examples
        --------
        >>> study.plot("tuning-losses", style="slides").save("losses.png")  # doctest: +SKIP
        """
        return study_figures.plot(self, name, style)

    @property
    def figures(self) -> list[str]:
        """The names of the figures that the workflow drew of the study (`plot`)."""
        return sorted(path.stem for path in (self.folder / "figures").glob("*.svg"))

    def plot_layers(self, models: Sequence[str] | None = None) -> Plot:
        """Draw R by layer.

        Parameters
        ----------
        models : sequence of str, optional
            Those to show; None: all.
        """
        shown = self._models(models)
        return plots.drawn("layers", self._scores_of(shown), self.ceilings, shown)

    def plot_regions(self, models: Sequence[str] | None = None, layer: int | None = None) -> Plot:
        """Draw R by region at a layer.

        Parameters
        ----------
        models : sequence of str, optional
            Those to show; None: all.
        layer : int, optional
            None: the study's reported layer.
        """
        shown, at = self._models(models), self._layer(layer)
        return plots.drawn("regions", self._scores_of(shown), self.ceilings, shown, at)

    def plot_roi_layers(
        self, models: Sequence[str] | None = None, layer: int | None = None
    ) -> Plot:
        """Draw R by region and layer as heat maps; the parameters are those of `plot_regions`."""
        shown = self._models(models)
        return plots.drawn("roi_layers", self._scores_of(shown), shown, self._layer(layer))

    def plot_reliability(self) -> Plot:
        """Draw how well listeners and regions can be predicted at best."""
        return self.plot("reliability")

    def plot_association(self) -> Plot:
        """Draw F by region, with its controls and listeners, and by layer."""
        return self.plot("association")

    def _models(self, models: Sequence[str] | None) -> list[str]:
        every = list(dict.fromkeys(self.scores["model"]))
        if unknown := sorted(set(models or ()) - set(every)):
            raise EngramError(f"{unknown} are no models of the study; it has {every}.")
        return list(models or self.config.get("scored") or every)

    def _scores_of(self, models: Sequence[str]) -> pd.DataFrame:
        return self.scores[self.scores["model"].isin(models)]

    def _layer(self, layer: int | None) -> int | None:
        return self.config.get("reported_layer") if layer is None else layer


def missing_files(folder: Path) -> list[str]:
    """Return the files that a study has when it is finished and this folder has not."""
    inputs = list(provenance(folder / "report.json").get("Inputs", {}))
    scores = next((path for path in inputs if path.endswith("tables/scores.tsv")), "")
    results = scores.removesuffix("tables/scores.tsv")
    expected = [*_ALWAYS, *(path.removeprefix(results) for path in inputs if scores)]
    return [path for path in dict.fromkeys(expected) if not (folder / path).exists()]


def _entities(path: Path) -> dict[str, str]:
    """Return what a file's name says that it is of: ``group-a_model-b_scores.nc``."""
    *entities, suffix = path.stem.split("_")
    pairs = (part.partition("-") for part in entities)
    return {**{name: value for name, _, value in pairs}, "suffix": suffix}


def _check_folder(folder: Path) -> None:
    if folder.is_file():
        raise EngramError(
            f"'{folder}' is a file. Give the folder of a study's results, such as results/alice."
        )
    if not folder.is_dir():
        raise EngramError(
            f"there is no folder '{folder}' (looked for from {Path.cwd()}). Give the folder of a "
            "study's results, such as results/alice."
        )
    if (folder / "tables").is_dir() or (folder / "scans.tsv").exists() or _began(folder):
        return
    below = sorted(str(one) for one in folder.iterdir() if one.is_dir() and _began(one))
    raise EngramError(
        f"'{folder}' holds no results of a study."
        + (f" There are some in {', '.join(below)}." if below else "")
    )


def _began(folder: Path) -> bool:
    """Tell whether a study's jobs have written to a folder."""
    return any((folder / name).is_dir() for name in ("tables", "stories", "bold", "activations"))
