"""Losses that say something is wrong.

They are not finite, or no better than a guess before anything was trained.
"""

from __future__ import annotations

import logging
import math

from engram.errors import EngramError

logger = logging.getLogger(__name__)

#: A first loss from this share of a guess's on is no better than the guess: random weights come
#: to a little more than all of it.
_NO_BETTER = 0.98
#: What to do about a first loss that is not finite.
_BROKEN = (
    "Nothing was trained yet, so the model's weights are broken, or its numbers do not fit "
    "the type: fetch it again, or write compute.tuning_dtype: float32."
)


def uniform_loss(vocabulary: int) -> float:
    """Return the loss of a guess that holds every token equally likely.

    It is in nats per token, over a vocabulary.
    """
    return math.log(vocabulary)


def report_first_loss(loss: float, vocabulary: int) -> None:
    """Say in the log how a model's loss before tuning compares with a guess.

    Warns if it is no better.

    Parameters
    ----------
    loss : float
        In nats per output token.
    vocabulary : int
        Tokens that the model chooses from.
    """
    guess = uniform_loss(vocabulary)
    if loss >= _NO_BETTER * guess:
        logger.warning(
            (
                "before tuning the loss is %.3f nats per output token, and a guess that holds all "
                "%d tokens equally likely has %.3f: the model predicts these samples no better. "
                "Its weights may be random or damaged, or its tokenizer that of another model; "
                "a tuning of it says nothing of the trained model"
            ),
            *(loss, vocabulary, guess),
        )
    else:
        logger.info(
            (
                "before tuning the loss is %.3f nats per output token; a guess that holds all %d "
                "tokens equally likely has %.3f"
            ),
            loss,
            vocabulary,
            guess,
        )


def check_finite(loss: float, step: int, what: str, learning_rate: float) -> None:
    """Raise `EngramError` if a loss is not finite.

    Parameters
    ----------
    loss : float
    step : int
        Updates before it.
    what : str
        "loss" or "validation loss".
    learning_rate : float
        The highest one, for the message.
    """
    if not math.isfinite(loss):
        remedy = f"Write a smaller learning_rate (it is {learning_rate})." if step else _BROKEN
        raise EngramError(f"tuning: the {what} of step {step} is {loss}. {remedy}")
