"""The section `activations`: how a language model reads a story."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engram.study.config.fields import Section


class Activations(Section):
    """Activations: how a model reads a story and what is kept of it."""

    mode: Literal["strided", "exact"] = "strided"
    """`strided`: overlapping windows, a word is read where it has most left context; `exact`:
    a window per word (slow)."""
    context: int | None = Field(None, ge=8, le=10_000_000)
    """Tokens in a window, special tokens included; null: 1024 or the model's
    limit, whichever is less."""
    stride: int | None = Field(None, ge=1, le=10_000_000)
    """Tokens from one window to the next: every word keeps at least `context - stride` tokens
    of left context; null: half."""
    pooling: Literal["last", "mean", "sum"] = "last"
    """How a word's sub-tokens become one vector; punctuation around a word is left out."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Precision of the forward pass; what is stored is float32."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where models run; `auto`: the GPU where there is one."""
    batch_tokens: int = Field(8192, ge=64, le=100_000_000)
    """Tokens in a batch of windows, padding included."""
