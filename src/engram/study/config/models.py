"""The section of a language model: where it comes from and what is done with it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from engram.study.config.fields import Address, Name, Place, Section

LayerNumber = Annotated[int, Field(ge=0, le=10_000)]


class Model(Section):
    """A language model: any causal model or encoder in the Hugging Face layout.

    It is read from the folder that `source` names. A source that is no folder is an id of the
    Hugging Face hub; where a mirror is given, it is looked up there, under `models/`, and the
    network is not used.
    """

    source: Place
    """A hub id (`gpt2`), or a folder (`models/mine`, `./mine`, `/data/mine`)."""
    revision: Address | None = None
    """The commit of a hub id, so that the same weights come back in two years; null:
    the newest at download."""
    revisions: list[Address] | None = Field(None, min_length=2)
    """Several revisions of a hub id, in rising order of their training steps, such as `[step0,
    step1000, step143000]`: a series of models, `<name>-step<number>`, which are set beside each
    other in `tables/checkpoints.tsv`. null: one model."""
    checkpoints: Address | None = None
    """Instead of these, a pattern of folders below `source`, such as `checkpoint-*` (the trainer of
    transformers writes `checkpoint-500`): a series of models, as with `revisions`."""
    series: Name | None = None
    """The series that the model is a checkpoint of; `revisions` and `checkpoints` fill it in."""
    step: int | None = Field(None, ge=0)
    """How many steps it was trained, in its series."""
    base: Name | None = None
    """The name of the model of this study that was tuned, where the source is an adapter (a
    LoRA tuning's folder); null: the source is a whole model."""
    reinitialised: bool = False
    """Keep the architecture and the tokenizer, and draw the weights anew (with `seed`)."""
    layers_together: Annotated[list[LayerNumber], Field(min_length=2, max_length=1000)] | None = (
        None
    )
    """Layers whose units stand side by side and are scored together, such as `[8, 14, 20]`, as one
    layer, numbered 0. Such a model is scored on stories as they were heard; name it beside the same
    source with all its layers. null: every layer is scored by itself."""
    trust_remote_code: bool = False
    """Run the model's own code (the `*.py` files that its `auto_map` names), which can read,
    change and send all that you can; a hub id then needs its `revision`. An adapter's base decides.
    false: a model that needs such code is refused."""

    @field_validator("layers_together")
    @classmethod
    def _layers_rise(cls, value: list[int] | None) -> list[int] | None:
        if value is not None and sorted(set(value)) != value:
            raise ValueError("layers are numbers in rising order, such as [8, 14, 20]")
        return value

    @model_validator(mode="after")
    def _steps_are_of_series(self) -> Model:
        if (self.series is None) != (self.step is None):
            raise ValueError("series and step belong together: give both, or neither")
        if self.series is not None and not self.is_whole:
            raise ValueError(
                "series: the steps of a series are whole, trained models with all their layers"
            )
        return self

    @property
    def is_whole(self) -> bool:
        """Whether it is a whole, trained model with all its layers, and no adapter."""
        return not (self.reinitialised or self.base or self.layers_together)
