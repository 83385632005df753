"""Adapters: what a LoRA tuning leaves, and the base model that they go into.

A module of its own and a small one: reading stories depends on it, and must not depend
on how models are tuned.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engram.errors import EngramError
from engram.features.language_models.model_loading import (
    is_finite,
    load_model,
    opened,
    weight_files,
)
from engram.files import storage

logger = logging.getLogger(__name__)

#: A tuned model's card, beside its weights.
CARD = "tuning.json"
#: What peft calls the file that makes a folder an adapter.
_ADAPTER = "adapter_config.json"
#: Digits of a fingerprint of earlier versions.
_SAMPLED = 16
#: Initialisations that change the base by what the adapter's file does not hold: a random
#: decomposition, gradients or statistics of data.
_CHANGED_BASES = ("pissa_niter_", "corda", "loftq", "lora_ga")


def is_adapter(folder: str | Path) -> bool:
    """Tell whether a folder holds an adapter, which needs its base model."""
    return (Path(folder) / _ADAPTER).is_file()


def base_of(folder: str | Path, base: str | Path | None) -> Path:
    """Return the folder of an adapter's base model.

    Its weights are held against those that the adapter's card knows.

    Parameters
    ----------
    folder : path
        With the adapter.
    base : path or None
        Where the base model is.

    Raises
    ------
    EngramError
        If no base is given, an adapter is given as the base, or another model than
        the one that was tuned.
    """
    card = storage.read_json(Path(folder) / CARD).get("base", {})
    name = (
        card.get("source")
        or storage.read_json(Path(folder) / _ADAPTER).get("base_model_name_or_path")
        or "unknown"
    )
    if base is None:
        raise EngramError(
            f"'{folder}' holds an adapter, which needs the model that was tuned ('{name}'). "
            "Give the folder of that model as its base."
        )
    if is_adapter(base):
        raise EngramError(
            f"the base '{base}' of the adapter in '{folder}' is an adapter itself. Give the model "
            f"that was tuned ('{name}'), merged, as its base."
        )
    known = card.get("fingerprint")
    if known is None:
        _warn_of_another_base(folder, base, name)
        return Path(base)
    sampled = len(known) == _SAMPLED
    found = fingerprint(base, sampled=sampled)
    if known != found:
        raise EngramError(
            f"the adapter in '{folder}' was tuned on '{name}' (fingerprint {known}); '{base}' "
            f"holds other weights ({found}). Give that model as its base."
        )
    if sampled:
        logger.warning(
            (
                "the card in '%s' is of an earlier version and knows only the first rows of its "
                "base's weights: these are the same"
            ),
            folder,
        )
    return Path(base)


def _warn_of_another_base(folder: str | Path, base: str | Path, named: str) -> None:
    """Say that an adapter without a card names another base than the given one.

    That is as far as names tell.
    """

    def plain(name: str) -> str:
        # As folders of fetched models are named.
        return re.sub(r"[^a-z0-9.-]+", "--", name.casefold())

    wanted = plain(re.split(r"[/\\]", named.rstrip("/\\"))[-1])
    given = plain(re.sub(r"@[0-9a-f]{8}$", "", Path(base).resolve().name))
    if named != "unknown" and given != wanted and not given.endswith(f"--{wanted}"):
        logger.warning(
            (
                "the adapter in '%s' says that it was tuned on '%s', and is applied to '%s'; "
                "it has no card (%s) that could tell whether they are the same"
            ),
            folder,
            named,
            base,
            CARD,
        )


def fingerprint(folder: str | Path, *, sampled: bool = False) -> str:
    """Return a digest of the names, shapes, types and contents of a model's tensors.

    It is the same however they are spread over files.

    Parameters
    ----------
    folder : path
    sampled : bool
        Of each tensor's first row alone, in 16 digits, as earlier versions
        wrote it into their cards.

    Returns
    -------
    str
        64 hexadecimal digits (SHA-256).
    """
    import torch

    found = {}
    for path in weight_files(folder):
        with opened(path) as file:
            for name in file.keys():  # noqa: SIM118 (no mapping)
                part = file.get_slice(name)
                rows = part[:1] if sampled and part.get_shape() else file.get_tensor(name)
                content = memoryview(rows.contiguous().flatten().view(torch.uint8).numpy())
                found[name] = (
                    f"{part.get_shape()} {part.get_dtype()} {hashlib.sha256(content).hexdigest()}"
                )
    digest = hashlib.sha256(
        "\n".join(f"{name} {found[name]}" for name in sorted(found)).encode()
    ).hexdigest()
    return digest[:_SAMPLED] if sampled else digest


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
        Whether the base's own code may run (`engram.fetch.remote_code`).

    Returns
    -------
    transformers.PreTrainedModel
        In evaluation mode, on the CPU; W + (alpha / rank) B A of Hu et al. 2021 (arXiv 2106.09685).
        With its language-modelling head, unless the adapter was trained without.

    Raises
    ------
    EngramError
        If the base is another model than the one that was tuned, or not every weight of the
        adapter has a place in it.
    """
    from peft import PeftConfig, PeftModel, set_peft_model_state_dict
    from safetensors.torch import load_file
    from transformers import (
        MODEL_FOR_CAUSAL_LM_MAPPING,
        AutoConfig,
        AutoModel,
        AutoModelForCausalLM,
    )

    home = base_of(tuned, base)
    path = Path(tuned) / "adapter_model.safetensors"
    if not path.is_file():
        raise EngramError(
            f"the adapter in '{tuned}' has no '{path.name}', and weights in other formats are not "
            "loaded. Save it by save_pretrained(folder)."
        )
    try:
        adapter = PeftConfig.from_pretrained(str(tuned))
    except Exception as error:  # as many kinds as there are ways to write it
        raise EngramError(
            f"the adapter in '{tuned}' cannot be read: its {_ADAPTER} is not what peft expects "
            f"({type(error).__name__}: {error}). Save it by save_pretrained(folder)."
        ) from error
    if adapter.is_prompt_learning:
        raise EngramError(
            f"the adapter in '{tuned}' ({adapter.peft_type}) adds tokens and changes no weights, "
            "so it cannot be merged. Give a LoRA adapter."
        )
    start = str(getattr(adapter, "init_lora_weights", ""))
    if start.startswith(_CHANGED_BASES):
        raise EngramError(
            f"the adapter in '{tuned}' changed its base when training began "
            f"(init_lora_weights: {start}), and its file does not say to what, "
            "so that it cannot be merged. Save it as a plain LoRA: save_pretrained(folder, "
            "path_initial_model_for_weight_conversion=...), see peft's page on LoRA."
        )
    config = AutoConfig.from_pretrained(home, local_files_only=True, trust_remote_code=code)
    kind = (
        AutoModelForCausalLM if code or type(config) in MODEL_FOR_CAUSAL_LM_MAPPING else AutoModel
    )
    whole = load_model(kind, home, dtype=dtype, code=code, head=False)
    weights = load_file(path)
    model = PeftModel.from_pretrained(
        _part_of(whole, weights, tuned), str(tuned), torch_device="cpu"
    )
    # Once more, since only this says what had no place.
    told: Any = set_peft_model_state_dict(model, dict(weights))
    marks = (model.base_model.prefix, "modules_to_save.", "trainable_tokens_")
    missing = [
        name
        for name in told.missing_keys
        if any(mark in name for mark in marks) and ".default" in name
    ]
    # A weight that is tied to one that is there (tokens of an output layer that is
    # the embeddings) is there.
    parts = dict(model.named_parameters(remove_duplicate=False))
    there = {id(part) for name, part in parts.items() if name not in told.missing_keys}
    missing = [name for name in missing if id(parts.get(name)) not in there]
    if told.unexpected_keys or missing:
        raise EngramError(
            f"the adapter in '{tuned}' does not fit the model in '{home}': "
            f"{len(told.unexpected_keys)} of its {len(weights)} weights have no place in it "
            f"({', '.join(told.unexpected_keys[:3])}), and {len(missing)} that it needs are not "
            f"there ({', '.join(missing[:3])}). "
            "Give the model that was tuned as its base, and save the adapter "
            "by save_pretrained(folder)."
        )
    if not all(is_finite(weight) for weight in weights.values()):
        raise EngramError(
            f"the adapter in '{tuned}' has weights that are not finite numbers. Tune it again, "
            "or give an earlier checkpoint."
        )
    if getattr(adapter, "lora_alpha", None) == 0:
        raise EngramError(
            f"the adapter in '{tuned}' has lora_alpha 0, so that it changes nothing. "
            f"Correct its {_ADAPTER}."
        )
    if nothing := [
        name
        for name, alpha in (getattr(adapter, "alpha_pattern", None) or {}).items()
        if alpha == 0
    ]:
        raise EngramError(
            f"the adapter in '{tuned}' has alpha_pattern 0 for {', '.join(nothing)}, so that it "
            f"changes nothing there. Correct its {_ADAPTER}."
        )
    if all(not weight.any() for name, weight in weights.items() if ".lora_B." in name) and any(
        ".lora_B." in name for name in weights
    ):
        logger.warning(
            (
                "the adapter in '%s' was not trained: its lora_B weights are all 0, "
                "so that it changes nothing"
            ),
            tuned,
        )
    return model.merge_and_unload().eval()


def _part_of(model: Any, names: Iterable[str], tuned: str | Path) -> Any:
    """Return what an adapter was trained on.

    It is a model with its head, or one without, which names its weights otherwise.
    """
    prefix = "base_model.model."
    tops = {name.removeprefix(prefix).split(".")[0] for name in names if name.startswith(prefix)}
    for part in (model, model.base_model):
        if tops and tops <= {name for name, _ in part.named_children()}:
            return part
    raise EngramError(
        f"the adapter in '{tuned}' names its weights otherwise than the model that it is to go "
        f"into ({', '.join(list(names)[:3])}). "
        "Give the model that was tuned as its base, and save the adapter "
        "by save_pretrained(folder)."
    )
