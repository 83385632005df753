"""Models with their language-modelling head, which predicts the next token."""

from __future__ import annotations

from typing import Any

from engram.features.language_models.adapters import merged
from engram.features.language_models.model_loading import load_model
from engram.features.language_models.model_source import ModelSource
from engram.features.language_models.reader import device_of


def headed_model(source: ModelSource, device: str) -> Any:
    """Return a model with its head: re-initialised, with an adapter merged, or as saved.

    Parameters
    ----------
    source : ModelSource
    device : {"auto", "cpu", "cuda"}

    Returns
    -------
    transformers.PreTrainedModel
        In evaluation mode.

    Raises
    ------
    EngramError
        If it cannot be loaded, or its file holds no head.
    """
    return _loaded(source).to(device_of(device)).eval()


def _loaded(source: ModelSource) -> Any:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    if source.is_adapter:
        return merged(source)
    if source.reinitialised:
        config = AutoConfig.from_pretrained(
            source.folder, local_files_only=True, trust_remote_code=source.code
        )
        torch.manual_seed(source.seed or 0)
        return AutoModelForCausalLM.from_config(
            config, trust_remote_code=source.code, dtype=getattr(torch, source.dtype)
        )
    return load_model(AutoModelForCausalLM, source.folder, dtype=source.dtype, code=source.code)
