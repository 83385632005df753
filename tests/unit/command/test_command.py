"""The command `engram`: begins, checks, runs and opens studies."""

from __future__ import annotations

import json
import os
import sys
import webbrowser
from pathlib import Path
from typing import Any

import pytest
import yaml

from engram.command import workflow
from engram.command.look import look_at
from engram.command.main import main
from engram.datasets.narratives.facts import read_facts
from engram.errors import EngramError
from engram.paths import NARRATIVES_FACTS, RESOURCES
from engram.study.config.read import read_study


def touched(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def tables(folder: Path, sidecar: bool = True) -> Path:
    touched(
        folder,
        *(f"story-{story}_words.tsv" for story in ("one", "two")),
        *(f"sub-{who}_story-{story}_timeseries.tsv" for who in "ab" for story in ("one", "two")),
    )
    (folder / "targets.tsv").write_text("target\themisphere\troi\nt\tL\tone\n")
    if sidecar:
        path = folder / "sub-a_story-one_timeseries.json"
        path.write_text(json.dumps({"RepetitionTime": 1.5}))
    return folder


def bids(folder: Path) -> Path:
    func = "derivatives/fmriprep/sub-01/func/sub-01_task-tale"
    touched(
        folder,
        "dataset_description.json",
        "stimuli/tale.TextGrid",
        f"{func}_space-MNI152NLin2009cAsym_desc-preproc_bold.nii.gz",
        f"{func}_space-T1w_desc-preproc_bold.nii.gz",
        f"{func}_desc-confounds_timeseries.tsv",
        "sub-01/func/sub-01_task-tale_bold.nii.gz",
    )
    events = folder / "sub-01" / "func" / "sub-01_task-tale_events.tsv"
    events.write_text("onset\tduration\tstim_file\n6.0\t60\ttale.wav\n")
    (folder / "task-tale_bold.json").write_text(json.dumps({"RepetitionTime": 2.0}))
    return folder


def narratives(folder: Path) -> Path:
    fact = next(
        one for one in read_facts(NARRATIVES_FACTS) if one.story == "pieman" and not one.excluded
    )
    begin = f"derivatives/afni-smooth/sub-{fact.subject}/func/{fact.scan}_space-fsaverage6"
    return touched(
        folder,
        "stimuli/gentle/pieman/align.csv",
        *(f"{begin}_hemi-{side}_desc-clean.func.gii" for side in "LR"),
    )


MADE: dict[str, Any] = {
    "table": tables,
    "bids": bids,
    "narratives": narratives,
    "littleprince": lambda folder: touched(
        folder,
        "annotation/FR/lppFR_word_information.csv",
        "derivatives/sub-FR001/func/sub-FR001_task-lppFR_run-01_space-MNIColin27_desc-preproc_"
        "bold.nii.gz",
    ),
    "lebel": lambda folder: touched(
        folder,
        "derivative/TextGrids/souls.TextGrid",
        "derivative/preprocessed_data/UTS01/souls.hf5",
    ),
}


@pytest.mark.parametrize("kind", MADE)
def test_a_folder_is_known_by_its_files_and_a_study_of_it_is_valid(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, study = MADE[kind](tmp_path / "my data"), tmp_path / "study.yaml"
    assert look_at(folder).kind == kind
    assert main(["init", str(folder), "--output", str(study)]) == 0
    said = capsys.readouterr().out
    assert f"wrote {study}" in said and f"engram check {study}" in said
    checked = read_study(yaml.safe_load(study.read_text()))
    assert checked.study == "my-data" and checked.dataset.kind == kind
    if kind in ("table", "bids", "narratives"):
        assert checked.dataset.folder == str(folder)
    if kind == "bids":
        written = yaml.safe_load(study.read_text())["dataset"]
        assert written["entities"] == {"space": "MNI152NLin2009cAsym"}


def test_outputs_and_words_that_lie_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A raw dataset, fMRIPrep's outputs and alignments each in a folder of their own."""
    folder, study = bids(tmp_path / "raw"), tmp_path / "s.yaml"
    (folder / "derivatives" / "fmriprep").rename(tmp_path / "fmriprep out")
    (folder / "stimuli").rename(tmp_path / "MFA output")
    (tmp_path / "MFA output" / "tale.TextGrid").write_text("words")
    assert main(["init", str(folder), "-o", str(study)]) == 1
    assert "--derivatives FOLDER" in capsys.readouterr().err
    begin = ["init", str(folder), "-o", str(study), "--derivatives", str(tmp_path / "fmriprep out")]
    assert main(begin) == 0
    assert "--words FOLDER" in capsys.readouterr().out
    with_words = [*begin, "--force", "--words", str(tmp_path / "MFA output")]
    assert main(with_words) == 0
    assert "MFA output': tale.TextGrid" in capsys.readouterr().out
    written = yaml.safe_load(study.read_text())["dataset"]
    assert written["derivatives"] == str(tmp_path / "fmriprep out")
    assert written["words"] == str(tmp_path / "MFA output" / "{story}.TextGrid")
    touched(tmp_path, "MFA output/tale.txt")
    assert main(with_words) == 0
    written = yaml.safe_load(study.read_text())["dataset"]
    assert written["words"]["transcript"] == str(tmp_path / "MFA output" / "{story}.txt")
    assert main([*begin, "--force", "--words", str(tmp_path / "none")]) == 1
    assert "'" + str(tmp_path / "none") + "' is not there" in capsys.readouterr().err
    assert main([*begin[:4], "--force", "--derivatives", str(tmp_path / "MFA output")]) == 1
    assert "has no BOLD of fMRIPrep" in capsys.readouterr().err


def test_what_is_found_and_what_is_missing_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tables(tmp_path / "data")
    (folder / "sub-b_story-two_timeseries.tsv").unlink()
    touched(folder, "story-three_words.tsv")
    assert main(["init", str(folder), "-o", str(tmp_path / "s.yaml")]) == 0
    said = capsys.readouterr().out
    assert "2 listeners, 3 time courses" in said and "nobody's BOLD of three" in said
    assert "not yet to be run: no listener is left for three" in said
    text = (tmp_path / "s.yaml").read_text()
    assert "tr: 1.5    # seconds from one row to the next, by a sidecar" in text
    assert "start: 0.0    # when the first row" in text


@pytest.mark.parametrize("end", ["TextGrid", "json", "ctm"])
def test_words_of_aligners_are_words_of_a_story(
    end: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tables(tmp_path / "data")
    (folder / "story-two_words.tsv").rename(folder / f"story-two_words.{end}")
    assert main(["init", str(folder), "-o", str(tmp_path / "s.yaml")]) == 0
    said = capsys.readouterr().out
    assert "2 stories with words: one, two" in said and "missing" not in said.split("next:")[0]
    (folder / "sub-b_story-two_timeseries.tsv").unlink()
    (folder / "sub-b_story-two_timeseries.tsv").symlink_to(tmp_path / "nowhere")
    assert main(["init", str(folder), "-o", str(tmp_path / "s.yaml"), "--force"]) == 0
    said = capsys.readouterr().out
    assert "timeseries.tsv' is a link to a file that is not there" in said


def test_a_tr_that_no_file_gives_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, study = tables(tmp_path / "data", sidecar=False), tmp_path / "s.yaml"
    assert main(["init", str(folder), "-o", str(study)]) == 0
    assert "to write by hand: dataset.tr" in capsys.readouterr().out
    with pytest.raises(EngramError, match="dataset.tr: is needed"):
        read_study(yaml.safe_load(study.read_text()))
    assert main(["init", str(folder), "-o", str(study), "--force", "--tr", "2.0"]) == 0
    assert yaml.safe_load(study.read_text())["dataset"]["tr"] == 2.0
    assert "2 listeners in 2 stories" in capsys.readouterr().out


def test_a_study_that_is_there_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    tables(tmp_path / "data")
    (tmp_path / "data.yaml").write_text("study: mine\n")
    assert main(["init", "data"]) == 1
    assert "--force" in capsys.readouterr().err
    assert (tmp_path / "data.yaml").read_text() == "study: mine\n"
    assert main(["init", "data", "--force"]) == 0
    assert yaml.safe_load((tmp_path / "data.yaml").read_text())["study"] == "data"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "holds nothing"),
        (["notes.txt"], "holds notes.txt"),
        (["sub-01/func/sub-01_task-tale_bold.nii.gz"], "raw BOLD without derivatives"),
        (["sub-01/ses-1/func/sub-01_ses-1_task-tale_bold.nii.gz"], "raw BOLD without"),
    ],
)
def test_folders_of_which_nothing_can_be_made_are_refused(
    names: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    assert main(["init", str(touched(folder, *names))]) == 1
    assert message in capsys.readouterr().err
    assert main(["init", str(folder / "other")]) == 1
    assert "is not there" in capsys.readouterr().err


# ---------------------------------------------------------------- check and run
def handed_on(monkeypatch: pytest.MonkeyPatch, code: str) -> list[list[str]]:
    """Put a short program in Snakemake's place, and note what it would have got."""
    real, calls = workflow.command, []

    def instead(*given: Any) -> list[str]:
        calls.append(real(*given))
        return [sys.executable, "-c", code]

    monkeypatch.setattr(workflow, "command", instead)
    return calls


@pytest.mark.parametrize("name", ["check", "run"])
@pytest.mark.parametrize(
    ("code", "expected"), [("pass", 0), ("raise SystemExit(3)", 3), ("import os; os.abort()", 134)]
)
def test_exit_codes_are_handed_on(
    name: str, code: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = tmp_path / "s.yaml"
    study.write_text("study: s\n")
    handed_on(monkeypatch, code)
    assert main([name, str(study), "-n"]) == expected


def test_snakemake_gets_the_same_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    touched(tmp_path, "s.yaml", "more.yaml")
    calls = handed_on(monkeypatch, "pass")
    main(["run", "s.yaml", "-n", "--config", "seed=1"])
    main(["run", "s.yaml", "more.yaml", "-j4", "report"])
    main(["check", "s.yaml", "--quiet"])
    snakefile = ["--snakefile", str(RESOURCES.parent / "Snakefile")]
    begin = [sys.executable, "-m", "snakemake"]
    run = ["--configfile", "s.yaml", *snakefile, "--cores", "all", "-n", "--config", "seed=1"]
    stacked = ["--configfile", "s.yaml", "more.yaml", *snakefile, "-j4", "report"]
    check = ["preflight", "--configfile", "s.yaml", *snakefile, "--cores", "1", "--quiet"]
    assert calls == [begin + run, begin + stacked, begin + check]


def test_a_study_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "no-such.yaml"]) == 1
    assert "engram init" in capsys.readouterr().err


def test_broken_yaml_is_named_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "my.yaml"
    study.write_text("study: a\nchance:\n\tshifts: 39\n")
    assert main(["check", str(study)]) == 1
    said = capsys.readouterr().err
    assert "is no valid YAML" in said and "line 3, column 1" in said


def test_the_workflow_is_found_beside_an_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = tmp_path / "clone"
    touched(clone, "Snakefile", "workflow/rules/common.smk", "studies/s.yaml")
    monkeypatch.setattr(workflow, "RESOURCES", tmp_path / "site-packages" / "resources")
    monkeypatch.delenv(workflow.HOME_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EngramError, match=f"export {workflow.HOME_VARIABLE}="):
        workflow.workflow_folder()
    monkeypatch.chdir(clone / "studies")
    assert workflow.workflow_folder() == clone
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(workflow.HOME_VARIABLE, str(clone))
    assert workflow.workflow_folder() == clone
    # Jobs import the package of the clone, not another one.
    code = "import os; raise SystemExit('clone/src' not in os.environ['PYTHONPATH'])"
    monkeypatch.setattr(workflow, "command", lambda *_: [sys.executable, "-c", code])
    assert main(["run", str(clone / "studies" / "s.yaml")]) == 0
    monkeypatch.setenv(workflow.HOME_VARIABLE, str(tmp_path))
    with pytest.raises(EngramError, match="no clone of Engram"):
        workflow.workflow_folder()


# ---------------------------------------------------------------- open
def test_a_report_is_opened_or_its_place_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address))
    monkeypatch.setattr(webbrowser, "get", lambda: None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text("study: mine\n")
    (tmp_path / "t.yaml").write_text("study: mine\npathvars: {results: elsewhere}\n")
    assert main(["open", "s.yaml"]) == 1
    assert "no report" in capsys.readouterr().err
    touched(tmp_path, "results/mine/report.html", "elsewhere/report.html")
    for name in [one for one in ("DISPLAY", "WAYLAND_DISPLAY") if one in os.environ]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("s.yaml", "results/mine", "results/mine/report.html"):
        assert main(["open", name]) == 0
        assert capsys.readouterr().out.strip() == str(tmp_path / "results/mine/report.html")
    assert opened == []  # no screen
    monkeypatch.setenv("DISPLAY", ":0")
    assert main(["open", "t.yaml"]) == 0
    assert opened == [(tmp_path / "elsewhere/report.html").as_uri()]
    for name in ("nothing.yaml", "more.yaml"):
        if name == "more.yaml":
            (tmp_path / name).write_text("seed: 1\n")
        assert main(["open", name]) == 1


def test_help_has_an_example_of_each_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(f"engram {name} my_" in said for name in ("init", "check", "run", "open"))
