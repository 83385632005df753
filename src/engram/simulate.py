"""Simulated listeners: known answers in the form of a dataset on disk.

People 'hear' one of the project's stories through the frozen weights of a generator model that no study scores. Some
regions follow the generator's layers, some follow the rate of words, some share a response to the story that nothing
here predicts, and some share nothing. Targets sit at the coordinates of Dosenbach et al. (2010, Science 329:1358), which
nilearn ships with region names; they stand for regions, and are approximate.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

import numpy as np
import pandas as pd

from engram import activations, storage
from engram import stories as timed
from engram.bold import zscore
from engram.names import WORD_RATE

logger = logging.getLogger(__name__)

#: What drives each region, in the names of nilearn's Dosenbach coordinates.
PLANTED = {
    "temporal": "language",
    "angular gyrus": "language",
    "precuneus": "language",
    "post insula": "word rate",
    "sup temporal": "word rate",
    "dlPFC": "stimulus",
    "vFC": "stimulus",
    "occipital": "nothing",
    "precentral gyrus": "nothing",
}
#: Share of a listener's variance that is a response to the story, where there is any: scores and ceilings like those of Narratives.
STIMULUS_SHARE = 0.09
#: Principal components of the generator's last layer that drive the language regions: few, and so such as other models have too.
_COMPONENTS = 2
#: Autocorrelation of the noise from one TR to the next.
_NOISE_AR = 0.4
#: Seconds of a letter, of every word, and of the pauses after words with punctuation: about 2.6 words a second.
_LETTER, _WORD, _PAUSES = 0.052, 0.1, {",": 0.25, ";": 0.3, ":": 0.3, ".": 0.55, "!": 0.55, "?": 0.55}


def story_words(text: str, rng: np.random.Generator, most: int | None = None, untimed: float = 0.02) -> pd.DataFrame:
    """Return the words of a text with times as a speaker might have them.

    Parameters
    ----------
    text : str
    rng : numpy.random.Generator
    most : int, optional
        Words to keep, from the beginning.
    untimed : float
        Share of words whose times are missing, as in real alignments.

    Returns
    -------
    pandas.DataFrame
        word, onset, offset (seconds; NaN where untimed).
    """
    words = text.split()[:most]
    times, now = [], 0.5
    for word in words:
        letters = re.sub(r"\W", "", word)
        duration = (_WORD + _LETTER * len(letters)) * rng.uniform(0.85, 1.15)
        times.append((now, now + duration))
        now += duration + 0.02 + next((pause for mark, pause in _PAUSES.items() if word.rstrip("\"'").endswith(mark)), 0.0) * rng.uniform(0.7, 1.3)
    table = pd.DataFrame(times, columns=["onset", "offset"]).round(3)
    table.insert(0, "word", words)
    lost = rng.random(len(words)) < untimed
    lost[[0, -1]] = False
    table.loc[lost, ["onset", "offset"]] = np.nan
    return table


def targets() -> pd.DataFrame:
    """Return the simulated targets: target, hemisphere, roi, x, y, z (MNI, mm), and what drives them."""
    from nilearn.datasets import fetch_coords_dosenbach_2010

    atlas = fetch_coords_dosenbach_2010()
    coordinates = np.asarray(atlas["rois"], dtype=float)
    rows: list[dict[str, object]] = []
    for label, (x, y, z) in zip(atlas["labels"], coordinates, strict=True):
        roi = re.sub(r"\s*\d+$", "", label)
        if roi in PLANTED:
            rows.append({"target": f"t{len(rows):03d}", "hemisphere": "L" if x < 0 else "R", "roi": roi, "x": x, "y": y, "z": z, "planted": PLANTED[roi]})
    return pd.DataFrame(rows)


def responses(onsets: np.ndarray, vectors: np.ndarray, n_trs: int, tr: float, table: pd.DataFrame, seed: int, story_seed: int) -> np.ndarray:
    """Return what the story evokes in every target of everybody, before noise.

    Parameters
    ----------
    onsets : array of shape (n_words, )
        Seconds from the beginning of the first row.
    vectors : array of shape (n_words, n_units)
        The generator's layer.
    n_trs, tr : int, float
    table : pandas.DataFrame
        As `targets` returns it.
    seed : int
        Of the wiring from the generator to targets, which is the same for all stories.
    story_seed : int
        Of the part of the response that no model has.

    Returns
    -------
    array of shape (n_trs, n_targets)
        Standardised; 0 where the story evokes nothing.
    """
    from nilearn.glm.first_level import glover_hrf

    row = np.clip(np.floor(onsets / tr).astype(int), 0, n_trs - 1)
    centred = vectors - vectors.mean(0)  # without the mean, so that the rate of words has no part in it
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    events = np.zeros((n_trs, _COMPONENTS + 1))
    np.add.at(events, row, np.column_stack([zscore(centred @ axes[:_COMPONENTS].T), np.ones(len(row))]))
    hrf = glover_hrf(tr, oversampling=1)
    convolved = np.apply_along_axis(lambda column: np.convolve(column, hrf)[:n_trs], 0, events)
    wiring = np.random.default_rng(seed)
    own = np.random.default_rng([seed, story_seed])
    signals = np.zeros((n_trs, len(table)))
    for column, kind in enumerate(table["planted"]):
        weights = wiring.standard_normal(_COMPONENTS)
        unknown = np.convolve(own.standard_normal(n_trs), hrf)[:n_trs]
        if kind == "language":
            signals[:, column] = convolved[:, :_COMPONENTS] @ weights
        elif kind == "word rate":
            signals[:, column] = convolved[:, _COMPONENTS]
        elif kind == "stimulus":
            signals[:, column] = unknown
    return zscore(signals)


def noise(n_trs: int, n_targets: int, rng: np.random.Generator) -> np.ndarray:
    """Return autocorrelated noise of standard deviation 1, of shape (n_trs, n_targets)."""
    from scipy.signal import lfilter

    white = rng.standard_normal((n_trs + 50, n_targets))
    return zscore(lfilter([1.0], [1.0, -_NOISE_AR], white, axis=0)[50:])


def listen(response: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Return one listener's BOLD: the response, with the given share of the variance, and noise."""
    bold: np.ndarray = np.sqrt(share) * response + np.sqrt(1 - share) * noise(response.shape[0], response.shape[1], rng)
    return bold


def write_table_study(folder: Path, generator: Path, texts: Path, *, stories: list[str], subjects: list[str], words: int | None, tr: float, seed: int) -> None:
    """Write a simulated study as a folder of tables (docs/data.md), and ``truth.tsv`` with what was planted.

    Parameters
    ----------
    folder : Path
    generator : Path
        The model that the listeners hear through.
    texts : Path
        Folder of ``<story>.txt``.
    stories, subjects : list of str
    words : int or None
        Words kept of each story.
    tr : float
        Seconds.
    seed : int
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = targets()
    reader = activations.load(generator)
    for number, story in enumerate(stories):
        rng = np.random.default_rng([seed, number])
        heard = story_words((texts / f"{story}.txt").read_text(), rng, words)
        onset, offset = timed.complete_times(heard["onset"].to_numpy(), heard["offset"].to_numpy())
        data = activations.story_activations(heard["word"].tolist(), reader, mode="strided", context=None, stride=None, pooling="last", batch_tokens=8192)
        layer = data["activation"][-1].values
        n_trs = int(np.ceil((offset.max() + 10) / tr))
        response = responses(onset, layer, n_trs, tr, table, seed, number)
        _write(folder / f"story-{story}_words.tsv", heard)
        for subject in subjects:
            bold = listen(response, STIMULUS_SHARE, np.random.default_rng([seed, number, *subject.encode()]))
            _write(folder / f"sub-{subject}_story-{story}_timeseries.tsv", pd.DataFrame(bold, columns=table["target"]))
    _write(folder / "targets.tsv", table.drop(columns="planted"))
    _write(folder / "truth.tsv", table[["hemisphere", "roi", "planted"]].drop_duplicates())


def _write(path: Path, table: pd.DataFrame) -> None:
    with storage.atomic(path) as temporary:
        table.to_csv(temporary, sep="\t", index=False, na_rep=storage.MISSING, float_format="%.5g")


TRUTH = "What was planted in the simulated listeners, and what the study found, at each model's reported layer."
TRUTH_COLUMNS = {
    "model": "Model.",
    "planted": "What drives the regions: language (a generator's layer), word rate, stimulus (shared, but no model's), nothing.",
    "regions": "Regions with this drive.",
    "score": "Mean score over these regions and listeners.",
    "standard_error": "Of the mean over listeners.",
    "expected": "What should hold.",
    "found": "yes or no.",
}


def compare_with_truth(scores: pd.DataFrame, truth: pd.DataFrame, models: list[str], layers: dict[str, int]) -> pd.DataFrame:
    """Return what was found beside what was planted.

    Parameters
    ----------
    scores : pandas.DataFrame
        As `engram.tables.scores_table` returns it; single listeners are used.
    truth : pandas.DataFrame
        hemisphere, roi, planted.
    models : list of str
        Trained language models.
    layers : dict
        The layer to look at, by model; fixed beforehand.

    Returns
    -------
    pandas.DataFrame
        The columns of `TRUTH_COLUMNS`.
    """
    merged = scores.merge(truth, on=["hemisphere", "roi"])
    baseline = merged[merged["model"] == WORD_RATE].groupby("planted")["score"].mean()
    rows = []
    for model in models:
        part = merged[(merged["model"] == model) & (merged["layer"] == layers[model])]
        means = {kind: _mean_and_error(group) for kind, group in part.groupby("planted")}
        for kind, (mean, error) in means.items():
            expected, found = _expectation(kind, mean, error, means["language"][0], float(baseline.get("language", 0.0)))
            rows.append(
                {
                    "model": model,
                    "planted": kind,
                    "regions": ", ".join(sorted(set(part.loc[part["planted"] == kind, "roi"]))),
                    "score": mean,
                    "standard_error": error,
                    "expected": expected,
                    "found": "yes" if found else "no",
                }
            )
    return pd.DataFrame(rows, columns=list(TRUTH_COLUMNS))


def _expectation(kind: str, mean: float, error: float, language: float, word_rate: float) -> tuple[str, bool]:
    """Return what should hold of regions with a drive, and whether it does."""
    if kind == "language":
        return f"above 4 standard errors, and above the word rate's {word_rate:.3f}", mean > 4 * error and mean > word_rate
    if kind == "word rate":
        return "above 0 (a model's features hold the rate of words)", mean > 0
    if kind == "stimulus":  # its luck with the features is shared by all listeners, so errors over listeners say little
        return "nearer to 0 than half of the language regions' score", abs(mean) < language / 2
    return "within 4 standard errors of 0", abs(mean) < 4 * error


def _mean_and_error(part: pd.DataFrame) -> tuple[float, float]:
    by_subject = part.groupby("subject")["score"].mean()
    return float(by_subject.mean()), float(by_subject.sem())
