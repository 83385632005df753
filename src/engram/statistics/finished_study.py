"""A finished study as a leaderboard reads it: its rules, and its models' scores by story.

Whatever is read comes from the files of results and from what their sidecars say made them.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engram.errors import EngramError
from engram.files import storage
from engram.files.checksums import provenance
from engram.files.keys import layer_rule
from engram.statistics.reported_scores import Reported, read_reported, stimulus_stories
from engram.statistics.score_tables import KEYS
from engram.vocabulary import ORIGINAL, REINITIALISED_SUFFIX, WORD_RATE

#: Settings of the encoding that are no rules, or are said in seconds instead.
_NOT_RULES = ("backend", "delays", "longest_delay")
#: Parts of the names of weights that are looked up, or come after the last layer.
_NOT_IN_LAYERS = ("embed", "wte", "wpe", "lm_head")


@dataclass(frozen=True)
class FinishedStudy:
    """A study's scores at the reported layer, with what made them.

    Attributes
    ----------
    name : str
        Of the study.
    folder : Path
    rules : dict
        How BOLD was predicted, in seconds where rows depend on the TR.
    models : dict
        By name, what defines each: source, revision, whether it is re-initialised.
    scores : dict of Reported
        By model.
    ceilings : array of shape (n_stories, n_subjects)
        What a perfect model of a listener reaches, mean over targets; NaN where it is not known.
    metrics : dict of dict
        By model and metric, from ``tables/metrics.tsv``, where the study has it.
    """

    name: str
    folder: Path
    rules: dict[str, Any]
    models: dict[str, dict[str, Any]]
    scores: dict[str, Reported]
    ceilings: np.ndarray
    metrics: dict[str, dict[str, float]]

    @classmethod
    def read(cls, folder: Path) -> FinishedStudy:
        """Read a folder of results.

        Raises
        ------
        EngramError
            If it is none, or of a study that is not finished.
        """
        files = list(_scores_files(folder))
        if not files:
            raise EngramError(
                f"'{folder}' holds no scores (scores/*_scores.nc). Name folders of finished "
                "studies, such as results/demo."
            )
        comparisons = provenance(folder / "tables" / "comparisons.json").get("Config")
        if not comparisons:
            raise EngramError(
                f"'{folder}' has no tables/comparisons.tsv with its sidecar: the study is not "
                "finished. Run it to its end first."
            )
        layer = comparisons["layer"]
        paths: dict[str, list[str]] = {}
        for path, about in files:
            paths.setdefault(about["Wildcards"]["model"], []).append(str(path))
        scores = {model: read_reported(mine, layer) for model, mine in sorted(paths.items())}
        first, about = files[0]
        config, name = about["Config"], str(about["Config"]["study"])
        rules = {
            **encoding_rules(config["encoding"], float(storage.attributes(first)["tr"])),
            "reported_layer": layer_rule(layer),
        }
        one = next(iter(scores.values()))
        models = {model: _model(folder, model) for model in scores}
        return cls(name, folder, rules, models, scores, _ceilings(folder, one), _metrics(folder))

    @property
    def digest(self) -> str:
        """A short digest of the rules: equal where BOLD was predicted alike."""
        text = json.dumps(self.rules, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def n_listeners(self) -> int:
        """Single listeners."""
        return len(next(iter(self.scores.values())).subjects)

    @property
    def stimuli(self) -> dict[str, list[int]]:
        """The stories of each stimulus, by index."""
        return stimulus_stories(next(iter(self.scores.values())).stories)

    def by_story(self, model: str) -> np.ndarray:
        """Return a model's R, mean over all targets: (n_stories, n_subjects), NaN if not heard."""
        scores = self.scores[model]
        weights = np.array([number for *_, number in scores.regions], dtype=float)
        result: np.ndarray = scores.r @ weights / weights.sum()
        return result


def encoding_rules(encoding: Mapping[str, Any], tr: float) -> dict[str, Any]:
    """Return how BOLD was predicted, so that studies of other TRs can be held against it.

    Delays and gap are in seconds. Rows, such as how many the delays are, are no rules.

    Parameters
    ----------
    encoding : mapping
        The section `encoding`, as the jobs had it.
    tr : float
    """
    rows = encoding["delays"]
    longest = float(encoding["longest_delay"] if rows is None else max(rows) * tr)
    delays = (
        f"all rows to {longest:g} s"
        if rows is None
        else f"{', '.join(f'{row * tr:g}' for row in rows)} s"
    )
    others = {key: value for key, value in encoding.items() if key not in _NOT_RULES}
    return {"delays": delays, "gap in seconds": longest, **others}


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the rules that differ, with both values."""
    names = [name for name in dict.fromkeys([*one, *other]) if one.get(name) != other.get(name)]
    return [f"{name}: {_short(one.get(name))} and {_short(other.get(name))}" for name in names]


def _short(value: Any) -> str:
    if isinstance(value, list) and len(value) > 4:
        return f"{len(value)} values from {value[0]:g} to {value[-1]:g}"
    return "none" if value is None else str(value)


def _scores_files(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted((folder / "scores").glob(f"*_text-{ORIGINAL}_scores.nc")):
        about = provenance(storage.sidecar(path))
        if "Config" not in about or "model" not in about.get("Wildcards", {}):
            raise EngramError(
                f"'{path}' has no sidecar that says what made it. Run the study again: what "
                "is whole stays."
            )
        yield path, about


def _ceilings(folder: Path, scores: Reported) -> np.ndarray:
    result = np.full((len(scores.stories), len(scores.subjects)), np.nan)
    for path in sorted((folder / "ceilings").glob("story-*_ceiling.nc")):
        with storage.open_dataset(path) as one:
            if one.attrs["story"] not in scores.stories:
                continue
            row, single = scores.stories.index(one.attrs["story"]), one["single"].mean("target")
            for subject, value in zip(one["subject"].values.tolist(), single.values, strict=True):
                if subject in scores.subjects:
                    result[row, scores.subjects.index(subject)] = value
    return result


def _metrics(folder: Path) -> dict[str, dict[str, float]]:
    path = folder / "tables" / "metrics.tsv"
    if not path.exists():
        return {}
    table = storage.read_table(path, dtype=KEYS | {"metric": str})
    found: dict[str, dict[str, float]] = {}
    for row in table[table["metric"] != "R"].itertuples():
        found.setdefault(str(row.model), {})[str(row.metric)] = float(row.value)
    return found


def _model(folder: Path, model: str) -> dict[str, Any]:
    """Return what defines a model, its kind and its size, where they are known."""
    kind = "baseline" if model == WORD_RATE else "model"
    if model.endswith(REINITIALISED_SUFFIX):
        kind = "re-initialised"
    found: dict[str, Any] = {"kind": kind, "defined": None, **_size([])}
    for path in sorted((folder / "activations").glob(f"*_model-{model}_text-{ORIGINAL}_*.json")):
        about = provenance(path)
        found["defined"] = about.get("Config", {}).get("model")
        if kind == "model" and found["defined"] is None:
            found["kind"] = "baseline"  # a feature space that no language model makes
        found |= _size(_weight_files(folder, about))
        break
    return found


def _weight_files(folder: Path, about: Mapping[str, Any]) -> list[Path]:
    """Return a model's files of weights, as the provenance names them; none if one is gone.

    What was downloaded is named by its list of files, beside its folder, relative to where the
    workflow ran.
    """
    files = [Path(name) for name in about.get("RawFiles", {}) if name.endswith(".safetensors")]
    for name in about.get("Inputs", {}):
        if name.endswith(".tsv") and Path(name).parent.name == "models":
            for root in (Path(), *folder.resolve().parents):
                files += sorted((root / name).with_suffix("").glob("*.safetensors"))
                if files:
                    break
    return files if all(one.exists() for one in files) else []


def _size(files: Sequence[Path]) -> dict[str, float]:
    """Return a model's parameters and FLOPs a token, from its files of weights; NaN without any.

    A weight of a layer's matrices takes a product and a sum for each token. Embeddings, which are
    looked up, and the output layer, which no state needs, are left out; so is attention over the
    context, which depends on its length.
    """
    if not files:
        return {"parameters": math.nan, "flops_per_token": math.nan}
    sizes = [one for path in files for one in weights(path).items()]
    inside = [
        math.prod(shape)
        for name, shape in sizes
        if len(shape) > 1 and not any(part in name for part in _NOT_IN_LAYERS)
    ]
    return {
        "parameters": float(sum(math.prod(shape) for _, shape in sizes)),
        "flops_per_token": 2.0 * sum(inside),
    }


def weights(path: Path) -> dict[str, list[int]]:
    """Return the shapes of a safetensors file's arrays, by name, from its header."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    return {name: about["shape"] for name, about in header.items() if name != "__metadata__"}
