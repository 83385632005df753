"""Causal or not: what a model's configuration tells, and what a trial of the loaded model shows.

Tuning and annotating need a causal model: one whose predictions depend on what was before and on
nothing after. AutoModelForCausalLM gives encoders a next-token head too, without a causal mask,
and such a model is tuned to copy what it sees.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from engram.errors import EngramError
from engram.features.language_models.positions import longest_input

#: Model types that transformers reads in both directions unless their configuration says otherwise
#: (held against transformers in the tests).
ENCODERS = frozenset(
    (
        *("albert", "bert", "big_bird", "camembert", "convbert", "data2vec-text", "deberta"),
        *("deberta-v2", "distilbert", "electra", "ernie", "esm", "esmc", "eurobert"),
        *("flaubert", "fnet", "funnel", "gte", "ibert", "jina_embeddings_v3", "layoutlm"),
        *("longformer", "luke", "megatron-bert", "mobilebert", "modernbert", "mpnet", "mra"),
        *(
            "nomic_bert",
            "nystromformer",
            "rembert",
            "roberta",
            "roberta-prelayernorm",
            "roc_bert",
            "roformer",
        ),
        *(
            "squeezebert",
            "tapas",
            "ultrabert",
            "xlm-roberta",
            "xlm-roberta-xl",
            "xlnet",
            "xmod",
            "yoso",
        ),
    )
)
#: Lengths of the sequences of a trial, in tokens: causal models that work in chunks differ
#: from one to the other.
LENGTHS = (7, 24)
#: Tokens of the long trial, for what shorter sequences do not show. (A model without attention
#: takes seconds for them: token by token.)
_LONG = 256
#: Unit of rounding below which numbers are of full precision.
_FINE = 1e-6
#: Sums (weights times tokens) up to which a long sequence is read as a trial: below a second.
_CHEAP = 2e10
#: Differences up to so many units of rounding, of the largest number, are rounding: a token's
#: experts sum in an order that depends on the other tokens.
ROUNDING = 16
#: From this share of what it changes after it, what a token changes before it is no rounding.
_ALIKE = 0.1


def told_bidirectional(folder: str | Path) -> str:
    """Return why a model's folder cannot hold a causal model, or "".

    It goes by what the folder's config.json says of it.

    Parameters
    ----------
    folder : path
        In the Hugging Face layout; a configuration that cannot be read tells nothing here.
    """
    try:
        content = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
        kind, names = content.get("model_type"), content.get("architectures") or []
        if content.get("is_encoder_decoder"):
            return "it is an encoder with a decoder"
        if content.get("is_decoder") or content.get("causal"):
            return ""  # a trial will show
        masked = [name for name in names if str(name).endswith("ForMaskedLM")]
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return ""
    if kind in ENCODERS:
        return f"'{kind}' is an encoder, which reads in both directions"
    return f"it was saved as {masked[0]}, which reads in both directions" if masked else ""


def check_told_causal(folder: str | Path, key: str, purpose: str) -> None:
    """Raise `EngramError` if a folder's configuration says that its model is not causal.

    Parameters
    ----------
    folder : path
    key : str
        Where the model was named, for the message.
    purpose : str
        What needs a causal model: "tuned".
    """
    if why := told_bidirectional(folder):
        raise EngramError(
            f"{key}: the model in '{folder}' cannot be {purpose}: {why}. Give a causal model, "
            "such as GPT-2 or LLaMA."
        )


def check_causal(model: Any, folder: str | Path, purpose: str) -> None:
    """Try out whether a model's predictions depend on later tokens.

    Raises `EngramError` if they do.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        With its language-modelling head, in evaluation mode.
    folder : path
        Where it comes from, for the message.
    purpose : str
        What needs a causal model: "tuned".

    Notes
    -----
    One token after the other is changed in two sequences, and the predictions before it are
    compared. Sequences go through the model alone and in the same shapes, so that a causal model
    gives the same numbers up to rounding. Where rounding is coarse (bfloat16), what a token changes
    before it is also held against what it changes after it: the two are alike in a model that reads
    in both directions, and in no other.
    """
    largest, before, after = 0.0, 0.0, 0.0
    long = long_trial(model, longest_input(model))
    for length in (*LENGTHS, *([long] if long and _can_predict(model, long) else [])):
        ids = _tokens(model, length)
        plain = _predictions(model, ids)
        if not np.isfinite(plain).all():
            raise EngramError(
                f"the model in '{folder}' ({model.config.model_type}) predicts numbers that are "
                f"not finite, in {model.dtype}: its weights are broken, or it needs another type. "
                "Fetch it again, or use float32."
            )
        for place in sorted({1, length // 2, length - 1}):
            other = ids.copy()
            other[place] = _tokens(model, length + 1)[-1]
            change = np.abs(_predictions(model, other) - plain)
            before, after = (
                max(before, change[:place].max()),
                max(after, change[place + 1 :].max(initial=0)),
            )
        largest = max(largest, np.abs(plain).max())
    if before == after == 0:
        raise EngramError(
            f"the model in '{folder}' ({model.config.model_type}) cannot be {purpose}: "
            "it predicts from each token alone, and no other token changes that. "
            "Its attention does nothing here, as where code for a GPU is missing (MRA), "
            "or its weights are zero. Give another model."
        )
    if depends_on_later(model, before, after, largest):
        raise EngramError(
            f"the model in '{folder}' ({model.config.model_type}) cannot be {purpose}: "
            "its predictions depend on later tokens, so that it would see what it is to predict "
            f"(tried out: one token changes predictions before it by up to {before:.2g}, "
            f"and after it by up to {after:.2g}). Give a causal model, such as GPT-2 or LLaMA."
        )


def long_trial(model: Any, limit: int) -> int:
    """Return how many tokens a long trial of a model has, or 0 where there is none.

    There is none where it would take long, or is no longer than the short ones.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    limit : int
        Tokens that the model can read at once.

    Notes
    -----
    There is none in half precision, where a token's experts differ by rounding, the more
    often the longer the sequence; and none on a GPU, where an index beyond a table would end
    the process's use of it.
    """
    long = min(_LONG, limit)
    fits = (
        long > max(LENGTHS)
        and model.device.type == "cpu"
        and epsilon(model) < _FINE
        and is_cheap(model, long)
    )
    return long if fits else 0


def is_cheap(model: Any, tokens: int) -> bool:
    """Tell whether so many tokens can be read as a trial."""
    return sum(weight.numel() for weight in model.parameters()) * tokens <= _CHEAP


def _can_predict(model: Any, tokens: int) -> bool:
    try:
        _predictions(model, _tokens(model, tokens))
    except Exception:
        # As many kinds as there are models; a limit that is not declared is none of
        # this trial's business.
        return False
    return True


def depends_on_later(model: Any, before: float, after: float, largest: float) -> bool:
    """Tell whether a model reads in both directions, by what changes where one token is changed.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        For its type of numbers.
    before, after : float
        Largest change at tokens before the one that was changed, and after it.
    largest : float
        Largest number among those that were compared.
    """
    return before > ROUNDING * epsilon(model) * largest or before > _ALIKE * after


def _tokens(model: Any, number: int) -> np.ndarray:
    """Return different tokens from all over the vocabulary."""
    size = model.config.get_text_config().vocab_size
    return (np.arange(1, number + 1) * max(1, size // (max(LENGTHS) + 3))) % size


def epsilon(model: Any) -> float:
    """Return the unit of rounding of a model's numbers."""
    import torch

    return float(torch.finfo(model.dtype).eps)


def _predictions(model: Any, ids: np.ndarray) -> np.ndarray:
    """Return the logits of one sequence, (n_tokens, n_vocabulary), read as tuning reads it.

    That is with a mask, and without a cache.
    """
    import torch

    tokens = torch.as_tensor(ids[None], device=model.device)
    with torch.inference_mode():
        return (
            model(input_ids=tokens, attention_mask=torch.ones_like(tokens), use_cache=False)
            .logits[0]
            .float()
            .cpu()
            .numpy()
        )
