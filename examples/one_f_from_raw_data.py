"""One F of simulated listeners, made again from the raw files by numpy and transformers alone.

No line of Engram computes here, and no file that it made of the raw ones is read, but for the row
that is made again and the settings of the study:

    .venv/bin/snakemake --cores 2 --configfile examples/one-f.yaml
    .venv/bin/python examples/one_f_from_raw_data.py
    .venv/bin/python examples/one_f_from_raw_data.py results/demo --hemisphere R --roi temporal

F is how much better a layer predicts BOLD once the model has read associations in the story:
R(with associations) minus R(story alone), mean over listeners. It takes a simulated study whose
associations are scored by region (``association_effect: {targets: roi}``), as the demo's are.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import torch
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging

PROJECT = Path(__file__).parents[1]


def recorded(path: Path) -> dict[str, Any]:
    """Return the settings that stand beside a result."""
    found: dict[str, Any] = json.loads(path.with_suffix(".json").read_text())["Provenance"]
    return found["Config"] | {"wildcards": found["Wildcards"]}


# ------------------------------------------------------------------------------------- the story
def story_words(raw: Path, story: str) -> pd.DataFrame:
    """Return a story's words with their times; those that the aligner lost stand evenly between."""
    place = raw / "stimuli" / "gentle" / story
    columns = ["heard", "aligned", "onset", "offset"]
    table = pd.read_csv(place / "align.csv", names=columns, keep_default_na=False)
    table["word"] = (place / "transcript.txt").read_text(encoding="utf-8").split()
    onset, offset = (pd.to_numeric(table[name]).to_numpy(copy=True) for name in columns[2:])
    lost = np.flatnonzero(np.isnan(onset))
    for run in np.split(lost, np.flatnonzero(np.diff(lost) > 1) + 1) if len(lost) else []:
        edges = np.linspace(offset[run[0] - 1], onset[run[-1] + 1], len(run) + 1)
        onset[run], offset[run] = edges[:-1], edges[1:]
    return table.assign(onset=onset, offset=offset)


def associations(story: str, text: str) -> dict[int, str]:
    """Return what is written into the story, by the word that it stands behind."""
    path = PROJECT / "resources" / "associations" / f"story-{story}_associations-{text}.tsv"
    with path.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {int(row["after_word"]): row["text"] for row in rows}


# ------------------------------------------------------------------------------------- the model
class Model:
    """A causal language model of transformers, and windows of a story that it reads."""

    def __init__(self, folder: Path, longest: int, layer: int) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.net = AutoModel.from_pretrained(folder).eval()
        self.limit = min(longest, self.net.config.max_position_embeddings)
        self.layer = layer

    def tokens(self, words: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return token ids, where each word's begin, and the last that holds a letter of it."""
        coded = self.tokenizer(
            " ".join(words), add_special_tokens=False, return_offsets_mapping=True
        )
        spans = np.array(coded["offset_mapping"])
        ends = np.cumsum([len(word) + 1 for word in words]) - 1
        owner = np.searchsorted(ends, spans[:, 1] - 1, side="right")
        first = np.searchsorted(owner, np.arange(len(words) + 1))
        last = np.zeros(len(words), dtype=int)
        for number, word in enumerate(words):
            letters = max(k for k, one in enumerate(word) if one.isalnum()) + 1
            mine = np.arange(first[number], first[number + 1])
            last[number] = mine[spans[mine, 0] < ends[number] - len(word) + letters][-1]
        return np.array(coded["input_ids"]), first, last

    def windows(self, words: list[str], room: float) -> list[tuple[int, int, int]]:
        """Return stretches of a story (begin, first word that is kept, end), in its words.

        They leave room for insertions, so that the same stretch is read with and without them.
        """
        most = int((self.limit - 1) / (1 + room))
        before = most - (most + 1) // 2
        first, found, kept = self.tokens(words)[1], [], 0
        while kept < len(words):
            begin = np.flatnonzero(first <= first[kept] - min(before, first[kept]))[-1]
            end = np.flatnonzero(first <= first[begin] + most)[-1]
            found.append((int(begin), kept, int(end)))
            kept = int(end)
        return found

    def read(
        self, words: list[str], inserted: dict[int, str], windows: list[tuple[int, int, int]]
    ) -> np.ndarray:
        """Return a vector for each word of the story, of a text with insertions."""
        text: list[str] = []
        place: list[int] = []
        for number, word in enumerate(words):
            place.append(len(text))
            text += [word, *inserted.get(number, "").split()]
        ids, first, last = self.tokens(text)
        borders = [*place, len(text)]
        vectors = np.zeros((len(words), self.net.config.hidden_size), dtype=np.float32)
        for begin, kept, end in windows:
            start = first[borders[begin]]
            window = [self.tokenizer.bos_token_id, *ids[start : first[borders[end]]]]
            with torch.no_grad():
                states = self.net(torch.tensor([window]), output_hidden_states=True).hidden_states
            at = [1 + last[place[number]] - start for number in range(kept, end)]
            vectors[kept:end] = states[self.layer][0][at].numpy()
        return vectors


# -------------------------------------------------------------------------------------- the BOLD
def zscored(values: np.ndarray) -> np.ndarray:
    """Return time courses with mean 0 and variance 1."""
    scaled: np.ndarray = (values - values.mean(0)) / values.std(0)
    return scaled


def region_bold(
    raw: Path, story: str, listener: str, region: tuple[str, str]
) -> tuple[np.ndarray, float]:
    """Return a listener's BOLD of a region (row, vertex), and when the story's audio began."""
    side, roi = region
    labels, _, names = nibabel.freesurfer.read_annot(
        raw / f"derivatives/freesurfer/fsaverage6/label/{side.lower()}h.aparc.a2009s.annot"
    )
    excluded = json.loads((raw / "code" / "scan_exclude.json").read_text()).get(story, {})
    runs, began = [], []
    for path in sorted(
        raw.glob(f"derivatives/*/sub-{listener}/func/*_task-{story}_*hemi-{side}_*")
    ):
        scan = path.name.partition("_space-")[0]
        if scan not in excluded.get(f"sub-{listener}", []):
            values = np.array([one.data for one in nibabel.load(path).darrays], dtype=float)
            runs.append(values[:, labels[: values.shape[1]] == names.index(roi.encode())])
            events = raw / f"sub-{listener}" / "func" / f"{scan}_events.tsv"
            began.append(float(pd.read_csv(events, sep="\t")["onset"].min()))
    shortest = min(map(len, runs))
    return np.mean([run[:shortest] for run in runs], axis=0), began[0]


def clean(values: np.ndarray, tr: float, high_pass: float) -> np.ndarray:
    """Return time courses without slow cosine drifts."""
    rows = np.arange(len(values))
    waves = range(int(2 * len(values) * high_pass * tr) + 1)
    drifts = np.cos(np.pi / len(values) * np.outer(rows + 0.5, waves))
    left: np.ndarray = values - drifts @ np.linalg.lstsq(drifts, values, rcond=None)[0]
    return left


def story_bold(
    raw: Path, words: pd.DataFrame, story: str, region: tuple[str, str], config: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's time on the story's clock, and the region's BOLD (row, listener)."""
    tr, how, courses, origin = config["dataset"]["tr"], config["bold"], {}, None
    for listener in config["subjects"]:
        values, began = region_bold(raw, story, listener, region)
        origin = began if origin is None else origin
        shift = round((began - origin) / tr)
        first = int(np.floor((words["onset"].min() + began) / tr + 1e-6))
        last = int(np.ceil((words["offset"].max() + how["tail"] + began) / tr - 1e-6))
        rows = range(max(first, how["trim"], 0), min(last, len(values)))
        course = zscored(clean(values, tr, how["high_pass"])[list(rows)]).mean(1)
        courses[listener] = pd.Series(course, [row - shift for row in rows])
    table = pd.DataFrame(courses).dropna()
    return table.index.to_numpy() * tr - (origin or 0.0), table.to_numpy()


# -------------------------------------------------------------------------------- the regression
def design(vectors: np.ndarray, onset: np.ndarray, times: np.ndarray, tr: float, n: int) -> Any:
    """Return the features of each row: sums over the words of the n rows before it."""
    row = np.floor((onset - times[0]) / tr + 1e-6).astype(int)
    summed = np.zeros((len(times), vectors.shape[1]))
    np.add.at(summed, row[row < len(times)], vectors[row < len(times)])
    delayed = [np.pad(summed, ((d, 0), (0, 0)))[: len(times)] for d in range(1, n + 1)]
    return np.concatenate(delayed, axis=1)


def blocks(story: np.ndarray, place: np.ndarray, n: int, gap: int) -> list[Any]:
    """Return rows that are learned from and rows that are held out: a block of each story."""
    found = []
    for number in range(n):
        near, held_out = np.zeros(len(story), dtype=bool), []
        for one in np.unique(story):
            mine = np.flatnonzero(story == one)
            block = np.array_split(mine, n)[number]
            distance = np.abs(place[mine][:, None] - place[block][None]).min(1)
            near[mine[distance <= gap]] = True
            held_out.append(block)
        found.append((np.flatnonzero(~near), held_out))
    return found


def predicted(x: np.ndarray, y: np.ndarray, train: np.ndarray, test: Any, alphas: Any) -> Any:
    """Return ridge predictions (penalty, row, listener) of held-out rows."""
    mean, scale = x[train].mean(0), x[train].std(0)
    mine, other = ((x[rows] - mean) / np.where(scale == 0, 1, scale) for rows in (train, test))
    values, vectors = np.linalg.eigh(mine @ mine.T)
    left, right = other @ mine.T @ vectors, vectors.T @ (y[train] - y[train].mean(0))
    return np.array([(left / (values.clip(0) + alpha)) @ right for alpha in alphas])


def correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return Pearson's r over rows; 0 where one side does not vary."""
    a, b = (values - values.mean(-2, keepdims=True) for values in (one, other))
    norm = np.sqrt((a**2).sum(-2) * (b**2).sum(-2))
    return np.divide((a * b).sum(-2), norm, out=np.zeros_like(norm), where=norm > 1e-12)


def brain_scores(
    x: np.ndarray, y: np.ndarray, story: np.ndarray, place: np.ndarray, how: dict[str, Any]
) -> np.ndarray:
    """Return R of each listener: mean over stories and held-out blocks."""
    alphas, gap, scores = how["alphas"], how["delays"], []
    for train, tests in blocks(story, place, how["folds"], gap):
        criterion: Any = 0
        for fit, parts in blocks(story[train], place[train], how["inner_folds"], gap):
            for part in parts:
                found = predicted(x, y, train[fit], train[part], alphas)
                criterion = criterion + correlation(found, y[train[part]])
        best = np.argmax(criterion, axis=0)
        for test in tests:
            found = predicted(x, y, train, test, alphas)[best, :, np.arange(y.shape[1])].T
            scores.append(correlation(found, y[test]))
    mean: np.ndarray = np.mean(scores, axis=0)
    return mean


def effects(folder: Path, path: Path, row: pd.Series, layer: int) -> np.ndarray:
    """Return F of each listener of a group in one region."""
    raw, config = folder / "simulated" / "dataset", recorded(path)
    how, parts = config["encoding"], []
    for story in config["stories"]:
        read_as = recorded(
            folder
            / f"associations/story-{story}_model-{row['model']}_text-{row['text']}_activations.nc"
        )
        measured = recorded(folder / "bold" / f"story-{story}_bold.nc")
        measured["subjects"] = [one for one in config["subjects"] if one != "average"]
        words = story_words(raw, story)
        times, bold = story_bold(raw, words, story, (row["hemisphere"], row["roi"]), measured)
        model = Model(PROJECT / read_as["model"]["source"], 1024, layer)
        spoken, tr = words["word"].tolist(), measured["dataset"]["tr"]
        windows = model.windows(spoken, read_as["room"])
        how["delays"] = int(how["longest_delay"] / tr + 1e-6)
        onset = words["onset"].to_numpy()
        texts: list[dict[int, str]] = [{}, associations(story, row["text"])]
        features = [
            design(model.read(spoken, text, windows), onset, times, tr, how["delays"])
            for text in texts
        ]
        parts.append((bold, *features))
    y, alone, with_associations = (np.concatenate(part) for part in zip(*parts, strict=True))
    story = np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts])
    place = np.concatenate([np.arange(len(part[0])) for part in parts])
    found: np.ndarray = brain_scores(with_associations, y, story, place, how) - brain_scores(
        alone, y, story, place, how
    )
    return found


def main(arguments: list[str] | None = None) -> int:
    """Print F from raw data beside the table's; return 1 where they differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("results", type=Path, nargs="?", default=PROJECT / "results" / "one-f")
    for name, default in (("text", "word-judged"), ("hemisphere", "L"), ("roi", "IPL")):
        parser.add_argument(f"--{name}", default=default)
    given = parser.parse_args(arguments)
    logging.set_verbosity_error()  # a text that is longer than a window is read in windows
    logging.disable_progress_bar()
    table = pd.read_csv(given.results / "tables" / "association.tsv", sep="\t")
    row = table[
        (table["text"] == given.text)
        & (table["hemisphere"] == given.hemisphere)
        & (table["roi"] == given.roi)
    ].iloc[0]
    pattern = f"group-*_model-{row['model']}_text-{row['text']}_scores.nc"
    groups = sorted((given.results / "associations").glob(pattern))
    listeners = np.concatenate([effects(given.results, path, row, row["layer"]) for path in groups])
    print(f"F from raw data: {listeners.mean():.6f}, {len(listeners)} listeners")
    print(f"F of the table:  {row['F']:.6f}")
    return int(abs(listeners.mean() - row["F"]) > 1e-4)


if __name__ == "__main__":
    sys.exit(main())
