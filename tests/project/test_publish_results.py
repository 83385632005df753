"""Publishing of a run's results: what is copied, what is refused, what is said of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from engram import publish_results
from engram.errors import EngramError

COMMIT = "c0ffee" * 6 + "c0ff"


def write(path: Path, content: str, rule: str = "tables", **provenance: Any) -> None:
    """Write a result with its sidecar."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    made = {
        "Rule": rule,
        "Wildcards": {},
        "Config": {},
        "Revision": COMMIT,
        "Versions": {"engram": "0.2.0"},
        "Seconds": 1800.0,
        "Finished": "2026-01-01T00:00:00+00:00",
    }
    sidecar = {"Description": "d", "Provenance": {**made, **provenance}}
    path.with_suffix(".json").write_text(json.dumps(sidecar))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A finished study with two tables, one of them not for publication, and a figure."""
    folder = tmp_path / "results" / "alice"
    write(folder / "report.html", "<html>", Finished="2026-01-02T00:00:00+00:00")
    write(folder / "tables" / "association.tsv", "F\n0.1\n")
    write(folder / "tables" / "association_rows.tsv", "word\nsecret\n")
    write(folder / "figures" / "association.png", "png")
    (folder / "figures" / "association.svg").write_text("svg")
    model = {"source": "org/m", "revision": "abc", "reinitialised": False}
    for name, read in (("m", model), ("word-rate", {"source": "word-rate"})):
        write(
            folder / "activations" / f"{name}.nc",
            "",
            "activations",
            Wildcards={"model": name},
            Config={"model": read},
        )
    return folder


def contents(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_what_is_published_says_what_made_it(results: Path, tmp_path: Path) -> None:
    out = tmp_path / "published"
    run = publish_results.publish(results, out)
    copied = {
        "report.html",
        "report.json",
        "tables/association.tsv",
        "tables/association.json",
        "figures/association.png",
        "figures/association.svg",
        "figures/association.json",
    }
    assert contents(out) == {*copied, "run.json", "README.md"}
    assert set(run["Files"]) == copied and run["Commits"] == [COMMIT]
    assert run["Models"] == {"m": {"source": "org/m", "revision": "abc", "reinitialised": False}}
    # Five jobs of half an hour; the latest end.
    assert (run["JobHours"], run["Finished"]) == (3.0, "2026-01-02T00:00:00+00:00")
    page = (out / "README.md").read_text()
    assert COMMIT in page and "`org/m` at `abc`" in page and "(tables/association.tsv)" in page
    assert "(figures/association.png)" in page and "weights drawn anew" not in page


def test_what_jobs_took_is_written(results: Path, tmp_path: Path) -> None:
    heads, lines = "s\th:m:s\tmax_rss\tcpu_time", ("2.5\t0:00:02\t300.5\t1.5", "1\t0:00:01\t-\t-")
    for name, line in zip(("chance/model-m", "tables"), lines, strict=True):
        path = results / "benchmarks" / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{heads}\n{line}\n")
    publish_results.publish(results, tmp_path / "out")
    found = (tmp_path / "out" / "jobs.tsv").read_text().splitlines()
    assert found[0].split("\t") == ["rule", "job", "seconds", "cpu_seconds", "megabytes"]
    assert found[1] == "chance\tmodel-m\t2.5\t1.5\t300.5" and found[2].startswith("tables\ttables")


def test_what_a_run_has_no_more_is_taken_away(results: Path, tmp_path: Path) -> None:
    out = tmp_path / "published"
    publish_results.publish(results, out)
    for name in ("association.png", "association.svg", "association.json"):
        (results / "figures" / name).unlink()
    publish_results.publish(results, out)
    assert not [name for name in contents(out) if name.startswith("figures")]


@pytest.mark.parametrize("revision", [f"{COMMIT}-dirty", None])
def test_results_of_code_in_no_commit_are_refused(
    revision: str | None, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(results / "tables" / "association.tsv", "F\n0.1\n", Revision=revision)
    assert publish_results.main([str(results), str(tmp_path / "out")]) == 2
    assert f"in no commit ({revision})" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_run_that_did_not_finish_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngramError, match=r"no '.*report.html'.*results/alice"):
        publish_results.publish(tmp_path, tmp_path / "out")


def test_commands_print_what_they_did(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish_results.main([str(results), str(tmp_path / "out")]) == 0
    assert f"7 files in {tmp_path / 'out'}, made by {COMMIT}" in capsys.readouterr().out
    said = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "publish-alice" in said and "engram.publish_results results/$* published/$*" in said
