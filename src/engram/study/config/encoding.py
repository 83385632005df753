"""The section `encoding`: how BOLD is predicted from features."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from engram.study.config.fields import Penalty, Section


class Encoding(Section):
    """Encoding: from word vectors to predicted BOLD, by ridge regression with cross-validation."""

    words_to_trs: Literal["sum", "mean", "lanczos"] = "sum"
    """How the vectors of the words in a TR become the features of its row: their sum, their mean,
    or Lanczos interpolation."""
    longest_delay: float = Field(10.0, gt=0, le=120)
    """Longest FIR delay in seconds. Features are delayed by 1, 2, ... rows, up to this time, so
    that the regression finds the haemodynamic response."""
    delays: Annotated[list[Annotated[int, Field(le=1000)]], Field(max_length=1000)] | None = None
    """The FIR delays in rows, such as `[1, 2, 3, 4]`; null: those that `longest_delay` gives."""
    folds: int = Field(5, ge=2, le=100)
    """Contiguous test blocks of each story: each is predicted from the others."""
    inner_folds: int = Field(5, ge=2, le=100)
    """Contiguous validation blocks of each training set, which choose the penalty."""
    alphas: list[Penalty] = Field(
        [10.0**power for power in range(-1, 9)], min_length=1, max_length=255
    )
    """Ridge penalties to choose from, for each target by itself."""
    alpha_by: Literal["r", "mse"] = "r"
    """What the penalty is chosen by in the inner folds: the highest mean Pearson r, or the lowest
    mean squared error."""

    @model_validator(mode="after")
    def _delays_make_sense(self) -> Encoding:
        if self.delays is not None and (
            not self.delays or sorted(set(self.delays)) != self.delays or self.delays[0] < 0
        ):
            raise ValueError("delays are rows, 0 or more, in rising order, such as [1, 2, 3, 4]")
        return self
