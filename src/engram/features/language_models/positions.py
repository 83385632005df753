"""How many tokens a model reads at once.

It follows from its configuration and from its tables of positions.
"""

from __future__ import annotations

import re
from typing import Any

#: What a limit is where there is none.
NO_LIMIT = 1 << 20
#: Keys of configurations for the longest input. -1, 0 and very large numbers stand for "no limit".
_KEYS = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length")
#: Names of tables with a vector for each position; relative positions have
#: other names, and no limit.
_TABLE = re.compile(r"wpe|(?:embed_)?positions?|pos(?:ition(?:s|al)?)?_emb(?:ed(?:dings?)?)?")


def declared_limit(config: Any, *others: int | None) -> int:
    """Return the longest input that a configuration declares, in tokens, or `NO_LIMIT`.

    Parameters
    ----------
    config : transformers.PreTrainedConfig
    *others : int or None
        Further limits, such as a tokenizer's.
    """
    text = config.get_text_config()
    known = [*(getattr(text, name, None) for name in _KEYS), _unscaled(text), *others]
    return min(
        (int(value) for value in known if isinstance(value, int | float) and 0 < value < NO_LIMIT),
        default=NO_LIMIT,
    )


def _unscaled(config: Any) -> int | None:
    """Return the length up to which rotary positions are those of a short input.

    It is None where they do not depend on the input's length.

    LongRoPE (Ding et al. 2024, arXiv 2402.13753; Phi-3 with 128k tokens) turns the positions of
    longer inputs at other frequencies: the same words would get other vectors in a longer window.
    """
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    if not isinstance(rope, dict) or rope.get("rope_type") != "longrope":
        return None
    return rope.get("original_max_position_embeddings") or getattr(
        config, "original_max_position_embeddings", None
    )


def longest_input(model: Any, *others: int | None) -> int:
    """Return the longest input that a model can read, in tokens, or `NO_LIMIT`.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    *others : int or None
        Further limits, such as a tokenizer's.

    Notes
    -----
    RoBERTa and its kin count positions from behind the padding index, OPT and BART from an offset
    of 2: their tables are longer than what can be read.
    """
    tables = [
        module
        for name, module in model.named_modules()
        if _TABLE.fullmatch(name.rsplit(".", 1)[-1])
    ]
    return min([declared_limit(model.config, *others), *map(_rows, tables)])


def _rows(module: Any) -> int:
    """Return the positions that a table has; `NO_LIMIT` for a module that is none."""
    weight = getattr(module, "weight", None)
    if weight is None or weight.ndim != 2 or not hasattr(module, "padding_idx"):
        return NO_LIMIT
    padding, offset = module.padding_idx, getattr(module, "offset", 0)
    return int(weight.shape[0]) - (offset if padding is None else padding + 1)
