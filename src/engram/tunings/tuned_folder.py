"""The folder of a tuned model: an adapter or all weights, the tokenizer, card and page."""

from __future__ import annotations

import copy
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engram.errors import EngramError
from engram.features.language_models.model_loading import load_model
from engram.files import storage
from engram.files.folders import whole_folder
from engram.tunings.card import Card, readme
from engram.tunings.model import BaseModel, trained_weights
from engram.vocabulary import CARD


def check_free(folder: Path) -> None:
    """Raise `EngramError` if a folder holds anything but a tuned model.

    That alone may be replaced.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / CARD).exists():
        raise EngramError(
            f"'{folder}' is there and holds something else than a tuned model. Name "
            "another folder, or remove it."
        )


def write_tuned_model(
    folder: Path, base: BaseModel, model: Any, tokenizer: Any, card: Card
) -> None:
    """Write a tuned model's folder, whole or not at all."""
    with whole_folder(folder) as temporary:
        if card.method == "lora":
            _write_adapter(temporary, model, card)
        else:
            _write_weights(temporary, base, model)
        tokenizer.save_pretrained(temporary)
        (temporary / "README.md").write_text(readme(card), encoding="utf-8")
        storage.write_json(temporary / CARD, asdict(card))
        for path in temporary.iterdir():
            # safetensors lets nobody but the owner read what it writes: whoever may read the
            # card may read the rest.
            path.chmod((temporary / CARD).stat().st_mode)


def _write_adapter(folder: Path, model: Any, card: Card) -> None:
    """Write an adapter as peft reads it.

    The base is named as others find it, not as a path of this machine.
    """
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    # Adapters of linear layers never resize embeddings; asking peft to find out
    # would ask the network.
    weights = get_peft_model_state_dict(model, save_embedding_layers=False)
    save_file(
        {name: weight.detach().cpu().contiguous() for name, weight in weights.items()},
        folder / "adapter_model.safetensors",
        metadata={"format": "pt"},
    )
    config = copy.deepcopy(model.peft_config["default"])
    config.base_model_name_or_path, config.inference_mode = card.base["source"], True
    if isinstance(config.target_modules, set):
        # peft writes a set in an order that differs from process to process.
        config.target_modules = sorted(config.target_modules)
    config.save_pretrained(folder)


def _write_weights(folder: Path, base: BaseModel, model: Any) -> None:
    """Write all weights in the base's own type.

    Those that did not train are the base's, bit for bit, whatever type they were used in.
    """
    from transformers import AutoModelForCausalLM

    whole = load_model(AutoModelForCausalLM, base.folder, dtype="auto", code=base.code)
    trained = {name: weight.detach().cpu() for name, weight in trained_weights(model).items()}
    if strange := whole.load_state_dict(trained, strict=False).unexpected_keys:
        raise EngramError(
            f"the tuned weights {strange[:3]} have no place in the model of "
            f"'{base.folder}'. Tune it again."
        )
    whole.save_pretrained(folder)
    for path in base.folder.glob("*.py") if base.code else ():
        shutil.copyfile(path, folder / path.name)  # its configuration names them
