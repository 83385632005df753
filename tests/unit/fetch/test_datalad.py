"""DataLad datasets: a small one is made, and fetched from; without the network."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

from engram.datasets.narratives import layout
from engram.errors import EngramError
from engram.fetch import datalad
from engram.files.checksums import sha256

pytestmark = pytest.mark.slow

HERE = Path(sys.executable).parent
SUBDATASETS = ("derivatives/afni-nosmooth", "derivatives/freesurfer", "stimuli/gentle")
BOLD = [
    path
    for subject in ("001", "002")
    for path in layout.bold_files("afni-nosmooth", "fsaverage6", f"sub-{subject}_task-x")
]
FILES = {
    "participants.tsv": "participant_id\ttask\n",
    "code/scan_exclude.json": "{}\n",
    **{path: f"BOLD of {path}\n" for path in BOLD},
    **{path: f"labels of {path}\n" for path in layout.parcellation_files()},
    layout.alignment_file("x"): "a,a,0.0,0.5\n",
    layout.transcript_file("x"): "A.\n",
    layout.alignment_file("y"): "b,b,0.0,0.5\n",
}
#: What a study of one listener wants; the other files are nobody's.
WANTED = [
    *layout.METADATA,
    *BOLD[:2],
    layout.parcellation_files()[0],
    layout.alignment_file("x"),
    layout.alignment_file("y"),
]
OPTIONAL = [layout.transcript_file("x"), layout.transcript_file("y")]
#: Kept as links to their content, but for what lies in git itself.
ANNEXED = [path for path in FILES if path not in layout.METADATA]


def plain_environment(home: Path) -> dict[str, str]:
    """An environment as on a fresh machine: no configuration of git, nobody's name."""
    return {"HOME": str(home), "PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1"}


@pytest.fixture(scope="module", autouse=True)
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run as on a fresh machine, and take back what `annex` tells git and the shell."""
    with pytest.MonkeyPatch.context() as patch:
        told = [
            f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        ]
        for name in (*told, "GIT_CONFIG_GLOBAL", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
            patch.setenv(name, "")
            patch.delenv(name)
        for name, value in plain_environment(tmp_path_factory.mktemp("home")).items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset with sub-datasets, made by a process of its own."""
    folder = tmp_path_factory.mktemp("annex") / "source"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    script = ROOT / "tests" / "helpers" / "datalad_source.py"
    made = subprocess.run(
        [sys.executable, script, folder, *SUBDATASETS],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def fetched(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with what is wanted."""
    folder = tmp_path_factory.mktemp("clones") / "clone"
    assert datalad.fetch(str(source), folder, WANTED, OPTIONAL, waits=()) == [*WANTED, OPTIONAL[0]]
    return folder


@pytest.fixture
def clone(fetched: Path, tmp_path: Path) -> Path:
    """A copy of the clone, to be spoilt."""
    return Path(shutil.copytree(fetched, tmp_path / "clone", symlinks=True))


def content(path: Path) -> Path:
    """Where a file's content is, made writable."""
    found = path.resolve()
    found.parent.chmod(0o755)
    found.chmod(0o644)
    return found


def manifest(folder: Path, paths: list[str]) -> dict[str, str]:
    path = folder.parent / f"{folder.name}.tsv"
    datalad.write_manifest(path, folder, paths)
    header, *rows = [line.split("\t") for line in path.read_text().splitlines()]
    assert header == ["path", "key"] and rows == sorted(rows)
    return dict(rows)


def test_exactly_the_wanted_files_come(fetched: Path) -> None:
    for name, text in FILES.items():
        if name in WANTED or name in OPTIONAL:
            assert (fetched / name).read_text() == text
        elif name.startswith("derivatives/freesurfer") or name.startswith(
            "derivatives/afni-nosmooth"
        ):
            assert (fetched / name).is_symlink() and not (fetched / name).exists()


def test_optional_files_are_left_out_where_there_are_none(fetched: Path) -> None:
    assert not os.path.lexists(fetched / OPTIONAL[1])


def test_sub_datasets_that_nobody_wants_are_not_installed(source: Path, tmp_path: Path) -> None:
    assert datalad.fetch(str(source), tmp_path / "clone", layout.METADATA, waits=()) == list(
        layout.METADATA
    )
    assert [path for path in SUBDATASETS if (tmp_path / "clone" / path / ".git").exists()] == []
    more = [*layout.METADATA, layout.alignment_file("x")]
    assert datalad.fetch(str(source), tmp_path / "clone", more, waits=()) == more
    assert [path for path in SUBDATASETS if (tmp_path / "clone" / path / ".git").exists()] == [
        "stimuli/gentle"
    ]
    assert (tmp_path / "clone" / more[-1]).read_text() == FILES[more[-1]]


def test_a_second_fetch_asks_for_nothing(
    source: Path, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise AssertionError("DataLad was asked")

    for name in ("clone", "get"):
        monkeypatch.setattr(f"datalad.api.{name}", refuse)
    before = {name: (clone / name).lstat().st_mtime_ns for name in WANTED}
    assert datalad.fetch(str(source), clone, WANTED, OPTIONAL, waits=()) == [*WANTED, OPTIONAL[0]]
    assert {name: (clone / name).lstat().st_mtime_ns for name in WANTED} == before


def test_more_files_come_into_the_same_clone(source: Path, clone: Path) -> None:
    kept = manifest(clone, WANTED)
    assert datalad.fetch(str(source), clone, BOLD, waits=()) == BOLD
    assert [(clone / path).read_text() for path in BOLD] == [FILES[path] for path in BOLD]
    assert manifest(clone, WANTED) == kept


def test_a_manifest_holds_sizes_and_digests(fetched: Path) -> None:
    found = manifest(fetched, WANTED)
    assert set(found) == set(WANTED)
    for name, key in found.items():
        assert f"-s{len(FILES[name])}--" in key
        assert (key == f"SHA256-s{len(FILES[name])}--{sha256(fetched / name)}") == (
            name not in ANNEXED
        )
    assert len(set(found.values())) == len(WANTED)


def test_keys_survive_the_content(clone: Path) -> None:
    before = manifest(clone, WANTED)
    for name in WANTED:
        if name in ANNEXED:
            content(clone / name).unlink()
            assert not (clone / name).exists()
    assert manifest(clone, WANTED) == before


def test_dropped_and_truncated_content_comes_again(
    source: Path, clone: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = manifest(clone, WANTED)
    content(clone / BOLD[0]).write_text(FILES[BOLD[0]][:5])
    content(clone / BOLD[1]).unlink()
    assert datalad.fetch(str(source), clone, WANTED, waits=()) == WANTED
    assert (
        "content that is not what its key says is fetched again" in caplog.text
        and Path(BOLD[0]).name in caplog.text
    )
    assert (
        [(clone / path).read_text() for path in BOLD[:2]]
        == [FILES[path] for path in BOLD[:2]]
        == [(source / path).read_text() for path in BOLD[:2]]
    )
    assert manifest(clone, WANTED) == before


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("participants.tsv", "written"),
        (BOLD[0], "written"),
        (layout.alignment_file("x"), "deleted"),
    ],
)
def test_a_changed_file_is_refused(source: Path, clone: Path, name: str, change: str) -> None:
    (clone / name).unlink()
    if change == "written":
        (clone / name).write_text("mine\n")
    with pytest.raises(
        EngramError,
        match=rf"the clone '.*' was changed: .*{Path(name).name} .*Undo it .* or remove the clone",
    ):
        datalad.fetch(str(source), clone, WANTED, waits=())
    assert change == "deleted" or (clone / name).read_text() == "mine\n"


def test_other_changes_do_not_matter(source: Path, clone: Path) -> None:
    (clone / "participants.tsv").write_text("mine\n")
    (clone / "notes.txt").write_text("mine\n")
    wanted = [path for path in WANTED if path != "participants.tsv"]
    assert datalad.fetch(str(source), clone, wanted, waits=()) == wanted


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (
            ["derivatives/afni-nosmooth/sub-009/func/none.func.gii"],
            r"has no derivatives/afni-nosmooth/sub-009/func/none\.func\.gii\. ",
        ),
        (
            ["code/none.json", "stimuli/gentle/z/align.csv", "sub-001/none.tsv"],
            r"has no code/none\.json and 2 more of the files wanted",
        ),
    ],
)
def test_an_unknown_path_is_refused(
    source: Path, clone: Path, paths: list[str], message: str
) -> None:
    with pytest.raises(EngramError, match=message):
        datalad.fetch(str(source), clone, [*WANTED, *paths], waits=())


def test_a_wrong_source_is_refused(
    source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = source.parent / "nowhere"
    with pytest.raises(
        EngramError, match=r"nowhere' could not be cloned .*Check the network, the source"
    ):
        datalad.fetch(str(wrong), tmp_path / "clone", WANTED, waits=())
    assert (
        len([record for record in caplog.records if "could not be cloned" in record.message]) == 1
    )
    with pytest.raises(EngramError, match="could not be cloned"):
        datalad.fetch(str(wrong), tmp_path / "clone", WANTED, waits=(0, 0))
    tries = [
        record.message.split(":")[0]
        for record in caplog.records
        if record.name == "engram.fetch.datalad" and record.levelno == logging.WARNING
    ]
    assert tries == ["try 1", "try 1", "try 2", "try 3"]
    assert datalad.fetch(str(source), tmp_path / "clone", layout.METADATA, waits=()) == list(
        layout.METADATA
    )


def test_what_came_stays_when_the_rest_does_not(source: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(source, tmp_path / "source", symlinks=True))
    lost = content(other / BOLD[1])
    lost.unlink()
    with pytest.raises(
        EngramError, match=rf"files did not come \(1 in all\): {Path(BOLD[1]).name}: .*run again"
    ):
        datalad.fetch(str(other), tmp_path / "clone", BOLD[:2], waits=())
    assert (tmp_path / "clone" / BOLD[0]).exists() and not (tmp_path / "clone" / BOLD[1]).exists()
    lost.write_text(FILES[BOLD[1]])
    assert datalad.fetch(str(other), tmp_path / "clone", BOLD[:2], waits=()) == BOLD[:2]
    assert (tmp_path / "clone" / BOLD[1]).read_text() == FILES[BOLD[1]]


@pytest.mark.parametrize("root", ["", "stimuli/gentle"])
def test_an_interrupted_clone_is_made_anew_or_named(source: Path, clone: Path, root: str) -> None:
    """What a killed process leaves: a folder in which git did not get beyond its beginnings."""
    shutil.rmtree(clone / root)
    for name in ("objects", "refs"):
        (clone / root / ".git" / name).mkdir(parents=True)
    (clone / root / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    try:
        datalad.fetch(str(source), clone, WANTED, waits=())
    except EngramError as error:
        assert str(clone / root) in str(error) and "emove" in str(error)
    else:
        assert (clone / layout.alignment_file("x")).exists()


def test_a_broken_clone_is_named(source: Path, clone: Path) -> None:
    (clone / ".git" / "index").write_text("no index")
    with pytest.raises(
        EngramError, match=r"clone' is no usable clone, though it holds fetched files\..* Remove it"
    ):
        datalad.fetch(str(source), clone, WANTED, waits=())


def test_several_jobs_make_one_clone(source: Path, tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from engram.fetch import datalad; "
        "datalad.fetch(sys.argv[1], Path(sys.argv[2]), sys.argv[3:], waits=())"
    )
    command = [sys.executable, "-c", script, str(source), str(tmp_path / "clone")]
    jobs = [
        subprocess.Popen([*command, path], stderr=subprocess.PIPE, text=True)
        for path in (BOLD[0], BOLD[1])
    ]
    for job in jobs:
        said = job.communicate(timeout=60)[1]
        assert job.returncode == 0, said[-3000:]
    assert all((tmp_path / "clone" / path).exists() for path in BOLD[:2])


@pytest.mark.parametrize("missing", ["datalad", "git-annex"])
def test_a_missing_datalad_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    if missing == "datalad":
        monkeypatch.setitem(sys.modules, "datalad", None)
    with pytest.raises(
        EngramError, match=rf"not installed here \(.*{missing}.*'make datalad'.*dataset: path"
    ):
        datalad.fetch("source", tmp_path / "clone", WANTED, waits=())
    assert not (tmp_path / "clone").exists()
