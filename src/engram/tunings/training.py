"""Tuning of causal language models on instructions: the loop over steps, and each step.

LoRA adapters, some blocks, or all weights train. The loss is that of the output tokens alone.

Each step trains on the same number of output tokens, so that the association set and its controls,
whose samples differ in length, get the same amount of training. The samples of a step, and the
units that dropout drops in it, depend on the seed and the step alone: a run that was killed goes on
from a checkpoint as if it had never stopped.
"""

from __future__ import annotations

import logging
import math
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from engram.errors import EngramError
from engram.features.language_models.base_model import fingerprint
from engram.features.language_models.causality import check_causal
from engram.features.language_models.embeddings import check_tokens
from engram.jobs.out_of_memory import Shrinking
from engram.jobs.progress import progress
from engram.tunings.batches import batches, micro_batches, micro_limit, piece
from engram.tunings.card import Card
from engram.tunings.checkpoints import Checkpoints, RunState, run_key
from engram.tunings.controls import CONDITIONS
from engram.tunings.loss_checks import check_finite, report_first_loss, uniform_loss
from engram.tunings.losses import mean_loss, output_loss
from engram.tunings.model import (
    BaseModel,
    device_of,
    mixed_precision,
    model_of,
    prepared,
    tokenizer_of,
    trained_weights,
)
from engram.tunings.sample_tokens import Encoded, encode_samples
from engram.tunings.samples import SampleSet
from engram.tunings.settings import Settings
from engram.tunings.tuned_folder import check_free, write_tuned_model

logger = logging.getLogger(__name__)

#: Longest gradient (Euclidean norm over all trained weights); longer ones are scaled down to it.
_LONGEST_GRADIENT = 1.0
#: Packages whose versions the card holds.
_PACKAGES = ("engram", "torch", "transformers", "peft")


def tune(
    base: BaseModel,
    samples: SampleSet,
    settings: Settings,
    out_folder: Path,
    checkpoints_folder: Path,
    *,
    device: str = "auto",
    licence: str = "",
) -> Card:
    """Tune a model, and write it as a folder in the Hugging Face layout.

    It holds an adapter for `lora`, else all weights, with tokenizer and card.

    Parameters
    ----------
    base : BaseModel
    samples : SampleSet
    settings : Settings
    out_folder : Path
        Appears whole, at the end; a tuned model that is there is replaced.
    checkpoints_folder : Path
        Of this run alone. A run that was killed goes on from its newest whole checkpoint, if base,
        samples and settings are the same; removed at the end.
    device : {"auto", "cpu", "cuda"}
    licence : str
        A note for the card on what may be done with the model.

    Returns
    -------
    Card

    Raises
    ------
    EngramError
        If samples are too long, the model is not causal, settings do not fit it,
        or the loss is not finite.
    """
    begun = time.monotonic()
    _check_samples(samples, settings)
    device = device_of(device)
    check_free(out_folder)
    tokenizer, model = tokenizer_of(base), model_of(base, settings, device)
    train, held = (
        encode_samples(part, tokenizer, settings.max_length, settings.template)
        for part in (samples.train, samples.validation)
    )
    # Without a source it fails here, and not when all is trained.
    identity = {"source": base.identity["source"], "fingerprint": fingerprint(base.folder)}
    check_tokens(np.concatenate([np.asarray(one.ids) for one in (*train, *held)]), model, tokenizer)
    check_causal(model.to(device).eval(), base.folder, "tuned")
    key = run_key(settings, identity["fingerprint"], train, held)
    checkpoints = Checkpoints(checkpoints_folder, key)
    run = _resumed(prepared(model, settings).to(device), train, held, settings, checkpoints, begun)
    run.train_to_the_end()
    card = _card(run, samples, {**base.identity, **identity}, licence)
    write_tuned_model(out_folder, base, run.model, tokenizer, card)
    checkpoints.remove()
    return card


def _check_samples(samples: SampleSet, settings: Settings) -> None:
    """Refuse an unknown condition, and too few samples."""
    if samples.condition not in CONDITIONS:
        raise EngramError(
            f"tuning: the condition is '{samples.condition}'. Allowed: {', '.join(CONDITIONS)}."
        )
    if not samples.train or (settings.patience is not None and not samples.validation):
        raise EngramError(
            f"tuning: {len(samples.train)} samples to train on, {len(samples.validation)} to "
            "validate with. Give some of both, or leave patience out."
        )


@dataclass
class _Run:
    """A tuning under way.

    Attributes
    ----------
    model, optimizer
        As `prepared` and `optimizer_of` give them.
    train, held : sequence of Encoded
        Samples to train on, and to validate with.
    settings : Settings
    checkpoints : Checkpoints
    state : RunState
        How far it is.
    best : dict
        The weights with the lowest validation loss, on the CPU; empty where none are kept.
    limit : Shrinking
        Tokens that go through the model at once.
    begun : float
        When it began, on the monotonic clock, less the time that interrupted runs took before.
    """

    model: Any
    optimizer: Any
    train: Sequence[Encoded]
    held: Sequence[Encoded]
    settings: Settings
    checkpoints: Checkpoints
    state: RunState
    best: dict[str, Any]
    limit: Shrinking
    begun: float

    @property
    def vocabulary(self) -> int:
        """Tokens that the model chooses from."""
        return int(self.model.config.get_text_config().vocab_size)

    @property
    def seconds(self) -> float:
        """Time over all runs of it."""
        return time.monotonic() - self.begun

    def train_to_the_end(self) -> None:
        """Take all steps that are left, or those until patience ends; then set the best weights."""
        import torch

        settings, state = self.settings, self.state
        steps = [
            [piece(self.train[index], tokens) for index, tokens in step]
            for step in batches([sample.n_output for sample in self.train], settings)
        ]
        if not state.curve:
            self._evaluate()
            self._note_first_loss(steps[0])
        for step in progress(range(state.step, settings.steps), "tuning", "step"):
            if settings.patience is not None and state.waited >= settings.patience:
                break
            state.recent.append(
                train_step(self.model, self.optimizer, steps[step], step, settings, self.limit)
            )
            state.step = step + 1
            if state.step % settings.evaluate_every == 0 or state.step == settings.steps:
                self._evaluate()
            if state.step % settings.checkpoint_every == 0:
                state.seconds, state.micro_tokens = self.seconds, self.limit.size
                self.checkpoints.write(self.model, self.optimizer, state, self.best)
        with torch.no_grad():
            for name, parameter in trained_weights(self.model).items():
                parameter.copy_(self.best.get(name, parameter))

    def _evaluate(self) -> None:
        """Add a point to the curve; keep the weights if they are the best so far.

        They are kept where a run may stop early.
        """
        state, rate = self.state, self.settings.learning_rate
        loss = mean_loss(self.model, self.held, self.settings, self.limit) if self.held else None
        check_finite(0.0 if loss is None else loss, state.step, "validation loss", rate)
        training = float(np.mean(state.recent)) if state.recent else None
        state.curve.append({"step": state.step, "training": training, "validation": loss})
        state.recent = []
        logger.info("step %d: training loss %s, validation loss %s", state.step, training, loss)
        state.waited += 1
        if loss is None or loss < state.best_loss:
            state.best_step, state.waited = state.step, 0
            state.best_loss = math.inf if loss is None else loss
            if self.settings.patience is not None:
                self.best = {
                    name: weight.detach().to("cpu", copy=True)
                    for name, weight in trained_weights(self.model).items()
                }

    def _note_first_loss(self, pieces: Sequence[Encoded]) -> None:
        """Compare the loss before the first step with a guess.

        It is that of the validation samples, or of the first step's where there are none.
        """
        first = self.state.curve[0]["validation"]
        loss = (
            mean_loss(self.model, pieces, self.settings, self.limit)
            if first is None
            else float(first)
        )
        self.state.first_loss = loss
        check_finite(loss, 0, "loss", self.settings.learning_rate)
        report_first_loss(loss, self.vocabulary)


def _resumed(
    model: Any,
    train: Sequence[Encoded],
    held: Sequence[Encoded],
    settings: Settings,
    checkpoints: Checkpoints,
    begun: float,
) -> _Run:
    """Return a run as its newest checkpoint has it; a new one if there is none."""
    optimizer = optimizer_of(model, settings)
    state, best = checkpoints.resume(model, optimizer)
    limit = micro_limit(settings)
    # A run that goes on draws its dropout as the unbroken one does.
    limit.size = state.micro_tokens or limit.size
    begun -= state.seconds
    return _Run(model, optimizer, train, held, settings, checkpoints, state, best, limit, begun)


def _card(run: _Run, samples: SampleSet, base: dict[str, str], licence: str) -> Card:
    """Return what a tuned model says of itself, once its run is done."""
    import torch

    settings, state = run.settings, run.state
    return Card(
        condition=samples.condition,
        method=settings.method,
        seed=settings.seed,
        settings=asdict(settings),
        base=base,
        data={
            "sha256": samples.sha256,
            "train": len(samples.train),
            "validation": len(samples.validation),
        },
        trained_parameters=sum(
            parameter.numel() for parameter in trained_weights(run.model).values()
        ),
        all_parameters=sum(parameter.numel() for parameter in run.model.parameters()),
        steps=state.step,
        trained_tokens=state.step * settings.tokens_per_step,
        curve=state.curve,
        best_step=state.best_step,
        kept_step=state.best_step if run.best else state.step,
        seconds=round(run.seconds, 2),
        versions={
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in _PACKAGES},
        },
        device=(
            torch.cuda.get_device_name()
            if run.model.device.type == "cuda"
            else f"cpu ({platform.machine()})"
        ),
        licence=licence,
        first_loss=state.first_loss,
        uniform_loss=round(uniform_loss(run.vocabulary), 6),
    )


def optimizer_of(model: Any, settings: Settings) -> Any:
    """Return AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101) for a model's trained weights."""
    import torch

    weights = trained_weights(model).values()
    groups = [
        {
            "params": [weight for weight in weights if weight.ndim > 1],
            "weight_decay": settings.weight_decay,
        },
        {"params": [weight for weight in weights if weight.ndim <= 1], "weight_decay": 0.0},
    ]
    # One tensor after the other: all at once would take another copy of the trained weights.
    return torch.optim.AdamW(
        [group for group in groups if group["params"]], lr=settings.learning_rate, foreach=False
    )


def learning_rate(step: int, settings: Settings) -> float:
    """Return the learning rate of a step, from 0."""
    warm = math.ceil(settings.warmup * settings.steps)
    if step < warm:
        return settings.learning_rate * (step + 1) / warm
    return (
        settings.learning_rate
        * 0.5
        * (1 + math.cos(math.pi * (step - warm) / (settings.steps - warm)))
    )


def train_step(
    model: Any,
    optimizer: Any,
    pieces: Sequence[Encoded],
    step: int,
    settings: Settings,
    limit: Shrinking | None = None,
) -> float:
    """Update the trained weights once; return the mean loss per output token.

    Parameters
    ----------
    model, optimizer
        As `prepared` and `optimizer_of` give them; are changed.
    pieces : sequence of Encoded
        With `tokens_per_step` output tokens altogether.
    step : int
        From 0; with the seed it decides what is dropped out.
    settings : Settings
    limit : Shrinking, optional
        Tokens that go through the model at once (`micro_limit`), fewer where memory ran out before.
    """
    import torch

    model.train()
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(step, settings)

    def gradients(micro_tokens: int) -> float:
        # A seed a step, which neither earlier steps nor a resumed run can shift.
        torch.manual_seed(int(np.random.SeedSequence([settings.seed, step]).generate_state(1)[0]))
        optimizer.zero_grad(set_to_none=True)  # memory may have run out in the middle of some
        total = 0.0
        for group in micro_batches(pieces, micro_tokens):
            with mixed_precision(model, settings):
                loss = output_loss(model, group) / settings.tokens_per_step
            loss.backward()
            total += float(loss.detach())
        return total

    longest = max(len(piece.ids) for piece in pieces)
    total = (limit or micro_limit(settings)).run(
        gradients, most=len(pieces) * longest, least=longest
    )
    check_finite(total, step, "loss", settings.learning_rate)
    torch.nn.utils.clip_grad_norm_(list(trained_weights(model).values()), _LONGEST_GRADIENT)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return total
