"""Files of simulated listeners, in the tree of Narratives and under its names."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from engram.datasets.images.surfaces import VERTICES
from engram.datasets.narratives import layout
from engram.datasets.narratives.facts import Fact
from engram.datasets.simulated.planted import PLANTED
from engram.files import storage
from engram.files.cells import MISSING

#: Share of words that the alignment does not recognise, and of those that it finds no time
#: for, as in Narratives.
_UNKNOWN, _UNTIMED = 0.03, 0.02


def write_metadata(folder: Path, scans: Sequence[Fact]) -> None:
    """Write participants, exclusions and the events of every scan."""
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
        story_event = (fact.story_onset, fact.story_end - fact.story_onset, "story", audio)
        _write_rows(
            folder / layout.events_file(fact.scan),
            ("onset", "duration", "trial_type", "stim_file"),
            [*music, story_event],
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


def write_parcellation(folder: Path, labels: dict[str, np.ndarray]) -> None:
    """Write annotations; a label that stands for no region comes first, as in FreeSurfer's."""
    import nibabel

    names = ["Unknown", "Medial_wall", *PLANTED]
    colours = np.array(
        [
            [(37 * index) % 256, (91 * index) % 256, (151 * index) % 256, 0, 0]
            for index in range(1, len(names) + 1)
        ]
    )
    for path, vertices in zip(layout.parcellation_files(), labels.values(), strict=True):
        numbers = np.array([names.index(name) if name else 0 for name in vertices])
        with storage.atomic(folder / path) as temporary:
            nibabel.freesurfer.write_annot(temporary, numbers, colours, names, fill_ctab=True)


def write_stimulus(
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
        storage.atomic(folder / layout.alignment_file(fact.stimulus)) as path,
        path.open("w", encoding="utf-8", newline="") as stream,
    ):
        csv.writer(stream, lineterminator="\n").writerows(lines)
    with storage.atomic(folder / layout.transcript_file(fact.stimulus)) as path:
        path.write_text(" ".join(word for word, _, _ in spoken) + "\n", encoding="utf-8")


def write_bold(
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
        layout.bold_files(layout.SIMULATED_PIPELINE, space, fact.scan), labels.items(), strict=True
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
    write_table(path, pd.DataFrame(rows, columns=list(columns)))


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as TSV, whole or not at all."""
    with storage.atomic(path) as temporary:
        table.to_csv(temporary, sep="\t", index=False, na_rep=MISSING)
