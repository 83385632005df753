"""The memory that a tuning takes, from a few numbers of the model and the settings.

The one formula for what preflight says (`engram.study.tuning_shapes`, from a model's
configuration) and for what a job checks before it trains (`engram.tunings.memory_check`, from the
model itself, without its numbers).
"""

from __future__ import annotations

from dataclasses import dataclass

from engram.tunings.settings import Settings

#: Bytes that a GPU's context and the workspaces of its libraries take (assumed).
CONTEXT = 1_000_000_000


@dataclass(frozen=True)
class TuningShape:
    """What the memory of a tuning depends on, besides its settings.

    Attributes
    ----------
    parameters, trained : int
        Weights of the model, adapters included, and those of them that train.
    blocks : int
        Blocks that the backward pass goes through: those from the lowest trained one on.
    units : int
        Width of a block's output.
    vocabulary : int
        Tokens that the model chooses from.
    itemsize : int
        Bytes of a frozen weight, and of most numbers that are computed.
    block_bytes, other_bytes : int or None
        What autograd keeps for the backward pass of one block, and outside of blocks, of a pass
        through the model; None where it is not known.
    """

    parameters: int
    trained: int
    blocks: int
    units: int
    vocabulary: int
    itemsize: int
    block_bytes: int | None
    other_bytes: int | None


def planned_memory(shape: TuningShape, settings: Settings) -> dict[str, int]:
    """Return the bytes that tuning takes on a GPU, by what they are for.

    Parameters
    ----------
    shape : TuningShape
    settings : Settings

    Returns
    -------
    dict
        ``weights`` (trained ones in float32, and used in bfloat16 a copy more), ``gradients``
        and ``optimizer`` (two moments) in float32, ``logits`` (values and their gradients, in the
        weights' type and float32), ``context`` (assumed: 1 GB), and ``activations`` kept for the
        backward pass, which are left out where they are not known.

    Notes
    -----
    Logits are counted for all tokens of a pass, though most families compute those of output tokens
    alone (`engram.tunings.losses.output_loss`). With gradient checkpointing each block's input is
    kept, and one block as a whole (Chen et al. 2016, arXiv 1604.06174). Blocks below the lowest
    trained one keep nothing.
    """
    size, tokens = shape.itemsize, settings.tokens_at_once
    parts = {
        "weights": (shape.parameters - shape.trained) * size
        + shape.trained * (4 if size == 4 else 6),
        "gradients": 4 * shape.trained,
        "optimizer": 8 * shape.trained,
        "logits": tokens * shape.vocabulary * 2 * (size + 4),
        "context": CONTEXT,
    }
    if shape.block_bytes is None or shape.other_bytes is None:
        return parts
    blocks = (
        shape.block_bytes + shape.blocks * tokens * shape.units * size
        if settings.gradient_checkpointing
        else shape.blocks * shape.block_bytes
    )
    return {**parts, "activations": shape.other_bytes + blocks}
