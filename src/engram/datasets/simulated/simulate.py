"""Simulated listeners: known answers in the form of a small Narratives on disk.

People 'hear' one of the project's stories through the frozen weights of a generator model
that no study scores. Some regions follow the generator's last layer, or that of the generator
when it was tuned to associate; some follow what is in mind of the words heard and of the
associations they bring up; some follow the rate of words; some share a response to the story
that nothing here predicts; some share nothing. Regions are vertices around the coordinates
of Dosenbach et al. (2010, Science 329:1358), which nilearn ships with region names; they stand
for regions, and are approximate.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from engram.associations import association_files
from engram.datasets.narratives import facts
from engram.datasets.narratives.facts import Fact
from engram.datasets.narratives.reader import VERTICES
from engram.datasets.simulated import schedule
from engram.datasets.time_courses import zscore
from engram.features.language_models import activations
from engram.files import storage
from engram.jobs.progress import progress
from engram.vocabulary import NARRATIVES_TR, associations_file

#: What drives each region, in the names of nilearn's Dosenbach coordinates.
PLANTED = {
    "temporal": "language",
    "angular gyrus": "language",
    "precuneus": "language",
    "IPL": "association",
    "parietal": "association",
    "post cingulate": "association",
    "vmPFC": "tuning",
    "post insula": "word rate",
    "sup temporal": "word rate",
    "dlPFC": "stimulus",
    "vFC": "stimulus",
    "occipital": "nothing",
    "precentral gyrus": "nothing",
}
#: Share of a listener's variance that is a response to the story, where there is any:
#: scores and ceilings like those of Narratives.
STIMULUS_SHARE = 0.09
#: Words, heard or thought, over which what is in mind decays to 1/e.
_SPAN = 12.0
#: Principal components that drive a region: few, and so such as other models have too.
_COMPONENTS = 2
#: How much the weights of a target differ from those of its region, in the
#: latter's standard deviations.
_SCATTER = 0.5
#: Autocorrelation of the noise from one TR to the next.
_NOISE_AR = 0.4
#: Share of words that the alignment does not recognise, and of those that it finds no time
#: for, as in Narratives.
_UNKNOWN, _UNTIMED = 0.03, 0.02
#: Radius of a region around its coordinate in mm, and thickness under which
#: fsaverage5 is its medial wall.
_RADIUS, _WALL = 6.0, 0.1
#: Seconds of a scan after the story's end.
_TAIL = 12.0


def regions() -> dict[str, np.ndarray]:
    """Return the region of fsaverage6's vertices by hemisphere.

    It is a name, empty for cortex without one, or "Medial_wall".

    nilearn ships fsaverage5, whose vertices are the first of fsaverage6's; the others
    are taken to be the middles of its edges, which is how the one mesh is made from the other
    (in an order of our own).
    """
    from nilearn.datasets import fetch_coords_dosenbach_2010, load_fsaverage, load_fsaverage_data

    atlas = fetch_coords_dosenbach_2010()
    names = np.array([re.sub(r"\s*\d+$", "", label) for label in atlas["labels"]])
    places = np.asarray(atlas["rois"], dtype=float)
    mesh, thickness = (
        load_fsaverage("fsaverage5"),
        load_fsaverage_data(mesh="fsaverage5", data_type="thickness"),
    )
    found = {}
    for side, part, sign in (("L", "left", -1), ("R", "right", 1)):
        vertices = (
            mesh["pial"].parts[part].coordinates + mesh["white_matter"].parts[part].coordinates
        ) / 2
        wall = thickness.data.parts[part] <= _WALL
        faces = mesh["pial"].parts[part].faces
        edges = np.unique(
            np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [0, 2]]]), axis=1),
            axis=0,
        )
        vertices = np.concatenate([vertices, vertices[edges].mean(1)])
        wall = np.concatenate([wall, wall[edges].all(1)])
        here = np.flatnonzero((np.sign(places[:, 0]) == sign) & np.isin(names, list(PLANTED)))
        distance = np.linalg.norm(vertices[:, None] - places[here], axis=2)
        near = names[here][distance.argmin(1)]
        found[side] = np.where(wall, "Medial_wall", np.where(distance.min(1) < _RADIUS, near, ""))
    return found


def in_mind(
    words: Sequence[str], insertions: Mapping[int, str], embed: Callable[[str], np.ndarray]
) -> np.ndarray:
    """Return what is in mind at each word of a story.

    It is the sum of the embeddings of the words heard, and thought, so far, older ones decayed.

    Parameters
    ----------
    words : sequence of str
    insertions : mapping
        Associations, by the index of the word that brings them up.
    embed : callable
        Gives a word's vector.

    Returns
    -------
    array of shape (n_words, n_units)
    """
    text = association_files.with_insertions(words, insertions)
    vectors = np.stack([embed(word) for word in text.words])
    decay, mind = np.exp(-1 / _SPAN), np.zeros(vectors.shape[1])
    course = np.empty_like(vectors)
    for index, vector in enumerate(vectors):
        mind = decay * mind + vector
        course[index] = mind
    return course[text.place]


def components(stories: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the first principal components of all stories' word vectors together, standardised.

    There is one array of shape (n_words, 2) for each story.
    """
    together = np.concatenate(stories)
    centre = together.mean(0)  # without the mean, so that the rate of words has no part in it
    _, _, axes = np.linalg.svd(together - centre, full_matrices=False)
    scale = ((together - centre) @ axes[:_COMPONENTS].T).std(0)
    return [(one - centre) @ axes[:_COMPONENTS].T / scale for one in stories]


def responses(
    onsets: np.ndarray,
    drives: Mapping[str, np.ndarray],
    n_trs: int,
    tr: float,
    regions: Sequence[tuple[str, str]],
    seed: int,
    story_seed: int,
) -> np.ndarray:
    """Return what the story evokes in every target of everybody, before noise.

    Parameters
    ----------
    onsets : array of shape (n_words, )
        Seconds from the beginning of the first row.
    drives : mapping
        language, tuning, association: arrays of shape (n_words, 2) (`components`).
    n_trs, tr : int, float
    regions : sequence of (hemisphere, roi)
        Of each target; `PLANTED` says what drives them.
    seed : int
        Of the wiring of regions and targets, which is the same for all stories.
    story_seed : int
        Of the part of the response that no model has.

    Returns
    -------
    array of shape (n_trs, n_targets)
        Standardised; 0 where the story evokes nothing.
    """
    from nilearn.glm.first_level import glover_hrf

    hrf = glover_hrf(tr, oversampling=1)
    row = np.clip(np.floor(onsets / tr).astype(int), 0, n_trs - 1)

    def by_row(values: np.ndarray) -> np.ndarray:
        events = np.zeros((n_trs, values.shape[1]))
        np.add.at(events, row, values)
        return events

    events = {kind: by_row(values) for kind, values in drives.items()} | {
        "word rate": by_row(np.ones((len(row), 1)))
    }
    signals = np.zeros((n_trs, len(regions)))
    for region in dict.fromkeys(regions):
        kind, mine = (
            PLANTED[region[1]],
            [index for index, one in enumerate(regions) if one == region],
        )
        name = " ".join(region).encode()
        wiring, own = (
            np.random.default_rng([seed, *name]),
            np.random.default_rng([seed, story_seed, *name]),
        )
        mine_alone = own.standard_normal((n_trs, _COMPONENTS))
        driving = mine_alone if kind == "stimulus" else events.get(kind, np.zeros((n_trs, 1)))
        course = np.apply_along_axis(lambda column: np.convolve(column, hrf)[:n_trs], 0, driving)
        n_units = course.shape[1]
        weights = wiring.standard_normal((n_units, 1)) + _SCATTER * wiring.standard_normal(
            (n_units, len(mine))
        )
        # The one course of the word rate has one sign.
        signals[:, mine] = course @ (weights if n_units > 1 else np.ones((1, len(mine))))
    return zscore(signals)


def noise(n_trs: int, n_targets: int, rng: np.random.Generator) -> np.ndarray:
    """Return autocorrelated noise of standard deviation 1, of shape (n_trs, n_targets)."""
    from scipy.signal import lfilter

    white = rng.standard_normal((n_trs + 50, n_targets))
    return zscore(lfilter([1.0], [1.0, -_NOISE_AR], white, axis=0)[50:])


def listen(response: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Return one listener's BOLD: the response, with the given share of the variance, and noise."""
    bold: np.ndarray = np.sqrt(share) * response + np.sqrt(1 - share) * noise(
        response.shape[0], response.shape[1], rng
    )
    return bold


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
    _write_metadata(folder, scans)
    labels = regions()
    _write_parcellation(folder, labels)
    labels = {side: names[: VERTICES[space]] for side, names in labels.items()}
    inside = {
        side: np.flatnonzero((names != "") & (names != "Medial_wall"))
        for side, names in labels.items()
    }
    rois = [(side, roi) for side, vertices in inside.items() for roi in labels[side][vertices]]
    truth = pd.DataFrame(rois, columns=["hemisphere", "roi"]).drop_duplicates()
    _write(folder / "truth.tsv", truth.assign(planted=truth["roi"].map(PLANTED)))
    told = [
        schedule.speak((texts / f"{story}.txt").read_text(encoding="utf-8"), seed + number, words)
        for number, story in enumerate(stories)
    ]
    drives = _drives(
        [[word for word, _, _ in one] for one in told], stories, generator, tuned, associated
    )
    for number, (story, spoken, driven) in enumerate(zip(stories, told, drives, strict=True)):
        mine = [fact for fact in scans if fact.story == story]
        _write_stimulus(folder, mine[0], spoken, np.random.default_rng([seed, number]))
        n_trs = int(np.ceil((mine[0].story_end + _TAIL) / NARRATIVES_TR))
        onsets = mine[0].story_onset + np.array([onset for _, onset, _ in spoken])
        response = responses(onsets, driven, n_trs, NARRATIVES_TR, rois, seed, number)
        for index, fact in enumerate(progress(mine, f"story {story}", "scan")):
            rng = np.random.default_rng([seed, number, *fact.scan.encode()])
            # As in the real dataset, scanners do not all stop at the same TR.
            bold = listen(response, STIMULUS_SHARE, rng)[: n_trs - (2 if index == 1 else 0)]
            _write_bold(folder, fact, space, labels, inside, bold, noise(len(bold), 1, rng))


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
            association_files.insertions_of(association_files.read_associations(path, 10**9))
            if path.exists()
            else {}
        )
        minds.append(
            in_mind(
                words, {place: text for place, text in found.items() if place < len(words)}, embed
            )
        )
    parts = {
        "language": components(language),
        "tuning": components(tuning),
        "association": components(minds),
    }
    return [{kind: one[number] for kind, one in parts.items()} for number in range(len(stories))]


def _write_metadata(folder: Path, scans: Sequence[Fact]) -> None:
    tasks: dict[str, list[str]] = {}
    excluded: dict[str, dict[str, list[str]]] = {}
    for fact in scans:
        subject = f"sub-{fact.subject}"
        tasks.setdefault(subject, [])
        if fact.task not in tasks[subject]:
            tasks[subject].append(fact.task)
        if fact.excluded:
            excluded.setdefault(fact.task, {}).setdefault(subject, []).append(fact.scan)
        audio = f"{fact.stimulus}_audio.wav"
        music = (
            [(fact.audio_onset, fact.story_onset - fact.audio_onset - 2, "music", audio)]
            if fact.story_onset > fact.audio_onset
            else []
        )
        told = (fact.story_onset, fact.story_end - fact.story_onset, "story", audio)
        _write_rows(
            folder / facts.events_file(fact.scan),
            ("onset", "duration", "trial_type", "stim_file"),
            [*music, told],
        )
    rows = [
        (
            subject,
            "n/a",
            "n/a",
            *(",".join(value) for value in (names, ["n/a"] * len(names), ["n/a"] * len(names))),
        )
        for subject, names in tasks.items()
    ]
    _write_rows(
        folder / "participants.tsv",
        ("participant_id", "age", "sex", "task", "condition", "comprehension"),
        rows,
    )
    storage.write_json(folder / "code" / "scan_exclude.json", excluded)
    storage.write_json(
        folder / "dataset_description.json",
        {"Name": "Simulated Narratives, made by Engram", "BIDSVersion": "1.10.0", "License": "CC0"},
    )


def _write_parcellation(folder: Path, labels: dict[str, np.ndarray]) -> None:
    """Write annotations; a label that stands for no region comes first, as in FreeSurfer's."""
    import nibabel

    names = ["Unknown", "Medial_wall", *PLANTED]
    colours = np.array(
        [
            [(37 * index) % 256, (91 * index) % 256, (151 * index) % 256, 0, 0]
            for index in range(1, len(names) + 1)
        ]
    )
    for path, vertices in zip(facts.parcellation_files(), labels.values(), strict=True):
        numbers = np.array([names.index(name) if name else 0 for name in vertices])
        with storage.atomic(folder / path) as temporary:
            nibabel.freesurfer.write_annot(temporary, numbers, colours, names, fill_ctab=True)


def _write_stimulus(
    folder: Path, fact: Fact, spoken: Sequence[tuple[str, float, float]], rng: np.random.Generator
) -> None:
    """Write the alignment, on the audio's clock, and the transcript.

    The alignment has words that were not recognised or found.
    """
    lead = fact.story_onset - fact.audio_onset
    lines = []
    for index, (word, onset, offset) in enumerate(spoken):
        bare = re.sub(r"^\W+|\W+$", "", word) or word
        lost = rng.random() < _UNTIMED and 0 < index < len(spoken) - 1
        aligned = "" if lost else "<unk>" if rng.random() < _UNKNOWN else bare.lower()
        lines.append(
            (
                bare,
                aligned,
                *(("", "") if lost else (f"{onset + lead:.2f}", f"{offset + lead:.2f}")),
            )
        )
    with (
        storage.atomic(folder / facts.alignment_file(fact.stimulus)) as path,
        path.open("w", encoding="utf-8", newline="") as stream,
    ):
        csv.writer(stream, lineterminator="\n").writerows(lines)
    with storage.atomic(folder / facts.transcript_file(fact.stimulus)) as path:
        path.write_text(" ".join(word for word, _, _ in spoken) + "\n", encoding="utf-8")


def _write_bold(
    folder: Path,
    fact: Fact,
    space: str,
    labels: dict[str, np.ndarray],
    inside: dict[str, np.ndarray],
    bold: np.ndarray,
    rest: np.ndarray,
) -> None:
    """Write a scan.

    Cortex outside of the regions repeats one course of noise, which keeps the files small.
    """
    import nibabel

    done = 0
    for path, (side, names) in zip(
        facts.bold_files(facts.SIMULATED_PIPELINE, space, fact.scan), labels.items(), strict=True
    ):
        values = np.repeat(rest.astype(np.float32), VERTICES[space], axis=1)
        values[:, names == "Medial_wall"] = np.nan
        values[:, inside[side]] = bold[:, done : done + len(inside[side])]
        done += len(inside[side])
        arrays = [
            nibabel.gifti.GiftiDataArray(row, intent="NIFTI_INTENT_TIME_SERIES") for row in values
        ]
        with storage.atomic(folder / path) as temporary:
            nibabel.save(nibabel.gifti.GiftiImage(darrays=arrays), temporary)


def _write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    _write(path, pd.DataFrame(rows, columns=list(columns)))


def _write(path: Path, table: pd.DataFrame) -> None:
    with storage.atomic(path) as temporary:
        table.to_csv(temporary, sep="\t", index=False, na_rep=storage.MISSING)
