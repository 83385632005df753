"""Tables of norms: both forms, other columns, capitals, phrases, bad counts; cues by lemma."""

from __future__ import annotations

from pathlib import Path

import pytest

from engram.associations.norms.english import cue_of, parts_of_speech
from engram.associations.norms.known import KNOWN_NORMS
from engram.associations.norms.table import Norms, read_norms
from engram.errors import EngramError
from engram.fetch.pinned_files import read_pins
from engram.paths import NORMS_PINS


def read(folder: Path, text: str, name: str = "norms.tsv", **columns: str) -> Norms:
    """The norms of a table with this text."""
    path = folder / name
    path.write_bytes(text.encode())
    return read_norms(path, columns)


def said(norms: Norms, cue: str) -> dict[str, int]:
    """What was said to a cue, and how often."""
    return {one.text: one.count for one in norms.responses[cue]}


def test_both_forms_say_the_same(tmp_path: Path) -> None:
    rows = read(tmp_path, "cue\tresponse\tR123\nsea\tship\t7\nsea\tsalt\t9\nlamp\toil\t3\n")
    edges = read(tmp_path, "N\tENGLISH\tEDGES\r\n1\tSEA\tSHIP:7;SALT:9\r\n2\tLAMP\tOIL:3\r\n")
    assert rows.responses == edges.responses and rows.said == edges.said
    assert said(rows, "sea") == {"salt": 9, "ship": 7}
    assert [one.text for one in rows.responses["sea"]] == ["salt", "ship"]  # the strongest first
    assert rows.is_response("sea", "Salt") and not rows.is_response("lamp", "salt")


def test_columns_of_other_names_are_named_by_the_user(tmp_path: Path) -> None:
    text = "Stichwort\tAntwort\tAnzahl\nsea\tship\t7\n"
    with pytest.raises(EngramError) as error:
        read(tmp_path, text)
    assert "['Stichwort', 'Antwort', 'Anzahl']" in str(error.value)
    assert "cue or response or count" in str(error.value)
    assert "norms: {columns: {cue: ..., response: ..., count: ...}}" in str(error.value)
    found = read(tmp_path, text, cue="Stichwort", response="Antwort", count="Anzahl")
    assert said(found, "sea") == {"ship": 7}
    with pytest.raises(EngramError, match=r"lacks the column\(s\) \['Zahl'\]"):
        read(tmp_path, text, cue="Stichwort", response="Antwort", count="Zahl")


def test_case_apart_is_the_same_and_rows_that_are_twice_there_are_added(tmp_path: Path) -> None:
    norms = read(tmp_path, "cue\tresponse\tcount\nSea\tShip\t2\nsea\tship\t3\nSEA\tbig  wave\t1\n")
    assert said(norms, "sea") == {"Ship": 5, "big wave": 1}
    assert norms.said["ship"] == 5


def test_a_table_in_capitals_is_put_into_small_letters(tmp_path: Path) -> None:
    capitals = read(tmp_path, "cue\tresponse\tcount\nSEA\tBIG WAVE\t2\n")
    assert said(capitals, "sea") == {"big wave": 2}
    mixed = read(tmp_path, "cue\tresponse\tcount\nsea\tNorth Sea\t2\nsea\tsalt\t1\n")
    assert said(mixed, "sea") == {"North Sea": 2, "salt": 1}


def test_entities_of_html_and_nameless_or_wordless_responses(tmp_path: Path) -> None:
    norms = read(tmp_path, "ENGLISH\tEDGES\nSWIM\tCAN&#39;T:3;:1;52:4;RUN:2;\nEMPTY\t\n")
    assert said(norms, "swim") == {"can't": 3, "run": 2}
    assert said(norms, "empty") == {}


@pytest.mark.parametrize(
    ("cell", "shown"), [("-3", "'-3'"), ("many", "'many'"), ("0.25", "'0.25'"), ("n/a", "nothing")]
)
def test_a_count_that_is_none_is_named_with_its_line(tmp_path: Path, cell: str, shown: str) -> None:
    with pytest.raises(EngramError) as error:
        read(tmp_path, f"cue\tresponse\tcount\nsea\tship\t7\nsea\tsalt\t{cell}\n")
    assert "line 3, column 'count'" in str(error.value) and shown in str(error.value)


def test_other_faults_are_named_with_their_line(tmp_path: Path) -> None:
    with pytest.raises(EngramError, match=r"line 2, column 'EDGES': 'SHIP' has no count"):
        read(tmp_path, "ENGLISH\tEDGES\nSEA\tSHIP;SALT:9\n")
    with pytest.raises(EngramError, match="line 3: no cue"):
        read(tmp_path, "cue\tresponse\tcount\nsea\tship\t7\n\tsalt\t1\n")
    with pytest.raises(EngramError, match="not one response that can be written"):
        read(tmp_path, "cue\tresponse\tcount\nsea\t12\t7\nlamp\tn/a\tn/a\n")
    with pytest.raises(EngramError, match="it is empty"):
        read(tmp_path, "")
    with pytest.raises(EngramError, match="UTF-8"):
        (tmp_path / "latin.tsv").write_bytes(
            "cue\tresponse\tcount\nsea\tcaf\xe9\t7\n".encode("latin-1")
        )
        read_norms(tmp_path / "latin.tsv", {})


def test_commas_separate_cells_in_a_csv_file(tmp_path: Path) -> None:
    text = 'cue,response,count\nsea,"ship, big",7\n'
    assert said(read(tmp_path, text, "norms.csv"), "sea") == {"ship, big": 7}
    # Some tables that end so have tabs all the same.
    assert said(
        read(tmp_path, text.replace('"ship, big"', "ship").replace(",", "\t"), "x.csv"), "sea"
    )
    with pytest.raises(EngramError, match="separated by commas"):
        read(tmp_path, text, "norms.tsv")


def test_a_word_finds_the_cue_that_it_is_a_form_of() -> None:
    cues = {"go", "think", "door", "lady", "hope", "stop", "child", "see", "even", "wolf"}
    cases = {
        "went": "go", "Thought": "think", "doors": "door", "ladies": "lady", "hoped": "hope",
        "stopped": "stop", "children": "child", "saw": "see", "wolves": "wolf", "door's": "door",
        "evening": None, "king": None, "sea": None,
    }  # fmt: skip
    assert {word: cue_of(word, cues) for word in cases} == cases
    # What the table has as it stands is taken as it stands.
    assert cue_of("doors", cues | {"doors"}) == "doors"


def test_parts_of_speech_are_those_that_a_word_can_be() -> None:
    assert parts_of_speech("Sister") == "n" and "v" in parts_of_speech("walk")
    assert parts_of_speech("xyzzy") == ""


def test_known_tables_are_pinned() -> None:
    pinned = {file.path: file for file in read_pins(NORMS_PINS)}
    for known in KNOWN_NORMS.values():
        file = pinned[known.file]
        assert len(file.digest) == 64 and "/9010c67f6e1fefbdb1c0761b5dfd69f932e77441/" in file.url
