"""Broken configurations and files.

They give an error that a user can read, or a result that holds what was read; never anything else.
"""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, random_words, regions
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engram.associations import association_files
from engram.bold.story_bold import story_bold
from engram.datasets.narratives.facts import read_facts
from engram.datasets.tables.reader import TableDataset, TableWords
from engram.errors import EngramError
from engram.study.config.read import read_study
from engram.study.config.study import Study
from engram.study.plan import make_plan
from engram.words import stories

FAST = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)

#: What people and programs write into cells.
CELLS = [
    "",
    "n/a",
    "nan",
    "inf",
    "-inf",
    "1e309",
    "-1",
    "1,5",
    "0x10",
    "null",
    "True",
    '"',
    '"a',
    "'",
    "\\",
    "é",
    "\u2028",
    "\x00",
    "\r",
    " 1 ",
    "1e-320",
    "一",
]
#: Changes of a file: of a cell, a line, the whole.
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("cell"), st.integers(0, 999), st.integers(0, 99), st.sampled_from(CELLS)),
        st.tuples(
            st.sampled_from(["drop line", "double line", "swap lines", "cut line"]),
            st.integers(0, 999),
            st.integers(0, 99),
            st.just(""),
        ),
        st.tuples(
            st.sampled_from(["truncate", "insert"]),
            st.integers(0, 9999),
            st.integers(0, 255),
            st.just(""),
        ),
        st.tuples(
            st.sampled_from(["line ends", "byte order mark", "commas", "utf-16", "empty"]),
            st.just(0),
            st.just(0),
            st.just(""),
        ),
    ),
    min_size=1,
    max_size=3,
)


def broken(text: str, changes: list[tuple[str, int, int, str]]) -> bytes:
    """Return a table's text after changes."""
    content = text.encode()
    for kind, first, second, value in changes:
        lines = content.decode("utf-8", errors="surrogateescape").split("\n")
        at = first % len(lines)
        cells = lines[at].split("\t")
        if kind == "cell":
            cells[second % len(cells)] = value
            lines[at] = "\t".join(cells)
        elif kind == "drop line":
            del lines[at]
        elif kind == "double line":
            lines.insert(at, lines[at])
        elif kind == "swap lines":
            lines[at], lines[second % len(lines)] = lines[second % len(lines)], lines[at]
        elif kind == "cut line":
            lines[at] = "\t".join(cells[: second % len(cells)])
        elif kind == "line ends":
            lines = "\r\n".join(lines).split("\n")
        elif kind == "commas":
            lines = [line.replace("\t", ",") for line in lines]
        content = "\n".join(lines).encode("utf-8", errors="surrogateescape")
        if kind == "truncate":
            content = content[: first % (len(content) + 1)]
        elif kind == "insert":
            content = (
                content[: first % (len(content) + 1)]
                + bytes([second])
                + content[first % (len(content) + 1) :]
            )
        elif kind == "byte order mark":
            content = b"\xef\xbb\xbf" + content
        elif kind == "utf-16":
            content = content.decode("utf-8", errors="replace").encode("utf-16")
        elif kind == "empty":
            content = b""
    return content


def readable(error: EngramError) -> bool:
    """Tell whether a message names a file or a story and says more than what a library said."""
    return len(str(error)) > 30 and bool(re.search(r"'.+'|story ", str(error)))


WORDS = random_words(12).to_csv(sep="\t", index=False)


@FAST
@given(changes=CHANGES)
def test_words(changes: list[tuple[str, int, int, str]], tmp_path: Path) -> None:
    path = tmp_path / "story-tale_words.tsv"
    path.write_bytes(broken(WORDS, changes))
    try:
        read = TableWords(tmp_path).words("tale")
        table = stories.words_table(read, 15, "tale")
    except EngramError as error:
        assert readable(error), str(error)
        return
    content = path.read_bytes()
    text = content.decode("utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8")
    assert len(table) == len(
        [line for line in text.replace("\r\n", "\n").split("\n")[1:] if line.strip()]
    ), "a row of the file is no word, or two"
    assert table["word"].str.strip().ne("").all() and table["word"].notna().all()
    times = table[["onset", "offset"]].to_numpy()
    assert (
        np.isfinite(times).all()
        and (np.diff(times[:, 0]) >= 0).all()
        and (times[:, 1] >= times[:, 0]).all()
    )
    assert (np.diff(table["sentence"]) >= 0).all()


ASSOCIATIONS = "after_word\ttext\tgranularity\tannotator\tnote\n" + "".join(
    f"{place}\tas if {place}\tword\tmanual\t\n" for place in (1, 4, 9)
)


@FAST
@given(changes=CHANGES)
def test_associations(changes: list[tuple[str, int, int, str]], tmp_path: Path) -> None:
    path = tmp_path / "story-tale_associations-mine.tsv"
    path.write_bytes(broken(ASSOCIATIONS, changes))
    try:
        found = association_files.read_associations(path, 12)
        association_files.check_name("mine", found, path)
    except EngramError as error:
        assert readable(error), str(error)
        return
    places = [one.after_word for one in found]
    assert places == sorted(set(places)) and places[0] >= 0 and places[-1] < 12
    assert all(one.text.strip() and one.annotator.strip() and "\t" not in one.text for one in found)


RNG = np.random.default_rng(0)
SERIES = pd.DataFrame(
    RNG.standard_normal((30, 4)), columns=[f"t{number}" for number in range(4)]
).to_csv(sep="\t", index=False, float_format="%.4f")
TARGETS = regions(4).to_csv(sep="\t", index=False)


@settings(FAST, max_examples=25)
@given(changes=CHANGES, which=st.sampled_from(["series", "targets", "confounds"]))
def test_time_series(changes: list[tuple[str, int, int, str]], which: str, tmp_path: Path) -> None:
    files = {"series": SERIES, "targets": TARGETS, "confounds": SERIES.replace("t", "c")}
    names = {
        "series": "sub-01_story-tale_timeseries.tsv",
        "targets": "targets.tsv",
        "confounds": "sub-01_story-tale_confounds.tsv",
    }
    for name, text in files.items():
        (tmp_path / names[name]).write_bytes(
            broken(text, changes) if name == which else text.encode()
        )
    words = pd.DataFrame(
        {"word": ["a"] * 8, "onset": np.arange(8) * 3.0, "offset": np.arange(8) * 3.0 + 1}
    )
    how = {
        "confounds": True,
        "high_pass": None,
        "targets": "all",
        "average": True,
        "trim": 0,
        "tail": 8.0,
    }
    try:
        result, scans = story_bold(
            TableDataset(tmp_path, 1.5, 0.0),
            "tale",
            ["01"],
            words,
            **how,  # type: ignore[arg-type]
        )
    except EngramError as error:
        assert readable(error), str(error)
        return
    values = result["bold"].values.astype(float)
    assert (
        np.isfinite(values).all()
        and values.shape[1] == scans["n_rows"].iloc[0]
        and (np.ptp(values, axis=1) > 0).all()
    )
    assert set(result["target"].values.tolist()) <= {
        line.split("\t")[0] for line in (tmp_path / "targets.tsv").read_text().splitlines()[1:]
    }


FACTS = (
    "subject\ttask\trun\tstory\tstimulus\taudio_onset\tstory_onset\tstory_end\texcluded\n"
    + "".join(f"00{number}\tpieman\tn/a\tpieman\tpieman\t0\t15\t437\tn/a\n" for number in (1, 2, 3))
)


@FAST
@given(changes=CHANGES)
def test_facts(changes: list[tuple[str, int, int, str]], tmp_path: Path) -> None:
    path = tmp_path / "facts.tsv"
    path.write_bytes(broken(FACTS, changes))
    try:
        found = read_facts(path)
    except EngramError as error:
        assert readable(error), str(error)
        return
    assert all(one.subject and one.story and one.stimulus for one in found)
    assert all(
        np.isfinite([one.audio_onset, one.story_onset, one.story_end]).all()
        and one.story_end > one.story_onset
        for one in found
    )


VALID = [
    yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())
    for name in ("config", "tiny", "alice", "narratives")
]
#: What stands in configurations that are wrong.
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 10**7), st.floats(), st.text(max_size=12),
    st.just([]), st.just({}), st.lists(st.integers(-2, 9), max_size=3),
    st.sampled_from(["../x", "auto", "cuda", "001", "1e-4", "n/a", "mirror:x", "nilearn:x", "~",
        "original", "average", "word-rate", "manual"]),
    st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.text(max_size=5)), max_size=2),
)  # fmt: skip


def places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of everything in a configuration."""
    below = (
        content.items()
        if isinstance(content, dict)
        else enumerate(content)
        if isinstance(content, list)
        else ()
    )
    return [path, *(place for key, value in below for place in places(value, (*path, key)))][
        0 if path else 1 :
    ]


@pytest.mark.slow
@settings(FAST, max_examples=100)
@given(data=st.data())
def test_configurations(data: st.DataObject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    content = copy.deepcopy(data.draw(st.sampled_from(VALID)))
    for _ in range(data.draw(st.integers(1, 3))):
        where = data.draw(st.sampled_from(places(content)))
        holder = content
        for key in where[:-1]:
            holder = holder[key]
        change = data.draw(st.sampled_from(["value", "value", "value", "key", "drop"]))
        if change == "drop":
            del holder[where[-1]]
        elif change == "key" and isinstance(holder, dict):
            holder[
                data.draw(
                    st.one_of(
                        st.text(max_size=8),
                        st.sampled_from(
                            [*Study.model_fields, "path", "tr", "kind", "base", "only"]
                        ),
                    )
                )
            ] = holder.pop(where[-1])
        else:
            holder[where[-1]] = data.draw(VALUES)
        if not places(content):
            break
    try:
        study = read_study(content)
        plan = make_plan(study)
    except EngramError as error:
        assert len(str(error)) > 30 and "Traceback" not in str(error)
        return
    assert plan.dataset.scans and plan.groups and plan.stories
    assert all(
        "/" not in name
        for name in [
            study.study,
            *study.models,
            *plan.stories,
            *plan.groups,
            *(scan.subject for scan in plan.dataset.scans),
        ]
    )
