"""Models from a mirror; from the hub, only what does not need the network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import errors

from engram import hub
from engram.errors import EngramError

FILES = ("config.json", "tokenizer.json", "vocab.txt", "tokenizer.model", "model.safetensors", "README.md", "LICENSE")
NEVER = ("pytorch_model.bin", "modeling_tiny.py", "flax_model.msgpack", "model.gguf", "train.pt")


@pytest.fixture
def mirrored(tmp_path: Path) -> Path:
    """A mirror with one model, org/tiny."""
    folder = tmp_path / "mirror" / "models" / "org" / "tiny"
    folder.mkdir(parents=True)
    for name in (*FILES, *NEVER):
        (folder / name).write_text(name)
    return tmp_path / "mirror"


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail when the hub is asked."""
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: pytest.fail("the hub was asked"))


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("no_hub")
@pytest.mark.parametrize("source", ["org/tiny", "mirror:models/org/tiny"])
def test_only_data_files_come_from_a_mirror(source: str, mirrored: Path, tmp_path: Path) -> None:
    hub.fetch_model(source, tmp_path / "out", revision=None, mirror=str(mirrored))
    assert names(tmp_path / "out") == set(FILES)
    assert (tmp_path / "out" / "config.json").read_text() == "config.json"


@pytest.mark.usefixtures("no_hub")
def test_changed_file_is_copied_again(mirrored: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    hub.fetch_model("org/tiny", out, revision=None, mirror=str(mirrored))
    (out / "config.json").write_text("config.jsno")
    before = (out / "tokenizer.json").stat()
    hub.fetch_model("org/tiny", out, revision=None, mirror=str(mirrored))
    assert (out / "config.json").read_text() == "config.json"
    assert (out / "tokenizer.json").stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.usefixtures("no_hub")
@pytest.mark.parametrize("given", [True, False])
def test_mirror_that_lacks_the_model(given: bool, mirrored: Path, tmp_path: Path) -> None:
    with pytest.raises(EngramError, match="the mirror has no 'models/other'"):
        hub.fetch_model("mirror:models/other", tmp_path / "out", revision=None, mirror=str(mirrored) if given else None)


@pytest.mark.usefixtures("no_hub")
def test_untrained_model_needs_no_weights(mirrored: Path, tmp_path: Path) -> None:
    hub.fetch_model("org/tiny", tmp_path / "out", revision=None, weights=False, mirror=str(mirrored))
    assert names(tmp_path / "out") == set(FILES) - {"model.safetensors"}


@pytest.mark.usefixtures("no_hub")
def test_pickled_weights_are_no_weights(mirrored: Path, tmp_path: Path) -> None:
    (mirrored / "models" / "org" / "tiny" / "model.safetensors").unlink()
    with pytest.raises(EngramError, match="'org/tiny' has no safetensors weights"):
        hub.fetch_model("org/tiny", tmp_path / "out", revision=None, mirror=str(mirrored))


@pytest.mark.parametrize("weights", [True, False])
def test_hub_is_asked_for_data_files_only(weights: bool, mirrored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mirror lacks the model; the hub's own filter decides what its patterns mean."""
    calls: list[tuple[str, dict[str, Any]]] = []

    def download(repo_id: str, **options: Any) -> None:
        calls.append((repo_id, options))
        options["local_dir"].mkdir()
        for name in huggingface_hub.utils.filter_repo_objects([*FILES, *NEVER], allow_patterns=options["allow_patterns"]):
            (options["local_dir"] / name).touch()

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    hub.fetch_model("org/other", tmp_path / "out", revision="abc", weights=weights, mirror=str(mirrored))
    assert [(repo_id, options["revision"]) for repo_id, options in calls] == [("org/other", "abc")]
    assert names(tmp_path / "out") == set(FILES) - (set() if weights else {"model.safetensors"})


def http(kind: type[errors.HfHubHTTPError]) -> Callable[[], Exception]:
    """Make an error of the hub's server, which wants a response."""
    response: Any = SimpleNamespace(headers={}, request=None, status_code=404)
    return lambda: kind("the server's words", response=response)


@pytest.mark.parametrize(
    ("error", "parts"),
    [
        (http(errors.GatedRepoError), ["'org/x' is gated", "HF_TOKEN"]),
        (http(errors.RepositoryNotFoundError), ["there is no model 'org/x'", "./org/x"]),
        (lambda: errors.HFValidationError("bad id"), ["there is no model 'org/x'"]),
        (http(errors.RevisionNotFoundError), ["'org/x' has no revision 'abc'"]),
        (lambda: errors.LocalEntryNotFoundError("no network"), ["could not be downloaded", "LocalEntryNotFoundError: no network", "ENGRAM_MIRROR"]),
        (http(errors.HfHubHTTPError), ["could not be downloaded", "the server's words", "ENGRAM_MIRROR"]),
        (lambda: OSError("disk full"), ["could not be downloaded", "disk full"]),
    ],
)
def test_errors_of_the_hub_say_what_to_do(error: Callable[[], Exception], parts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error()

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(EngramError) as caught:
        hub.fetch_model("org/x", tmp_path / "out", revision="abc")
    assert all(part in str(caught.value) for part in parts)


@pytest.mark.xfail(strict=True, raises=pytest.fail.Exception, reason="snapshot_download returns a folder as it is when the hub cannot be reached")
def test_half_a_model_is_no_model_when_the_hub_cannot_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted download left one of two shards; port 9 of this machine refuses."""
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model-00001-of-00002.safetensors").write_text("half")
    with pytest.raises(EngramError, match="could not be downloaded"):
        hub.fetch_model("org/x", tmp_path, revision=None)


def test_manifest_lists_files_with_sizes_and_hashes(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / ".cache").mkdir(parents=True)
    for name, text in {"b.json": "{}", "a.safetensors": "weights", ".hidden": "x", ".cache/x.json": "x"}.items():
        (folder / name).write_text(text)
    hub.write_manifest(tmp_path / "model.tsv", folder)
    rows = [("a.safetensors", "7", b"weights"), ("b.json", "2", b"{}")]
    expected = ["path\tsize\tsha256", *(f"{name}\t{size}\t{hashlib.sha256(text).hexdigest()}" for name, size, text in rows)]
    assert (tmp_path / "model.tsv").read_text().splitlines() == expected


def test_model_of_the_mirror_comes_whole(mirror: Path, tmp_path: Path) -> None:
    """The real one, where there is a mirror."""
    hub.fetch_model("mirror:models/stories260K", tmp_path / "out", revision=None, mirror=str(mirror))
    assert {"config.json", "tokenizer.json", "model.safetensors"} <= names(tmp_path / "out")
