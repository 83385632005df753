"""Adapters: what a LoRA tuning leaves is merged into its base model's weights."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engram.errors import EngramError
from engram.features.language_models.base_model import ADAPTER_CONFIG
from engram.features.language_models.model_loading import load_model
from engram.features.language_models.model_source import ModelSource
from engram.features.language_models.weight_checks import is_finite

logger = logging.getLogger(__name__)

#: Initialisations that change the base by what the adapter's file does not hold: a random
#: decomposition, gradients or statistics of data.
_CHANGED_BASES = ("pissa_niter_", "corda", "loftq", "lora_ga")


def merged(source: ModelSource) -> Any:
    """Return a base model with an adapter merged into its weights.

    Parameters
    ----------
    source : ModelSource
        Of an adapter. The base's own code runs where it may.

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
    from peft import PeftModel
    from safetensors.torch import load_file

    tuned, home = source.folder, source.home
    path = Path(tuned) / "adapter_model.safetensors"
    if not path.is_file():
        raise EngramError(
            f"the adapter in '{tuned}' has no '{path.name}', and weights in other formats are not "
            "loaded. Save it by save_pretrained(folder)."
        )
    adapter = _checked_config(tuned)
    whole = load_model(_widest_kind(source), home, dtype=source.dtype, code=source.code, head=False)
    weights = load_file(path)
    model = PeftModel.from_pretrained(
        _part_of(whole, weights, tuned), str(tuned), torch_device="cpu"
    )
    _refuse_misfits(model, weights, source)
    _refuse_broken_weights(weights, tuned)
    _refuse_without_effect(adapter, weights, tuned)
    return model.merge_and_unload().eval()


def _checked_config(tuned: str | Path) -> Any:
    """Return an adapter's configuration, unless what it describes cannot be merged."""
    from peft import PeftConfig

    try:
        adapter = PeftConfig.from_pretrained(str(tuned))
    except Exception as error:  # as many kinds as there are ways to write it
        raise EngramError(
            f"the adapter in '{tuned}' cannot be read: its {ADAPTER_CONFIG} is not what peft "
            f"expects ({type(error).__name__}: {error}). Save it by save_pretrained(folder)."
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
    return adapter


def _widest_kind(source: ModelSource) -> Any:
    """Return the class that loads most of a base: with its language-modelling head, if it has one.

    An adapter may have been trained with the head or without.
    """
    from transformers import (
        MODEL_FOR_CAUSAL_LM_MAPPING,
        AutoConfig,
        AutoModel,
        AutoModelForCausalLM,
    )

    config = AutoConfig.from_pretrained(
        source.home, local_files_only=True, trust_remote_code=source.code
    )
    headed = source.code or type(config) in MODEL_FOR_CAUSAL_LM_MAPPING
    return AutoModelForCausalLM if headed else AutoModel


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


def _refuse_misfits(model: Any, weights: Mapping[str, Any], source: ModelSource) -> None:
    """Refuse an adapter of which a weight has no place in its base, or that lacks one.

    Parameters
    ----------
    model : peft.PeftModel
    weights : mapping
        The adapter's, by name.
    source : ModelSource
    """
    from peft import set_peft_model_state_dict

    # Weights are set once more, since only this says what had no place.
    outcome: Any = set_peft_model_state_dict(model, dict(weights))
    marks = (model.base_model.prefix, "modules_to_save.", "trainable_tokens_")
    missing = [
        name
        for name in outcome.missing_keys
        if any(mark in name for mark in marks) and ".default" in name
    ]
    # A weight that is tied to one that is there (tokens of an output layer that is
    # the embeddings) is there.
    parts = dict(model.named_parameters(remove_duplicate=False))
    there = {id(part) for name, part in parts.items() if name not in outcome.missing_keys}
    missing = [name for name in missing if id(parts.get(name)) not in there]
    if outcome.unexpected_keys or missing:
        raise EngramError(
            f"the adapter in '{source.folder}' does not fit the model in '{source.home}': "
            f"{len(outcome.unexpected_keys)} of its {len(weights)} weights have no place in it "
            f"({', '.join(outcome.unexpected_keys[:3])}), and {len(missing)} that it needs are not "
            f"there ({', '.join(missing[:3])}). "
            "Give the model that was tuned as its base, and save the adapter "
            "by save_pretrained(folder)."
        )


def _refuse_broken_weights(weights: Mapping[str, Any], tuned: str | Path) -> None:
    if not all(is_finite(weight) for weight in weights.values()):
        raise EngramError(
            f"the adapter in '{tuned}' has weights that are not finite numbers. Tune it again, "
            "or give an earlier checkpoint."
        )


def _refuse_without_effect(adapter: Any, weights: Mapping[str, Any], tuned: str | Path) -> None:
    """Refuse an adapter that is scaled by 0, and warn of one that was not trained."""
    if getattr(adapter, "lora_alpha", None) == 0:
        raise EngramError(
            f"the adapter in '{tuned}' has lora_alpha 0, so that it changes nothing. "
            f"Correct its {ADAPTER_CONFIG}."
        )
    if nothing := [
        name
        for name, alpha in (getattr(adapter, "alpha_pattern", None) or {}).items()
        if alpha == 0
    ]:
        raise EngramError(
            f"the adapter in '{tuned}' has alpha_pattern 0 for {', '.join(nothing)}, so that it "
            f"changes nothing there. Correct its {ADAPTER_CONFIG}."
        )
    second = [weight for name, weight in weights.items() if ".lora_B." in name]
    if second and not any(weight.any() for weight in second):
        logger.warning(
            (
                "the adapter in '%s' was not trained: its lora_B weights are all 0, "
                "so that it changes nothing"
            ),
            tuned,
        )
