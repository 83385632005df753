"""Sources of control texts: whose words a random text has.

A source is a set of texts by one hand: a file of another story's associations, or a part of the
project's tuning samples (neighbouring topics). Each random text takes all of its content from one
source, so that random texts differ as one author's or one topic's text differs from another's.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engram.associations.association_files import read_associations
from engram.associations.word_counts import plain_words
from engram.errors import EngramError

logger = logging.getLogger(__name__)

#: A source is of another language if it shares less of its words with a story and its
#: associations than this part of what another source shares.
_SAME_LANGUAGE = 0.5
#: How many sources the tuning samples are divided into.
SAMPLE_PARTS = 12
#: Sources, and texts of a source for each insertion, from which p holds for other sources too.
ENOUGH_SOURCES, ENOUGH_TEXTS = 10, 20


@dataclass(frozen=True)
class Source:
    """Texts by one hand.

    Attributes
    ----------
    name : str
    texts : tuple of str
        What insertions are taken from.
    other_texts : tuple of str
        Likewise, of the other granularity: taken only where the former do not suffice.
    passages : tuple of str
        What the texts are about, where it is known; only counted for the frequency of words.
    """

    name: str
    texts: tuple[str, ...]
    other_texts: tuple[str, ...] = ()
    passages: tuple[str, ...] = ()

    @property
    def all_texts(self) -> tuple[str, ...]:
        """Return all of its texts, passages among them."""
        return (*self.texts, *self.other_texts, *self.passages)


def read_sources(paths: Sequence[Path], granularity: str) -> list[Source]:
    """Return the sources in files, sorted by name.

    Parameters
    ----------
    paths : sequence of Path
        Files of other stories' associations, and of tuning samples (`.jsonl`).
    granularity : {"word", "sentence"}
        Of the text that is to have controls. Files of associations with this granularity
        are taken, and others only where no source has it.

    Raises
    ------
    EngramError
        If there is no text in any of them.
    """
    same: list[Source] = []
    other: list[Source] = []
    for path in paths:
        if path.suffix == ".jsonl":
            same += sample_parts(path, granularity)
            continue
        found = read_associations(path, 10**9)
        for kind, sources in ((True, same), (False, other)):
            texts = tuple(one.text for one in found if (one.granularity == granularity) is kind)
            if texts:
                sources.append(Source(_name(path), texts))
    sources = same or other
    if not sources:
        raise EngramError(
            "random control texts are made from the associations of other stories, and there "
            "are none. Add files for another story."
        )
    return sorted(sources, key=lambda one: one.name)


def sample_parts(path: Path, granularity: str, parts: int = SAMPLE_PARTS) -> list[Source]:
    """Return the outputs of tuning samples in parts of neighbouring topics, in alphabetical order.

    Parameters
    ----------
    path : Path
        JSON lines with the fields `output`, `input`, `granularity` and `topic`.
    granularity : {"word", "sentence"}
    parts : int
        How many, at most; about as many samples in each.
    """
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    by_topic: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_topic.setdefault(row["topic"], []).append(row)
    divided: dict[int, list[str]] = {}
    before = 0
    for topic in sorted(by_topic):
        middle = before + len(by_topic[topic]) / 2
        divided.setdefault(int(parts * middle / len(rows)), []).append(topic)
        before += len(by_topic[topic])
    result = []
    for topics in divided.values():
        samples = [row for topic in topics for row in by_topic[topic]]
        outputs = {
            same: tuple(
                row["output"] for row in samples if (row["granularity"] == granularity) is same
            )
            for same in (True, False)
        }
        name = f"tuning samples: {topics[0]} to {topics[-1]}"
        passages = tuple(row["input"] for row in samples)
        result.append(Source(name, outputs[True], outputs[False], passages))
    return result


def in_the_storys_language(sources: Sequence[Source], words: Iterable[str]) -> list[Source]:
    """Return the sources without those that seem to be of another language than a story.

    These share far fewer of their words with it than other sources do. Where all sources are of
    another language, all are kept.

    Parameters
    ----------
    sources : sequence of Source
    words : iterable of str
        Words of the story and of its associations.
    """
    known = {one for word in words for one in plain_words(word)}
    shares = {}
    for source in sources:
        said = plain_words(" ".join((*source.texts, *source.other_texts)))
        shares[source.name] = sum(word in known for word in said) / max(1, len(said))
    least = _SAME_LANGUAGE * max(shares.values(), default=0.0)
    kept = [source for source in sources if shares[source.name] >= least]
    if len(kept) < len(sources):
        logger.info(
            "random texts: these sources share few words with the story, as texts of another "
            "language do, and are left out: %s",
            "; ".join(source.name for source in sources if source not in kept),
        )
    return kept


def _name(path: Path) -> str:
    """Return what a file of associations is called among sources: its story and its text."""
    story, _, text = path.stem.removeprefix("story-").partition("_associations-")
    return f"{story}: {text}"
