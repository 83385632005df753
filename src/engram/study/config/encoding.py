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
    """Ridge penalties to choose from."""
    alpha_by: Literal["r", "mse"] = "r"
    """What the penalty is chosen by in the inner folds: the highest mean Pearson r, or the lowest
    mean squared error."""
    penalty: Literal["target", "listeners"] = "target"
    """Who shares a penalty. `target`: nobody, each target of each listener has its own;
    `listeners`: a target has one for all single listeners of a group, chosen by the mean over them.
    The average listener always has its own."""
    trend: Literal["none", "runs"] = "none"
    """`runs`: a line is taken off each feature within each contiguous run of training rows and
    within each held-out block; `none`: features stay as they are. Never over a whole run:
    that would leak."""
    learn_from: Literal["listener", "listener+others"] = "listener"
    """Whose BOLD weights are learned from, on training rows: the listener's own, or the mean of it
    and of what all others who heard the story have in common. With others, scores show what
    listeners share, depend on each other, and are in no test over listeners."""
    scaling: Literal["variance", "none"] = "variance"
    """Whether features get a variance of 1 by the training rows; they are centred in either
    case."""
    components: int | None = Field(None, ge=1, le=100_000)
    """How many principal components, learned from training rows, take the place of a layer's units;
    null: units stay."""

    @model_validator(mode="after")
    def _delays_make_sense(self) -> Encoding:
        if self.delays is not None and (
            not self.delays or sorted(set(self.delays)) != self.delays or self.delays[0] < 0
        ):
            raise ValueError("delays are rows, 0 or more, in rising order, such as [1, 2, 3, 4]")
        return self
