"""How far insertions are from the passage before them, and how surprising they are there.

Both are reported and never matched: they belong to what is tested. An association is to be near
what was just heard, or what a reader expects, and content from elsewhere is not. Each insertion is
measured behind the story's own words: what was inserted before it does not stand there, so that
texts with the same places differ by their own insertions alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from engram.associations.word_counts import common_words
from engram.features.language_models.causal_model import CausalModel
from engram.features.language_models.tokens import TokenizedStory, tokenize
from engram.features.variants import kind_of
from engram.jobs.progress import progress
from engram.vocabulary import ORIGINAL
from engram.words.language import ENGLISH
from engram.words.punctuation import bare

#: Words of the story that are the passage before an insertion.
PASSAGE = 50

MEASURES = (
    "How far a text's insertions are from the story's last 50 words before them, and how "
    "surprising they are behind these, for a model."
)
MEASURES_COLUMNS = {
    "story": "Story.",
    "model": "Language model.",
    "text": "Name of the associations.",
    "variant": "associations, or a control and its number.",
    "insertions": "Texts inserted.",
    "distance": (
        "Mean over insertions of the semantic distance: 1 minus the cosine between the means of "
        "the input embeddings of content words, less the story's mean embedding."
    ),
    "surprisal": "Mean over insertions of their bits a token.",
}


def measured(texts: Mapping[str, Mapping[int, str]], number: int) -> list[str]:
    """Return the texts that are measured: all but the original, and so many of each kind."""
    counts: dict[str, int] = {}
    chosen = []
    for name in texts:
        kind = kind_of(name)
        counts[kind] = counts.get(kind, 0) + 1
        if name != ORIGINAL and counts[kind] <= number:
            chosen.append(name)
    return chosen


def measures_table(
    words: Sequence[str],
    texts: Mapping[str, Mapping[int, str]],
    model: CausalModel,
    number: int,
    key: Mapping[str, str],
    language: str = ENGLISH,
) -> pd.DataFrame:
    """Return the measures of texts (the columns of `MEASURES_COLUMNS`).

    Parameters
    ----------
    words : sequence of str
        The story.
    texts : mapping
        Insertions by the word that they follow, by the text's name.
    model : CausalModel
    number : int
        Texts of each kind that are measured, the first ones.
    key : mapping
        ``story``, ``model`` and ``text``, for their columns.
    language : str
        Code of the story's language (`engram.words.language`).
    """
    chosen = measured(texts, number)
    at_place: dict[int, set[str]] = {}
    for name in chosen:
        for place, insertion in texts[name].items():
            at_place.setdefault(place, set()).add(insertion)
    embedding = _Embedding(words, model, language)
    found: dict[tuple[int, str], tuple[float, float]] = {}
    for place, insertions in progress(sorted(at_place.items()), "places", "place"):
        passage = words[max(0, place + 1 - PASSAGE) : place + 1]
        found |= {
            (place, insertion): values
            for insertion, values in _at_place(
                passage, sorted(insertions), model, embedding
            ).items()
        }
    rows = []
    for name in chosen:
        values = np.array([found[one] for one in texts[name].items()]).reshape(-1, 2)
        distance, surprisal = values.mean(axis=0) if len(values) else (np.nan, np.nan)
        rows.append(
            {
                **key,
                "variant": name,
                "insertions": len(values),
                "distance": distance,
                "surprisal": surprisal,
            }
        )
    return pd.DataFrame(rows, columns=list(MEASURES_COLUMNS))


class _Embedding:
    """What words mean by a model's input embeddings, less the mean of the story's tokens.

    Without it all texts would be near each other: embeddings have a large part in common.
    """

    def __init__(self, words: Sequence[str], model: CausalModel, language: str) -> None:
        self._model, self._common, self.language = model, common_words(), language
        whole = tokenize(words, model.tokenizer, language)
        self._mean = model.embeddings(whole.ids).mean(axis=0)

    def of(self, words: Sequence[str], story: TokenizedStory, border: int) -> list[np.ndarray]:
        """Return the mean vectors of content words before and behind a word of a text.

        Where no word has content they are of all words.
        """
        vectors = self._model.embeddings(story.ids)
        plain = [bare(word).lower() for word in words]
        means = []
        for part in (range(border), range(border, len(words))):
            content = [one for one in part if plain[one] and plain[one] not in self._common]
            tokens = [story.pooled[one] for one in content or part if len(story.pooled[one])]
            # There are none in punctuation alone.
            found = [vectors[one].mean(axis=0) for one in tokens] or [self._mean]
            means.append(np.mean(found, axis=0) - self._mean)
        return means


def _at_place(
    passage: Sequence[str], insertions: Sequence[str], model: CausalModel, embedding: _Embedding
) -> dict[str, tuple[float, float]]:
    """Return the distance and the surprisal of each insertion behind a passage."""
    distances: dict[str, float] = {}
    behind: dict[bytes, tuple[np.ndarray, dict[str, np.ndarray]]] = {}
    for insertion in insertions:
        words = [*passage, *insertion.split()]
        story = tokenize(words, model.tokenizer, embedding.language)
        distances[insertion] = _distance(*embedding.of(words, story, len(passage)))
        border = story.first[len(passage)]
        # The passage's tokens are nearly always the same, whatever follows.
        read = story.ids[:border]
        behind.setdefault(read.tobytes(), (read, {}))[1][insertion] = story.ids[border:]
    found = {}
    for read, followers in behind.values():
        bits = model.surprisal(read, list(followers.values()))
        for insertion, of_tokens in zip(followers, bits, strict=True):
            found[insertion] = distances[insertion], float(of_tokens.mean())
    return found


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return 1 - float(one @ other) / lengths if lengths else float("nan")
