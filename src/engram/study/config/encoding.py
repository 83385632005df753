"""The section `encoding`: how BOLD is predicted from features."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from engram.study.config.fields import Penalty, Section


class Encoding(Section):
    """Encoding: from word vectors to predicted BOLD."""

    trim: int = Field(0, ge=0, le=100_000)
    """Rows dropped from the start of each scan."""
    tail: float = Field(8.0, ge=0, le=3600)
    """Seconds kept after the last word's offset, for the response to die away."""
    words_to_trs: Literal["sum", "mean", "lanczos"] = "sum"
    """How the vectors of the words in a TR become that row's features."""
    longest_delay: float = Field(10.0, gt=0, le=120)
    """Seconds; the FIR delays are 1, 2, ... up to this many seconds, in rows."""
    delays: Annotated[list[Annotated[int, Field(le=1000)]], Field(max_length=1000)] | None = None
    """The FIR delays in rows, instead of `longest_delay`."""
    folds: int = Field(5, ge=2, le=100)
    """Contiguous test blocks of each story."""
    inner_folds: int = Field(5, ge=2, le=100)
    """Contiguous validation blocks of each training set, which choose the penalty."""
    alphas: list[Penalty] = Field(
        [10.0**power for power in range(-1, 9)], min_length=1, max_length=255
    )
    """Ridge penalties to choose from, for each target by itself."""
    alpha_by: Literal["r", "mse"] = "r"
    """What the inner folds choose by: highest mean Pearson r, or lowest mean squared error."""
    backend: Literal["auto", "numpy", "torch", "torch_cuda"] = "auto"
    """himalaya's backend; `auto`: torch_cuda where there is a GPU, else torch."""

    @model_validator(mode="after")
    def _delays_make_sense(self) -> Encoding:
        if self.delays is not None and (
            not self.delays or sorted(set(self.delays)) != self.delays or self.delays[0] < 0
        ):
            raise ValueError("delays are rows, 0 or more, in rising order, such as [1, 2, 3, 4]")
        return self
