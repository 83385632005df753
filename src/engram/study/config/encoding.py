"""The section `encoding`: how BOLD is predicted from features."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from engram.study.config.fields import Name, Penalty, Section

#: What pydantic puts into the path of an error, to say which way of making folds was meant.
OF_BLOCKS, OF_STORIES = "(blocks)", "(stories)"


class StoryFolds(Section):
    """Folds by story: whole stories are left out, and scores say what generalises to others."""

    by: Literal["story"]
    """`story`: each test fold is one story, or several."""
    n: int | None = Field(None, ge=2, le=1000)
    """Test folds: stories are dealt to so many, of about as many rows each; null: one for each
    story, or for each stimulus where stories are versions of one."""
    test: list[Name] | None = Field(None, min_length=1)
    """The stories of the only test fold; all others are learned from. null: each story is tested
    once."""

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> StoryFolds:
        if self.test is not None and self.n is not None:
            raise ValueError("test names the one test fold; take n out")
        if self.test is not None and len(set(self.test)) < len(self.test):
            raise ValueError(f"test names a story twice: {self.test}")
        return self


def _is_of_stories(value: Any) -> bool:
    return isinstance(value, dict | StoryFolds)


_FORMS_OF_FOLDS = (
    "folds are a number of blocks of each story, such as 5 or {by: block, n: 5}, or whole "
    "stories: {by: story}, {by: story, n: 5} or {by: story, test: [name]}"
)


def _blocks_as_number(value: Any) -> Any:
    """Return `{by: block, n: 5}` as the number of blocks, and refuse other ways to make folds."""
    if (isinstance(value, str) and not value.strip().isdecimal()) or isinstance(value, list):
        raise ValueError(_FORMS_OF_FOLDS)
    if not isinstance(value, dict) or value.get("by") == "story":
        return value
    if value.get("by") != "block" or not set(value) <= {"by", "n"}:
        raise ValueError(_FORMS_OF_FOLDS)
    return value.get("n", 5)


#: Blocks of each story, or whole stories.
Folds = Annotated[
    Annotated[int, Field(ge=2, le=100), Tag(OF_BLOCKS)] | Annotated[StoryFolds, Tag(OF_STORIES)],
    Discriminator(lambda value: OF_STORIES if _is_of_stories(value) else OF_BLOCKS),
    BeforeValidator(_blocks_as_number),
]


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
    folds: Folds = 5
    """Contiguous test blocks of each story, each predicted from the others: a number, or
    `{by: block, n: 5}`. Or whole stories, each predicted from the others: `{by: story}`, one at a
    time; `{by: story, n: 5}`, in five folds; `{by: story, test: [name]}`, those named."""
    inner_folds: int = Field(5, ge=2, le=100)
    """Contiguous validation blocks of each training set, which choose the penalty; with folds by
    story, so many folds of training stories at most."""
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
    learn_from: Literal["listener", "listener+others", "others"] = "listener"
    """Whose BOLD weights are learned from, on training rows: the listener's own; the mean of it
    and of what all others who heard the story have in common; or the mean of the others alone,
    so that each listener is new to the encoder. With others, scores show what listeners share,
    depend on each other, and are in no test over listeners."""
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
