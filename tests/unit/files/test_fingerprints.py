"""Digests of small folders."""

from __future__ import annotations

from pathlib import Path

from engram.files.fingerprints import folder_fingerprint


def model_folder(folder: Path, large: bytes = b"") -> Path:
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(large or b"weights")
    return folder


def test_fingerprint_finds_one_changed_byte_in_a_small_file(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    before = folder_fingerprint(folder)
    (folder / "model.safetensors").write_bytes(b"weighty")
    assert folder_fingerprint(folder) != before


def test_fingerprint_finds_new_and_renamed_files(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    before = folder_fingerprint(folder)
    (folder / "config.json").rename(folder / "generation_config.json")
    renamed = folder_fingerprint(folder)
    (folder / "config.json").write_text("{}")
    assert len({before, renamed, folder_fingerprint(folder)}) == 3
