"""What the memory of a tuning depends on, estimated before its model is here.

From the model's shape alone, without torch. Weights are counted exactly for models of the kinds of
GPT-2 and LLaMA. What autograd keeps of a block is what torch 2 keeps of theirs
(`engram.tunings.memory_check.traced_shape` records it for any model that is here).
"""

from __future__ import annotations

from engram.study.model_shapes import ModelShape
from engram.tunings.settings import Settings, frozen_layers
from engram.tunings.tuning_memory import TuningShape


def tuning_shape(model: ModelShape, settings: Settings, device: str) -> TuningShape:
    """Return what the memory of a tuning depends on.

    Parameters
    ----------
    model : ModelShape
    settings : Settings
    device : {"cuda", "cpu"}
        Where it is tuned; `dtype` "auto" depends on it.
    """
    depth = model.layers - 1
    size = 4 if settings.dtype_on(device) == "float32" else 2
    whole = model.parameters + model.head_parameters
    below = 0
    if settings.method == "lora":
        trained = depth * adapter_weights(model, settings)
        whole += trained
    elif settings.method == "frozen":
        layers = frozen_layers(depth, settings)
        trained, below = len(layers) * model.weights_of_block, layers[0]
    else:
        trained = whole
    return TuningShape(
        whole,
        trained,
        depth - below,
        model.units,
        model.vocabulary,
        size,
        _block_bytes(model, settings, size),
        0 if settings.method == "lora" else 2 * settings.tokens_at_once * model.units * size,
    )


def adapter_weights(model: ModelShape, settings: Settings) -> int:
    """Return the numbers of one block's adapters: two matrices for each linear layer."""
    units, keys, inner = model.units, model.key_units, model.inner or 4 * model.units
    fused, square, key = (units, units + 2 * keys), (units, units), (units, keys)
    known = {
        "c_attn": [fused],
        "query_key_value": [fused],
        "q_proj": [square],
        "k_proj": [key],
        "v_proj": [key],
        "o_proj": [square],
        "out_proj": [square],
        # GPT-2's name for the last matrix of attention, and for that of the feed-forward part.
        "c_proj": [square, (inner, units)],
    }
    usual = ("c_attn",) if model.fused else ("q_proj", "v_proj")
    return sum(
        settings.rank * (entering + leaving)
        for name in settings.target_modules or usual
        for entering, leaving in known.get(name, [(units, inner)])
    )


def _block_bytes(model: ModelShape, settings: Settings, size: int) -> int:
    """Return the bytes that autograd keeps of one block.

    The numbers by which widths are multiplied are those that torch keeps in models of the kinds of
    GPT-2 and LLaMA: for each token, and for each pair of tokens and head. Matrices that train keep
    their inputs besides.
    """
    inner = model.inner or 4 * model.units
    heads = model.heads or max(1, model.units // 64)
    own = 0 if settings.method == "lora" else 1
    if model.gated:
        of_token = model.units * (20 + (4 + own) * size) + inner * (3 + own) * size
    else:
        of_token = (model.units * (12 + own) + inner * (4 + own)) * size
    of_pair = 12 if model.attention_dropout else 4
    return settings.tokens_at_once * (of_token + heads * settings.max_length * of_pair)
