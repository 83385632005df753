"""BIDS that is fetched: planned from a repository's names, fetched file by file, read as it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from annexed import repository
from conftest import ROOT
from made_bids import Made, make
from serving import serving

from engram.command.main import main
from engram.datasets.bids import published
from engram.datasets.bids.config import BidsSection
from engram.datasets.bids.plan import PLAN
from engram.datasets.bids.planned_bids import PlannedBids
from engram.datasets.bids.reader import open_dataset, open_words
from engram.datasets.planned import Context
from engram.errors import EngramError
from engram.fetch import dataset_files

RAW, DERIVED = "ds000001", "ds000001-fmriprep"
COLUMNS = ["trans_x", "csf"]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("made") / "raw", "volume", ("01", "02"))


@pytest.fixture
def openneuro(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Serve a raw dataset and its derivatives as OpenNeuro does: repositories, and a bucket."""
    bucket = tmp_path / "bucket"
    shutil.copytree(made.root, bucket / RAW)
    shutil.move(bucket / RAW / "derivatives" / "fmriprep", bucket / DERIVED)
    for name in (RAW, DERIVED):
        large = (".nii.gz", "timeseries.tsv", ".TextGrid")
        repository(bucket / name, tmp_path / "git" / name, large)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(bucket)))
    address = f"http://127.0.0.1:{server.server_address[1]}"
    for name in ("_RAW_SOURCE", "_DERIVED_SOURCE"):
        monkeypatch.setattr(published, name, str(tmp_path / "git"))
    for name in ("_RAW_BUCKET", "_DERIVED_BUCKET"):
        monkeypatch.setattr(published, name, address)
    monkeypatch.chdir(tmp_path)
    with serving(server, monkeypatch):
        yield tmp_path


def plan_of(downloads: Path, **keys: Any) -> PlannedBids:
    section = BidsSection.model_validate(
        {"kind": "bids", "confounds": {"columns": COLUMNS}, **keys}
    )
    context = Context(seed=0, tail=8.0, high_pass=1 / 128, downloads=downloads, mirror=None)
    plan = PLAN(section, context)
    plan.check()
    return plan


def write_study(file: Path, **dataset: Any) -> Path:
    file.write_text(yaml.safe_dump({"study": "s", "dataset": {"kind": "bids", **dataset}}))
    return file


def fetch(plan: PlannedBids, story: str) -> list[Path]:
    """Fetch a story's words and scans as the rules do, and return the folders of both."""
    folders = []
    for download in (plan.words_download(story), plan.scans_download(story)):
        assert download is not None
        manifest = Path(download.manifest.replace("<downloads>", "resources/downloads"))
        manifest.parent.mkdir(parents=True, exist_ok=True)
        dataset_files.fetch(json.loads(json.dumps(download.settings)), manifest)
        folders.append(manifest.parent / "dataset")
    return folders


def check_same(plan: PlannedBids, made: Made, story: str = "tale") -> None:
    """Compare what is read with what is read from the folder that all was made in."""
    words_folder, scans_folder = fetch(plan, story)
    here = plan_of(Path("none"), path=str(made.root))
    mine, theirs = (
        open_dataset(json.loads(json.dumps(one.scans_config(story))), folder, None)
        for one, folder in ((plan, scans_folder), (here, made.root))
    )
    assert mine.start("02", story) == theirs.start("02", story)
    assert mine.targets().equals(theirs.targets())
    for subject in ("01", "02"):
        np.testing.assert_array_equal(
            mine.timeseries(subject, story), theirs.timeseries(subject, story)
        )
        np.testing.assert_array_equal(
            mine.confounds(subject, story), theirs.confounds(subject, story)
        )
    first = open_words(plan.words_config(story), words_folder).words(story)
    assert first.equals(open_words(here.words_config(story), made.root).words(story))


def test_a_study_of_openneuro_from_its_bucket(openneuro: Path, made: Made) -> None:
    keys = {"source": RAW, "derivatives_source": DERIVED, "download": "s3"}
    study = write_study(openneuro / "study.yaml", **keys)
    with pytest.raises(EngramError, match="engram clone STUDY.yaml"):
        plan_of(Path("resources/downloads"), **keys)
    assert main(["clone", str(study)]) == 0
    plan = plan_of(Path("resources/downloads"), **keys)
    assert plan.stories == ["fable", "tale"]
    assert len(plan.scans) == 4
    assert not plan.fetches_by_datalad
    sizes = sum(path.stat().st_size for path in (openneuro / "bucket" / DERIVED).rglob("*.nii.gz"))
    assert plan.download_bytes() > sizes
    before = plan.scans_config("tale")
    check_same(plan, made)
    again = plan_of(Path("resources/downloads"), **keys)
    assert again.scans_config("tale") == before  # what is fetched changes no plan
    assert again.scans == plan.scans
    assert [one["URL"].rsplit("/", 1)[1] for one in plan.sources()] == [RAW, DERIVED]
    assert main(["clone", str(study)]) == 0  # it is there


def test_a_file_that_is_another_one_is_refused(openneuro: Path, made: Made) -> None:
    keys = {"source": RAW, "derivatives_source": DERIVED, "download": "s3"}
    assert main(["clone", str(write_study(openneuro / "study.yaml", **keys))]) == 0
    plan = plan_of(Path("resources/downloads"), **keys)
    bold = next((openneuro / "bucket" / DERIVED).rglob("sub-02*tale*_bold.nii.gz"))
    bold.write_bytes(bold.read_bytes()[:-1] + b"x")
    with pytest.raises(EngramError, match="MD5"):
        fetch(plan, "tale")


def test_words_of_ones_own_beside_scans_that_are_fetched(openneuro: Path, made: Made) -> None:
    keys: dict[str, Any] = {"source": RAW, "derivatives_source": DERIVED, "download": "s3"}
    assert main(["clone", str(write_study(openneuro / "study.yaml", **keys))]) == 0
    words = {story: str(made.root / "stimuli" / f"{story}.TextGrid") for story in ("tale", "fable")}
    plan = plan_of(Path("resources/downloads"), **keys, words=words)
    assert plan.words_download("tale") is None
    assert plan.story_files["tale"] == (words["tale"],)
    table = open_words(plan.words_config("tale"), Path()).words("tale")
    assert len(table) == len(made.words["tale"])


def test_mistakes_are_named(
    openneuro: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(message: str, **keys: Any) -> None:
        with pytest.raises((EngramError, ValueError), match=message):
            plan_of(Path("resources/downloads"), **keys)

    refused("and not both", path="x", source=RAW)
    refused("and not both")
    refused("goes with source", path="x", download="s3")
    for strange in ("DS002345", "ds2345", "ds 002345"):
        refused("expected an identifier of OpenNeuro", source=strange)
    page = "https://openneuro.org/datasets/ds002345/versions/1.0"
    refused("not of a repository; write ds002345", source=page)
    refused("by their identifiers; 'other/place' is none", source="other/place", download="s3")
    study = write_study(openneuro / "study.yaml", source=RAW, download="s3")
    assert main(["clone", str(study)]) == 0
    refused("no folder 'derivatives/mine'", source=RAW, download="s3",
            derivatives="derivatives/mine")  # fmt: skip
    refused("has no BOLD", source=RAW, download="s3")
    assert main(["clone", str(write_study(openneuro / "b.yaml", path="x"))]) == 1
    assert "which alone needs this" in capsys.readouterr().err
    monkeypatch.setattr("time.sleep", lambda _: None)
    assert main(["clone", str(write_study(openneuro / "c.yaml", source="git/none"))]) == 1
    assert "could not be cloned" in capsys.readouterr().err


@pytest.mark.slow
def test_a_dataset_of_datalad(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One repository with derivatives in it, which DataLad clones and git-annex verifies."""
    for name in ("GIT_CONFIG_GLOBAL", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made.root, tmp_path / "source")
    helper = ROOT / "tests" / "helpers" / "datalad_source.py"
    subprocess.run(
        [sys.executable, str(helper), "source"], check=True, capture_output=True, env=os.environ
    )
    keys = {"source": str(tmp_path / "source")}
    assert main(["clone", str(write_study(tmp_path / "study.yaml", **keys))]) == 0
    plan = plan_of(Path("resources/downloads"), **keys)
    assert plan.fetches_by_datalad
    check_same(plan, made)
    others = Path("resources/downloads").rglob("dataset/derivatives/**/*fable*_bold.nii.gz")
    assert not any(path.exists() for path in others)  # links whose content nobody wanted
