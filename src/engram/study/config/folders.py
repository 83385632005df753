"""Checks of model folders before the first job: what is missing there costs hours later."""

from __future__ import annotations

from pathlib import Path

from engram.errors import EngramError
from engram.fetch import remote_code
from engram.files.json_text import read_config

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")


def check_adapter_folder(folder: Path, key: str) -> None:
    """Raise `EngramError` unless a folder has what an adapter needs."""
    wanted = ("adapter_config.json", "adapter_model.safetensors")
    missing = [name for name in wanted if not (folder / name).is_file()]
    if missing:
        raise EngramError(
            f"{key}: '{folder}' is no adapter: {missing} are not there. Give the folder of a LoRA "
            "tuning, or leave 'base' out."
        )


def check_model_folder(folder: Path, key: str, weights: bool = True, code: bool = False) -> None:
    """Raise `EngramError` unless a folder has what a model needs.

    That is config.json, a tokenizer and safetensors weights.

    Parameters
    ----------
    folder : Path
    key : str
        Where the folder was named, for the message.
    weights : bool
        Whether weights are needed (a re-initialised model draws its own).
    code : bool
        Whether the model's own code may run, and so must be there.
    """
    if not folder.is_dir():
        raise EngramError(
            f"{key}: there is no folder '{folder}'. Give a folder in the Hugging Face layout, "
            "or a hub id such as gpt2."
        )
    present = sorted(path.name for path in folder.iterdir())
    if "adapter_config.json" in present:
        raise EngramError(
            f"{key}: '{folder}' is an adapter, which needs the model that was tuned. "
            "Write 'base:' and the name of that model of the study."
        )
    if "config.json" not in present:
        raise EngramError(
            f"{key}: '{folder}' has no config.json, so it is no model in the Hugging Face "
            f"layout. Found: {present}."
        )
    if not any(name in present for name in TOKENIZER_FILES):
        raise EngramError(
            f"{key}: '{folder}' has no tokenizer (none of {', '.join(TOKENIZER_FILES)}). "
            "Save the model's tokenizer into "
            f"it: AutoTokenizer.from_pretrained(...).save_pretrained('{folder}')."
        )
    if read_config(folder / "config.json", key).get("is_encoder_decoder", False):
        raise EngramError(
            f"{key}: '{folder}' holds an encoder with a decoder; give a causal model or an encoder."
        )
    if code and (why := remote_code.trouble(folder)):
        raise EngramError(
            f"{key}: '{folder}' cannot run code of its own (trust_remote_code): {why}."
        )
    if weights and not any(name.endswith(".safetensors") for name in present):
        raise EngramError(
            f"{key}: '{folder}' has no *.safetensors weights (pickled weights are not loaded: "
            "they can run code). Save them "
            f"anew: model.save_pretrained('{folder}', safe_serialization=True)."
        )
