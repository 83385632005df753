"""What a study with norms of word association asks for, refuses, and depends on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engram.errors import EngramError
from engram.preflight.machine_checks import FINE, LOOK, STOP
from engram.preflight.norms_checks import norms_checks
from engram.study.association_plan import control_counts, n_null_texts
from engram.study.config.read import read_study
from engram.study.config.study import Study
from engram.study.needs import need
from engram.study.plan import Plan, make_plan
from engram.study.stages import associations, norms, preflight


def planned(texts: dict[str, Any], **changes: Any) -> tuple[Study, Plan]:
    """A study of simulated listeners with these texts, and its plan."""
    raw: dict[str, Any] = {
        "study": "mine",
        "dataset": {"kind": "simulated", "stories": ["lighthouse", "market"], "n_listeners": 6},
        "models": {"gpt2-tiny": {"source": "resources/models/gpt2-tiny"}},
        "associations": texts,
        **changes,
    }
    study = read_study(raw)
    return study, make_plan(study)


def from_norms(**keys: Any) -> dict[str, Any]:
    """The section of a text that comes from norms."""
    return {"annotator": {"norms": {"table": "kiss1973", **keys}}}


BOTH = {
    "word-judged": {},
    "norms-strong": from_norms(both_strengths=True),
    "norms-weak": from_norms(both_strengths=True, response="weak"),
    "norms-word": from_norms(),
}


@pytest.mark.parametrize(
    ("annotator", "said"),
    [
        ({}, "here is neither"),
        ({"model": "x", "norms": {"table": "kiss1973"}}, "here are both"),
        ({"norms": {"table": "kiss1973"}, "every": 4}, "every belong to a model that writes"),
        ({"norms": {}}, "associations.text.annotator.norms.table: is needed"),
        ({"norms": {"table": "kiss1973", "least": 2}}, "Did you mean 'least_count'"),
        ({"norms": {"table": "kiss1973", "response": "best"}}, "'strongest', 'drawn' or 'weak'"),
        ({"norms": {"table": "kiss1973", "columns": {"cues": "x"}}}, "Did you mean 'cue'"),
        ({"norms": {"table": "there/is.none"}}, "there is no file 'there/is.none'.*kiss1973"),
    ],
)
def test_a_section_that_is_wrong_is_refused(annotator: dict[str, Any], said: str) -> None:
    with pytest.raises(EngramError, match=said):
        planned({"text": {"annotator": annotator}})


def test_the_name_of_people_is_not_for_norms() -> None:
    with pytest.raises(EngramError, match="people wrote the text"):
        planned({"word-manual": from_norms()})


def test_dealt_texts_take_the_place_of_random_ones() -> None:
    study, _ = planned(BOTH)
    counts = control_counts(study, "word-judged")
    assert (counts["random"], counts["dealt"], counts["cues"]) == (39, 0, 0)
    counts = control_counts(study, "norms-word")
    assert (counts["random"], counts["dealt"], counts["cues"], counts["shuffled"]) == (0, 39, 5, 5)
    assert (n_null_texts(study, "word-judged"), n_null_texts(study, "norms-word")) == (39, 39)
    for controls, dealt in (({"random": 99}, 99), ({"random": 9}, 39), ({"dealt": 3}, 3)):
        study, _ = planned(BOTH, association_effect={"controls": controls})
        assert control_counts(study, "norms-word")["dealt"] == dealt


def test_what_is_written_from_norms_and_of_which_texts_strength_is_tested() -> None:
    study, plan = planned(BOTH)
    texts = ["norms-strong", "norms-weak", "norms-word"]
    assert [key["text"] for key in norms.jobs(study, plan)[::2]] == texts
    path = "<results>/associations/norms/story-market_associations-norms-word.tsv"
    assert associations.written(study, plan, "market", "norms-word") == [path]
    assert norms.manifest(study, plan, "norms-word") == ["<downloads>/norms/kiss1973.tsv"]
    assert norms.strength_pairs(study) == [("norms-strong", "norms-weak")]
    assert {key["text"] for key in norms.strength_jobs(study, plan)} == set(texts[:2])
    shown = [f"<results>/tables/association_{name}.tsv" for name in ("coverage", "strength")]
    assert norms.shown_tables(study, plan) == shown
    other = {**BOTH, "norms-weak": from_norms(both_strengths=True, response="weak", least_count=3)}
    assert norms.strength_pairs(planned(other)[0]) == []
    assert norms.shown_tables(*planned({"word-judged": {}})) == []


def test_settings_of_norms_rerun_their_own_text_alone() -> None:
    before, after = planned(BOTH), planned({**BOTH, "norms-word": from_norms(least_count=3)})
    changed = [
        text
        for text in BOTH
        if associations.texts_depend_on(*before, text) != associations.texts_depend_on(*after, text)
    ]
    assert changed == ["norms-word"]
    assert norms.depends_on(*before, "norms-word") != norms.depends_on(*after, "norms-word")
    few = planned(BOTH, association_effect={"controls": {"dealt": 40, "cues": 1}})
    assert [
        text
        for text in BOTH
        if associations.texts_depend_on(*before, text) != associations.texts_depend_on(*few, text)
    ] == ["norms-strong", "norms-weak", "norms-word"]


def test_a_table_of_the_users_is_read_by_its_path(tmp_path: Path) -> None:
    table = tmp_path / "mine.tsv"
    table.write_text("cue\tresponse\tcount\nsea\tship\t7\n")
    study, plan = planned({"norms-mine": from_norms(table=str(table))})
    assert norms.manifest(study, plan, "norms-mine") == []
    assert norms.reads(study, plan, "norms-mine")["files"] == [str(table)]
    assert associations.texts_read(study, plan, "market", "norms-mine")["files"] == [str(table)]
    config = norms.depends_on(study, plan, "norms-mine")
    assert (config["name"], config["file"]) == ("mine", str(table))
    assert config["described"] == "associations of people to single words, not to this story"
    assert "1970s" in norms.depends_on(*planned(BOTH), "norms-word")["described"]


def test_texts_of_norms_take_what_their_control_texts_take() -> None:
    study, plan = planned(BOTH)
    key = {"story": "market", "model": "gpt2-tiny"}
    taken = {
        text: need(study, plan, "text_activations", {**key, "text": text}).seconds
        for text in ("word-judged", "norms-word")
    }
    assert taken["norms-word"] > taken["word-judged"]  # the texts of other cues are more


def test_preflight_says_what_is_covered(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    nouns = ["harbour", "lamp", "sister", "garden", "bread", "winter", "horse", "candle"]
    words = [word for noun in nouns * 6 for word in ("and", "then", "the", noun)]
    rows = [f"{word}\t{k}\t{k + 1}" for k, word in enumerate(words)]
    (folder / "story-one_words.tsv").write_text("\n".join(["word\tonset\toffset", *rows]) + "\n")
    good, poor = tmp_path / "good.tsv", tmp_path / "poor.tsv"
    good.write_text(
        "cue\tresponse\tcount\n" + "".join(f"{noun}\t{noun[:3]}ox\t9\n" for noun in nouns)
    )
    poor.write_text("cue\tresponse\tcount\nzebra\tstripe\t9\n")
    data = {
        "folder": str(folder),
        "stories": {
            "one": {
                "words": {
                    "dataset": {"reader": "tables"},
                    "stories": {"pseudo_sentence": 15},
                    "language": "en",
                },
            }
        },
    }
    study, plan = planned({"a": from_norms(table=str(good)), "b": from_norms(table=str(poor))})
    config = {
        text: {**norms.depends_on(study, plan, text), "here": norms.here(study, text)}
        for text in ("a", "b")
    }
    config["c"] = {**config["a"], "here": None}
    found = norms_checks(config, data)
    assert [one.state for one in found] == [FINE, STOP, LOOK]
    assert "48 of 48 content words (100%)" in found[0].found
    assert "covers hardly anything" in found[1].found
    (tmp_path / "bad.tsv").write_text("cue\tresponse\tcount\nsea\tship\t-2\n")
    config["b"]["here"] = str(tmp_path / "bad.tsv")
    alone = norms_checks(config, {"folder": None, "stories": {}})
    assert [one.state for one in alone] == [FINE, STOP, LOOK]
    assert "8 cues with responses" in alone[0].found and "'-2'" in alone[1].found
    assert preflight.depends_on(study, plan, False)["norms"]["a"]["here"] == str(good)
