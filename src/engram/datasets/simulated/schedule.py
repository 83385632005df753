"""Who of the simulated listeners hears what, and when every word is said.

That is all that planning a simulated study needs.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path

from engram.datasets.narratives.facts import EXCLUDED, Fact

#: Seconds of a letter, of every word, between words, and of the pauses after words with
#: punctuation: about 2.6 words a second.
_LETTER, _WORD, _GAP = 0.052, 0.1, 0.02
_PAUSES = {",": 0.25, ";": 0.3, ":": 0.3, ".": 0.55, "!": 0.55, "?": 0.55}
#: Beginning of the audio in the scan, and of the story in the audio (music comes
#: before), by turns: seconds.
_LEADS = ((0.0, 15.0), (4.5, 6.0))
#: Seconds of silence around the words of a story.
_SILENCE = 0.5
#: Whose associations the listeners have: the name of the files.
ASSOCIATED = "word-judged"
#: Fewest listeners among whom one has two runs and one is excluded.
_FEWEST_WITH_EXCEPTIONS = 6


def speak(text: str, seed: int, most: int | None = None) -> list[tuple[str, float, float]]:
    """Return the words of a text with times as a speaker might have them.

    Parameters
    ----------
    text : str
    seed : int
    most : int, optional
        Words to keep, from the beginning.

    Returns
    -------
    list of (word, onset, offset)
        Seconds from the story's beginning.
    """
    rng = random.Random(seed)
    spoken, now = [], _SILENCE
    for word in text.split()[:most]:
        duration = (_WORD + _LETTER * len(re.sub(r"\W", "", word))) * rng.uniform(0.85, 1.15)
        spoken.append((word, round(now, 3), round(now + duration, 3)))
        now += (
            duration
            + _GAP
            + next(
                (pause for mark, pause in _PAUSES.items() if word.rstrip("\"'").endswith(mark)), 0.0
            )
            * rng.uniform(0.7, 1.3)
        )
    return spoken


def simulated_facts(
    texts: Path, stories: Sequence[str], listeners: int, words: int | None, seed: int
) -> list[Fact]:
    """Return the facts of a simulated Narratives.

    Every listener hears every story, except that with two stories or more the first quarter of
    the listeners hear the first alone, and the last quarter the last alone. From six listeners on,
    one has two runs of the first story, and one scan of the last story is excluded.

    Parameters
    ----------
    texts : Path
        Folder of ``<story>.txt``.
    stories : sequence of str
    listeners : int
    words : int or None
        Words kept of each story.
    seed : int
    """
    quarter = listeners // 4 if len(stories) > 1 else 0
    numbers = range(1, listeners + 1)
    heard = {story: list(numbers) for story in stories}
    if quarter:
        for story in stories:
            first = 1 if story == stories[0] else quarter + 1
            last = listeners if story == stories[-1] else listeners - quarter
            heard[story] = [number for number in numbers if first <= number <= last]
    exceptions = listeners >= _FEWEST_WITH_EXCEPTIONS
    facts = []
    for index, story in enumerate(stories):
        audio, lead = _LEADS[index % len(_LEADS)]
        length = (
            speak((texts / f"{story}.txt").read_text(encoding="utf-8"), seed + index, words)[-1][2]
            + _SILENCE
        )
        times = (audio, audio + lead, round(audio + lead + length, 3))
        for number in heard[story]:
            two_runs = exceptions and story == stories[0] and number == 2
            excluded = exceptions and story == stories[-1] and number == listeners
            for run in ("1", "2") if two_runs else (None,):
                facts.append(
                    Fact(
                        f"{number:03d}",
                        story,
                        run,
                        story,
                        story,
                        *times,
                        EXCLUDED if excluded else None,
                    )
                )
    return sorted(facts, key=lambda fact: (fact.scan, fact.story))
