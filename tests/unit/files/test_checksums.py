"""Checksums: what was written is what is read."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from engram.errors import EngramError
from engram.fetch.pinned_files import write_manifest
from engram.files import storage
from engram.files.checksums import check_download, checked_inputs, checksum
from engram.jobs import job, logs, provenance

pytestmark = pytest.mark.usefixtures("job_in_this_process")


def run(
    folder: Path, outputs: list[Path], inputs: list[Path] | None = None, rule: str = "made"
) -> Any:
    params = SimpleNamespace(get=lambda name: {"config": {}, "code": "0" * 16}.get(name))
    return job.job(
        SimpleNamespace(
            rule=rule, wildcards={}, log=[str(folder / "log" / f"{rule}.log")],
            output=list(map(str, outputs)), input=list(map(str, inputs or [])),
            params=params, resources={},
        )
    )  # fmt: skip


def write(path: Path) -> None:
    """Write a result of a kind."""
    if path.suffix == ".nc":
        storage.write_dataset(path, xr.Dataset({"x": ("t", np.arange(5000, dtype=np.float32))}))
    elif path.suffix == ".tsv":
        storage.write_table(
            path, pd.DataFrame({"word": ["one", "two"]}), "Words.", {"word": "A word."}
        )
    elif path.suffix == ".json":
        storage.write_json(
            path, {"texts": {"original": {}, "associations": {"3": "as if it were so"}}}
        )
    elif path.suffix == ".gii":
        path.write_bytes(bytes(range(256)))
    else:
        path.mkdir()
        (path / "model.safetensors").write_bytes(bytes(range(256)))
        (path / "config.json").write_text("{}")


RESULTS = ["a.nc", "a.tsv", "a.json", "hemi-L_a.shape.gii", "model-gpt2.5_seed-1"]


@pytest.fixture(params=RESULTS)
def result(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A finished result of each kind."""
    path = tmp_path / str(request.param)
    with run(tmp_path, [path]):
        write(path)
    return path


def test_what_was_written_is_read(result: Path, tmp_path: Path) -> None:
    with run(tmp_path, [tmp_path / "b.tsv"], [result], "next"):
        write(tmp_path / "b.tsv")
    assert storage.read_json(tmp_path / "b.json")["Provenance"]["Inputs"] == {
        str(result): checksum(result)
    }


def flip(path: Path, where: float) -> None:
    """Change one bit of a file's content; what a JSON file says of its own provenance is none."""
    file = path if path.is_file() else path / "model.safetensors"
    content = bytearray(file.read_bytes())
    end = content.find(b'"Provenance"')
    content[int(where * ((len(content) if end == -1 else end) - 1))] ^= 4
    file.write_bytes(bytes(content))


@pytest.mark.parametrize("where", [0.1, 0.45, 0.9])
def test_flipped_bit_is_named_before_anything_is_made_of_it(
    result: Path, where: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flip(result, where)
    with pytest.raises(SystemExit), run(tmp_path, [tmp_path / "b.tsv"], [result], "next"):
        write(tmp_path / "b.tsv")
    said = capsys.readouterr().err
    assert str(result) in said and "elete" in said and not (tmp_path / "b.tsv").exists()


def test_truncated_result_is_named(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = result if result.is_file() else result / "config.json"
    file.write_bytes(file.read_bytes()[:-1])
    if result.suffix == ".json":  # a JSON text without its last line break says the same
        file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(SystemExit), run(tmp_path, [tmp_path / "b.tsv"], [result], "next"):
        raise AssertionError("the job began")
    assert str(result) in capsys.readouterr().err


def test_broken_sidecar_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with run(tmp_path, [tmp_path / "a.tsv"]):
        write(tmp_path / "a.tsv")
    (tmp_path / "a.json").write_text('{"Prov')
    with (
        pytest.raises(SystemExit),
        run(tmp_path, [tmp_path / "b.tsv"], [tmp_path / "a.tsv"], "next"),
    ):
        raise AssertionError("the job began")
    assert "a.json' cannot be read as JSON" in capsys.readouterr().err


def test_files_that_no_job_wrote_are_read_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "raw.tsv").write_text("a\n1\n")
    (tmp_path / "raw.json").write_text(json.dumps({"a": "what the user says of it"}))
    assert checked_inputs([str(tmp_path / "raw.tsv"), str(tmp_path / "absent.tsv")]) == {
        str(tmp_path / "raw.tsv"): checksum(tmp_path / "raw.tsv")
    }


def test_downloads_are_held_against_their_manifest(tmp_path: Path) -> None:
    folder, manifest = tmp_path / "model", tmp_path / "model.tsv"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(bytes(1000))
    write_manifest(manifest, folder)
    check_download(manifest, folder)
    flip(folder / "model.safetensors", 0.5)
    with pytest.raises(EngramError, match="model.safetensors' is not the file that was fetched"):
        check_download(manifest, folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(EngramError, match="is not there any more"):
        check_download(manifest, folder)
    manifest.write_text("path\tkey\nx.gii\tMD5E-s3--abc\n")
    check_download(manifest, folder)  # git-annex's own


def test_provenance_says_which_commit_made_a_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run(tmp_path, [tmp_path / "a.tsv"]):
        write(tmp_path / "a.tsv")
    found = storage.read_json(tmp_path / "a.json")["Provenance"]
    assert len(found["Revision"].removesuffix("-dirty")) == 40
    assert found["Outputs"] == {"a.tsv": checksum(tmp_path / "a.tsv")} and found[
        "Device"
    ].startswith("cpu")
    # An installation without git.
    monkeypatch.setattr(provenance, "RESOURCES", tmp_path / "resources")
    assert provenance.revision() is None


def test_secrets_are_in_no_log_no_message_and_no_sidecar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, name in enumerate(logs.SECRETS):
        monkeypatch.setenv(name, f"hf_s3cret{number}")
    secrets = [f"hf_s3cret{number}" for number in range(len(logs.SECRETS))]
    with pytest.raises(SystemExit), run(tmp_path, [tmp_path / "a.tsv"]):
        job.logger.info("sent with %s", secrets[0])
        raise EngramError(f"the server said no to {secrets[3]}")
    with pytest.raises(ValueError), run(tmp_path, [tmp_path / "a.tsv"], rule="failed"):
        raise ValueError(f"bad header {secrets[1]}")
    try:
        raise ValueError(f"bad header {secrets[2]}")
    except ValueError as error:
        logs.print_hidden(type(error), error, error.__traceback__)
    with run(tmp_path, [tmp_path / "a.tsv"], rule="good"):
        write(tmp_path / "a.tsv")
    said = "".join(capsys.readouterr()) + "".join(
        path.read_text() for path in tmp_path.rglob("*") if path.is_file()
    )
    assert "<ENGRAM_CHAT_KEY>" in said and "<HF_TOKEN>" in said and "bad header <" in said
    assert not [secret for secret in secrets if secret in said]
