"""Choose the tier of words among those of an annotation, by its name or by its labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from engram.errors import EngramError
from engram.words.timings.marks import is_no_word
from engram.words.timings.textgrid import Tier

#: What tiers of words are called, in lower case: MFA's, P2FA's, WebMAUS's and others.
_NAMES = ("words", "word", "wrd", "ort-mau", "tokens", "tokensalign", "token")
#: What tiers of phones are called.
_PHONE_NAMES = (
    "phones",
    "phone",
    "phonemes",
    "phoneme",
    "phns",
    "phn",
    "mau",
    "segments",
    "kan-mau",
)
#: A speaker's tier of words, as the Montreal Forced Aligner names it.
_OF_SPEAKER = re.compile(r"(?P<speaker>.+?) - (?P<name>.+)")
#: A phone of ARPABET, or one letter; a tier in which most labels are such has phones. One sign of
#: Chinese, Japanese or Korean is often a word.
_PHONE = re.compile(r"[A-Z]{1,3}[0-2]?|[^\s\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SIGNS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SHARE = 0.8
#: ARPABET, with stress or without.
_ARPABET = re.compile(
    "(?:A[AEHOWY]|B|CH|DH?|E[HRY]|F|G|HH|I[HY]|JH|[KLMN]|NG|O[WY]|P|R|SH?|TH?|U[HW]|V|W|Y|ZH?)[0-2]?"
)
#: Signs of a phone in the International Phonetic Alphabet, at most, and the labels from which their
#: share tells phones from short words.
_PHONE_SIGNS, _FEWEST = 2, 20
#: Share of labels with a blank inside from which a tier has phrases.
_PHRASES = 0.3
_SHOWN, _EXAMPLE = 8, 40


def words_of(tiers: Sequence[Tier], path: Path, tier: str | None) -> pd.DataFrame:
    """Return the labels of the tier of words.

    Parameters
    ----------
    tiers : sequence of Tier
    path : Path
        For messages.
    tier : str, optional
        Its name, or its number from 1. Where speakers have tiers of their own
        (``Mary - words``), the name without the speaker stands for all of them.

    Returns
    -------
    pandas.DataFrame
        word, onset, offset (NaN for points); speaker where there are several, in the order of
        onsets. The index is each label's number in its tier.

    Raises
    ------
    EngramError
        If there is no such tier, several that it could be, or a tier of phones was named beside
        one of words; the message lists the tiers.
    """
    if tier is None:
        chosen = _by_content(tiers, path)
    else:
        chosen = _named(tiers, path, tier)
        _refuse_phones(chosen, tiers, path)
    frames = [_frame(one) for one in chosen]
    speakers = [_OF_SPEAKER.fullmatch(one.name.strip()) for one in chosen]
    if len(chosen) == 1:
        if speakers[0]:
            frames[0]["speaker"] = speakers[0]["speaker"]
        return frames[0]
    for frame, match in zip(frames, speakers, strict=True):
        frame["speaker"] = match["speaker"] if match else None
    return pd.concat(frames).sort_values("onset", kind="stable")


def _frame(tier: Tier) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "word": [label.text.strip() for label in tier.labels],
            "onset": [label.begin for label in tier.labels],
            "offset": [None if tier.has_points else label.end for label in tier.labels],
        },
        index=pd.RangeIndex(1, len(tier.labels) + 1),
    ).astype({"word": str, "onset": float, "offset": float})


def _named(tiers: Sequence[Tier], path: Path, name: str) -> list[Tier]:
    for found in (
        [one for one in tiers if one.name == name],
        [one for one in tiers if one.name.strip().casefold() == name.strip().casefold()],
        _of_speakers(tiers, (name.strip().casefold(),)),
    ):
        if len(found) == 1 or (found and all(_OF_SPEAKER.fullmatch(one.name) for one in found)):
            return found
        if found:
            raise EngramError(
                f"'{path}' has {len(found)} tiers named '{name}'. Choose one by its number, "
                f"such as 'tier: 2'. {listed(tiers)}"
            )
    if name.isascii() and name.isdigit() and 1 <= int(name) <= len(tiers):
        return [tiers[int(name) - 1]]
    raise EngramError(f"'{path}' has no tier '{name}'. {listed(tiers)}")


def _refuse_phones(chosen: Sequence[Tier], tiers: Sequence[Tier], path: Path) -> None:
    """Refuse tiers that are called phones where another tier is called words."""
    called = {one.name: _last_name(one) for one in tiers}
    named = next((one.name for one in chosen if called[one.name] in _PHONE_NAMES), None)
    words = next((one.name for one in tiers if called[one.name] in _NAMES and _labels(one)), None)
    if named is not None and words is not None:
        raise EngramError(
            f"'{path}': its tier '{named}' holds phones; models read words. "
            f"Write 'tier: {words}', or leave 'tier' out. {listed(tiers)}"
        )


def _last_name(tier: Tier) -> str:
    """Return a tier's name in lower case, without its speaker."""
    of_speaker = _OF_SPEAKER.fullmatch(tier.name.strip())
    return (of_speaker["name"] if of_speaker else tier.name).strip().casefold()


def _by_content(tiers: Sequence[Tier], path: Path) -> list[Tier]:
    """Return the tier that holds words: the one of its name, or the only one that can."""
    spoken = [one for one in tiers if _labels(one)]
    if not spoken:
        raise EngramError(f"'{path}' has no words: no tier has a label. {listed(tiers)}")
    named = [one for one in spoken if one.name.strip().casefold() in _NAMES]
    of_speakers = _of_speakers(spoken, _NAMES)
    if of_speakers and not named:
        return of_speakers
    others = [one for one in spoken if not _has_phones(one)]
    if not named and not others:
        raise EngramError(
            f"'{path}' has tiers of phones alone; one with an interval for each word is needed. "
            f"If its labels are words all the same, say so by 'tier: <name>'. {listed(tiers)}"
        )
    candidates = named or [one for one in others if not one.has_points and _has_words(one)]
    if not candidates and len(spoken) == 1:
        candidates = spoken
    if len(candidates) != 1:
        raise EngramError(
            f"'{path}': which of its tiers holds the words? Say it by 'tier: <name or number>'. "
            f"{listed(tiers)}"
        )
    if _phrases(candidates[0]):
        raise EngramError(
            f"'{path}': the labels of its tier '{candidates[0].name}' are phrases; a tier with an "
            f"interval for each word is needed. {listed(tiers)}"
        )
    return candidates


def _of_speakers(tiers: Sequence[Tier], names: Sequence[str]) -> list[Tier]:
    return [
        one
        for one in tiers
        if (match := _OF_SPEAKER.fullmatch(one.name.strip()))
        and match["name"].strip().casefold() in names
    ]


def _labels(tier: Tier) -> list[str]:
    return [label.text.strip() for label in tier.labels if not is_no_word(label.text)]


def _has_words(tier: Tier) -> bool:
    labels = _labels(tier)
    phones = sum(bool(_PHONE.fullmatch(label)) for label in labels)
    return phones < _SHARE * len(labels) and not _phrases(tier)


def _has_phones(tier: Tier) -> bool:
    """Tell whether a tier holds phones, by its name or by its labels."""
    if _last_name(tier) in _PHONE_NAMES:
        return True
    labels = _labels(tier)
    if sum(bool(_ARPABET.fullmatch(label.upper())) for label in labels) > _SHARE * len(labels):
        return True
    signs = [label for label in labels if len(label) <= _PHONE_SIGNS and not _SIGNS.search(label)]
    return len(labels) >= _FEWEST and len(signs) > _SHARE * len(labels)


def _phrases(tier: Tier) -> bool:
    labels = _labels(tier)
    return sum(" " in label for label in labels) > _PHRASES * len(labels)


def listed(tiers: Sequence[Tier]) -> str:
    """Return a sentence that lists tiers, each with an example of its labels."""
    if not tiers:
        return "It has no tier."
    parts = []
    for number, tier in enumerate(tiers[:_SHOWN], start=1):
        labels = _labels(tier)
        example = " | ".join(labels[:4])[:_EXAMPLE]
        kind = "points" if tier.has_points else "intervals"
        held = f"{len(labels)} {kind}" + (f", such as {example}" if labels else "")
        parts.append(f"{number}: '{tier.name}' ({held})")
    more = f"; and {len(tiers) - _SHOWN} more" if len(tiers) > _SHOWN else ""
    return f"Its tiers: {'; '.join(parts)}{more}."
