"""Loading of weights: what is loaded is what was saved.

Every model of a study is loaded here, and refused unless each of its weights was found and each
weight of its file has a place in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engram.errors import EngramError
from engram.features.language_models.stored_weights import StoredWeights, stored_weights
from engram.features.language_models.unsaved_buffers import define_buffers
from engram.features.language_models.weight_checks import (
    refuse_missing_or_left_over,
    refuse_not_finite,
    refuse_other_computed,
    refuse_scaled,
    refuse_two_sets,
    warn_of_passed_over,
)
from engram.fetch.remote_code import loading_error
from engram.jobs.freed_memory import keep_freed_memory


def load_model(
    kind: Any,
    folder: str | Path,
    *,
    dtype: str,
    code: bool = False,
    head: bool = True,
    what: str = "cannot be loaded",
    key: bool = True,
) -> Any:
    """Load a model's weights, and refuse it unless they are those that were saved.

    Parameters
    ----------
    kind : type
        A class of transformers, such as AutoModel.
    folder : path
        In the Hugging Face layout, with weights in safetensors.
    dtype : {"float32", "bfloat16", "float16", "auto"}
        "auto": the type that the weights were saved in.
    code : bool
        Whether code of the model's own may run (`engram.fetch.remote_code`).
    head : bool
        Whether the head is used. One that is not may be missing.
    what, key
        Of errors of loading (`engram.fetch.remote_code.loading_error`).

    Returns
    -------
    transformers.PreTrainedModel
        On the CPU, in evaluation mode.

    Raises
    ------
    EngramError
        If the model cannot be loaded, a weight is missing, is left over, or is not finite,
        or a buffer that no file holds is not defined.
    """
    keep_freed_memory()
    try:
        stored = stored_weights(folder)
        model, info = _loaded(kind, stored, dtype, code)
    except EngramError:
        raise
    except Exception as error:  # as many kinds as there are libraries behind it
        raise loading_error(what, folder, error, code, key) from error
    refuse_two_sets(model, stored)
    refuse_scaled(model, stored)
    refuse_missing_or_left_over(model, info, stored, head)
    warn_of_passed_over(model, stored)
    define_buffers(kind, model, info["missing_keys"], folder, dtype, code)
    refuse_other_computed(model, stored)
    refuse_not_finite(model, folder, dtype)
    return model


def _loaded(kind: Any, stored: StoredWeights, dtype: str, code: bool) -> tuple[Any, dict[str, Any]]:
    """Return a model as transformers loads it, and what it says of names that did not match."""
    import torch

    model, info = kind.from_pretrained(
        stored.folder,
        local_files_only=True,
        trust_remote_code=code,
        use_safetensors=True,
        dtype=dtype if dtype == "auto" else getattr(torch, dtype),
        key_mapping=stored.renaming or None,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # other shapes are reported, and refused by name
    )
    if stored.renaming:
        # What renamed the weights would rename them back when the model is written again.
        model._weight_conversions = [
            one
            for one in getattr(model, "_weight_conversions", None) or []
            if not set(one.source_patterns) & set(stored.renaming)
        ]
    return model, info
