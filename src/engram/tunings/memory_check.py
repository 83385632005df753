"""The check of a tuning's memory in its job, on shapes that the model's own code gives."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from engram.errors import EngramError
from engram.tunings.model import BaseModel, prepared, trained_weights
from engram.tunings.settings import Settings, frozen_layers
from engram.tunings.tuning_memory import TuningShape, planned_memory

logger = logging.getLogger(__name__)


class _NotTracedError(Exception):
    """A model cannot be run on shapes alone."""


def check_memory(base: BaseModel, settings: Settings, available: int) -> None:
    """Say how much memory a tuning will take, and refuse it where there is less.

    Parameters
    ----------
    base : BaseModel
    settings : Settings
    available : int
        Bytes of the GPU.

    Raises
    ------
    EngramError
        If more is needed than there is, with what would take less.
    """
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(
        base.folder, local_files_only=True, trust_remote_code=base.code
    )
    parts = planned_memory(traced_shape(config, settings, base.code), settings)
    needed = sum(parts.values())
    logger.info(
        "planned: %.1f GB on a GPU (%s)",
        needed / 1e9,
        ", ".join(f"{name} {size / 1e9:.1f}" for name, size in parts.items()),
    )
    if needed > available:
        raise EngramError(
            f"tuning needs about {needed / 1e9:.1f} GB of GPU memory, and there are "
            f"{available / 1e9:.1f}. It takes less with 'gradient_checkpointing: true', a smaller "
            f"micro_tokens (now {settings.micro_tokens}) or max_length ({settings.max_length}), "
            "'method: lora', or fewer train_layers."
        )


def traced_shape(
    config: Any, settings: Settings, code: bool = False, device: str = "cuda"
) -> TuningShape:
    """Return the shape of a tuning, as the model's own code gives it.

    Parameters
    ----------
    config : transformers.PreTrainedConfig
    settings : Settings
    code : bool
        Whether the model's own code may run (`engram.fetch.remote_code`).
    device : {"cuda", "cpu"}
        Where it is tuned; `dtype` "auto" depends on it.

    Returns
    -------
    TuningShape
        Without what autograd keeps, and with a warning, where a model cannot be run on
        shapes alone.

    Notes
    -----
    Computed, not measured: parameters are counted, and what autograd keeps is recorded,
    in models of one and two blocks on torch's meta device, which has shapes and no numbers;
    a block is their difference. No fused attention is assumed, so that this is rather too much.
    """
    size = 4 if settings.dtype_on(device) == "float32" else 2
    text = config.get_text_config()
    depth = text.num_hidden_layers
    with _on_meta():
        model = prepared(_meta_model(config, depth, size, code), settings)
    block: int | None = None
    other: int | None = None
    try:
        one, two = (_kept_bytes(config, number, size, settings, code) for number in (1, 2))
        block, other = two - one, 2 * one - two
    except _NotTracedError as error:
        logger.warning(
            (
                "what a backward pass through %s keeps cannot be planned (%s); more than the "
                "plan says will be needed"
            ),
            config.model_type,
            error,
        )
    below = frozen_layers(depth, settings)[0] if settings.method == "frozen" else 0
    return TuningShape(
        sum(weight.numel() for weight in model.parameters()),
        sum(weight.numel() for weight in trained_weights(model).values()),
        depth - below,
        text.hidden_size,
        text.vocab_size,
        size,
        block,
        other,
    )


@contextmanager
def _on_meta() -> Iterator[None]:
    import torch

    with torch.device("meta"):
        yield


def _meta_model(config: Any, depth: int, size: int, code: bool) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    smaller = copy.deepcopy(config)
    smaller.get_text_config().num_hidden_layers = depth
    return AutoModelForCausalLM.from_config(
        smaller, trust_remote_code=code, dtype=torch.float32 if size == 4 else torch.bfloat16
    )


def _kept_bytes(config: Any, depth: int, size: int, settings: Settings, code: bool) -> int:
    """Return the bytes that autograd keeps of a forward pass in a model of so many blocks.

    It is a pass without the head, parameters apart.

    Raises
    ------
    _NotTracedError
        If the model cannot be run on shapes alone.
    """
    import torch

    plain = replace(
        settings,
        gradient_checkpointing=False,
        train_layers=None,
        method="lora" if settings.method == "lora" else "full",
    )
    tokens = settings.tokens_at_once
    reasons: list[str] = []
    # Kernels for several experts at once know bfloat16 alone where there are no numbers;
    # in float32 these tensors take twice as much.
    for itemsize in sorted({size, 2}, reverse=True):
        dtype = torch.float32 if itemsize == 4 else torch.bfloat16
        with _on_meta():
            model = prepared(_meta_model(config, depth, itemsize, code), plain).to(dtype).train()
            ids = torch.zeros(
                max(tokens // settings.max_length, 1), settings.max_length, dtype=torch.long
            )
            inner = model.get_base_model() if plain.method == "lora" else model
            for mask in _masks(ids, dtype):
                try:
                    return (
                        size
                        // itemsize
                        * kept_bytes(
                            model,
                            partial(
                                inner.base_model,
                                input_ids=ids,
                                attention_mask=mask,
                                use_cache=False,
                            ),
                        )
                    )
                except Exception as error:  # as many kinds as there are families
                    reasons.append(
                        (
                            f"{type(error).__name__}: "
                            f"{str(error).strip().splitlines()[0] if str(error).strip() else ''}"
                        )[:200]
                    )
    raise _NotTracedError(reasons[0])


def _masks(ids: Any, dtype: Any) -> Iterator[Any]:
    """Yield masks that let every token be read, in the forms that families take.

    Those that keep most come first.

    To make a whole mask from tokens, transformers would look at numbers, and here there are none;
    some families (OPT, BLOOM, Mamba) take no whole one.
    """
    import torch

    yield torch.zeros(len(ids), 1, ids.shape[1], ids.shape[1], dtype=dtype)
    yield torch.ones_like(ids)
    yield None


def kept_bytes(model: Any, forward: Any) -> int:
    """Return the bytes of tensors that autograd keeps of what `forward` computes.

    Each storage counts once, without the model's parameters.
    """
    import torch

    own = {weight.untyped_storage()._cdata for weight in model.parameters()}
    found: dict[int, Any] = {}

    def pack(tensor: Any) -> Any:
        storage_of = tensor.untyped_storage()
        if storage_of._cdata not in own:
            found[storage_of._cdata] = storage_of
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = forward()
    del result
    return sum(part.nbytes() for part in found.values())
