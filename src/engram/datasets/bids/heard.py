"""Which stories were heard in which recordings, which of several runs count, and whose words."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engram.datasets.bids import recordings
from engram.datasets.bids.config import BidsSection
from engram.datasets.bids.names import ABSENT, OF_RECORDINGS
from engram.datasets.bids.recordings import Recording
from engram.datasets.bids.stimuli import found_words
from engram.datasets.planned import check_known
from engram.datasets.word_files import Source, stories_with_words, word_sources
from engram.errors import EngramError


@dataclass(frozen=True)
class Heard:
    """A recording in which a story was heard.

    Attributes
    ----------
    onset : float or None
        Seconds from the first volume; None where the user says when scans start.
    end : float
        Seconds from the first volume at which the events end; 0 where they do not say it.
    """

    story: str
    recording: Recording
    onset: float | None
    end: float


def heard_in(found: Sequence[Recording], dataset: BidsSection) -> list[Heard]:
    """Return which stories were heard in which recordings."""
    result = []
    told = []
    for one in found:
        stories = recordings.stories_of(
            one,
            dataset.story_from,
            dataset.story_names,
            dataset.trial_type,
            dataset.start is None,
        )
        told += list(stories.items())
        for story, presented in stories.items():
            name = story
            if dataset.runs == "sections" and "run" in one.entities:
                name = f"{story}-run-{one.entities['run'].lstrip('0') or '0'}"
            onset = None if dataset.start is not None else presented.onset
            result.append(Heard(name, one, onset, presented.end))
    recordings.check_one_stimulus(told, dataset.story_names)
    if not dataset.entities:  # else names may be those of recordings that are left out
        recordings.check_names_used((story for story, _ in told), dataset.story_names)
    return result


def all_words(root: Path, dataset: BidsSection) -> dict[str, list[Source]]:
    """Return the files of words of every story that has some."""
    if dataset.words is None:
        return found_words(root)
    return {
        story: word_sources(dataset.words, story, root)
        for story in stories_with_words(dataset.words, root)
    }


def _several(key: tuple[str, str], heard: Sequence[Heard]) -> EngramError:
    """Return the error of several recordings of a listener with one story."""
    labels = {
        name: sorted({one.recording.entities.get(name, ABSENT) for one in heard})
        for name in OF_RECORDINGS
    }
    apart = {name: found for name, found in labels.items() if len(found) > 1}
    parts = (
        "Is each another part of it? Write dataset: {runs: sections}: each run is then a story of "
        "its own, with words of its own. "
        if "run" in apart
        else ""
    )
    example = next(iter(apart.items()), ("run", ["1"]))
    return EngramError(
        f"sub-{key[1]} has {len(heard)} recordings of the story '{key[0]}': "
        f"{', '.join(one.recording.name for one in heard)}. {parts}Was the same heard again? Write "
        "dataset: {runs: first}, last or mean. Or choose by entities, such as dataset: {entities: "
        f"{{{example[0]}: {example[1][0]}}}}}."
    )


def words_of_stories(
    words: Mapping[str, list[Source]], heard: Sequence[Heard], dataset: BidsSection
) -> dict[str, list[Source]]:
    """Return the files of each story's words; refuse stories without words, or without a scan."""
    told = sorted({one.story for one in heard})
    check_known("dataset.stories", dataset.stories or [], told)
    chosen = told if dataset.stories is None else sorted(set(dataset.stories))
    if without := [story for story in chosen if story not in words]:
        raise EngramError(
            f"there are no words of {', '.join(without)}, which was heard in "
            f"{next(one.recording.name for one in heard if one.story == without[0])}. Words are "
            f"there of {', '.join(words)}. Give the story the name of its words (dataset: "
            f"{{story_names: {{{without[0]}: {_closest(without[0], list(words))}}}}}), add its "
            "words, or choose "
            "stories (dataset: {stories: [...]})."
        )
    if dataset.stories is None and (silent := sorted(set(words) - set(told))):
        raise EngramError(
            f"there are words of {', '.join(silent)}, which nobody heard: the scans are of "
            f"{', '.join(told)}. Is a name misspelt (dataset.story_names)? If not, choose stories "
            f"(dataset: {{stories: [{', '.join(chosen)}]}})."
        )
    if isinstance(dataset.start, dict):
        check_known("dataset.start", list(dataset.start), told)
        if missing := sorted(set(chosen) - set(dataset.start)):
            raise EngramError(
                f"dataset.start gives no time for {missing}. Give one for each story, such as "
                f"'{missing[0]}: 0.0', or one number for all."
            )
    return {story: words[story] for story in chosen}


def _closest(story: str, known: Sequence[str]) -> str:
    """Return the name that looks like a story's; the first one where none does."""
    plain = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(story.casefold(), plain, n=1, cutoff=0.5)
    return plain[found[0]] if found else known[0]


def counted_runs(
    heard: Sequence[Heard], dataset: BidsSection
) -> tuple[dict[tuple[str, str], list[Heard]], list[tuple[Heard, str]]]:
    """Return the recordings that count, by story and listener, and why the others do not."""
    by_scan: dict[tuple[str, str], list[Heard]] = defaultdict(list)
    for one in heard:
        by_scan[one.story, one.recording.entities["sub"]].append(one)
    reasons: list[tuple[Heard, str]] = []
    for key, mine in by_scan.items():
        if len(mine) == 1:
            continue
        if dataset.runs not in ("mean", "first", "last"):
            raise _several(key, mine)
        counted = {"mean": mine, "first": mine[:1], "last": mine[-1:]}[dataset.runs]
        reasons += [
            (one, f"another run counts (dataset.runs: {dataset.runs})")
            for one in mine
            if one not in counted
        ]
        by_scan[key] = list(counted)
    return dict(by_scan), reasons
