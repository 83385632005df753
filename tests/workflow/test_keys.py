"""Files say what they are of, and jobs refuse a file that is of something else, by name."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from conftest import ROOT

from engram.errors import EngramError
from engram.files import keys, storage
from engram.files.checksums import PROVENANCE

STUDY, LAYER = "mine", keys.layer_rule(None)


class Given(dict[str, Any]):
    """What Snakemake hands to scripts by name: wildcards, parameters, files."""

    def __getattr__(self, name: str) -> Any:
        return self[name]


class Files(Given):
    """Files by name, which are gone through one by one."""

    def __iter__(self) -> Iterator[str]:
        for files in self.values():
            yield from [files] if isinstance(files, str) else files


def a_job(
    folder: Path, config: dict[str, Any], files: dict[str, Any], **wildcards: str
) -> SimpleNamespace:
    """What a script sees of its job."""
    log = [str(folder / "job.log")]
    params, output = Given(config=config), Files(all=str(folder / "output"))
    return SimpleNamespace(
        rule="any",
        params=params,
        input=Files(files),
        output=output,
        wildcards=Given(wildcards),
        resources={},
        log=log,
        threads=1,
    )


def write_netcdf(path: Path, **key: str) -> str:
    keys.write_dataset(path, xr.Dataset({"r": ("x", np.arange(3.0))}), key)
    return str(path)


def write_text(path: Path, **wildcards: str) -> str:
    """A table, say, that a job left with its sidecar."""
    path.write_text("a\n1\n")
    storage.write_json(storage.sidecar(path), {PROVENANCE: {"Wildcards": wildcards}})
    return str(path)


def test_a_job_s_key_has_its_wildcards_its_study_and_the_rule_of_its_layer(tmp_path: Path) -> None:
    job = a_job(tmp_path, {"study": STUDY, "layer": 9}, {}, model="m", group="a")
    expected = {
        "result": "chance",
        "study": STUDY,
        "group": "a",
        "model": "m",
        "text": "original",
        "layer_rule": "layer 9, or the last of fewer",
    }
    assert keys.of_job(job, "chance", text="original") == expected
    assert keys.of_job(a_job(tmp_path, {}, {}, story="s", model="m", text="x"), "activations") == {
        "result": "activations",
        "story": "s",
        "model": "m",
        "text": "x",
    }


def test_what_is_written_is_stated_and_the_data_stay_as_they_are(tmp_path: Path) -> None:
    values = np.linspace(-1, 1, 50, dtype=np.float32)
    dataset = xr.Dataset(
        {"r": ("x", values, {"units": "Pearson r"}, storage.packed(1.0))}, attrs={"tr": 1.5}
    )
    storage.write_dataset(tmp_path / "without.nc", dataset)
    keys.write_dataset(
        tmp_path / "with.nc", dataset, {"result": "scores", "study": STUDY, "model": "m"}
    )
    assert (
        keys.stated(tmp_path / "with.nc") == {"result": "scores", "study": STUDY, "model": "m"}
        and "study" not in dataset.attrs
    )
    assert keys.stated(tmp_path / "without.nc") == {}
    raw = [
        xr.open_dataset(tmp_path / name, engine="h5netcdf", mask_and_scale=False)
        for name in ("with.nc", "without.nc")
    ]
    xr.testing.assert_equal(*raw)
    assert (
        raw[0]["r"].dtype == np.int16
        and raw[0]["r"].attrs == raw[1]["r"].attrs
        and raw[0].attrs["tr"] == 1.5
    )


def test_tables_and_folders_say_it_in_their_sidecars(tmp_path: Path) -> None:
    path = write_text(tmp_path / "story-one_words.tsv", story="one")
    assert keys.stated(path) == {"story": "one"}
    folder = tmp_path / "model-m_association-1.5"
    folder.mkdir()
    storage.write_json(
        storage.sidecar(folder),
        {PROVENANCE: {"Wildcards": {"model": "m", "variant": "association-1"}}},
    )
    keys.check(folder, {"model": "m", "variant": "association-1"})
    with pytest.raises(
        EngramError,
        match=(
            r"model-m_association-1\.5' is another result .* it says that it is of variant "
            r"'association-1'; expected is variant 's'"
        ),
    ):
        keys.check(folder, {"model": "m", "variant": "s"})


def test_a_file_that_does_not_say_what_it_is_of_is_refused(tmp_path: Path) -> None:
    storage.write_dataset(tmp_path / "old.nc", xr.Dataset())
    with pytest.raises(
        EngramError,
        match=(
            r"old\.nc' .* of no study, no model; expected is study 'mine', model 'm'\. "
            r".* Delete it and run again"
        ),
    ):
        keys.check(tmp_path / "old.nc", {"study": STUDY, "model": "m"})
    (tmp_path / "words.tsv").write_text("word\n")
    with pytest.raises(EngramError, match=r"words\.tsv' .* no story; expected is story 'one'"):
        keys.check(tmp_path / "words.tsv", {"story": "one"})


def test_each_file_has_a_key(tmp_path: Path) -> None:
    path = write_netcdf(tmp_path / "a.nc", model="m")
    assert keys.checked([{"model": "m"}], [path]) == [({"model": "m"}, path)]
    for wrong in ([], [{"model": "m"}, {"model": "m"}]):
        with pytest.raises(ValueError, match="zip"):
            keys.checked(wrong, [path])


def test_files_by_key_are_in_the_order_of_the_keys() -> None:
    pairs = [
        ({"model": model, "text": text, "group": group}, f"{text}{model}{group}")
        for text in "yx"
        for model in "ba"
        for group in "12"
    ]
    assert list(keys.by("text", pairs).items()) == [
        ("y", ["yb1", "yb2", "ya1", "ya2"]),
        ("x", ["xb1", "xb2", "xa1", "xa2"]),
    ]
    found = keys.by_model_and("text", pairs)
    assert list(found.items()) == [
        ((model, text), [f"{text}{model}{group}" for group in "12"])
        for text in "yx"
        for model in "ba"
    ]


# ---------------------------------------------------------------- what jobs read

#: Keys by result that differ in one name, as those of two files that may be exchanged.
SCORES = [{"text": "original", "group": "a", "model": model} for model in ("m", "n")]
EFFECTS = [{"text": text, "group": "a", "model": "m"} for text in ("people", "machine")]
TUNED = [{"group": "a", "model": "m", "tuning": tuning} for tuning in ("lora", "full")]
PARTS = [{"group": "a", "partition": partition} for partition in ("one", "two")]
CEILINGS = [{"story": story} for story in ("one", "two")]
OF_STUDY, AT_LAYER = {"study": STUDY}, {"study": STUDY, "layer_rule": LAYER}
#: By script: each input's keys, and what they have in common.
READERS: dict[str, dict[str, tuple[list[dict[str, str]], dict[str, str]]]] = {
    "tables": {
        "scores": (SCORES, {"result": "scores", **OF_STUDY}),
        "ceilings": (CEILINGS, {"result": "ceiling", **OF_STUDY}),
    },
    "comparisons": {
        "scores": (SCORES, {"result": "scores", **OF_STUDY}),
        "nulls": (SCORES, {"result": "chance", **AT_LAYER}),
    },
    "time_resolved": {"nulls": (SCORES, {"result": "chance", **AT_LAYER})},
    "claims": {"scores": (SCORES, {"result": "scores", **OF_STUDY})},
    "association_tables": {"scores": (EFFECTS, {"result": "effects", **AT_LAYER})},
    "tuning_tables": {"scores": (TUNED, {"result": "effects", **AT_LAYER})},
    "nuisance_table": {"scores": (SCORES, {"result": "nuisance", **AT_LAYER})},
    "partitions_table": {"scores": (PARTS, {"result": "partition", **AT_LAYER})},
    "association_nuisance_table": {"scores": (EFFECTS, {"result": "nuisance", **AT_LAYER})},
    "ceiling_maps": {"ceilings": (CEILINGS, {"result": "ceiling", **OF_STUDY})},
}


def files_of(folder: Path, script: str) -> dict[str, list[str]]:
    """The files that a script reads, each as it should be, but for the data."""
    found = {}
    for name, (mine, shared) in READERS[script].items():
        (folder / name).mkdir()
        found[name] = [
            write_netcdf(folder / name / f"{'_'.join(key.values())}.nc", **shared, **key)
            for key in mine
        ]
    return found


def run_script(folder: Path, script: str, files: dict[str, list[str]]) -> None:
    config = {
        "keys": {name: mine for name, (mine, _) in READERS[script].items()},
        "study": STUDY,
        "layer": None,
        "seed": 0,
    }
    runpy.run_path(
        str(ROOT / "workflow" / "scripts" / f"{script}.py"),
        init_globals={"snakemake": a_job(folder, config, files)},
    )


def said(folder: Path) -> str:
    """What a job that was refused has in its log."""
    return (folder / "job.log").read_text().replace("\n", " ")


@pytest.mark.usefixtures("job_in_this_process")
@pytest.mark.parametrize(
    ("script", "name"), [(script, name) for script, inputs in READERS.items() for name in inputs]
)
def test_two_files_that_are_exchanged_are_refused_by_name(
    script: str, name: str, tmp_path: Path
) -> None:
    files = files_of(tmp_path, script)
    first, second = map(Path, files[name])
    first.rename(tmp_path / "kept.nc")
    second.rename(first)
    (tmp_path / "kept.nc").rename(second)
    with pytest.raises(SystemExit):
        run_script(tmp_path, script, files)
    (one, two), _ = READERS[script][name]
    part = next(part for part in one if one[part] != two[part])
    assert f"'{first}' is another result" in said(
        tmp_path
    ) and f"it is of {part} '{two[part]}'; expected is {part} '{one[part]}'" in said(tmp_path)


@pytest.mark.usefixtures("job_in_this_process")
@pytest.mark.parametrize(
    ("script", "name"), [(script, name) for script, inputs in READERS.items() for name in inputs]
)
def test_another_study_s_file_is_refused_by_name(script: str, name: str, tmp_path: Path) -> None:
    files = files_of(tmp_path, script)
    (_, second), shared = READERS[script][name]
    path = write_netcdf(Path(files[name][1]), **{**shared, **second, "study": "yours"})
    with pytest.raises(SystemExit):
        run_script(tmp_path, script, files)
    assert f"'{path}' is another result" in said(
        tmp_path
    ) and "it is of study 'yours'; expected is study 'mine'" in said(tmp_path)


@pytest.mark.usefixtures("job_in_this_process")
@pytest.mark.parametrize("script", READERS)
def test_files_that_are_what_they_should_be_are_read(script: str, tmp_path: Path) -> None:
    """Keys alone are written here: scripts go on to look for data, which are not there."""
    with pytest.raises((KeyError, AttributeError)):
        run_script(tmp_path, script, files_of(tmp_path, script))


def a_group(folder: Path) -> dict[str, list[str]]:
    """The files of a group of two stories."""
    stories = ("one", "two")
    return {
        "activations": [
            write_netcdf(
                folder / f"{story}.nc",
                result="variants",
                story=story,
                model="m",
                tuning="lora",
                layer_rule=LAYER,
            )
            for story in stories
        ],
        "bold": [
            write_netcdf(folder / f"{story}_bold.nc", result="bold", story=story, study=STUDY)
            for story in stories
        ],
        "words": [write_text(folder / f"{story}_words.tsv", story=story) for story in stories],
    }


def group_files(
    folder: Path, files: dict[str, list[str]]
) -> tuple[list[str], list[str], list[str]]:
    job = a_job(
        folder,
        {"stories": ["one", "two"], "study": STUDY},
        files,
        group="one+two",
        model="m",
        tuning="lora",
    )
    return keys.group_files(job, "variants", layer_rule=LAYER)


def test_a_group_s_files_are_held_against_its_stories(tmp_path: Path) -> None:
    files = a_group(tmp_path)
    assert group_files(tmp_path, files) == (files["activations"], files["bold"], files["words"])
    for name, of in files.items():
        with pytest.raises(
            EngramError,
            match=rf"'{of[1]}' is another result .* of story 'two'; expected is story 'one'",
        ):
            group_files(tmp_path, {**files, name: of[::-1]})


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("activations", {"model": "n"}, "model 'n'; expected is model 'm'"),
        ("activations", {"tuning": "full"}, "tuning 'full'; expected is tuning 'lora'"),
        (
            "activations",
            {"layer_rule": keys.layer_rule(3)},
            (
                "layer_rule 'layer 3, or the last of fewer'; expected is layer_rule "
                "'two thirds of the depth'"
            ),
        ),
        ("bold", {"study": "yours"}, "study 'yours'; expected is study 'mine'"),
    ],
)
def test_a_group_s_files_are_of_its_model_its_text_and_its_study(
    name: str, change: dict[str, str], message: str, tmp_path: Path
) -> None:
    files = a_group(tmp_path)
    path = Path(files[name][1])
    write_netcdf(path, **{**keys.stated(path), **change})
    with pytest.raises(EngramError, match=message):
        group_files(tmp_path, files)


@pytest.mark.usefixtures("job_in_this_process")
@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("encoding", {"text": "original"}),
        ("association_scores", {"text": "people"}),
        ("association_scores", {"tuning": "lora"}),
    ],
)
def test_activations_of_another_number_of_words_are_refused_by_name(
    script: str, text: dict[str, str], tmp_path: Path
) -> None:
    key = {
        "result": {"encoding": "activations", "association_scores": "variants"}[script],
        "story": "one",
        "model": "m",
        "layer_rule": LAYER,
        **text,
    }
    read, bold = tmp_path / "read.nc", tmp_path / "bold.nc"
    keys.write_dataset(
        read, xr.Dataset({"activation": (("layer", "word", "unit"), np.zeros((1, 4, 1)))}), key
    )
    places = {
        "time": 1.5 * np.arange(3),
        "hemisphere": ("target", ["L", "R"]),
        "roi": ("target", ["a", "b"]),
        "subject": ["01"],
    }
    made = xr.Dataset(
        {"bold": (("subject", "time", "target"), np.zeros((1, 3, 2)))},
        coords=places,
        attrs={"tr": 1.5},
    )
    keys.write_dataset(bold, made, {"result": "bold", "study": STUDY, "story": "one"})
    words = write_text(tmp_path / "words.tsv", story="one")
    (tmp_path / "words.tsv").write_text("word\tonset\na\t0\nb\t1\nc\t2\n")
    settings = {
        "words_to_trs": "sum",
        "longest_delay": 8.0,
        "delays": None,
        "folds": 3,
        "inner_folds": 2,
        "alphas": [1.0],
        "alpha_by": "r",
        "backend": "numpy",
    }
    config = {
        "encoding": settings,
        "layer": None,
        "stories": ["one"],
        "study": STUDY,
        "subjects": ["01"],
        "targets": "all",
    }
    files = {"activations": [str(read)], "bold": [str(bold)], "words": [words]}
    with pytest.raises(SystemExit):
        runpy.run_path(
            str(ROOT / "workflow" / "scripts" / f"{script}.py"),
            init_globals={
                "snakemake": a_job(tmp_path, config, files, group="one", model="m", **text)
            },
        )
    assert f"'{read}' has 4 words and '{words}' 3. Delete the former and run again." in said(
        tmp_path
    )
