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
from engram.features.language_models.trials import LENGTHS, depends_on_later, long_trial

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


def _can_predict(model: Any, tokens: int) -> bool:
    try:
        _predictions(model, _tokens(model, tokens))
    except Exception:
        # As many kinds as there are models; a limit that is not declared is none of
        # this trial's business.
        return False
    return True


def _tokens(model: Any, number: int) -> np.ndarray:
    """Return different tokens from all over the vocabulary."""
    size = model.config.get_text_config().vocab_size
    return (np.arange(1, number + 1) * max(1, size // (max(LENGTHS) + 3))) % size


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
