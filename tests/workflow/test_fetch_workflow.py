"""A published dataset comes from its public bucket, by the workflow's own rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
from annexed import repository
from conftest import ROOT, command, forks
from serving import send_rest, serving

from engram.datasets.narratives import plan
from engram.datasets.narratives.layout import alignment_file, bold_files
from engram.study.config.read import read_study
from engram.study.plan import make_plan

pytestmark = pytest.mark.slow

STUDY = {
    "study": "s3",
    "dataset": {
        "kind": "narratives",
        "source": "s3",
        "stories": ["lucy"],
        "listeners": ["022"],
    },
    "models": {},
}
SCAN, OTHER = bold_files("afni-nosmooth", "fsaverage6", "sub-022_task-lucy")
WORDS = alignment_file("lucy")


class Bucket(ThreadingHTTPServer):
    """Serves files by path; the first answer to some requests is cut."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.seen: list[tuple[str, str | None]] = []


class Handler(BaseHTTPRequestHandler):
    server: Bucket

    def do_GET(self) -> None:
        path, mine = unquote(self.path).removeprefix("/"), self.server
        mine.seen.append((path, self.headers.get("Range")))
        if path not in mine.files:
            self.send_error(404)
            return
        body, cut = mine.files[path], None
        if path in mine.cut:
            mine.cut.remove(path)
            cut = len(body) // 2
        send_rest(self, body, True, cut)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with serving(Bucket(), monkeypatch) as made:
        yield made


def test_a_study_of_narratives_comes_from_its_bucket(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloads = [
        one
        for dataset in [make_plan(read_study(STUDY)).dataset]
        for one in (dataset.words_download("lucy"), dataset.scans_download("lucy"))
    ]
    files = [path for one in downloads if one is not None for path in one.settings["files"]]
    assert {SCAN, OTHER, WORDS} <= set(files)
    for path in files:
        bucket.files[path] = path.encode() * (40_000 if path == SCAN else 10)  # 3.6 MB
        (tmp_path / "content" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "content" / path).write_bytes(bucket.files[path])
    content = dict(bucket.files)
    repository(tmp_path / "content", tmp_path / "git", (".gii", ".csv", ".annot"))
    places = {
        "NARRATIVES_SOURCE": str(tmp_path / "git"),
        "NARRATIVES_BUCKET": f"http://127.0.0.1:{bucket.server_address[1]}",
    }
    for name, place in places.items():
        monkeypatch.setattr(plan, name, place)
    dataset = make_plan(read_study(STUDY)).dataset
    manifests = []
    for download in (dataset.words_download("lucy"), dataset.scans_download("lucy")):
        assert download is not None
        manifests.append(download.manifest.replace("<downloads>", "resources/downloads"))
    # The project's own workflow, with both addresses on this machine.
    lines = [f"plan.{name} = {place!r}" for name, place in places.items()]
    (tmp_path / "Snakefile").write_text(
        "from engram.datasets.narratives import plan\n"
        + "\n".join([*lines, f'configfile: "study.yaml"\ninclude: "{ROOT}/Snakefile"\n'])
    )
    (tmp_path / "study.yaml").write_text(json.dumps(STUDY))

    def run() -> tuple[int, str]:
        return forks().run(
            tmp_path, ["--cores", "1", "--nolock", "--keep-going", *manifests], command()[1]
        )

    del bucket.files[SCAN]
    bucket.files[WORDS] = content[WORDS][::-1]
    status, said = run()
    assert status != 0 and Path(SCAN).name in said and "status 404" in said, said[-3000:]
    assert "is not the pinned" in said and "MD5" in said
    assert [path for path, _ in bucket.seen].count(SCAN) == 1
    assert not any((tmp_path / one).exists() for one in manifests)
    fetched = (tmp_path / manifests[0]).parent / "dataset"
    assert not (fetched / WORDS).exists()
    bucket.files[WORDS] = content[WORDS]
    bucket.files[SCAN] = content[SCAN]
    bucket.cut.add(SCAN)  # the connection ends in the middle
    bucket.seen.clear()
    status, said = run()
    assert status == 0, said[-3000:]
    wanted = [None, f"bytes={1 << 20}-"]  # written by the megabyte
    assert [begin for path, begin in bucket.seen if path == SCAN] == wanted
    for path in (SCAN, OTHER, WORDS):
        assert (fetched / path).read_bytes() == content[path]
    bucket.seen.clear()
    status, said = run()
    assert status == 0 and "Nothing to be done" in said and bucket.seen == []
