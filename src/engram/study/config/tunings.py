"""The section of an instruction tuning: samples, method, optimisation and control tunings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engram.study.config.fields import Name, Note, Place, Section, Targets


class TuningControls(Section):
    """Control tunings: how many there are of each kind, on as many tokens, in as many steps."""

    shuffled: int = Field(4, ge=0, le=1000)
    """Tunings on outputs that were dealt to other passages."""
    generic: int = Field(4, ge=0, le=1000)
    """Tunings on the passages' own continuations, without associations."""


class Tuning(Section):
    """An instruction tuning: each of its models is tuned to associate, with control tunings.

    The tuning effect M is what R gains by it. All tuned models are scored on the stories as they
    were heard.
    """

    models: list[Name] | None = Field(None, min_length=1)
    """The models to tune; null: all trained ones."""
    data: Place = "resources/tuning_samples/associations.jsonl"
    """The file of samples, each with instruction, input and output: JSON or JSON lines
    (docs/data/tuning-samples.md)."""
    too_long: Literal["refuse", "leave out"] = "refuse"
    """What becomes of samples that are longer than `max_length`. `refuse`: the run stops; `leave
    out`, for models of little context: they are left out of all conditions alike."""
    validation: float = Field(0.1, gt=0, lt=1)
    """Share of the samples that is held out for validation, where the file does not say which."""
    validation_samples: int | None = Field(None, ge=1, le=10_000_000)
    """Validation samples that the loss is measured with, drawn from those held out and the same in
    every condition; null: all. Fewer save time, since a validation can take longer than many
    steps."""
    seeds: int = Field(4, ge=1, le=1000)
    """How many times a model is tuned to associate, each with a seed of its own; with four, and
    four controls, there is a test over seeds."""
    controls: TuningControls = TuningControls()
    """Control tunings, with which M is compared."""
    method: Literal["lora", "frozen", "full"] = "lora"
    """Which weights are trained. `lora`: low-rank adapters; `frozen`: those of some layers, the
    others stay as they are; `full`: all, for small models."""
    rank: int = Field(8, ge=1, le=65_536)
    """Rank of the adapters (`lora`)."""
    alpha: float = Field(16.0, gt=0, le=1e6)
    """Scale of the adapters (`lora`): what they add is multiplied by alpha / rank."""
    dropout: float = Field(0.05, ge=0, lt=1)
    """Share of an adapter's inputs that is dropped in training (`lora`)."""
    target_modules: list[str] | None = Field(None, min_length=1)
    """Names of the linear layers that get adapters (`lora`), such as `[q_proj, v_proj]`; null:
    peft's choice for the architecture, or all of attention."""
    train_layers: list[Annotated[int, Field(ge=0, le=10_000)]] | None = Field(None, min_length=1)
    """Blocks that `frozen` trains, counted from 0; null: the upper third and the one below, whose
    output is the layer at two thirds of the depth (GPT-2: 7 to 11)."""
    learning_rate: float = Field(2e-4, gt=0, le=10)
    """Highest learning rate of the optimiser AdamW, which is reached after the warm-up."""
    warmup: float = Field(0.05, ge=0, lt=1)
    """Share of the steps in which the learning rate rises; then it falls by a cosine."""
    weight_decay: float = Field(0.0, ge=0, le=10)
    """Weight decay of the optimiser AdamW."""
    steps: int = Field(300, ge=1, le=10_000_000)
    """Optimiser steps: how many times the weights are updated."""
    tokens_per_step: int = Field(1024, ge=1, le=100_000_000)
    """Output tokens that a step trains on: the same number in every condition."""
    micro_tokens: int = Field(4096, ge=1, le=100_000_000)
    """Tokens, prompts included, that go through the model at once. A step's gradients are summed
    over several such parts; fewer tokens take less memory."""
    max_length: int = Field(512, ge=8, le=10_000_000)
    """Tokens of the longest sample, prompt included."""
    evaluate_every: int = Field(50, ge=1, le=10_000_000)
    """Steps from one validation to the next."""
    patience: int | None = Field(None, ge=1, le=10_000_000)
    """Validations without a better loss after which training ends and the best weights are kept;
    conditions then train for different numbers of steps. Null: all steps are taken."""
    checkpoint_every: int = Field(50, ge=1, le=10_000_000)
    """Steps from one checkpoint to the next. A run that was stopped goes on from the last one."""
    gradient_checkpointing: bool = False
    """Compute activations again in the backward pass instead of keeping them: it takes less
    memory, and a third more time."""
    template: Literal["auto", "plain"] = "auto"
    """How a sample becomes a prompt. `auto`: by the model's own chat template, where it has one;
    `plain`: by a template of headings."""
    targets: Targets | None = None
    """`roi`: score the mean time course of each region and hemisphere, which with many tuned models
    is much faster; `all`: every target by itself; null: the study's `targets`."""
    licence: Note = ""
    """A note on the licence of samples and model, for the cards of the tuned models."""
