"""Simulated listeners: known answers in the form of a small Narratives on disk.

People 'hear' one of the project's stories through the frozen weights of a generator model
that no study scores. Some regions follow the generator's last layer, or that of the generator
when it was tuned to associate; some follow what is thought, the associations that words
bring up; some follow the rate of words; some share a response to the story that nothing here
predicts; some share nothing. Regions are vertices around the coordinates
of Dosenbach et al. (2010, Science 329:1358), which nilearn ships with region names; they stand
for regions, and are approximate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from engram.associations import association_files
from engram.associations.insertions import insertions_of
from engram.datasets.images.surfaces import VERTICES
from engram.datasets.narratives.facts import TR, Fact
from engram.datasets.simulated import schedule, write_dataset
from engram.datasets.simulated.planted import PLANTED, regions
from engram.datasets.simulated.responses import components, listen, noise, responses, thought
from engram.features.language_models import activations
from engram.jobs.progress import progress
from engram.vocabulary import associations_file

#: Share of a listener's variance that is a response to the story, where there is any:
#: scores and ceilings like those of Narratives.
STIMULUS_SHARE = 0.09
#: Seconds of a scan after the story's end.
_TAIL = 12.0


def write_narratives(
    folder: Path,
    generator: Path,
    tuned: Path,
    texts: Path,
    associated: Path,
    *,
    stories: Sequence[str],
    listeners: int,
    words: int | None,
    space: str,
    seed: int,
) -> None:
    """Write a small Narratives, with the real one's tree and names.

    It has a ``truth.tsv`` with what was planted.

    Parameters
    ----------
    folder : Path
    generator : Path
        The model that the listeners hear through.
    tuned : Path
        The same model, tuned to associate: an adapter.
    texts : Path
        Folder of ``<story>.txt``.
    associated : Path
        Folder of the files of associations; the listeners have those of the name
        `engram.datasets.simulated.schedule.ASSOCIATED`.
    stories : sequence of str
    listeners : int
    words : int or None
        Words kept of each story.
    space : {"fsaverage5", "fsaverage6"}
    seed : int
    """
    scans = schedule.simulated_facts(texts, stories, listeners, words, seed)
    write_dataset.write_metadata(folder, scans)
    labels = regions()
    write_dataset.write_parcellation(folder, labels)
    cortex = _cortex(labels, space)
    truth = pd.DataFrame(cortex.rois, columns=["hemisphere", "roi"]).drop_duplicates()
    write_dataset.write_table(folder / "truth.tsv", truth.assign(planted=truth["roi"].map(PLANTED)))
    speech = [
        schedule.speak((texts / f"{story}.txt").read_text(encoding="utf-8"), seed + number, words)
        for number, story in enumerate(stories)
    ]
    drives = _drives(
        [[word for word, _, _ in one] for one in speech],
        stories,
        generator,
        tuned,
        associated,
    )
    for number, (story, spoken, driven) in enumerate(zip(stories, speech, drives, strict=True)):
        mine = [fact for fact in scans if fact.story == story]
        rng = np.random.default_rng([seed, number])
        write_dataset.write_stimulus(folder, mine[0], spoken, rng)
        onsets = mine[0].story_onset + np.array([onset for _, onset, _ in spoken])
        _write_scans(folder, mine, onsets, driven, cortex, seed, number)


@dataclass(frozen=True)
class _Cortex:
    """The surface that BOLD is on.

    Attributes
    ----------
    space : str
    labels : dict
        The region of every vertex, by hemisphere.
    inside : dict
        The vertices with a region, by hemisphere.
    rois : list of (hemisphere, roi)
        Of each vertex with a region, both hemispheres after one another.
    """

    space: str
    labels: dict[str, np.ndarray]
    inside: dict[str, np.ndarray]
    rois: list[tuple[str, str]]


def _cortex(labels: Mapping[str, np.ndarray], space: str) -> _Cortex:
    here = {side: names[: VERTICES[space]] for side, names in labels.items()}
    inside = {
        side: np.flatnonzero((names != "") & (names != "Medial_wall"))
        for side, names in here.items()
    }
    rois = [(side, roi) for side, vertices in inside.items() for roi in here[side][vertices]]
    return _Cortex(space, here, inside, rois)


def _write_scans(
    folder: Path,
    scans: Sequence[Fact],
    onsets: np.ndarray,
    drives: Mapping[str, np.ndarray],
    cortex: _Cortex,
    seed: int,
    number: int,
) -> None:
    """Write every scan of a story: what the story evokes in all, and noise of each one's own.

    Parameters
    ----------
    folder : Path
    scans : sequence of Fact
    onsets : array of shape (n_words, )
        Seconds of the scan's clock.
    drives : mapping
        As `engram.datasets.simulated.responses.responses` takes them.
    cortex : _Cortex
    seed, number : int
        Of the study, and the story's place among the others.
    """
    n_trs = int(np.ceil((scans[0].story_end + _TAIL) / TR))
    response = responses(onsets, drives, n_trs, TR, cortex.rois, seed, number)
    for index, fact in enumerate(progress(scans, f"story {scans[0].story}", "scan")):
        rng = np.random.default_rng([seed, number, *fact.scan.encode()])
        # As in the real dataset, scanners do not all stop at the same TR.
        bold = listen(response, STIMULUS_SHARE, rng)[: n_trs - (2 if index == 1 else 0)]
        rest = noise(len(bold), 1, rng)
        write_dataset.write_bold(
            folder, fact, cortex.space, cortex.labels, cortex.inside, bold, rest
        )


def _drives(
    heard: Sequence[Sequence[str]],
    stories: Sequence[str],
    generator: Path,
    tuned: Path,
    associated: Path,
) -> list[dict[str, np.ndarray]]:
    """Return what drives language, tuning and association regions in each story."""
    reader, tuned_reader = activations.load(generator), activations.load(tuned, base=generator)
    table = reader.model.get_input_embeddings().weight.detach().numpy()

    def embed(word: str) -> np.ndarray:
        vector: np.ndarray = table[
            reader.tokenizer(" " + word, add_special_tokens=False)["input_ids"]
        ].sum(0)
        return vector

    language: list[np.ndarray] = []
    tuning: list[np.ndarray] = []
    minds: list[np.ndarray] = []
    for words, story in zip(heard, stories, strict=True):
        for one, layers in ((reader, language), (tuned_reader, tuning)):
            read = activations.story_activations(
                words,
                one,
                mode="strided",
                context=None,
                stride=None,
                pooling="last",
                batch_tokens=8192,
            )
            layers.append(read["activation"][-1].values)
        path = associated / associations_file(story, schedule.ASSOCIATED)
        # A story without a file is heard without associations.
        found = (
            insertions_of(association_files.read_associations(path, 10**9)) if path.exists() else {}
        )
        minds.append(
            thought(
                words, {place: text for place, text in found.items() if place < len(words)}, embed
            )
        )
    parts = {
        "language": components(language),
        "tuning": components(tuning),
        "association": components(minds),
    }
    return [{kind: one[number] for kind, one in parts.items()} for number in range(len(stories))]
