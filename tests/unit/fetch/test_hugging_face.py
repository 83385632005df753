"""Models from a mirror, and from a hub that is played by functions.

Nothing here opens the network.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import errors

from engram.errors import EngramError
from engram.fetch import hugging_face

FILES = (
    "config.json",
    "tokenizer.json",
    "chat_template.jinja",
    "vocab.txt",
    "tokenizer.model",
    "model.safetensors",
    "README.md",
    "LICENSE",
)
NEVER = (
    "pytorch_model.bin",
    "modeling_tiny.py",
    "flax_model.msgpack",
    "model.gguf",
    "train.pt",
    "onnx/config.json",
    "original/model.safetensors",
)
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
INDEX = "model.safetensors.index.json"
COMMIT = "c0ffee" * 6 + "c0ff"


@pytest.fixture
def mirrored(tmp_path: Path) -> Path:
    """A mirror with one model, org/tiny."""
    write(tmp_path / "mirror" / "models" / "org" / "tiny", (*FILES, *NEVER))
    return tmp_path / "mirror"


def write(folder: Path, names: Sequence[str]) -> None:
    """Write files that hold their names; an index of weights names two shards."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(
            json.dumps({"weight_map": {"a": SHARDS[0], "b": SHARDS[1], "c": SHARDS[0]}})
            if name == INDEX
            else name
        )


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail when the hub is asked, unless a test says what it answers."""
    monkeypatch.setattr(
        huggingface_hub.HfApi, "model_info", lambda *_, **__: pytest.fail("the hub was asked")
    )
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda *_, **__: pytest.fail("the hub was asked")
    )


class Hub:
    """A hub where every model has the same files; it remembers what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, files: Sequence[str]) -> None:
        self.files = files
        self.calls: list[tuple[str, str, str | None]] = []
        monkeypatch.setattr(
            huggingface_hub.HfApi,
            "model_info",
            lambda _, *args, **options: self.info(*args, **options),
        )
        monkeypatch.setattr(huggingface_hub, "snapshot_download", self.download)

    def info(self, repo_id: str, *, revision: str | None) -> SimpleNamespace:
        self.calls.append(("info", repo_id, revision))
        return SimpleNamespace(sha=COMMIT)

    def download(
        self,
        repo_id: str,
        *,
        revision: str,
        local_dir: Path,
        allow_patterns: list[str],
        ignore_patterns: str,
    ) -> str:
        """Write what the real hub's own filter lets through."""
        self.calls.append(("download", repo_id, revision))
        write(
            local_dir,
            list(
                huggingface_hub.utils.filter_repo_objects(
                    self.files, allow_patterns=allow_patterns, ignore_patterns=ignore_patterns
                )
            ),
        )
        return str(local_dir)


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_only_data_files_come_from_a_mirror(mirrored: Path, tmp_path: Path) -> None:
    hugging_face.fetch_model("org/tiny", tmp_path / "out", revision=None, mirror=str(mirrored))
    assert names(tmp_path / "out") == set(FILES)
    assert (tmp_path / "out" / "config.json").read_text() == "config.json"


def test_changed_file_is_copied_again(mirrored: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    hugging_face.fetch_model("org/tiny", out, revision=None, mirror=str(mirrored))
    (out / "config.json").write_text("config.jsno")
    before = (out / "tokenizer.json").stat()
    hugging_face.fetch_model("org/tiny", out, revision=None, mirror=str(mirrored))
    assert (out / "config.json").read_text() == "config.json"
    assert (out / "tokenizer.json").stat().st_mtime_ns == before.st_mtime_ns


def test_mirror_that_lacks_the_model(mirrored: Path, tmp_path: Path) -> None:
    """The hub is not asked: a mirror stands for it."""
    with pytest.raises(EngramError, match="there is no folder '.*models/org/other'"):
        hugging_face.fetch_model("org/other", tmp_path / "out", revision=None, mirror=str(mirrored))


def test_reinitialised_model_needs_no_weights(mirrored: Path, tmp_path: Path) -> None:
    hugging_face.fetch_model(
        "org/tiny", tmp_path / "out", revision=None, weights=False, mirror=str(mirrored)
    )
    assert names(tmp_path / "out") == set(FILES) - {"model.safetensors"}


def test_pickled_weights_are_no_weights(mirrored: Path, tmp_path: Path) -> None:
    (mirrored / "models" / "org" / "tiny" / "model.safetensors").unlink()
    with pytest.raises(EngramError, match="'org/tiny' has no safetensors weights"):
        hugging_face.fetch_model("org/tiny", tmp_path / "out", revision=None, mirror=str(mirrored))


@pytest.mark.parametrize("weights", [True, False])
@pytest.mark.parametrize("revision", ["abc", None])
def test_hub_is_asked_for_data_files_only(
    revision: str | None,
    weights: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is downloaded is the commit that the revision stood for when it was asked."""
    made = Hub(monkeypatch, [*FILES, *NEVER])
    hugging_face.fetch_model("org/other", tmp_path / "out", revision=revision, weights=weights)
    assert made.calls == [("info", "org/other", revision), ("download", "org/other", COMMIT)]
    assert names(tmp_path / "out") == set(FILES) - (set() if weights else {"model.safetensors"})


@pytest.mark.parametrize("origin", ["mirror", "hub"])
@pytest.mark.parametrize(
    ("lacking", "missing"),
    [
        ([], None),
        ([SHARDS[1]], SHARDS[1]),
        ([SHARDS[0]], SHARDS[0]),
        (["config.json"], "config.json"),
    ],
    ids=["complete", "second shard", "first shard", "configuration"],
)
def test_what_the_index_names_must_be_there(
    lacking: list[str],
    missing: str | None,
    origin: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = [
        name for name in ("config.json", "tokenizer.json", INDEX, *SHARDS) if name not in lacking
    ]
    if origin == "hub":
        Hub(monkeypatch, files)
    else:
        write(tmp_path / "mirror" / "models" / "org" / "tiny", files)
    mirror = None if origin == "hub" else str(tmp_path / "mirror")
    if missing is None:
        hugging_face.fetch_model("org/tiny", tmp_path / "out", revision=None, mirror=mirror)
        assert names(tmp_path / "out") == set(files)
    else:
        with pytest.raises(EngramError) as caught:
            hugging_face.fetch_model("org/tiny", tmp_path / "out", revision=None, mirror=mirror)
        assert (
            f"'org/tiny' is incomplete: ['{missing}'] did not come. Run again; "
            "what is there is kept."
        ) in str(caught.value)


@pytest.mark.parametrize(
    "left",
    [
        (),
        SHARDS[:1],
    ],
)
def test_reinitialised_model_needs_no_shards(left: Sequence[str], tmp_path: Path) -> None:
    """Both are kept in one folder.

    An interrupted download of the trained one may have left a shard there.
    """
    write(
        tmp_path / "mirror" / "models" / "org" / "tiny",
        ["config.json", "tokenizer.json", INDEX, *SHARDS],
    )
    write(tmp_path / "out", left)
    hugging_face.fetch_model(
        "org/tiny", tmp_path / "out", revision=None, weights=False, mirror=str(tmp_path / "mirror")
    )
    assert names(tmp_path / "out") == {"config.json", "tokenizer.json", INDEX, *left}


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
        (
            lambda: errors.LocalEntryNotFoundError("no network"),
            ["could not be downloaded", "LocalEntryNotFoundError: no network", "ENGRAM_MIRROR"],
        ),
        (
            http(errors.HfHubHTTPError),
            ["could not be downloaded", "the server's words", "ENGRAM_MIRROR"],
        ),
        (lambda: OSError("disk full"), ["could not be downloaded", "disk full"]),
    ],
)
@pytest.mark.parametrize("asked_for", ["info", "files"])
def test_errors_of_the_hub_say_what_to_do(
    asked_for: str,
    error: Callable[[], Exception],
    parts: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error()

    Hub(monkeypatch, FILES)
    if asked_for == "info":
        monkeypatch.setattr(huggingface_hub.HfApi, "model_info", fail)
    else:
        monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(EngramError) as caught:
        hugging_face.fetch_model("org/x", tmp_path / "out", revision="abc")
    assert all(part in str(caught.value) for part in parts)


@pytest.mark.parametrize(
    "error",
    [ConnectionError("refused"), TimeoutError("timed out"), errors.OfflineModeIsEnabled("offline")],
    ids=lambda error: str(error),
)
@pytest.mark.parametrize(
    "left",
    [("config.json", SHARDS[0]), ("config.json", "model.safetensors"), ()],
    ids=["a shard", "a file", "nothing"],
)
def test_what_is_left_of_a_model_is_no_model_when_the_hub_cannot_be_reached(
    left: Sequence[str], error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the real snapshot_download does, this one returns the folder as it is.

    Without the index nobody can tell that a shard is missing.
    """

    def unreachable(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", unreachable)
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda *_, local_dir, **__: str(local_dir)
    )
    write(tmp_path, left)
    with pytest.raises(
        EngramError,
        match=(
            f"'org/x' could not be downloaded .*{type(error).__name__}: {error}.*what is there "
            "is kept.*ENGRAM_MIRROR"
        ),
    ):
        hugging_face.fetch_model("org/x", tmp_path, revision=None)
    assert names(tmp_path) == set(left)


def test_model_of_the_mirror_comes_whole(mirror: Path, tmp_path: Path) -> None:
    """The real one, where there is a mirror."""
    hugging_face.fetch_model("stories260K", tmp_path / "out", revision=None, mirror=str(mirror))
    assert {"config.json", "tokenizer.json", "model.safetensors"} <= names(tmp_path / "out")
