"""What a tuned model says of itself: its card `tuning.json`, and its page `README.md`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from engram.vocabulary import CARD


@dataclass(frozen=True)
class Card:
    """What a tuned model is and how it came about; written beside it as ``tuning.json``.

    Attributes
    ----------
    condition : {"association", "shuffled", "generic"}
    method, settings, seed
        As `Settings` has them.
    base : dict
        ``source`` and ``content`` as the caller knows them, and the ``fingerprint`` of the weights.
    data : dict
        ``sha256`` of the samples, numbers of samples to ``train`` and to validate
        with (``validation``).
    trained_parameters, all_parameters : int
        Numbers; adapters are counted in both.
    steps, trained_tokens : int
        Done, and output tokens trained on in them.
    curve : list of dict
        ``step``, ``training`` (mean loss per output token since the last entry) and ``validation``
        (mean loss per output token), in nats; None where there is none.
    best_step, kept_step : int
        Where the validation loss is lowest, and whose weights these are.
    seconds : float
        Over all runs of it.
    versions : dict
    device : str
    licence : str
        A note on what may be done with it.
    first_loss, uniform_loss : float or None
        Loss before the first step, of the validation samples, or of the first step's if there are
        none, and that of a guess that holds every token equally likely; in nats per output token.
        None in cards of earlier versions.
    """

    condition: str
    method: str
    seed: int
    settings: dict[str, Any]
    base: dict[str, str]
    data: dict[str, Any]
    trained_parameters: int
    all_parameters: int
    steps: int
    trained_tokens: int
    curve: list[dict[str, Any]]
    best_step: int
    kept_step: int
    seconds: float
    versions: dict[str, str]
    device: str
    licence: str = ""
    first_loss: float | None = None
    uniform_loss: float | None = None


def readme(card: Card) -> str:
    """Return the page that stands beside a tuned model.

    It has the fields that the Hugging Face hub reads.
    """
    losses = [point["validation"] for point in card.curve if point["step"] in (0, card.kept_step)]
    fell = (
        f" Validation loss per output token: {losses[0]:.3f} before, {losses[-1]:.3f} after."
        if losses and None not in losses
        else ""
    )
    guess = (
        f" A guess that holds every token equally likely has {card.uniform_loss:.3f}."
        if fell and card.uniform_loss is not None
        else ""
    )
    library = "peft" if card.method == "lora" else "transformers"
    return (
        f"---\nbase_model: {json.dumps(card.base['source'])}\nlibrary_name: {library}\n---\n"
        f"# {card.base['source']}, tuned: {card.condition}, {card.method}\n\n"
        f"{card.steps} steps of {card.settings['tokens_per_step']} output tokens "
        f"on {card.data['train']} samples, seed {card.seed}; {card.trained_parameters:,} "
        f"of {card.all_parameters:,} parameters trained.{fell}{guess}\n\n"
        f"`{CARD}` has the settings, the curve, and digests of base and samples. {card.licence}\n"
    )
