"""How a causal model predicts each word: its surprisal, and the entropy before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engram.errors import EngramError
from engram.features.language_models.activations import configured_source
from engram.features.language_models.headed_model import headed_model
from engram.features.language_models.reader import Reader
from engram.features.language_models.tokens import TokenizedStory, tokenize
from engram.features.language_models.window_batches import window_ids
from engram.features.language_models.windows import Window, plan_windows
from engram.jobs.progress import progress
from engram.words.language import ENGLISH

#: Tokens whose distributions over the vocabulary are in memory at once.
_AT_ONCE = 128


def word_predictions(
    words: Sequence[str],
    reader: Reader,
    folder: Path,
    config: Mapping[str, Any],
    *,
    mode: str,
    context: int | None,
    stride: int | None,
    language: str = ENGLISH,
    **_pooling: Any,
) -> dict[str, np.ndarray]:
    """Return the surprisal and the entropy of each word of a story, in nats.

    Parameters
    ----------
    words : sequence of str
    reader : Reader
        Of the model without its head: it says which windows are read.
    folder : Path
        Of the model.
    config : mapping
        ``model`` and ``reading``, as `engram.features.language_models.activations.load_configured`
        takes them.
    mode, context, stride
        As `engram.features.language_models.windows.plan_windows` takes them.
    language : str
        Code of the story's language.

    Returns
    -------
    dict
        ``surprisal``: minus the logarithm of the word's probability given the words before it in
        its window, the sum over its tokens (punctuation included); ``entropy``: of the distribution
        of the word's first token. Each (n_words, ), NaN for the first word, before which
        nothing was read.

    Raises
    ------
    EngramError
        If the model is no causal one.
    """
    if not reader.causal:
        raise EngramError(
            f"the model in '{folder}' sees what comes after a word, so that it gives no word a "
            "probability. Surprisal is that of a causal model."
        )
    story = tokenize(words, reader.tokenizer, language)
    windows = plan_windows(story, reader, mode=mode, context=context, stride=stride)
    model = headed_model(configured_source(folder, config), config["reading"]["device"])
    surprisal, entropy = np.full((2, len(words)), np.nan)
    for window in progress(windows, "windows", "window"):
        of_tokens = _token_predictions(window_ids(story, window, reader), model)
        _keep(surprisal, entropy, of_tokens, story, window, len(reader.prefix))
    surprisal[0] = entropy[0] = np.nan
    return {"surprisal": surprisal, "entropy": entropy}


def _token_predictions(ids: np.ndarray, model: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the surprisal of each token but the first, and the entropy before it."""
    import torch

    tokens = torch.as_tensor(ids, device=model.device)
    with torch.inference_mode():
        logits = model(input_ids=tokens[None], use_cache=False).logits[0]
        surprisal, entropy = [], []
        for begin in range(0, len(ids) - 1, _AT_ONCE):
            some = slice(begin, min(begin + _AT_ONCE, len(ids) - 1))
            log = torch.log_softmax(logits[some].float(), dim=-1)
            following = tokens[some.start + 1 : some.stop + 1]
            surprisal.append(-log.gather(1, following[:, None])[:, 0])
            entropy.append(torch.special.entr(log.exp()).sum(-1))
        found = [torch.cat(one).double().cpu().numpy() for one in (surprisal, entropy)]
    return found[0], found[1]


def _keep(
    surprisal: np.ndarray,
    entropy: np.ndarray,
    of_tokens: tuple[np.ndarray, np.ndarray],
    story: TokenizedStory,
    window: Window,
    prefix: int,
) -> None:
    """Put what a window says of its words in its place."""
    for word in range(window.read, window.end):
        begin, end = (
            int(story.first[one] - story.first[window.begin]) + prefix - 1
            for one in (word, word + 1)
        )
        if begin >= 0:  # a token at the window's very beginning is predicted by nothing
            surprisal[word] = of_tokens[0][begin:end].sum()
            entropy[word] = of_tokens[1][begin]
