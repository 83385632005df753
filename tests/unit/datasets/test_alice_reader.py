"""Alice's reader: on made files, and on the real ones where a mirror has them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import story_bold

from engram.datasets import readers
from engram.datasets.alice import reader as alice
from engram.errors import EngramError
from engram.words import stories

OPTIONS: dict[str, Any] = {
    "confounds": True,
    "high_pass": None,
    "targets": "all",
    "average": True,
    "trim": 0,
    "tail": 4.0,
}

# ---------------------------------------------------------------- Alice, on made files
ANNOTATIONS = [
    ("There", "1.0", "1.5"),
    ("are", "", ""),
    ("she", "2", "2.25"),
    ("ll", "", ""),
    ("was", "2.5", "3"),
    ("nt", "", ""),
    ("Alice", "3", "3.5"),
    ("\u2019s", "", ""),
    ("Dinah", "4", "4.5"),
    ("s", "", ""),
    ("don\u2019t", "5", "4.75"),
]


def alice_folder(
    folder: Path, subject: str = "18", rows: int = 20, motion: tuple[str, ...] = ("x",)
) -> alice.AliceDataset:
    """Write files of the published format."""
    rng = np.random.default_rng(0)
    lines = ["\t".join((word, onset, offset, "1")) for word, onset, offset in ANNOTATIONS]
    (folder / "annotations.tsv").write_text(
        "\n".join(["Words\tWord Onset\tWord Offset\tIsLex", *lines]) + "\n", encoding="utf-8"
    )
    (folder / "6mm").mkdir()
    np.savetxt(
        folder / "6mm" / f"s{subject}-timecourses.txt", rng.normal(100, 1, (rows, 6)), fmt="  %.7e"
    )
    for name in motion:
        np.savetxt(
            folder / f"s{subject}-rp_{name}.txt", np.arange(rows + 10)[:, None] + np.arange(6) / 10
        )
    return alice.AliceDataset(folder, "6mm")


def test_alice_clitics_join_the_word_before_them(tmp_path: Path) -> None:
    words = alice_folder(tmp_path).words("alice")
    assert words["word"].tolist() == [
        "There are",
        "she'll",
        "wasn't",
        "Alice's",
        "Dinah's",
        "don't",
    ]
    assert words["onset"].tolist() == [1, 2, 2.5, 3, 4, 5]
    # The last one ended before it began.
    assert words["offset"].tolist() == [1.5, 2.25, 3, 3.5, 4.5, 5]
    assert list(words.columns) == ["word", "onset", "offset", "sentence_end"]
    assert words["sentence_end"].dtype == bool


def test_alice_time_courses_and_motion_have_the_same_rows(tmp_path: Path) -> None:
    dataset = alice_folder(tmp_path)
    series, motion = dataset.timeseries("18", "alice"), dataset.confounds("18", "alice")
    assert motion is not None
    assert series.dtype == np.float32
    assert series.shape == motion.shape == (20, 6)
    # The first ten volumes were dropped.
    np.testing.assert_allclose(motion[0], 10 + np.arange(6) / 10, rtol=1e-6)
    assert dataset.start("18", "alice") == 10 * dataset.tr == 20


def test_alice_targets(tmp_path: Path) -> None:
    targets = readers.open_dataset({"reader": "alice", "spheres": "10mm"}, tmp_path).targets()
    rows = ["LATL L ATL", "RATL R ATL", "LPTL L PTL", "LIPL L IPL", "LPreM L PreM", "LIFG L IFG"]
    assert targets.to_numpy().tolist() == [row.split() for row in rows]


@pytest.mark.parametrize("motion", [(), ("x", "y")])
def test_alice_needs_one_file_of_motion(motion: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(
        EngramError,
        match=(
            "sub-18: one file of motion parameters was expected .* found "
            f"{len(motion)}.*--forcerun fetch_alice"
        ),
    ):
        alice_folder(tmp_path, motion=motion).confounds("18", "alice")


def test_alice_files_that_are_gone(tmp_path: Path) -> None:
    dataset = alice.AliceDataset(tmp_path, "6mm")
    with pytest.raises(EngramError, match=r"annotations.tsv' was fetched once and is gone"):
        dataset.words("alice")
    with pytest.raises(EngramError, match=r"s18-timecourses.txt' was fetched once and is gone"):
        dataset.timeseries("18", "alice")


# ---------------------------------------------------------------- Alice, the real files
@pytest.fixture(scope="module")
def real_alice(mirror: Path) -> alice.AliceDataset:
    if not (mirror / "alice").is_dir():
        pytest.skip("the mirror has no Alice dataset")
    return alice.AliceDataset(mirror / "alice", "6mm")


def test_real_alice_words(real_alice: alice.AliceDataset) -> None:
    words = real_alice.words("alice")
    rows = (real_alice.folder / "annotations.tsv").read_text(encoding="utf-8").splitlines()[1:]
    assert len(words) == 2101
    assert len(rows) - len(words) == 31
    assert sum(row.split("\t")[1] == "" for row in rows) == 31
    assert (words["onset"].diff().dropna() >= 0).all()
    assert (words["offset"] >= words["onset"]).all()
    assert words["sentence_end"].sum() == 75
    assert words["sentence_end"].iloc[-1]
    assert not words["word"].str.contains("\u2019").any()
    assert {"There are", "don't", "she'll"} <= set(words["word"])


def test_real_alice_story(real_alice: alice.AliceDataset) -> None:
    table = stories.words_table(real_alice.words("alice"), 15, "alice")
    assert (table["timed"] == "true").all()
    assert (table["sentence_source"] == "dataset").all()
    assert table["sentence"].iloc[[0, -1]].tolist() == [0, 74]


def test_real_alice_listeners(real_alice: alice.AliceDataset) -> None:
    paths = (real_alice.folder / "6mm").glob("s*-timecourses.txt")
    subjects = sorted(
        {
            match[1]
            for path in paths
            if (match := re.fullmatch(r"s(\d+)-timecourses.txt", path.name))
        }
    )
    assert len(subjects) == 28
    words = stories.words_table(real_alice.words("alice"), 15, "alice")
    _, table = story_bold(
        real_alice, "alice", [subject for subject in subjects if subject != "33"], words, **OPTIONS
    )
    assert table[["n_trs", "n_targets", "n_confounds"]].drop_duplicates().to_numpy().tolist() == [
        [362, 6, 6]
    ]
    assert len(table) == 27
    with pytest.raises(
        EngramError,
        match=(
            r"s33-timecourses.txt: target 'LATL' is constant; 6 of 6 targets "
            r"are.*exclude: {'33': reason}"
        ),
    ):
        real_alice.timeseries("33", "alice")
