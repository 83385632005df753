"""Files of a bucket by plain HTTPS: keys by git alone, content from a server on this machine."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
from serving import send_rest, serving

from engram.errors import EngramError
from engram.fetch import bucket, dataset_files
from engram.fetch.annex_keys import named_key, read_key

SCAN = "derivatives/afni/sub-1/func/sub-1_task-a b_bold.nii.gz"
CONTENT = bytes(range(256)) * 40
IN_GIT = {"participants.tsv": b"participant_id\n", "sub-1/func/sub-1_events.tsv": b"onset\n"}


def key_of(content: bytes, extension: str = ".nii.gz") -> str:
    return f"MD5E-s{len(content)}--{hashlib.md5(content).hexdigest()}{extension}"


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-c", "user.name=n", "-c", "user.email=e", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def commit(folder: Path) -> None:
    git(folder, "init", "-q", "-b", "master")
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", "made")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository as git-annex leaves it, with a sub-dataset, made by git alone."""
    folder = tmp_path_factory.mktemp("git") / "dataset"
    inside = folder / "derivatives" / "afni"
    link = inside / "sub-1" / "func" / Path(SCAN).name
    link.parent.mkdir(parents=True)
    key = key_of(CONTENT)
    link.symlink_to(f"../../../../.git/annex/objects/aa/bb/{key}/{key}")
    commit(inside)
    for path, content in IN_GIT.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    # An unlocked file: git holds a pointer in its place.
    (folder / "words.csv").write_text(f"/annex/objects/{key_of(b'a,b', '.csv')}\n")
    (folder / "url").symlink_to(".git/annex/objects/URL--http&x/URL--http&x")
    commit(folder)
    return folder


class Server(ThreadingHTTPServer):
    """Serves what it is given, by path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {SCAN: CONTENT, "words.csv": b"a,b"}
        self.ranges = True
        self.seen: list[tuple[str, str | None]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/bucket"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        path, wanted = unquote(self.path).removeprefix("/bucket/"), self.headers.get("Range")
        self.server.seen.append((path, wanted))
        if path not in self.server.files:
            self.send_error(404)
            return
        send_rest(self, self.server.files[path], self.server.ranges)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serving(Server(), monkeypatch) as made:
        yield made


def settings(source: Path, server: Server, **more: object) -> dict[str, object]:
    return {
        "source": str(source),
        "bucket": server.address,
        "name": "made",
        "files": [SCAN, "participants.tsv"],
        "optional": ["sub-1/func/sub-1_events.tsv", "sub-1/func/none.json"],
        **more,
    }


def test_files_come_from_bucket_and_git(source: Path, server: Server, tmp_path: Path) -> None:
    manifest = tmp_path / "made-01234567" / "scans.tsv"
    dataset_files.fetch(settings(source, server), manifest)
    folder = manifest.parent / "dataset"
    assert (folder / SCAN).read_bytes() == CONTENT
    assert (folder / "participants.tsv").read_bytes() == IN_GIT["participants.tsv"]
    assert server.seen == [(SCAN, None)]
    rows = [line.split("\t") for line in manifest.read_text().splitlines()]
    digest = hashlib.sha256(IN_GIT["participants.tsv"]).hexdigest()
    assert rows[0] == ["path", "key"]
    assert rows[1] == [SCAN, key_of(CONTENT)]
    assert rows[2] == ["participants.tsv", f"SHA256-s15--{digest}"]
    assert len(rows) == 4 and rows == [rows[0], *sorted(rows[1:])]
    # What is there is not fetched again, and what was damaged since is.
    dataset_files.fetch(settings(source, server), manifest)
    assert len(server.seen) == 1
    (folder / SCAN).write_bytes(CONTENT[::-1])
    dataset_files.fetch(settings(source, server), manifest)
    assert len(server.seen) == 2 and (folder / SCAN).read_bytes() == CONTENT


def test_downloads_below_the_working_directory(
    source: Path, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "source").symlink_to(source)
    monkeypatch.chdir(tmp_path)
    dataset_files.fetch(settings(Path("source"), server), Path("made-01234567/scans.tsv"))
    assert Path("made-01234567/dataset", SCAN).read_bytes() == CONTENT


def test_unlocked_file_is_known_by_its_pointer(
    source: Path, server: Server, tmp_path: Path
) -> None:
    found = bucket.fetch(str(source), server.address, tmp_path / "dataset", ["words.csv"])
    assert found == {"words.csv": key_of(b"a,b", ".csv")}
    assert (tmp_path / "dataset" / "words.csv").read_bytes() == b"a,b"


@pytest.mark.parametrize("ranges", [True, False])
def test_download_goes_on_where_it_stopped(
    ranges: bool, source: Path, server: Server, tmp_path: Path
) -> None:
    server.ranges = ranges
    part = tmp_path / "dataset" / (SCAN + ".part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:1000])
    bucket.fetch(str(source), server.address, tmp_path / "dataset", [SCAN], waits=())
    assert server.seen == [(SCAN, "bytes=1000-")]
    assert (tmp_path / "dataset" / SCAN).read_bytes() == CONTENT
    assert not part.exists()


def test_wrong_md5_is_refused(source: Path, server: Server, tmp_path: Path) -> None:
    server.files[SCAN] = CONTENT[:-1] + b"!"
    with pytest.raises(EngramError, match=r"is not the pinned .*: MD5 \w+ \(10240 bytes\) instead"):
        bucket.fetch(str(source), server.address, tmp_path / "dataset", [SCAN], waits=())
    left = {path.suffix for path in (tmp_path / "dataset").rglob("*") if path.is_file()}
    assert left == {".lock"}


def test_missing_file_is_named(source: Path, server: Server, tmp_path: Path) -> None:
    del server.files[SCAN]
    with pytest.raises(EngramError, match=r"task-a b_bold.*status 404"):
        bucket.fetch(str(source), server.address, tmp_path / "dataset", [SCAN], waits=(0, 0))
    assert len(server.seen) == 1


def test_file_that_git_does_not_list(source: Path, server: Server, tmp_path: Path) -> None:
    with pytest.raises(EngramError, match=r"has no derivatives/afni/x and 1 more"):
        bucket.fetch(
            str(source), server.address, tmp_path / "dataset", ["derivatives/afni/x", "y"], waits=()
        )
    with pytest.raises(EngramError, match=r"'URL--http&x' is no key .* with a size and a checksum"):
        bucket.fetch(str(source), server.address, tmp_path / "dataset", ["url"], waits=())
    with pytest.raises(EngramError, match=r"could not be cloned by git"):
        bucket.fetch(str(tmp_path / "no"), server.address, tmp_path / "x" / "d", ["a"], waits=())


def test_a_mirror_takes_the_place_of_both(server: Server, tmp_path: Path) -> None:
    """With keys that are known neither git nor the network is needed."""
    mirrored = tmp_path / "mirror" / "made" / SCAN
    mirrored.parent.mkdir(parents=True)
    mirrored.write_bytes(CONTENT)
    given = settings(
        tmp_path / "none", server, files=[SCAN], optional=["a.json"], keys={SCAN: key_of(CONTENT)}
    )
    manifest = tmp_path / "made-01234567" / "scans.tsv"
    dataset_files.fetch(given, manifest, tmp_path / "mirror")
    assert manifest.read_text().splitlines()[1:] == [f"{SCAN}\t{key_of(CONTENT)}"]
    assert server.seen == [] and not (manifest.parent / "git").exists()
    mirrored.write_bytes(b"other")
    (manifest.parent / "dataset" / SCAN).unlink()
    with pytest.raises(EngramError, match="the mirror's copy"):
        dataset_files.fetch(given, manifest, tmp_path / "mirror")


def test_another_version_than_the_known_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    with pytest.raises(EngramError, match="another version of the file"):
        dataset_files.check_keys(tmp_path, {"a": key_of(CONTENT)})


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [("MD5E-s3--0a.tar.gz", "md5"), ("SHA256E-s3--0a", "sha256"), ("SHA1-s3--0a", "sha1")],
)
def test_keys(name: str, algorithm: str) -> None:
    key = read_key(name)
    assert (key.size, key.algorithm, key.digest) == (3, algorithm, "0a")
    assert named_key(f"../.git/annex/objects/aa/bb/{name}/{name}".encode()) == name
    assert named_key(f"/annex/objects/{name}\n".encode()) == name
    assert named_key(b"word\tonset\n") is None


@pytest.mark.parametrize("name", ["WORM-s3-m1--a", "MD5E--0a", "URL--x", "", "MD5E-s3--0a/../b"])
def test_what_is_no_key(name: str) -> None:
    with pytest.raises(EngramError, match="is no key of git-annex"):
        read_key(name)
