"""The loss of a tuning: cross-entropy of the output tokens alone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from engram.jobs.out_of_memory import Shrinking
from engram.tunings.batches import micro_batches, micro_limit
from engram.tunings.model import mixed_precision
from engram.tunings.sample_tokens import Encoded
from engram.tunings.settings import Settings


def output_loss(model: Any, pieces: Sequence[Encoded]) -> Any:
    """Return the summed cross-entropy of the pieces' output tokens.

    Prompts and padding carry no loss.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    pieces : sequence of Encoded

    Returns
    -------
    torch.Tensor of shape ()
        In nats.
    """
    import torch

    longest = max(len(piece.ids) for piece in pieces)
    ids, mask, wanted = (
        torch.zeros(len(pieces), longest, dtype=kind)
        for kind in (torch.long, torch.long, torch.bool)
    )
    for row, piece in enumerate(pieces):
        ids[row, : len(piece.ids)] = torch.tensor(piece.ids)
        mask[row, : len(piece.ids)] = 1
        wanted[row, piece.n_prompt : len(piece.ids)] = True
    ids, mask, wanted = (part.to(model.device) for part in (ids, mask, wanted))
    # The token at a place is predicted at the place before it.
    places = torch.zeros_like(wanted)
    places[:, :-1] = wanted[:, 1:]
    only = {"logits_to_keep": places} if _takes_places(model) else {}
    logits = model(input_ids=ids, attention_mask=mask, use_cache=False, **only).logits
    if logits.ndim == 3:  # of all tokens
        logits = logits[places]
    return torch.nn.functional.cross_entropy(logits.float(), ids[wanted], reduction="sum")


def _takes_places(model: Any) -> bool:
    """Tell whether a model's head can be asked for the logits of some tokens of each text.

    With a large vocabulary the head is a good part of a small model, and prompts are longer than
    outputs. Families that can do it take the same function of transformers for it.
    """
    family = type(model.get_base_model() if hasattr(model, "get_base_model") else model)
    return hasattr(sys.modules[family.__module__], "slice_logits_to_keep")


def mean_loss(
    model: Any, held: Sequence[Encoded], settings: Settings, limit: Shrinking | None = None
) -> float:
    """Return the mean loss per output token over samples, in nats, without dropout."""
    import torch

    model.eval()

    def summed(micro_tokens: int) -> float:
        with torch.inference_mode(), mixed_precision(model, settings):
            return sum(
                float(output_loss(model, group)) for group in micro_batches(held, micro_tokens)
            )

    longest = max(len(sample.ids) for sample in held)
    total = (limit or micro_limit(settings)).run(summed, most=len(held) * longest, least=longest)
    return total / sum(sample.n_output for sample in held)
