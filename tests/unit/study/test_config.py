"""The configuration: defaults, and errors that say what to write instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engram.datasets.alice.config import AliceSection
from engram.datasets.tables.config import TableSection
from engram.errors import EngramError
from engram.study.config.datasets import SECTIONS
from engram.study.config.encoding import Encoding
from engram.study.config.fields import Section, section_keys
from engram.study.config.models import Model
from engram.study.config.read import read_study
from engram.study.config.sources import is_folder_source
from engram.study.config.study import Study

GPT2 = {"source": "gpt2"}


def study(**sections: Any) -> Study:
    return read_study({"study": "s", "dataset": {"kind": "alice"}, **sections})


def message(**sections: Any) -> str:
    with pytest.raises(EngramError) as caught:
        study(**sections)
    return str(caught.value)


def test_defaults_are_the_method() -> None:
    made = study()
    assert made.baselines == ["word-rate"]
    assert (made.encoding.folds, made.encoding.inner_folds, made.encoding.longest_delay) == (
        5,
        5,
        10.0,
    )
    assert made.encoding.alphas == [10.0**power for power in range(-1, 9)]
    assert (made.activations.mode, made.activations.pooling, made.compute.reading_dtype) == (
        "strided",
        "last",
        "float32",
    )
    assert made.bold.high_pass == 1 / 128
    assert made.bold.average and made.bold.confounds
    assert list(made.dataset.exclude) == ["33"]


@pytest.mark.parametrize(
    ("sections", "key", "close", "allowed"),
    [
        ({"encodin": {"folds": 3}}, "encodin", "encoding", Study),
        ({"encoding": {"fold": 3}}, "encoding.fold", "folds", Encoding),
        (
            {"models": {"gpt2": {**GPT2, "revison": "x"}}},
            "models.gpt2.revison",
            "revision",
            Model,
        ),
        (
            {"dataset": {"kind": "alice", "sphere": "6mm"}},
            "dataset.sphere",
            "spheres",
            AliceSection,
        ),
        (
            {"dataset": {"kind": "table", "path": "x", "tr": 1, "tart": 3}},
            "dataset.tart",
            "start",
            TableSection,
        ),
    ],
)
def test_unknown_key_is_named_with_the_close_one_and_all_allowed(
    sections: dict[str, Any], key: str, close: str, allowed: type[Section]
) -> None:
    found = message(**sections)
    assert f"  {key}: there is no such key. Did you mean '{close}'? Allowed here: " in found
    assert found.split("Allowed here: ")[1].rstrip(".").split(", ") == section_keys(allowed)


def test_unknown_key_like_no_other_gets_no_guess() -> None:
    assert "Did you mean" not in message(qqqqq=1)


@pytest.mark.parametrize(
    ("kind", "key"),
    [("alice", "path"), ("alice", "words"), ("simulated", "sphere"), ("simulated", "path")],
)
def test_keys_of_another_kind_of_dataset_are_not_offered(kind: str, key: str) -> None:
    found = message(dataset={"kind": kind, key: "x"})
    assert (
        found.split("there is no such key")[1]
        == f". Allowed here: {', '.join(section_keys(SECTIONS[kind]))}."
    )


def test_key_of_a_model_with_the_name_of_a_dataset_is_named_in_full() -> None:
    assert "models.alice.sorce" in message(models={"alice": {**GPT2, "sorce": 1}})


def test_every_error_is_named_at_once() -> None:
    found = message(encoding={"folds": 1, "typo": 1}, seed=-1)
    assert found.startswith("the configuration has 3 errors:")
    assert all(key in found for key in ("encoding.folds", "encoding.typo", "seed"))


@pytest.mark.parametrize(
    ("raw", "keys"),
    [
        ({"dataset": {"kind": "alice"}}, ["study"]),
        ({"study": "s"}, ["dataset"]),
        ({}, ["study", "dataset"]),
        ({"study": "s", "dataset": {"kind": "table"}}, ["dataset.path", "dataset.tr"]),
        ({"study": "s", "dataset": {"kind": "alice"}, "models": {"a": {}}}, ["models.a.source"]),
    ],
)
def test_missing_key_is_named_with_the_line_to_write(raw: dict[str, Any], keys: list[str]) -> None:
    with pytest.raises(EngramError) as caught:
        read_study(raw)
    for key in keys:
        assert (
            f"  {key}: is needed and was not given. Write, for example:\n    {key.split('.')[0]}:"
            in str(caught.value)
        )
    assert str(caught.value).count("is needed") == len(keys)


def test_missing_path_shows_the_yaml_to_write() -> None:
    assert "    dataset:\n      path: my_data" in message(dataset={"kind": "table", "tr": 1.5})


@pytest.mark.parametrize(
    ("sections", "key", "found"),
    [
        ({"encoding": {"folds": "many"}}, "encoding.folds", "'many'"),
        ({"encoding": {"folds": 1}}, "encoding.folds", "1"),
        ({"encoding": {"folds": 2.5}}, "encoding.folds", "2.5"),
        ({"encoding": None}, "encoding", "None"),
        ({"activations": {"mode": "fast"}}, "activations.mode", "'fast'"),
        ({"bold": {"average": "perhaps"}}, "bold.average", "'perhaps'"),
        ({"baselines": ["wordrate"]}, "baselines.0", "'wordrate'"),
        ({"models": ["gpt2"]}, "models", "['gpt2']"),
        ({"dataset": "alice"}, "dataset", "'alice'"),
        ({"dataset": {"kind": "tabel"}}, "dataset", "{'kind': 'tabel'}"),
        ({"dataset": {"path": "x"}}, "dataset", "{'path': 'x'}"),
        ({"dataset": {"kind": "table", "path": "x", "tr": 0}}, "dataset.tr", "0"),
        ({"dataset": {"kind": "table", "path": "x", "tr": float("inf")}}, "dataset.tr", "inf"),
        ({"bold": {"tail": "nan"}}, "bold.tail", "'nan'"),
        ({"models": {"a": "nul"}}, "models.a", "'nul'"),
        ({"dataset": {"kind": "alice", "listeners": [True]}}, "dataset.listeners.0", "True"),
    ],
)
def test_wrong_value_is_named_and_shown(sections: dict[str, Any], key: str, found: str) -> None:
    text = message(**sections)
    assert f"  {key}: " in text
    assert f"(found: {found})" in text


@pytest.mark.parametrize("model", ["gpt2", 2, ["gpt2"]])
@pytest.mark.parametrize("name", ["gpt2", "alice"])
def test_model_that_is_no_mapping_shows_the_yaml_to_write(name: str, model: Any) -> None:
    found = message(models={name: model})
    assert (
        f"  models.{name}: a model has keys of its own (found: {model!r}). Write, for example:\n"
        in found
    )
    assert found.endswith(f"\n    models:\n      {name}:\n        source: gpt2")


@pytest.mark.parametrize(
    "dataset", [{}, {"path": "x", "tr": 1.5}, {"kind": "tabel"}, {"kind": None}]
)
def test_missing_or_unknown_kind_of_dataset_is_told_with_all_kinds(dataset: dict[str, Any]) -> None:
    found = message(dataset=dataset)
    assert (
        f"  dataset: 'kind' says what it is: {', '.join(SECTIONS)} (found: "
        f"{dataset!r}). Write, for example:\n    dataset: {{kind: table, "
    ) in found


@pytest.mark.parametrize("delays", [[], [2, 1], [1, 1, 2], [-1, 0]])
def test_delays_must_rise_from_zero(delays: list[int]) -> None:
    assert "delays are rows, 0 or more, in rising order" in message(encoding={"delays": delays})


@pytest.mark.parametrize(
    ("alphas", "found"),
    [
        ([], "at least 1"),
        ([1, 0], "encoding.alphas.1: Input should be greater than or equal to 0.0000000001"),
        ([-1], "alphas.0"),
        ([1e-11], "alphas.0"),
        (
            [1, 1e25],
            (
                "encoding.alphas.1: Input should be less than or equal to "
                "1000000000000000 (found: 1e+25)"
            ),
        ),
    ],
)
def test_alphas_have_limits(alphas: list[float], found: str) -> None:
    assert found in message(encoding={"alphas": alphas})


@pytest.mark.parametrize("name", ["a/b", "..", ".", "", "a_b", "-a", "a b", "../a", "a\n"])
def test_names_that_cannot_be_part_of_a_file_name_are_refused(name: str) -> None:
    assert "a name has letters and digits" in message(study=name)
    assert "a name has letters and digits" in message(models={name: GPT2})
    assert "a name has letters and digits" in message(
        dataset={"kind": "alice", "listeners": [name]}
    )


@pytest.mark.parametrize("name", ["a", "Llama-3.2-1B", "0.5B"])
def test_names_of_hub_models_are_allowed(name: str) -> None:
    assert list(study(models={name: GPT2}).models) == [name]


def test_numbers_are_taken_as_names() -> None:
    """YAML reads an unquoted 18 as a number."""
    made = read_study(
        {
            "study": 7,
            "dataset": {"kind": "alice", "listeners": [18], "exclude": {33: "constant"}},
            "models": {260: {"source": "gpt2", "revision": 5}},
        }
    )
    assert (made.study, made.dataset.listeners, made.dataset.exclude) == (
        "7",
        ["18"],
        {"33": "constant"},
    )
    assert list(made.models) == ["260"]
    assert made.models["260"].revision == "5"


@pytest.mark.parametrize("kind", ["alice", "simulated", "table"])
@pytest.mark.parametrize("reason", ["", "  ", "n/a", " n/a\n"])
def test_exclusion_needs_a_reason(reason: str, kind: str) -> None:
    found = message(
        dataset={
            "kind": kind,
            "exclude": {"07": reason},
            **({"path": "x", "tr": 1} if kind == "table" else {}),
        }
    )
    assert (
        "  dataset.exclude.07: a reason is needed: it is what readers of scans.tsv will "
        f"see (found: {reason!r})"
    ) in found


def test_white_space_in_a_reason_is_folded() -> None:
    """A tab or a line break would break the table that the reason goes into."""
    assert study(
        dataset={"kind": "alice", "exclude": {"18": " fell\tasleep,\n  twice "}}
    ).dataset.exclude == {"18": "fell asleep, twice"}


@pytest.mark.parametrize("null", [None, "null"])
def test_null_removes_a_model(null: str | None) -> None:
    """On the command line, null is text."""
    assert list(study(models={"a": GPT2, "b": null}).models) == ["a"]
    assert not study(models={"a": GPT2}, tunings=null).tunings


def test_model_called_like_the_baseline_is_refused() -> None:
    assert "'word-rate' is the name of a baseline" in message(models={"word-rate": GPT2})


def test_model_called_like_a_reinitialised_twin_is_refused() -> None:
    models = {"a": GPT2, "a-reinitialised": {"source": "b"}}
    assert "a-reinitialised" in message(models=models, baselines=["reinitialised"])
    assert list(study(models=models).models) == ["a", "a-reinitialised"]


def test_reinitialised_twins_of_trained_models() -> None:
    models = study(
        models={"a": GPT2, "b": {"source": "b", "reinitialised": True}}, baselines=["reinitialised"]
    ).language_models()
    assert {name: model.reinitialised for name, model in models.items()} == {
        "a": False,
        "b": True,
        "a-reinitialised": True,
    }
    assert models["a-reinitialised"].source == "gpt2"


@pytest.mark.parametrize("baselines", [[], ["reinitialised"]])
def test_nothing_to_score_is_an_error(baselines: list[str]) -> None:
    assert "nothing to score" in message(baselines=baselines)


@pytest.mark.parametrize("given_by", ["environment", "configuration"])
def test_models_of_a_mirror_are_looked_into(
    given_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source that is no folder is looked up under the mirror's `models`."""
    model_folder(tmp_path / "models" / "org" / "tiny", "model.safetensors")
    if given_by == "environment":
        monkeypatch.setenv("ENGRAM_MIRROR", str(tmp_path))
    given = {"mirror": str(tmp_path)} if given_by == "configuration" else {}
    model = {"source": "org/tiny", "reinitialised": True}
    assert study(models={"m": model}, **given).mirror_folder() == tmp_path
    found = message(models={"m": {"source": "org/tiny"}}, **given)
    assert f"models.m.source: '{tmp_path / 'models/org/tiny'}' has no *.safetensors" in found


def test_without_a_mirror_models_of_the_hub_are_downloaded() -> None:
    made = study(models={"m": {"source": "org/tiny"}})
    assert made.mirror_folder() is None and list(made.language_models()) == ["m"]


@pytest.mark.parametrize("given_by", ["environment", "configuration"])
def test_mirror_below_the_home_folder(
    given_by: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    if given_by == "environment":
        monkeypatch.setenv("ENGRAM_MIRROR", "~/copies")
    assert (
        study(**({"mirror": "~/copies"} if given_by == "configuration" else {})).mirror_folder()
        == tmp_path / "copies"
    )


def test_mirror_that_lacks_the_model_is_found_out_before_the_first_job(tmp_path: Path) -> None:
    found = message(models={"m": {"source": "tiny"}}, mirror=str(tmp_path))
    assert f"models.m.source: the mirror has no such model: there is no folder '{tmp_path}" in found
    assert f"'{tmp_path / 'models' / 'tiny'}'" in found and "ENGRAM_MIRROR" in found
    assert (
        "--configfile config/alice.yaml config/alice-smollm2.yaml or config/alice-stories260K.yaml"
        in found
    )
    for name in ("org/large", "small"):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "config.json").write_text("{}")
    found = message(models={"m": {"source": "tiny"}}, mirror=str(tmp_path))
    assert "It has 'org/large', 'small'. Copy the model there" in found
    table = {"kind": "table", "path": "x", "tr": 1}
    models = {"m": {"source": "tiny"}}
    assert "alice" not in message(dataset=table, models=models, mirror=str(tmp_path))


def model_folder(folder: Path, *without: str) -> Path:
    folder.mkdir(parents=True)
    for name in {"config.json", "tokenizer.json", "model.safetensors", "pytorch_model.bin"} - set(
        without
    ):
        (folder / name).write_text("{}" if name == "config.json" else "")
    return folder


@pytest.mark.parametrize(
    ("without", "found", "remedy"),
    [
        ("config.json", "has no config.json", "Hugging Face layout"),
        (
            "tokenizer.json",
            "has no tokenizer",
            "AutoTokenizer.from_pretrained(...).save_pretrained(",
        ),
        ("model.safetensors", "has no *.safetensors weights", "safe_serialization=True"),
    ],
)
def test_model_folder_that_lacks_something(
    without: str, found: str, remedy: str, tmp_path: Path
) -> None:
    folder = model_folder(tmp_path / "mine", without)
    text = message(models={"a": {"source": str(folder)}})
    assert text.startswith(f"models.a.source: '{folder}' {found}")
    assert remedy in text


def test_model_folder_that_is_not_there(tmp_path: Path) -> None:
    text = message(models={"a": {"source": str(tmp_path / "none")}})
    assert f"models.a.source: there is no folder '{tmp_path / 'none'}'" in text
    assert "hub id" in text


@pytest.mark.parametrize("source", ["mine", "{}/models/mine"])
def test_encoder_with_a_decoder_is_refused(source: str, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "models" / "mine")
    (folder / "config.json").write_text('{"model_type": "t5", "is_encoder_decoder": true}')
    text = message(models={"a": {"source": source.format(tmp_path)}}, mirror=str(tmp_path))
    assert text.startswith(
        f"models.a.source: '{folder}' holds an encoder with a decoder; give a "
        "causal model or an encoder"
    )


@pytest.mark.parametrize("content", [b"", b'{"model_type": ', b"\xff\xfe"])
def test_broken_configuration_of_a_model_is_named(content: bytes, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "mine")
    (folder / "config.json").write_bytes(content)
    assert message(models={"a": {"source": str(folder)}}).startswith(
        f"models.a.source: '{folder / 'config.json'}' is no JSON object: "
    )


def test_complete_model_folder_is_accepted(tmp_path: Path) -> None:
    study(models={"a": {"source": str(model_folder(tmp_path / "mine"))}})


@pytest.mark.parametrize("source", ["mine", "{}/models/mine"])
def test_reinitialised_model_needs_no_weights(source: str, tmp_path: Path) -> None:
    model_folder(tmp_path / "models" / "mine", "model.safetensors")
    model = {"source": source.format(tmp_path)}
    assert (
        study(models={"a": {**model, "reinitialised": True}}, mirror=str(tmp_path))
        .models["a"]
        .reinitialised
    )
    assert "weights" in message(models={"a": model}, mirror=str(tmp_path))


@pytest.mark.parametrize(
    ("source", "folder"),
    [
        ("gpt2", False),
        ("org/model", False),
        ("./mine", True),
        ("~/mine", True),
        ("/data/mine", True),
        ("a/b/c", True),
        ("here", True),
    ],
)
def test_folders_and_hub_ids_are_told_apart(
    source: str, folder: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    assert is_folder_source(source) is folder


def test_values_of_the_command_line_arrive_as_strings() -> None:
    made = study(
        seed="3",
        encoding={"folds": "5", "delays": ["1", "2"]},
        bold={"average": "false", "high_pass": "0.01", "tail": "6.5"},
        activations={"context": "64"},
    )
    assert (made.seed, made.encoding.folds, made.bold.tail, made.encoding.delays) == (
        3,
        5,
        6.5,
        [1, 2],
    )
    assert (made.bold.average, made.bold.high_pass, made.activations.context) == (False, 0.01, 64)


def test_reading_does_not_change_what_was_given() -> None:
    raw: dict[str, Any] = {
        "study": "s",
        "dataset": {"kind": "alice"},
        "models": {"a": GPT2, "b": None},
    }
    read_study(raw)
    assert raw["models"] == {"a": GPT2, "b": None}


def test_nuisance_features_and_random_texts_that_cannot_be_had_are_refused() -> None:
    assert (
        "since-insertion" in study().nuisance.features
        and "log-frequency" not in study().nuisance.features
    )
    assert "log-frequency is a column of a folder of tables" in message(
        nuisance={"features": ["word-rate", "log-frequency"]}
    )
    assert "needs another feature beside it" in message(nuisance={"features": ["since-insertion"]})
    assert "nuisance.features" in message(nuisance={"features": ["loudness"]})
    assert "40 is more than the 39 random texts there are" in message(nuisance={"random_texts": 40})
    assert study(nuisance={"random_texts": 0}).nuisance.random_texts == 0


def test_a_primary_text_and_model_are_of_the_study() -> None:
    both = {"models": {"m": GPT2, "k": GPT2}, "associations": {"a": {}}}
    assert study(**both).primary is None
    made = study(**both, primary={"text": "a", "model": "k"}).primary
    assert made is not None and (made.text, made.model) == ("a", "k")
    assert "primary.text: 'b' is no text of associations; the study has ['a']" in message(
        **both, primary={"text": "b", "model": "m"}
    )
    assert "primary.model: 'word-rate' reads no texts with associations; these do" in message(
        **both, primary={"text": "a", "model": "word-rate"}
    )
    assert "primary.model: 'k' reads no texts" in message(
        **both, association_effect={"models": ["m"]}, primary={"text": "a", "model": "k"}
    )
    assert "primary.model" in message(**both, primary={"text": "a"})


def test_pathvars_that_snakemake_would_take_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "'results', 'downloads', 'logs' or 'benchmarks'" in message(
        pathvars={"reslts": "elsewhere"}
    )
    monkeypatch.setenv("HOME", "/home/me")
    assert "a folder named '~'; write the whole path: /home/me/x" in message(
        pathvars={"results": "~/x"}
    )
    monkeypatch.chdir(tmp_path)
    for name, place in (
        ("results", "data"),
        ("downloads", "./data/"),
        ("results", str(tmp_path / "data")),
    ):
        found = message(
            dataset={"kind": "table", "path": "data", "tr": 1.5}, pathvars={name: place}
        )
        assert f"pathvars.{name}: '{place}' is the folder that dataset.path names" in found
    made = study(
        dataset={"kind": "table", "path": "data", "tr": 1.5},
        pathvars={"results": "data/results", "downloads": "/scratch/downloads"},
    )
    assert made.pathvars == {"results": "data/results", "downloads": "/scratch/downloads"}


# ---------------------------------------------------------------- one default for several sections
def targets_of(made: Study) -> dict[str, str | None]:
    """The targets of every section that has some."""
    sections = {
        "bold": made.bold,
        "chance": made.chance,
        "nuisance": made.nuisance,
        "association_effect": made.association_effect,
        **made.tunings,
    }
    return {name: getattr(section, "targets") for name, section in sections.items()}  # noqa: B009


def test_sections_take_the_targets_of_the_study() -> None:
    models = {"models": {"m": GPT2}, "tunings": {"t": {}}}
    assert targets_of(study(**models)) == {
        "bold": "all",
        "chance": "roi",
        "nuisance": "roi",
        "association_effect": "all",
        "t": "all",
    }
    assert set(targets_of(study(**models, targets="roi")).values()) == {"roi"}
    whole = {"chance": {"targets": None}, "nuisance": {"targets": None}}
    assert set(targets_of(study(**models, **whole)).values()) == {"all"}


@pytest.mark.parametrize("name", ["bold", "chance", "nuisance", "association_effect", "t"])
def test_a_section_has_targets_of_its_own(name: str) -> None:
    own = {"targets": "all"}
    given = {"tunings": {"t": own}} if name == "t" else {"tunings": {"t": {}}, name: own}
    made = study(models={"m": GPT2}, targets="roi", **given)
    assert {one for one, targets in targets_of(made).items() if targets == "all"} == {name}


@pytest.mark.parametrize(
    ("sections", "key", "close"),
    [
        ({"tunings": {"t": {"step": 3}}}, "tunings.t.step", "steps"),
        ({"tunings": {"t": {"controls": {"genric": 3}}}}, "tunings.t.controls.genric", "generic"),
        ({"associations": {"a": {"foldr": "x"}}}, "associations.a.foldr", "folder"),
        (
            {"association_effect": {"controls": {"repeats": 3}}},
            "association_effect.controls.repeats",
            "repeat",
        ),
    ],
)
def test_keys_of_inner_sections_are_offered(sections: dict[str, Any], key: str, close: str) -> None:
    assert f"  {key}: there is no such key. Did you mean '{close}'? Allowed here: " in message(
        **sections
    )
