"""Raw files: what counts as changed, and what is read to know it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aged_files import aged, older, touched, written

from engram.errors import EngramError
from engram.files import raw_files
from engram.files.checksums import sha256
from engram.files.raw_files import SMALL, Digests, Signature
from engram.runs import rerun_causes
from engram.runs.rerun_causes import Looks


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of the tests count as settled, though they were written a moment ago."""
    monkeypatch.setattr(raw_files, "_SETTLED_NS", -1)


def swapped(path: Path) -> None:
    """Another file of the same size and the same time is moved in its place."""
    other = written(path.with_name("other"), path.stat().st_size, b"b")
    os.utime(other, ns=(path.stat().st_mtime_ns,) * 2)
    other.replace(path)


def relinked(path: Path) -> None:
    """The file becomes a link to another one that is older."""
    other = written(path.with_name("other"), path.stat().st_size, b"b")
    aged(other, 48)
    path.unlink()
    path.symlink_to(other)


def small_tensor(path: Path) -> None:
    """A few bytes in the middle of a file are written anew."""
    with path.open("r+b") as stream:
        stream.seek(path.stat().st_size // 2)
        stream.write(b"tensor")


def copied(path: Path) -> None:
    """The file is copied with its time, and the copy stands in its place.

    `cp -a` and `rsync -a` copy so.
    """
    shutil.copy2(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


def of_future(path: Path) -> None:
    aged(path, -24 * 365)


# change, whether content differs, what a dry-run says of a large file (a small one is
# looked at: as a run says)
CHANGES: list[tuple[Callable[[Path], None], bool, bool]] = [
    (older, True, True),
    # Only its place on the disk differs: a dry-run says so, and a run looks.
    (swapped, True, False),
    (relinked, True, True),
    (small_tensor, True, True),
    (touched, False, True),
    (copied, False, False),
    (of_future, False, True),
]


@pytest.mark.parametrize("size", [1000, SMALL + 1000], ids=["small", "large"])
@pytest.mark.parametrize(
    ("change", "differs", "said"), CHANGES, ids=[change.__name__ for change, *_ in CHANGES]
)
def test_content_of_a_raw_file_counts(
    change: Callable[[Path], None], differs: bool, said: bool, size: int, tmp_path: Path
) -> None:
    path = written(tmp_path / "data" / "file", size)
    digests = Digests(tmp_path / "digests")
    known = raw_files.recorded([str(path)], digests)[str(path)]
    change(path)
    run, dry = Looks(digests, may_read=True), Looks(Digests(), may_read=False)
    assert dry.is_same(str(path), known) is not (said if size > SMALL else differs)
    assert bool(dry.assumed) is (size > SMALL and change in (swapped, copied))
    assert run.is_same(str(path), known) is not differs


def test_a_large_file_is_read_once_and_never_by_a_dry_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "model.safetensors", SMALL + 1)
    seen: list[str] = []

    def counted(one: str | Path) -> str:
        seen.append(str(one))
        return sha256(one)

    for module in (raw_files, rerun_causes):
        monkeypatch.setattr(module, "sha256", counted)
    record = raw_files.recorded([str(path)], Digests(tmp_path / "digests"))
    for _ in range(2):  # other jobs that read the same model
        assert (
            raw_files.recorded([str(path)], Digests(tmp_path / "digests")) == record
            and len(seen) == 1
        )
    touched(path)
    dry = Looks(Digests(tmp_path / "digests"), may_read=False)
    assert not dry.is_same(str(path), record[str(path)]) and len(seen) == 1
    run = Looks(Digests(tmp_path / "digests"), may_read=True)
    assert run.unsure(record) == [str(path)]
    run.read(run.unsure(record))
    assert len(seen) == 2 and run.is_same(str(path), record[str(path)]) and run.unsure(record) == []
    # What the run read is known to later dry-runs.
    assert (
        Looks(Digests(tmp_path / "digests"), may_read=False).is_same(str(path), record[str(path)])
        and len(seen) == 2
    )


def test_digests_that_cannot_be_kept_cost_a_reading_and_nothing_else(tmp_path: Path) -> None:
    path = written(tmp_path / "file", SMALL + 1)
    (tmp_path / "occupied").write_text("a file where a folder should be")
    digests = Digests(tmp_path / "occupied")
    assert digests.of(path) == sha256(path) and digests.known(path, Signature.of(path)) is None
    broken = Digests(tmp_path / "digests")
    broken.of(path)
    (kept,) = (tmp_path / "digests").iterdir()
    kept.write_text('{"sha256": "0"')
    assert Digests(tmp_path / "digests").of(path) == sha256(path)


def test_a_file_that_was_just_written_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two changes within a file system's step of time have the same signature."""
    monkeypatch.setattr(raw_files, "_SETTLED_NS", 2_000_000_000)
    path = tmp_path / "file"
    path.write_bytes(b"a")
    known = raw_files.recorded([str(path)], Digests())[str(path)]
    assert set(known) == {"sha256", "size"}
    path.write_bytes(b"b")
    assert not Looks(Digests(), may_read=False).is_same(str(path), known)


def test_a_file_that_changes_while_a_job_reads_it_ends_the_job(tmp_path: Path) -> None:
    path = written(tmp_path / "file", 100)
    record = raw_files.recorded([str(path)], Digests())
    touched(path)
    raw_files.check_unchanged(record)
    older(path)
    with pytest.raises(EngramError, match="was changed while this job read it"):
        raw_files.check_unchanged(record)
    path.unlink()
    with pytest.raises(EngramError, match="was removed while"):
        raw_files.check_unchanged(record)


def test_a_hard_link_made_while_a_file_is_read_changes_no_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup by hard links changes the entry's time only.

    The digest is right, and is not remembered.
    """
    path, kept = written(tmp_path / "file", SMALL + 1), tmp_path / "digests"

    def linked(file: str | Path) -> str:
        Path(file).with_name("link").hardlink_to(file)
        time.sleep(0.02)
        return sha256(file)

    monkeypatch.setattr(raw_files, "sha256", linked)
    os.utime(path, ns=(path.stat().st_mtime_ns,) * 2)
    time.sleep(0.02)
    assert Digests(kept).of(path) == sha256(path) and not kept.exists()


def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model in a colleague's folder may hold a private file."""

    def denied(file: str | Path) -> str:
        raise PermissionError(13, "Permission denied", str(file))

    path = written(tmp_path / "file", 10)
    known = raw_files.recorded([str(path)], Digests())[str(path)]
    aged(path, 2)
    monkeypatch.setattr(raw_files, "sha256", denied)
    with pytest.raises(EngramError, match=r"file' cannot be read \(Permission denied\)"):
        raw_files.recorded([str(path)], Digests())
    assert not Looks(Digests(), may_read=True).is_same(str(path), known)


def test_a_file_that_is_written_to_during_planning_counts_as_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "file", 10)
    known = raw_files.recorded([str(path)], Digests())[str(path)]
    aged(path, 2)

    def growing(file: str | Path) -> str:
        Path(file).write_bytes(b"grown")
        return str(known["sha256"])

    monkeypatch.setattr(raw_files, "sha256", growing)
    assert not Looks(Digests(), may_read=True).is_same(str(path), known)


def test_what_a_model_can_read_lies_inside_its_files(tmp_path: Path) -> None:
    """Links of the hub's cache are followed.

    Code, templates and configurations in sub-folders count; checkpoints of a trainer do not.
    """
    blobs, folder = tmp_path / "blobs", tmp_path / "snapshots" / "one"
    for name in ("model.safetensors", "config.json"):
        written(blobs / name, 10)
    folder.mkdir(parents=True)
    (folder / "config.json").symlink_to(blobs / "config.json")
    (folder / "model.safetensors").symlink_to(blobs / "model.safetensors")
    for name in (
        "README.md",
        ".cache/a.json",
        "own/code.py",
        "additional_chat_templates/tool.jinja",
        "checkpoint-5/config.json",
        "chat_template.jinja",
    ):
        written(folder / name, 5)
    names = [path.relative_to(folder).as_posix() for path in raw_files.model_files(folder)]
    assert names == [
        "additional_chat_templates/tool.jinja",
        "chat_template.jinja",
        "config.json",
        "model.safetensors",
        "own/code.py",
    ]
    known = raw_files.recorded(raw_files.listed({"folders": [str(folder)]}), Digests())
    older(blobs / "model.safetensors")
    assert not Looks(Digests(), may_read=False).is_same(
        str(folder / "model.safetensors"), known[str(folder / "model.safetensors")]
    )
    assert raw_files.model_files(tmp_path / "nowhere") == []
