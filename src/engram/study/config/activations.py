"""The section `activations`: how a language model reads a story."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from engram.study.config.fields import Section
from engram.vocabulary import DEFAULT_CONTEXT


class Activations(Section):
    """Activations: how a language model reads a story, and what is kept of it.

    Every layer's vector of every word is kept. On which device and in which precision models
    run is said in `compute`.
    """

    mode: Literal["strided", "exact"] = "strided"
    """How the story is cut into windows. `strided`: windows overlap, and a word is read where it
    has most left context; `exact`: each word is read in a window of its own (slow)."""
    context: int | None = Field(None, ge=8, le=10_000_000)
    """Tokens in a window, special tokens included; null: 1024 or the model's
    limit, whichever is less."""
    stride: int | None = Field(None, ge=1, le=10_000_000)
    """Tokens from one window to the next: every word keeps at least `context - stride` tokens
    of left context; null: half a window."""
    encoder_stride: int = Field(1, ge=1, le=1000)
    """Words from one window to the next, of models that read in both directions (BERT). 1: a window
    ends with each word, and no word knows what comes after it (slow). Above 1 it is as many times
    faster, and a leak: words know up to `encoder_stride - 1` later words. Causal models are read
    the same."""
    pooling: Literal["last", "mean", "sum"] = "last"
    """How the vectors of a word's sub-tokens become one vector. Punctuation around a word is
    left out."""
    batch_tokens: int = Field(8192, ge=64, le=100_000_000)
    """Tokens that the model reads at once, in a batch of windows, padding included. It changes
    memory and speed alone."""

    @model_validator(mode="after")
    def _windows_meet(self) -> Activations:
        """Refuse a stride by which windows would leave words between them unread."""
        longest = self.context or DEFAULT_CONTEXT
        if self.mode == "strided" and self.stride is not None and self.stride > longest:
            raise ValueError(
                f"stride: {self.stride} tokens are more than a window has (context: {longest}); "
                f"write a stride of {longest // 2}, say, so that each word keeps half a window of "
                "left context"
            )
        if self.mode == "exact" and self.encoder_stride > 1:
            raise ValueError(
                "mode: exact reads each word in a window of its own, and encoder_stride: "
                f"{self.encoder_stride} reads so many words in one; take one of them out"
            )
        if self.encoder_stride > longest:
            raise ValueError(
                f"encoder_stride: {self.encoder_stride} words are more than a window has tokens "
                f"(context: {longest}); write 8, say, or 1"
            )
        return self
