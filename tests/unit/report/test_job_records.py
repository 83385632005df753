"""The jobs behind a report: found once each, and summarised."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import report_sample as sample
from html_page import Page

from engram.report import job_records


def provenance(folder: Path, name: str, rule: str, inputs: list[str], **more: Any) -> str:
    content = {
        "Rule": rule,
        "Wildcards": {"story": name},
        "Inputs": dict.fromkeys(inputs, "0"),
        "Seconds": 2.0,
        "PeakMemoryMB": 100,
        "Device": "cpu",
        **more,
    }
    (folder / f"{name}.json").write_text(
        json.dumps({"Provenance": {"Versions": {"numpy": "2.4"}, **content}})
    )
    return str(folder / f"{name}.nc")


def test_jobs_are_those_behind_the_results_each_once(tmp_path: Path) -> None:
    (tmp_path / "raw.json").write_text("no JSON")
    (tmp_path / "list.json").write_text("[1]")
    deep = provenance(
        tmp_path,
        "deep",
        "bold",
        [str(tmp_path / "raw.nii"), str(tmp_path / "list.nii"), str(tmp_path / "absent.nii")],
        Seconds=7.0,
        PeakMemoryMB=50,
    )
    left = provenance(
        tmp_path,
        "left",
        "encoding",
        [deep],
        Warnings=["odd scan /data/me/x.nii", "odd scan /data/me/x.nii"],
        Versions={"numpy": "2.5"},
    )
    right = provenance(tmp_path, "right", "encoding", [deep, str(tmp_path / "tuned")])
    provenance(tmp_path, "stale", "encoding", [deep])
    jobs = job_records.jobs_behind([left, right, left])
    assert [(job["Rule"], job["Wildcards"]["story"]) for job in jobs] == [
        ("bold", "deep"),
        ("encoding", "left"),
        ("encoding", "right"),
    ]
    assert job_records.run_times(jobs) == [
        ["bold", "1", "7.0", "7.0", "50"],
        ["encoding", "2", "4.0", "2.0", "100"],
    ]
    assert job_records.versions(jobs) == [["numpy", "2.4, 2.5"]]
    assert job_records.warnings_of(jobs) == ["encoding: odd scan …/x.nii"]


def test_scans_left_out_are_listed_with_their_reasons() -> None:
    whole = Page(sample.page()).text
    assert (
        "5 of 6 scans are in use. Left out:" in whole
        and "listener 06, alice: moved too much" in whole
    )
    assert "None was left out." in Page(sample.page(scans=sample.scans().iloc[:5])).text
