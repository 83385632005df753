"""Adapters: what a LoRA tuning leaves, and the base model that they go into.

A module of its own and a small one: reading stories depends on it, and must not depend on how models are tuned.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from engram import storage
from engram.errors import EngramError

#: A tuned model's card, beside its weights.
CARD = "tuning.json"
#: What peft calls the file that makes a folder an adapter.
_ADAPTER = "adapter_config.json"


def is_adapter(folder: str | Path) -> bool:
    """Tell whether a folder holds an adapter, which needs its base model."""
    return (Path(folder) / _ADAPTER).is_file()


def base_of(folder: str | Path, base: str | Path | None) -> Path:
    """Return the folder of an adapter's base model, after holding its weights against those that the adapter's card knows.

    Parameters
    ----------
    folder : path
        With the adapter.
    base : path or None
        Where the base model is.

    Raises
    ------
    EngramError
        If no base is given, or another model than the one that was tuned.
    """
    card = storage.read_json(Path(folder) / CARD).get("base", {})
    name = card.get("source") or storage.read_json(Path(folder) / _ADAPTER).get("base_model_name_or_path") or "unknown"
    if base is None:
        raise EngramError(f"'{folder}' holds an adapter, which needs the model that was tuned ('{name}'). Give the folder of that model as its base.")
    found = fingerprint(base)
    if card.get("fingerprint", found) != found:
        raise EngramError(
            f"the adapter in '{folder}' was tuned on '{name}' (fingerprint {card['fingerprint']}); '{base}' holds other weights ({found}). "
            "Give that model as its base."
        )
    return Path(base)


def fingerprint(folder: str | Path) -> str:
    """Return 16 hexadecimal digits from the names, shapes, types and first rows of a model's tensors: the same however they are spread over files."""
    import torch
    from safetensors import safe_open

    found = {}
    for path in Path(folder).glob("*.safetensors"):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 (no mapping)
                part = file.get_slice(name)
                row = part[:1] if part.get_shape() else file.get_tensor(name)
                content = row.contiguous().flatten().view(torch.uint8).numpy().tobytes()
                found[name] = f"{part.get_shape()} {part.get_dtype()} {hashlib.sha256(content).hexdigest()}"
    return hashlib.sha256("\n".join(f"{name} {found[name]}" for name in sorted(found)).encode()).hexdigest()[:16]


def merged(base: str | Path, tuned: str | Path, dtype: str = "float32", code: bool = False) -> Any:
    """Return a base model with an adapter merged into its weights.

    Parameters
    ----------
    base : path
        Folder of the model that was tuned.
    tuned : path
        Folder of the adapter.
    dtype : {"float32", "bfloat16", "float16"}
    code : bool
        Whether the base's own code may run (`engram.own_code`).

    Returns
    -------
    transformers.PreTrainedModel
        With its language-modelling head, in evaluation mode, on the CPU; W + (alpha / rank) B A of Hu et al. 2021 (arXiv 2106.09685).

    Raises
    ------
    EngramError
        If the base is another model than the one that was tuned.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    home = base_of(tuned, base)
    model = AutoModelForCausalLM.from_pretrained(home, local_files_only=True, trust_remote_code=code, use_safetensors=True, dtype=getattr(torch, dtype))
    return PeftModel.from_pretrained(model, str(tuned), torch_device="cpu").merge_and_unload().eval()
