"""How tokenizers cut the words of each language, before a run: into words, or into bytes.

A model whose tokenizer splits characters into bytes has seen little of a language, and its scores
say little of models that were trained on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engram.datasets import readers
from engram.errors import EngramError
from engram.features.language_models.tokens import MOST_SPLIT, split_words
from engram.preflight.machine_checks import FINE, LOOK, STOP, Check
from engram.vocabulary import SPLITS_LETTERS
from engram.wording import count, listed
from engram.words import stories
from engram.words.language import ENGLISH, language_of

#: Words of a story that are tried.
_TRIED = 2000


def token_checks(config: Mapping[str, Any], surveyed: Sequence[str]) -> list[Check]:
    """Return a check for each model and language, and one for each story of faulty words.

    Parameters
    ----------
    config : mapping
        ``languages`` (code of each story's language), ``models`` (by name ``folder``, None where
        it is not here, and ``code``: a tokenizer with code of its own is not run here) and
        ``stories`` (by name ``folder`` and ``words``, what the job `story` depends on).
    surveyed : sequence of str
        Stories whose words were read before: their faults are said already.
    """
    found, texts = list[Check](), dict[str, dict[str, list[str]]]()
    for story, one in config["stories"].items():
        try:
            language, words = _words(story, one)
        except EngramError as error:
            if story not in surveyed:
                found.append(Check(f"words of {story}", STOP, str(error)))
            continue
        texts.setdefault(language, {})[story] = words
    for name, model in config["models"].items():
        found += _of_model(name, model, texts, config)
    return found


def _words(story: str, config: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return the language of a story, and its words, as the job `story` reads them."""
    words = config["words"]
    table = stories.words_table(
        readers.open_words(words["dataset"], Path(config["folder"])).words(story),
        words["stories"]["pseudo_sentence"],
        story,
        words["language"],
    )
    return language_of(table), table["word"].tolist()[:_TRIED]


def _of_model(
    name: str,
    model: Mapping[str, Any],
    texts: Mapping[str, Mapping[str, Sequence[str]]],
    config: Mapping[str, Any],
) -> list[Check]:
    what = f"tokens of {name}"
    absent = {
        language
        for story, language in config["languages"].items()
        if story not in config["stories"]
    }
    if model["folder"] is None or model["code"]:
        why = "has code of its own" if model["code"] else "is not here yet"
        foreign = sorted((absent | set(texts)) - {ENGLISH})
        return [_later(what, f"its tokenizer {why}", foreign)] if foreign else []
    try:
        tokenizer = _tokenizer(model["folder"])
        found = [_of_language(what, tokenizer, code, told) for code, told in texts.items()]
    except EngramError as error:
        return [Check(what, STOP, str(error))]
    later = sorted(absent - set(texts) - {ENGLISH})
    return [*found, *([_later(what, "the words are not here yet", later)] if later else [])]


def _later(what: str, why: str, languages: Sequence[str]) -> Check:
    return Check(
        what,
        LOOK,
        f"{why}, so that nobody knows whether it {SPLITS_LETTERS} ({listed(languages)}). The job "
        "'activations' warns if it does, and the report says so",
    )


def _of_language(
    what: str, tokenizer: Any, language: str, told: Mapping[str, Sequence[str]]
) -> Check:
    """Return how a tokenizer cuts the stories of a language, weighted by their words."""
    number = sum(map(len, told.values()))
    sums = [0.0, 0.0, 0.0]
    for words in told.values():
        for place, share in enumerate(split_words(words, tokenizer, language)):
            sums[place] += share * len(words) / number
    tokens, words_split, letters_split = sums
    said = f"{language}, {count(len(told), 'story')}: {tokens:.1f} tokens a word"
    if letters_split <= MOST_SPLIT:
        return Check(what, FINE, said)
    return Check(
        what,
        LOOK,
        f"{said}; it {SPLITS_LETTERS}: {100 * words_split:.0f} % of words are split inside a "
        "character. The model has seen little of this language; use one that was trained on it",
    )


def _tokenizer(folder: str) -> Any:
    """Return the tokenizer of a folder, without code of its own."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # as many kinds as there are libraries behind it
        raise EngramError(
            f"the tokenizer in '{folder}' cannot be loaded ({type(error).__name__}: "
            f"{str(error)[:200]}). Save it there again: "
            f"AutoTokenizer.from_pretrained(...).save_pretrained('{folder}')."
        ) from error
