"""Keys: what a result is of, as the file itself says, held against what a job expects.

A key has the names of the workflow's wildcards (``story``, ``group``, ``model``,
``partition``, ``text``, ``tuning``, ``variant``), what kind of ``result`` it is, its ``study``,
and its ``layer_rule`` where scores stand at the reported layer. NetCDF files say it in their
attributes. Other results (tables, texts, maps, folders of tuned models) say it in their sidecars,
whose provenance holds the wildcards.

A job that reads several files gets their keys in its ``config`` parameter, under ``keys`` and
the input's name, one for each file in the same order. A file that says something else is refused
by name, so that the order of files alone never decides what is reported as what.

The study is named by what is made of listeners' data (BOLD, ceilings, scores), since another
study may call its groups, models and texts the same. It is part of these jobs' configuration:
where a study gets another name, they are made anew. By default everything is made anew then,
as results lie in ``results/<study>``; it matters for results that stay where they are
(``pathvars``) or are moved along. Words, what models read of a story, and tuned models name
no study: they do not depend on one, and cost most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engram.errors import EngramError
from engram.files import storage
from engram.files.checksums import provenance

if TYPE_CHECKING:
    import xarray as xr

#: What a key may name, in the order of messages.
NAMES = (
    *("result", "study", "group", "story", "model", "partition", "text", "tuning", "variant"),
    "layer_rule",
)

Key = Mapping[str, str]
#: A file and what it is of.
Keyed = tuple[Key, str]


def layer_rule(layer: int | None) -> str:
    """Return in words how the reported layer is found (`engram.features.layers.reported_layer`)."""
    return "two thirds of the depth" if layer is None else f"layer {layer}, or the last of fewer"


def of_job(snakemake: Any, result: str, **more: str) -> dict[str, str]:
    """Return what a job's NetCDF file is of.

    That is its wildcards, and the study and the layer's rule where its configuration has them.

    Parameters
    ----------
    snakemake : snakemake.iocontainers.Snakemake
        The object that Snakemake hands to scripts.
    result : str
        What kind of result it is. (The rule's name may have a prefix, where the workflow is a
        module of another one.)
    **more
        What the wildcards leave out, such as the text of scores that are made of the story
        as it was heard alone.
    """
    config = snakemake.params.config
    found = {
        "result": result,
        **{str(name): str(value) for name, value in snakemake.wildcards.items()},
        **more,
    }
    if "study" in config:
        found["study"] = config["study"]
    if "layer" in config:
        found["layer_rule"] = layer_rule(config["layer"])
    return {name: found[name] for name in NAMES if name in found}


def write_dataset(path: str | Path, dataset: xr.Dataset, key: Key) -> None:
    """Write a dataset that says in its attributes what it is of."""
    storage.write_dataset(path, dataset.assign_attrs(key))


def stated(path: str | Path) -> dict[str, str]:
    """Return what a file, or a folder, says that it is of; nothing where it does not say."""
    path = Path(path)
    if path.suffix == ".nc":
        found = storage.attributes(path)
    else:
        found = provenance(storage.sidecar(path)).get("Wildcards", {})
    return {name: str(found[name]) for name in NAMES if name in found}


def check(path: str | Path, key: Key) -> None:
    """Hold what a file says that it is of against a key.

    Names that the key leaves out may be anything.

    Raises
    ------
    EngramError
        If it says something else, or nothing.
    """
    found = stated(path)
    differing = [name for name in NAMES if name in key and found.get(name) != key[name]]
    if differing:
        says = ", ".join(
            f"{name} '{found[name]}'" if name in found else f"no {name}" for name in differing
        )
        expected = ", ".join(f"{name} '{key[name]}'" for name in differing)
        raise EngramError(
            f"'{path}' is another result than the one that belongs there: it says that it "
            f"is of {says}; expected is {expected}. It was exchanged with another file, or comes "
            "from another study or an earlier version. Delete it and run again: it is made anew, "
            "with what depends on it."
        )


def checked(keys: Sequence[Key], paths: Sequence[str], **shared: str) -> list[Keyed]:
    """Return files with their keys, each held against what the file says.

    Parameters
    ----------
    keys : sequence of mappings
        One for each of `paths`.
    paths : sequence of str
    **shared
        What all files are of: their ``result`` (NetCDF files alone say it), and more.

    Raises
    ------
    EngramError
        If a file is of something else.
    """
    found = []
    for key, path in zip(keys, paths, strict=True):
        check(path, {**shared, **key})
        found.append((key, path))
    return found


def of_input(snakemake: Any, name: str, **shared: str) -> list[Keyed]:
    """Return the files of a job's input with their keys, each held against what the file says.

    The parameters are those of `checked`.
    """
    return checked(snakemake.params.config["keys"][name], snakemake.input[name], **shared)


def group_files(
    snakemake: Any, result: str, **of_activations: str
) -> tuple[list[str], list[str], list[str]]:
    """Return the activations, BOLD and words of a group's stories.

    Each file is held against what it says.

    Parameters
    ----------
    snakemake : snakemake.iocontainers.Snakemake
        Of a job for a group: its configuration has ``stories`` and ``study``.
    result : str
        What kind of result the activations are.
    **of_activations
        What they are of beside the job's own wildcards.
    """
    config, given = snakemake.params.config, snakemake.input
    stories = [{"story": story} for story in config["stories"]]
    mine = {str(name): str(value) for name, value in snakemake.wildcards.items() if name != "group"}
    found = (
        checked(stories, given.activations, result=result, **mine, **of_activations),
        checked(stories, given.bold, result="bold", study=config["study"]),
        checked(stories, given.words),
    )
    activations, bold, words = ([path for _, path in pairs] for pairs in found)
    return activations, bold, words


def by(name: str, pairs: Iterable[Keyed]) -> dict[str, list[str]]:
    """Return the files of each value of a name, in the order of the pairs."""
    found: dict[str, list[str]] = {}
    for key, path in pairs:
        found.setdefault(key[name], []).append(path)
    return found


def by_model_and(name: str, pairs: Iterable[Keyed]) -> dict[tuple[str, str], list[str]]:
    """Return the files of each model and each ``text`` or ``tuning``, in the order of the pairs."""
    found: dict[tuple[str, str], list[str]] = {}
    for key, path in pairs:
        found.setdefault((key["model"], key[name]), []).append(path)
    return found
