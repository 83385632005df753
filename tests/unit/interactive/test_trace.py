"""engram.trace: the way from a number of a table to its files, and the lines that make it again."""

from __future__ import annotations

import ast
import contextlib
import shutil
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from engram.command.main import main as command
from engram.errors import EngramError
from engram.files import storage
from engram.files.checksums import PROVENANCE, checksum, sha256
from engram.interactive import recomputed
from engram.interactive.chain import _BY_NAME, _KEYS, Chain, Link, _is_wanted, one_row
from engram.trace import main

RNG = np.random.default_rng(0)
REGIONS = {"L": "IFG", "R": "IFG"}
NULL = ["random-0", "random-1", "random-2"]


def made(path: Path, rule: str, inputs: list[Path], **more: Any) -> Path:
    """Write the sidecar of a result, as its job does."""
    place = storage.sidecar(path)
    record = {
        "Rule": rule,
        "Wildcards": more.pop("wildcards", {}),
        "Code": "c0de",
        "Revision": "4a5b",
        "Finished": "2026-11-30T04:00:00+00:00",
        "Inputs": {f"results/old/{one.parent.name}/{one.name}": checksum(one) for one in inputs},
        "Outputs": {path.name: checksum(path)},
        **more,
    }
    storage.write_json(place, {**storage.read_json(place), PROVENANCE: record})
    return path


def array(path: Path, dataset: xr.Dataset) -> Path:
    storage.write_dataset(path, dataset)
    return path


def table(path: Path, rows: list[dict[str, Any]]) -> Path:
    frame = pd.DataFrame(rows)
    storage.write_table(path, frame, "A table.", dict.fromkeys(frame, "A column."), digits=9)
    return path


@pytest.fixture
def results(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the results, from where the raw files were named."""
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return Path("moved")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with results that were moved since: scores, ceilings and F of two groups."""
    place = tmp_path_factory.mktemp("traced")
    with contextlib.chdir(place):
        write_results()
    return place


def write_results() -> None:
    """Write results with what made them."""
    folder = Path("moved")
    raw = Path("data") / "sub-01_story-tale_timeseries.tsv"
    raw.parent.mkdir()
    raw.write_text("1\n2\n")
    known = {str(raw): {"sha256": checksum(raw), "size": 4}}
    targets = {"hemisphere": ("target", ["L", "L", "R"]), "roi": ("target", ["IFG"] * 3)}
    words = folder / "stories" / "story-tale_words.tsv"
    made(table(words, [{"word": "so"}]), "story", [])
    bold = array(folder / "bold" / "story-tale_bold.nc", xr.Dataset({"bold": ("x", np.ones(3))}))
    made(bold, "bold", [words], RawFiles=known)
    read = folder / "activations" / "story-tale_model-m_text-original_activations.nc"
    made(
        array(read, xr.Dataset({"a": ("x", np.ones(2))})),
        "activations",
        [words],
        Config={"model": {"source": "gpt2", "revision": "607a", "base": None}},
    )
    ceiling = xr.Dataset(
        {
            "loo": (("subject", "target"), RNG.random((2, 3))),
            "average": ("target", RNG.random(3)),
        },
        coords={"subject": ["01", "02"], **targets},
    )
    bound = array(folder / "ceilings" / "story-tale_ceiling.nc", ceiling)
    made(bound, "ceiling", [bold], wildcards={"story": "tale"})
    cells = []
    for model in ("m", "word-rate"):
        r = xr.Dataset(
            {"r": (("layer", "story", "subject", "target"), RNG.random((2, 2, 2, 3)))},
            coords={"subject": ["01", "02"], "layer": [0, 1], **targets},
        )
        key = {"group": "tale", "model": model, "text": "original"}
        path = folder / "scores" / f"group-tale_model-{model}_text-original_scores.nc"
        cells.append(made(array(path, r), "encoding", [read, bold, words], wildcards=key))
        if model == "m":
            mean = r["r"].mean("story")
    rows = [
        {**key, "model": "m", "subject": subject, "layer": layer, "hemisphere": side, "roi": roi}
        | {"score": float(mean.sel(layer=layer, subject=subject)[where].mean())}
        for subject in ("01", "02")
        for layer in (0, 1)
        for (side, roi), where in zip(REGIONS.items(), (slice(0, 2), slice(2, 3)), strict=True)
    ]
    made(table(folder / "tables" / "scores.tsv", rows), "tables", [*cells, bound])
    rows = [
        {"story": "tale", "subject": "01", "kind": "loo", "hemisphere": "L", "roi": "IFG"}
        | {"ceiling": float(ceiling["loo"][0, :2].mean())},
        {"story": "tale", "subject": "average", "kind": "average", "hemisphere": "R", "roi": "IFG"}
        | {"ceiling": float(ceiling["average"][2])},
    ]
    made(table(folder / "tables" / "ceilings.tsv", rows), "tables", [*cells, bound])
    associations(folder, read, bold)
    made(table(folder / "tables" / "claims.tsv", [{"claim": "one"}]), "claims", [words])


def associations(folder: Path, read: Path, bold: Path) -> None:
    """Write F of a text from two groups; what was read of it is gone, its sidecar is not."""
    gone = folder / "associations" / "story-tale_model-m_text-judged_activations.nc"
    made(array(gone, xr.Dataset({"a": ("x", np.ones(2))})), "text_activations", [read])
    paths, differences = [], []
    for group, subjects in (("one", ["01", "average"]), ("two", ["02", "03"])):
        r = RNG.random((6, 2, 2, 2)).astype(np.float32)
        scores = xr.Dataset(
            {"r": (("variant", "story", "subject", "region"), r)},
            coords={
                "variant": ["original", "associations", *NULL, "shuffled-0"],
                "subject": subjects,
                "region_hemisphere": ("region", list(REGIONS)),
                "region_roi": ("region", list(REGIONS.values())),
            },
        )
        key = {"group": group, "model": "m", "text": "judged"}
        path = folder / "associations" / f"group-{group}_model-m_text-judged_scores.nc"
        made(array(path, scores), "association_scores", [gone, bold], wildcards=key)
        paths.append(path)
        single = [name != "average" for name in subjects]
        differences.append((r - r[0]).mean(1)[:, single])
    f = np.concatenate(differences, axis=1).mean(1)
    p = (1 + (f[2:5] >= f[1]).sum(0)) / 4
    gone.unlink()
    rows = [
        {"model": "m", "text": "judged", "hemisphere": side, "roi": roi, "F": f[1, number]}
        | {"null": "random", "p_texts": p[number]}
        for number, (side, roi) in enumerate(REGIONS.items())
    ]
    made(table(folder / "tables" / "association.tsv", rows), "association_tables", paths)


def traced(*arguments: str | Path, status: int = 0) -> str:
    """Return what the command prints."""
    said = StringIO()
    with redirect_stdout(said):
        assert main([str(one) for one in arguments]) == status
    return said.getvalue()


def printed_by(said: str) -> list[str]:
    """Run the printed lines; return the lines that these print."""
    lines = said.split("makes it again:\n\n")[1].splitlines()
    assert len(lines) <= 14
    printed = StringIO()
    with redirect_stdout(printed):
        exec("\n".join(line[4:] for line in lines), {})
    return printed.getvalue().splitlines()


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (("scores", "m", "01", "L", "layer=1"), "score"),
        (("scores", "02", "R", "layer=0"), "score"),
        (("ceilings", "loo"), "ceiling"),
        (("ceilings", "kind=average"), "ceiling"),
        (("association", "L", "judged"), "F"),
        (("association", "R"), "F"),
    ],
)
def test_the_printed_lines_make_the_number(
    results: Path, arguments: tuple[str, ...], value: str
) -> None:
    said = traced(results, *arguments)
    stated = float(said.split(f"{value} = ")[1].split()[0])
    number, *more = printed_by(said)
    assert float(number) == pytest.approx(stated, rel=1e-5)
    if value == "F":
        assert float(more[0].removeprefix("p_texts ")) == float(
            said.split("p_texts = ")[1].split()[0]
        )


def test_the_chain_goes_from_the_row_to_the_raw_files(results: Path) -> None:
    said = traced(results, "scores", "m", "01", "L", "layer=1")
    places = [
        said.index(word)
        for word in (
            "tables/scores.tsv, row 3",
            "scores    r at layer 1, subject 01, mean over stories and targets of L IFG",
            "text      ",
            "features  ",
            "BOLD      ",
            "raw files data/sub-01_story-tale_timeseries.tsv",
            "Python that makes it again",
        )
    ]
    assert places == sorted(places)
    assert "rule encoding, 2026-11-30T04:00:00+00:00, commit 4a5b, code c0de" in said
    assert "model: source gpt2, revision 607a" in said
    assert checksum(results / "bold" / "story-tale_bold.nc") in said
    assert "word-rate" not in said and "ceilings" not in said and "CHANGED" not in said


@pytest.mark.parametrize(
    ("more", "kind", "there"),
    [
        ({}, "table", True),
        ({"model": "word-rate"}, "alice", True),
        ({}, "narratives", False),
        ({"text": "judged"}, "table", False),
        ({"model": "norms"}, "table", False),
        ({"roi": "Heschl's gyrus"}, "table", True),
    ],
)
def test_scores_are_made_from_raw_data_where_these_are_read_here(
    more: dict[str, str], kind: str, there: bool
) -> None:
    row = {"model": "m", "text": "original", "subject": "01", "layer": 1, "hemisphere": "L"}
    row = {**row, "roi": "IFG", **more}
    lines = recomputed.from_raw_data(row, kind, {"m": {}}, "results/mine")
    assert bool(lines) is there
    if there:
        compile("\n".join(lines), "lines", "exec")
        wanted = ast.literal_eval(lines[-1].split("query(")[1].split(')["score"]')[0])
        (found,) = pd.DataFrame([row, {**row, "roi": "STG"}]).query(wanted)["roi"]
        assert found == row["roi"]


def test_what_was_removed_is_named_with_what_it_was_made_of(results: Path) -> None:
    said = traced(results, "association", "L")
    assert "text-judged_activations.nc  not here any more (removed once it was read" in said
    assert "rule text_activations" in said and "model: source gpt2" in said


def test_a_folder_with_tables_alone_prints_no_lines_that_find_nothing(results: Path) -> None:
    for path in (results / "associations").iterdir():
        path.unlink()
    said = traced(results, "association", "L", "judged")
    assert said.count("_text-judged_scores.nc  not here any more") == 2
    assert "a published\nfolder has tables and figures alone" in said
    assert "Python that makes it again" not in said


def test_a_file_without_provenance_is_known_by_its_name() -> None:
    path = "results/a/associations/group-g_model-m-2_text-judged_scores.nc"
    assert _is_wanted(Link(path, None, ""), {"model": "m-2", "text": "judged"})
    assert not _is_wanted(Link(path, None, ""), {"model": "m-2", "text": "random"})


def test_a_file_that_was_changed_is_named_and_ends_with_1(results: Path) -> None:
    (results / "stories" / "story-tale_words.tsv").write_text("word\nno\n")
    Path("data/sub-01_story-tale_timeseries.tsv").write_text("1\n3\n")
    said = traced(results, "scores", "m", "01", "L", "layer=1", status=1)
    assert said.count("CHANGED since it was read") == 2
    assert "timeseries.tsv  CHANGED" in said and "words.tsv  CHANGED" in said


def test_a_raw_file_with_the_name_of_a_result_is_looked_for_where_it_was_read(
    results: Path, tmp_path: Path
) -> None:
    """Associations that are taken as they are lie among the results under the same name."""
    raw = tmp_path / "resources" / "associations" / "story-tale_associations-judged.json"
    raw.parent.mkdir(parents=True)
    raw.write_text('{"Description": "What came to mind."}')
    (results / "associations").mkdir(exist_ok=True)
    (results / "associations" / raw.name).write_text('{"Provenance": {}}')
    known = {str(raw.relative_to(tmp_path)): {"sha256": sha256(raw)}}
    link = Link("results/one.nc", None, "", {"RawFiles": known})
    (found,) = Chain(results).raw(link)
    assert found.state == "as recorded"
    raw.write_text("{}")
    (found,) = Chain(results).raw(link)
    assert found.state == "changed" and found.place is not None
    raw.unlink()
    (found,) = Chain(results).raw(link)
    assert found.state == "gone"  # what lies among the results is another file


def test_the_command_engram_has_it(results: Path) -> None:
    said = StringIO()
    with redirect_stdout(said):
        assert command(["trace", str(results), "ceilings", "loo"]) == 0
    assert said.getvalue() == traced(results, "ceilings", "loo")


def test_other_tables_say_what_they_are_made_of(results: Path) -> None:
    said = traced(results, "claims")
    assert "claim = one" in said and "stories/story-tale_words.tsv" in said
    assert "The rule claims makes it of the files above." in said


def test_rows_of_published_tables_are_told_apart() -> None:
    for path in Path("published").glob("*/tables/*.tsv"):
        rows = pd.read_csv(path, sep="\t", na_values="n/a", keep_default_na=False, dtype=str)
        names = [name for name in rows if name in (*_KEYS, *_BY_NAME)]
        assert len(rows) < 2 or (names and not rows.duplicated(names).any()), path


def test_numbers_are_found_however_they_are_written() -> None:
    rows = pd.DataFrame(
        {"model": "m", "set": ["all", "all", "left"], "begin": [3.0, 51.5, 3.0], "null": "random"}
    )
    assert one_row(rows, ["all", "begin=3"], None).name == 0
    assert one_row(rows, ["left"], None).name == 2
    with pytest.raises(EngramError, match=r"Say which: \{'begin=': \['3', '51.5'\]\}"):
        one_row(rows, ["all"], None)
    with pytest.raises(EngramError, match="'random' is no value"):
        one_row(rows, ["random"], None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("scores",), "8 rows of the table fit. Say which: {'subject': ['01', '02']"),
        (("scores", "03"), "'03' is no value of the table. It has"),
        (("ceilings", "loo", "R"), "no row of the table fits loo R together"),
        (("chance",), "no table 'chance'"),
        (("best_layer",), "has no provenance beside it"),
    ],
)
def test_what_cannot_be_traced_is_said(
    results: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    table(results / "tables" / "best_layer.tsv", [{"model": "m"}])
    assert main([str(results), *arguments]) == 2
    assert message in capsys.readouterr().err
