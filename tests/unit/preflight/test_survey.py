"""Preflight's look at the data: what there is, every fault at once, and the clock."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import write_table_study

from engram.datasets.tables.reader import TableDataset
from engram.preflight import machine_checks
from engram.preflight.survey import StorySurvey, survey, survey_table
from engram.study.config.read import read_study
from engram.study.model_shapes import ModelShape, model_shape, shape_of
from engram.study.needs import need
from engram.study.plan import make_plan
from engram.study.reading_operations import reading_operations
from engram.study.stages.preflight import all_jobs

TARGETS = pd.DataFrame({"target": ["t1", "t2"], "hemisphere": ["L", "R"], "roi": ["a", "a"]})
ONSETS = np.arange(60) * 1.0
WORDS = pd.DataFrame({"word": ["word"] * 60, "onset": ONSETS, "offset": ONSETS + 0.5})
SCANS: dict[str, Any] = {
    "bold": {
        "average": True,
        "confounds": True,
        "high_pass": None,
        "tail": 4.0,
        "targets": "all",
        "trim": 0,
    },
    "dataset": {"reader": "tables", "start": 2.0, "tr": 2.0},
    "subjects": ["a", "b", "c"],
}


def study(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    write_table_study(folder, {name: rng.normal(100, 1, (40, 2)) for name in "abc"}, WORDS, TARGETS)
    return folder


def surveyed(folder: Path, **changes: Any) -> StorySurvey:
    return survey(
        "tale",
        folder,
        {"dataset": {"reader": "tables"}, "stories": {"pseudo_sentence": 20}, "language": "en"},
        {**SCANS, **changes},
    )


def test_a_story_is_described(tmp_path: Path) -> None:
    found = surveyed(study(tmp_path))
    assert (found.listeners, found.words, found.targets, found.tr, found.start, found.faults) == (
        3,
        60,
        2,
        2.0,
        2.0,
        (),
    )
    assert found.rows == 31 and found.clock is not None and found.clock.verdict == "too short"
    header, row = survey_table([found]).splitlines()
    assert header.split()[:4] == ["story", "listeners", "words", "rows"] and row.split()[:4] == [
        "tale",
        "3",
        "60",
        "31",
    ]
    assert header.split()[-2] == "sentences" and row.split("-", 1)[1].split()[0] == "pseudo"


def test_words_without_punctuation_are_named(tmp_path: Path) -> None:
    """Models read them as they are, which may be the lack of a transcript."""
    (said,) = [
        one
        for one in machine_checks.data_checks([surveyed(study(tmp_path))])
        if "transcript" in one.found
    ]
    assert said.state == machine_checks.LOOK and "no punctuation" in said.found
    ending = WORDS.assign(word=["word", "word."] * 30)
    write_table_study(tmp_path, {}, ending, TARGETS)
    found = surveyed(tmp_path)
    assert found.sentences == "punctuation"
    assert not any("transcript" in one.found for one in machine_checks.data_checks([found]))


def test_all_faults_are_told_each_once(tmp_path: Path) -> None:
    folder = study(tmp_path)
    series = folder / "sub-{}_story-tale_timeseries.tsv"
    for subject, wrong in (("a", "loud"), ("c", "n/a")):
        path = Path(str(series).format(subject))
        lines = path.read_text().splitlines()
        path.write_text("\n".join([*lines[:5], f"{wrong}\t1", *lines[6:]]) + "\n")
    (folder / "story-tale_words.tsv").write_text("word\tonset\toffset\nlate\t5\t6\nearly\t1\t2\n")
    found = surveyed(folder)
    assert len(found.faults) == 3 and found.clock is None, found.faults
    assert (
        "earlier than the word's before it" in found.faults[0]
        and "'loud'" in found.faults[1]
        and "sub-c" in found.faults[2]
    )
    checks = machine_checks.data_checks([found])
    assert [one.state for one in checks] == [
        machine_checks.STOP
    ] * 3 and "faults below" in survey_table([found])


def test_two_stories_with_one_file_of_words_are_named(tmp_path: Path) -> None:
    tale = surveyed(study(tmp_path))
    copy = replace(tale, story="fable")
    write_table_study(
        tmp_path, {}, WORDS.assign(onset=ONSETS + 0.1), TARGETS
    )  # the same words, heard later
    later = replace(surveyed(tmp_path), story="later")
    said = [
        (one.what, one.state, one.found)
        for one in machine_checks.data_checks([tale, copy, later])
        if "same times" in one.found
    ]
    assert said == [
        (
            "story fable",
            machine_checks.LOOK,
            "has the words of story tale at the same times: is its file of words that story's?",
        )
    ]


def test_scans_without_faults_are_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading is nearly all that a survey of thousands of scans takes."""
    read: list[str] = []
    timeseries = TableDataset.timeseries

    def noted(self: TableDataset, subject: str, story: str) -> np.ndarray:
        read.append(subject)
        return timeseries(self, subject, story)

    monkeypatch.setattr(TableDataset, "timeseries", noted)
    assert surveyed(study(tmp_path)).faults == () and read == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ({}, None),
        (
            {"tier": "phrases"},
            "has no tier 'phrases'. Its tiers: 1: 'words' .60 intervals, such as",
        ),
        ({"transcript": "tale.txt"}, "it is the transcript of something else"),
        ({"format": "gentle"}, "is a TextGrid, and 'format: gentle' is another"),
    ],
)
def test_word_timings_are_read_beforehand(
    tmp_path: Path, source: dict[str, str], fault: str | None
) -> None:
    """The same words as in the table give the same story; a mistake is told before a job."""
    folder = study(tmp_path)
    (folder / "tale.txt").write_text("Four score and seven years ago. " * 9)
    labels = [f'{onset} {onset + 0.5} "word"' for onset in ONSETS]
    head = 'File type = "ooTextFile"\nObject class = "TextGrid"\n0 60 <exists> 1\n'
    (folder / "tale.TextGrid").write_text(
        f'{head}"IntervalTier" "words" 0 60 60\n' + "\n".join(labels) + "\n"
    )
    words = {
        "dataset": {
            "reader": "tables",
            "words": {"tale": [{"file": "tale.TextGrid", **source}]},
        },
        "stories": {"pseudo_sentence": 20},
        "language": "en",
    }
    found = survey("tale", folder, words, SCANS)
    if fault is None:
        expected = surveyed(folder)  # of the table; NaN of its clock are not equal to themselves
        assert replace(found, clock=None) == replace(expected, clock=None)
    else:
        assert len(found.faults) == 1 and re.search(fault, found.faults[0])


def test_scans_that_do_not_fit_together_are_a_fault(tmp_path: Path) -> None:
    folder = study(tmp_path)
    path = folder / "sub-b_story-tale_timeseries.tsv"
    path.write_text("\n".join(path.read_text().splitlines()[:-3]) + "\n")
    assert "unequal numbers of TRs" in surveyed(folder).faults[0]
    milliseconds = WORDS.assign(onset=WORDS["onset"] * 1000, offset=WORDS["offset"] * 1000)
    write_table_study(
        folder,
        {name: np.random.default_rng(0).normal(100, 1, (40, 2)) for name in "abc"},
        milliseconds,
        TARGETS,
    )
    assert surveyed(folder).faults


def test_tables_are_read_and_images_and_large_tables_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = read_study(
        {
            "study": "s",
            "dataset": {"kind": "table", "path": str(study(tmp_path)), "tr": 2.0},
            "models": {"gpt2": {"source": "gpt2"}},
        }
    )
    assert make_plan(mine).dataset.tables_here() == (str(tmp_path), "")
    monkeypatch.setattr("engram.datasets.tables.plan.READ_BEFOREHAND", 10)
    assert make_plan(mine).dataset.tables_here()[0] is None
    images = read_study(
        {
            "study": "s",
            "dataset": {"kind": "narratives", "stories": ["pieman"]},
            "models": {"gpt2": {"source": "gpt2"}},
        }
    )
    folder, why = make_plan(images).dataset.tables_here()
    assert (folder is None and "the job" in why) or "job 'bold'" in why


# ---------------------------------------------------------------- models that cannot be had
def model_check(source: str, mirror: Path | None, hub: str) -> str:
    model = {"code": False, "here": False, "name": "m", "revision": None, "source": source}
    return machine_checks._model(model, str(mirror) if mirror else None, lambda *_: hub).found


def test_no_such_model_no_network_and_a_mirror_without_it_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError

    def fails(error: Exception) -> str:
        def raised(*_: Any, **__: Any) -> None:
            raise error

        monkeypatch.setattr(HfApi, "model_info", raised)
        return machine_checks.ask_hub("org/m", None)

    missing = fails(HFValidationError("no such name"))
    offline = fails(ConnectionError("no route"))
    assert "the hub has no model 'org/m'" in missing and "cannot be reached" not in missing
    assert (
        "the hub cannot be reached (ConnectionError)" in offline and "has no model" not in offline
    )
    lacking = model_check("org/m", tmp_path, "never asked")
    assert lacking == f"the mirror has no folder '{tmp_path / 'models' / 'org' / 'm'}'"
    assert model_check("org/m", None, missing) == missing


# ---------------------------------------------------------------- shapes and times
@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            {
                "model_type": "gpt2",
                "n_layer": 12,
                "n_embd": 768,
                "n_inner": None,
                "vocab_size": 50257,
                "n_positions": 1024,
            },
            (13, 768, 3072, 50257, 1024, False, True),
        ),
        (
            {
                "model_type": "llama",
                "num_hidden_layers": 30,
                "hidden_size": 576,
                "intermediate_size": 1536,
                "num_attention_heads": 9,
                "num_key_value_heads": 3,
            },
            (31, 576, 1536, 50_000, 1024, True, True),
        ),
        (
            {
                "model_type": "distilbert",
                "n_layers": 6,
                "dim": 768,
                "hidden_dim": 3072,
                "max_position_embeddings": 512,
            },
            (7, 768, 3072, 50_000, 512, False, False),
        ),
        (
            {
                "model_type": "gemma3",
                "text_config": {
                    "model_type": "gemma3_text",
                    "num_hidden_layers": 2,
                    "hidden_size": 8,
                },
            },
            (3, 8, 32, 50_000, 1024, True, True),
        ),
        (
            {"model_type": "bert", "is_decoder": True, "num_hidden_layers": 2, "hidden_size": 8},
            (3, 8, 32, 50_000, 1024, False, True),
        ),
    ],
)
def test_shapes_are_read_from_a_configuration(
    config: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    found = shape_of(config)
    assert found is not None
    assert (
        found.layers,
        found.units,
        found.inner,
        found.vocabulary,
        found.positions,
        found.gated,
        found.causal,
    ) == expected


def test_parameters_are_those_of_the_architectures() -> None:
    """GPT-2's 124 million and SmolLM2's 135 million, position tables and norms apart."""
    assert ModelShape(13, 768, 3072, 50257).parameters == pytest.approx(124e6, rel=0.02)
    assert ModelShape(
        31, 576, 1536, 49152, key_share=1 / 3, gated=True
    ).parameters == pytest.approx(134.5e6, rel=0.01)
    assert shape_of({"model_type": "mystery"}) is None


def test_an_encoder_reads_each_word_in_a_window_of_its_own() -> None:
    settings = read_study(
        {"study": "s", "dataset": {"kind": "alice"}, "models": {"gpt2": {"source": "gpt2"}}}
    ).activations
    causal, encoder = (
        ModelShape(7, 384, positions=512),
        ModelShape(7, 384, positions=512, causal=False),
    )
    ratio = reading_operations(encoder, 2900, 2100, settings) / reading_operations(
        causal, 2900, 2100, settings
    )
    assert 150 < ratio < 250  # 2,100 windows of 470 tokens beside 5,100 tokens
    assert reading_operations(
        causal, 2900, 2100, settings.model_copy(update={"mode": "exact"})
    ) == reading_operations(encoder, 2900, 2100, settings)
    strided = settings.model_copy(update={"encoder_stride": 4})
    assert reading_operations(encoder, 2900, 2100, strided) == pytest.approx(
        reading_operations(encoder, 2900, 2100, settings) / 4
    )
    assert reading_operations(causal, 2900, 2100, strided) == reading_operations(
        causal, 2900, 2100, settings
    )
    short = settings.model_copy(update={"context": 128})
    assert (
        0.2
        < reading_operations(encoder, 2900, 2100, short)
        / reading_operations(encoder, 2900, 2100, settings)
        < 0.35
    )


def test_time_of_a_model_in_a_folder_is_that_of_its_configuration(tmp_path: Path) -> None:
    config = {
        "model_type": "bert",
        "num_hidden_layers": 6,
        "hidden_size": 384,
        "intermediate_size": 1536,
        "max_position_embeddings": 512,
    }
    seconds = {}
    for kind in ("bert", "gpt_neox"):
        folder = tmp_path / kind
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({**config, "model_type": kind}))
        (folder / "model.safetensors").touch()
        (folder / "tokenizer.json").touch()
        mine = read_study(
            {
                "study": "s",
                "dataset": {"kind": "alice"},
                "models": {"m": {"source": str(folder)}},
                "nuisance": {"method": "banded"},
            }
        )
        plan = make_plan(mine)
        assert model_shape(mine, "m").layers == 7
        seconds[kind] = need(mine, plan, "activations", {"story": "alice", "model": "m"}).seconds
        jobs = all_jobs(mine, plan)
        assert (
            len(jobs["chance"]) == len(jobs["encoding"])
            and len(jobs["nuisance"]) == len(mine.language_models())
            and jobs["comparisons"]
        )
        assert (
            need(mine, plan, "chance", jobs["chance"][0]).seconds
            > need(mine, plan, "tables", {}).seconds
        )
    assert seconds["bert"] > 20 * seconds["gpt_neox"]
