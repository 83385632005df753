"""How much memory reading a story with a model takes, from shapes alone."""

from __future__ import annotations

from dataclasses import dataclass

#: Bytes of a job before it holds any data: Python with numpy, xarray, torch and
#: transformers (measured).
BASE_READING = 540_000_000


@dataclass(frozen=True)
class ReadingShape:
    """What the memory of reading a story depends on: the model's shapes, the batch and the words.

    Attributes
    ----------
    parameters : int
    blocks, units : int
        Transformer blocks, and the width of their output.
    widest : int
        Width of the widest layer inside a block.
    heads : int
    itemsize : int
        Bytes of a number.
    batch_tokens, context : int
        Tokens in a batch, and in a window.
    words, batch_words : int
        Words of the story, and at most in a batch.
    attention_matrices : bool
        Whether attention is computed as whole matrices (`eager`), of heads x context x context.
    streams : bool
        Whether layers are taken one by one while the model reads, as most models allow
        (`engram.features.language_models.streaming`): one is held beside the block's own.
    """

    parameters: int
    blocks: int
    units: int
    widest: int
    heads: int
    itemsize: int
    batch_tokens: int
    context: int
    words: int
    batch_words: int
    attention_matrices: bool = False
    streams: bool = True


def reading_bytes(shape: ReadingShape) -> int:
    """Return the peak memory of reading a story on a CPU, in bytes.

    Those of the process before it holds any data are included.
    """
    weights = shape.parameters * shape.itemsize
    layer = shape.batch_tokens * shape.units * shape.itemsize
    states = layer * (2 if shape.streams else shape.blocks + 1)
    inside = shape.batch_tokens * (3 * shape.widest + 4 * shape.units) * shape.itemsize
    if shape.attention_matrices:
        inside += 2 * shape.batch_tokens * shape.context * shape.heads * shape.itemsize
    pooled = 2 * shape.batch_words * shape.units * 4
    result = (shape.blocks + 1) * shape.words * shape.units * 4
    return BASE_READING + weights + result + states + max(inside, pooled)
