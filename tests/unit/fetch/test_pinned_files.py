"""Downloads from a server on this machine that can fail in every way, and from a mirror."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import ROOT
from serving import send_rest, serving

from engram.errors import EngramError
from engram.fetch import pinned_files
from engram.fetch.pinned_files import PinnedFile

CONTENT = b"0123456789" * 400


class Server(ThreadingHTTPServer):
    """Answers every path with the same content, unless told to misbehave."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.statuses: list[int] = []  # what to answer first
        self.ranges = True
        self.compress = False
        self.cut: int | None = None  # bytes after which the first answer ends
        self.seen: list[str | None] = []  # the Range header of each request

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server
    coding: str | None = None

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.seen.append(wanted)
        if self.server.statuses:
            self.send_error(self.server.statuses.pop(0))
            return
        compress = self.server.compress and "gzip" in self.headers.get("Accept-Encoding", "")
        body = gzip.compress(self.server.content, mtime=0) if compress else self.server.content
        self.coding = "gzip" if compress else None
        send_rest(self, body, self.server.ranges, self.server.cut)
        self.server.cut = None

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serving(Server(), monkeypatch) as made:
        yield made


def pinned(url: str, content: bytes = CONTENT, path: str = "folder/a.txt") -> PinnedFile:
    return PinnedFile(path, len(content), hashlib.sha256(content).hexdigest(), url)


def content_of(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def leave_part(folder: Path, content: bytes) -> None:
    """Leave what an interrupted download leaves."""
    (folder / "folder").mkdir()
    (folder / "folder" / "a.txt.part").write_bytes(content)


def test_download(server: Server, tmp_path: Path) -> None:
    pinned_files.fetch([pinned(server.url("a"))], tmp_path, waits=())
    assert content_of(tmp_path) == {"folder/a.txt": CONTENT}
    assert server.seen == [None]


@pytest.mark.parametrize("have", [1, 1000, len(CONTENT) - 1])
def test_interrupted_download_is_resumed(have: int, server: Server, tmp_path: Path) -> None:
    leave_part(tmp_path, CONTENT[:have])
    pinned_files.fetch([pinned(server.url("a"))], tmp_path, waits=())
    assert server.seen == [f"bytes={have}-"]
    assert content_of(tmp_path) == {"folder/a.txt": CONTENT}


def test_download_interrupted_at_its_very_end_is_only_put_in_place(
    server: Server, tmp_path: Path
) -> None:
    leave_part(tmp_path, CONTENT)
    pinned_files.fetch([pinned(server.url("a"))], tmp_path, waits=())
    assert content_of(tmp_path) == {"folder/a.txt": CONTENT}


def test_server_that_ignores_ranges_is_read_from_the_start(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    leave_part(tmp_path, CONTENT[:1000])
    pinned_files.fetch([pinned(server.url("a"))], tmp_path, waits=())
    assert server.seen == ["bytes=1000-"]
    assert content_of(tmp_path) == {"folder/a.txt": CONTENT}


def test_connection_cut_in_the_middle_is_resumed_by_the_next_try(
    server: Server, tmp_path: Path
) -> None:
    server.content = os.urandom(3 << 20)
    server.cut = 5 << 19
    pinned_files.fetch([pinned(server.url("a"), server.content)], tmp_path, waits=(0,))
    assert len(server.seen) == 2
    assert server.seen[0] is None
    assert re.fullmatch(r"bytes=[1-9]\d*-", server.seen[1] or "")
    assert content_of(tmp_path) == {"folder/a.txt": server.content}


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_status_that_may_pass_is_tried_again(status: int, server: Server, tmp_path: Path) -> None:
    server.statuses = [status]
    pinned_files.fetch([pinned(server.url("a"))], tmp_path, waits=(0,))
    assert len(server.seen) == 2
    assert content_of(tmp_path) == {"folder/a.txt": CONTENT}


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_status_that_is_final_is_asked_for_once_and_told(
    status: int, server: Server, tmp_path: Path
) -> None:
    server.statuses = [status] * 9
    with pytest.raises(EngramError) as caught:
        pinned_files.fetch([pinned(server.url("a"))], tmp_path, waits=(0, 0))
    assert len(server.seen) == 1
    assert f"from {server.url('a')} (try 1, HTTPError, status {status})" in str(caught.value)
    assert content_of(tmp_path) == {}


def test_resuming_from_a_server_that_compresses(server: Server, tmp_path: Path) -> None:
    server.compress = True
    leave_part(tmp_path, CONTENT[:10])
    pinned_files.fetch([pinned(server.url("a"))], tmp_path, waits=())
    assert content_of(tmp_path) == {"folder/a.txt": CONTENT}


def test_failing_server_is_tried_again(server: Server, tmp_path: Path) -> None:
    server.statuses = [500, 503]
    pinned_files.fetch([pinned(server.url("a"))], tmp_path, waits=(0, 0))
    assert len(server.seen) == 3
    assert content_of(tmp_path) == {"folder/a.txt": CONTENT}


def test_giving_up_says_what_failed_and_what_to_do(server: Server, tmp_path: Path) -> None:
    server.statuses = [500] * 9
    with pytest.raises(EngramError) as caught:
        pinned_files.fetch([pinned(server.url("a"))], tmp_path, waits=(0, 0))
    assert len(server.seen) == 3
    assert (
        f"'folder/a.txt' could not be downloaded from {server.url('a')} (try 3, "
        "HTTPError, status 500)"
    ) in str(caught.value)
    assert "ENGRAM_MIRROR" in str(caught.value)
    assert content_of(tmp_path) == {}


def test_what_was_there_stays_when_giving_up(server: Server, tmp_path: Path) -> None:
    server.statuses = [500]
    leave_part(tmp_path, CONTENT[:1000])
    with pytest.raises(EngramError):
        pinned_files.fetch([pinned(server.url("a"))], tmp_path, waits=())
    assert content_of(tmp_path) == {"folder/a.txt.part": CONTENT[:1000]}


def test_connection_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/a"  # bound, and nobody listens
        with pytest.raises(EngramError, match=r"\(try 2, ConnectionError\)"):
            pinned_files.fetch([pinned(url)], tmp_path, waits=(0,))


@pytest.mark.parametrize("left", [b"", b"x" * 1000])
def test_wrong_content_is_not_put_in_place(left: bytes, server: Server, tmp_path: Path) -> None:
    """Wrong at the source, or begun with another file's bytes; the next run starts from nothing."""
    server.content = CONTENT if left else CONTENT[::-1]
    if left:
        leave_part(tmp_path, left)
    with pytest.raises(EngramError) as caught:
        pinned_files.fetch([pinned(server.url("a"))], tmp_path, waits=(0,))
    assert f"the download from {server.url('a')} is not the pinned 'folder/a.txt'" in str(
        caught.value
    )
    assert hashlib.sha256(CONTENT).hexdigest() in str(caught.value)
    assert content_of(tmp_path) == {}
    server.content = CONTENT
    pinned_files.fetch([pinned(server.url("a"))], tmp_path, waits=())
    assert content_of(tmp_path) == {"folder/a.txt": CONTENT}


def test_right_files_are_not_fetched_again_and_wrong_ones_are(
    server: Server, tmp_path: Path
) -> None:
    files = [pinned(server.url(name), path=name) for name in ("right", "changed", "short")]
    for file, content in zip(files, (CONTENT, CONTENT[::-1], CONTENT[:5]), strict=True):
        (tmp_path / file.path).write_bytes(content)
    pinned_files.fetch(files, tmp_path, waits=())
    assert len(server.seen) == 2
    assert content_of(tmp_path) == dict.fromkeys(("right", "changed", "short"), CONTENT)
    pinned_files.fetch(files, tmp_path, waits=())
    assert len(server.seen) == 2


def test_files_before_the_failing_one_stay(server: Server, tmp_path: Path) -> None:
    with pytest.raises(EngramError, match="'b'"):
        pinned_files.fetch(
            [pinned(server.url("a"), path="a"), pinned(server.url("b"), b"other", path="b")],
            tmp_path,
            waits=(),
        )
    assert content_of(tmp_path) == {"a": CONTENT}


@pytest.fixture
def mirrored(tmp_path: Path) -> Path:
    (tmp_path / "mirror" / "folder").mkdir(parents=True)
    (tmp_path / "mirror" / "folder" / "a.txt").write_bytes(CONTENT)
    return tmp_path / "mirror"


def test_mirror_is_used_instead_of_the_network(
    mirrored: Path, server: Server, tmp_path: Path
) -> None:
    pinned_files.fetch([pinned(server.url("a"))], tmp_path / "out", mirror=mirrored)
    assert content_of(tmp_path / "out") == {"folder/a.txt": CONTENT}
    assert server.seen == []


def test_mirror_that_lacks_a_file(mirrored: Path, server: Server, tmp_path: Path) -> None:
    with pytest.raises(EngramError) as caught:
        pinned_files.fetch(
            [pinned(server.url("b"), path="b.txt")], tmp_path / "out", mirror=mirrored
        )
    assert f"the mirror has no 'b.txt' (looked in {mirrored})" in str(caught.value)
    assert server.url("b") in str(caught.value)
    assert server.seen == []


def test_mirror_with_a_changed_file(mirrored: Path, tmp_path: Path) -> None:
    (mirrored / "folder" / "a.txt").write_bytes(CONTENT[::-1])
    with pytest.raises(
        EngramError, match=r"the mirror's copy, .*a.txt is not the pinned 'folder/a.txt'"
    ):
        pinned_files.fetch([pinned("http://unused")], tmp_path / "out", mirror=mirrored)
    assert content_of(tmp_path / "out") == {}


def test_manifest_lists_files_with_sizes_and_hashes(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / ".cache").mkdir(parents=True)
    for name, text in {
        "b.json": "{}",
        "a.safetensors": "weights",
        ".hidden": "x",
        ".cache/x.json": "x",
    }.items():
        (folder / name).write_text(text)
    pinned_files.write_manifest(tmp_path / "model.tsv", folder)
    rows = [("a.safetensors", "7", b"weights"), ("b.json", "2", b"{}")]
    expected = [
        "path\tsize\tsha256",
        *(f"{name}\t{size}\t{hashlib.sha256(text).hexdigest()}" for name, size, text in rows),
    ]
    assert (tmp_path / "model.tsv").read_text().splitlines() == expected


def test_pins_are_read_as_written(tmp_path: Path) -> None:
    (tmp_path / "pins.tsv").write_text("path\tsize\tsha256\turl\na/b.txt\t3\t00ff\thttps://x/y?z\n")
    assert pinned_files.read_pins(tmp_path / "pins.tsv") == [
        PinnedFile("a/b.txt", 3, "00ff", "https://x/y?z")
    ]


def test_pins_of_the_project_are_complete_and_safe() -> None:
    pins = pinned_files.read_pins(ROOT / "resources" / "alice" / "files.tsv")
    assert len({pin.path for pin in pins}) == len(pins) > 0
    for pin in pins:
        assert re.fullmatch(r"[0-9a-f]{64}", pin.digest)
        assert pin.url.startswith("https://")
        assert pin.size > 0
        assert not Path(pin.path).is_absolute() and ".." not in Path(pin.path).parts
