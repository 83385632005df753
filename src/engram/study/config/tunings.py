"""The section of an instruction tuning: samples, method, optimisation and control tunings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engram.study.config.fields import Name, Note, Place, Section


class TuningControls(Section):
    """How many control tunings there are of each kind: on as many tokens, in as many steps."""

    shuffled: int = Field(4, ge=0, le=1000)
    """On outputs that were dealt to other passages."""
    generic: int = Field(4, ge=0, le=1000)
    """On the passages' own continuations, without associations."""


class Tuning(Section):
    """An instruction tuning: each of its models is tuned to associate, with control tunings.

    All are scored on the stories as they were heard.
    """

    models: list[Name] | None = None
    """The models to tune; null: all trained ones."""
    data: Place = "resources/tuning_samples/associations.jsonl"
    """Samples of instruction, input and output: JSON or JSON lines (docs/data.md)."""
    too_long: Literal["refuse", "leave out"] = "refuse"
    """What becomes of samples over `max_length`; `leave out`, for models of little context:
    of all conditions alike."""
    validation: float = Field(0.1, gt=0, lt=1)
    """Share of the samples that is held out, where the file does not say which."""
    seeds: int = Field(4, ge=1, le=1000)
    """Models tuned to associate, by seed; with four, and four controls,
    there is a test over seeds."""
    controls: TuningControls = TuningControls()
    """Control tunings."""
    method: Literal["lora", "frozen", "full"] = "lora"
    """`lora`: low-rank adapters; `frozen`: some layers train, the others stay; `full`:
    all weights, for small models."""
    rank: int = Field(8, ge=1, le=65_536)
    """Of adapters."""
    alpha: float = Field(16.0, gt=0, le=1e6)
    """Scale of adapters, times their rank."""
    dropout: float = Field(0.05, ge=0, lt=1)
    """Share of an adapter's inputs that is dropped in training."""
    target_modules: list[str] | None = None
    """Linear layers that get adapters, by name; null: peft's choice for the
    architecture, or all of attention."""
    train_layers: list[Annotated[int, Field(ge=0, le=10_000)]] | None = None
    """Blocks that `frozen` trains, from 0; null: the upper third and the one below, whose output
    is the layer at two thirds of the depth (GPT-2: 7 to 11)."""
    learning_rate: float = Field(2e-4, gt=0, le=10)
    """Highest, after the warm-up."""
    warmup: float = Field(0.05, ge=0, lt=1)
    """Share of the steps in which the rate rises; then it falls by a cosine."""
    weight_decay: float = Field(0.0, ge=0, le=10)
    """AdamW's."""
    steps: int = Field(300, ge=1, le=10_000_000)
    """Updates."""
    tokens_per_step: int = Field(1024, ge=1, le=100_000_000)
    """Output tokens that an update trains on: the same in every condition."""
    micro_tokens: int = Field(4096, ge=1, le=100_000_000)
    """Tokens, prompts included, that go through the model at once; a matter of memory."""
    max_length: int = Field(512, ge=8, le=10_000_000)
    """Longest sample in tokens, prompt included."""
    evaluate_every: int = Field(50, ge=1, le=10_000_000)
    """Steps between validations."""
    patience: int | None = Field(None, ge=1, le=10_000_000)
    """Validations without a better loss after which training ends and the best weights are kept;
    conditions then train for different numbers of steps. Null: all steps."""
    checkpoint_every: int = Field(50, ge=1, le=10_000_000)
    """Steps between checkpoints, from which a run that was stopped goes on."""
    checkpointing: bool = False
    """Compute activations again on the way back instead of keeping them: less
    memory, a third more time."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of frozen weights and of sums; `auto`: bfloat16 on a GPU."""
    template: Literal["auto", "plain"] = "auto"
    """`auto`: the model's own chat template, where it has one."""
    targets: Literal["all", "roi"] = "all"
    """`roi`: score the mean time course of each region and hemisphere, much faster with many tuned
    models than every target by itself."""
    licence: Note = ""
    """A note on the licence of data and model, for the tuned models' cards."""
