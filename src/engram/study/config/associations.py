"""The sections of texts with associations: who writes them, and how their effect is measured."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engram.study.config.fields import Address, Name, Place, Section, Targets


class Annotator(Section):
    """A language model that writes associations (docs/annotating.md).

    It writes one after every few sentences, and sees the story up to there only.
    """

    model: Place
    """With an address the model's name there, else the folder of a causal model."""
    address: Address | None = None
    """Address of an endpoint that speaks OpenAI's protocol, such as http://localhost:8000/v1; its
    key goes into the environment variable ENGRAM_CHAT_KEY. null: the model in the folder writes."""
    granularity: Literal["word", "sentence"] = "sentence"
    """What it writes: phrases or whole sentences."""
    every: int = Field(4, ge=1, le=10_000)
    """Sentences from one place where it writes to the next."""
    temperature: float = Field(0.7, ge=0, le=100)
    """How freely it chooses its words: with 0 always the likeliest, with more also others."""
    pseudo_sentences: bool = False
    """Ask it even where the story's sentences are pseudo-sentences, which end anywhere."""


class Associations(Section):
    """Associations that are written into the stories, under the name that the text gets."""

    annotator: Annotator | None = None
    """A language model that writes them; null: they are read from files."""
    folder: Place = "resources/associations"
    """Folder that holds `story-<story>_associations-<name>.tsv` for every story of the
    study (docs/annotating.md)."""


class Controls(Section):
    """Control texts: how many there are of each kind, for every text with associations."""

    random: int = Field(39, ge=1, le=10_000)
    """Random texts have the same places and numbers of words, and content from other stories. They
    are the null distribution of F, which is corrected over regions by their largest F: 39 (the
    smallest p is 0.025) serve for a few regions, 99 for an atlas; with fewer than 19 no p can be
    0.05."""
    shuffled: int = Field(5, ge=0, le=10_000)
    """Shuffled texts have this text's associations, dealt to other places."""
    displaced: int = Field(5, ge=0, le=10_000)
    """Displaced texts have this text's associations, 20 or more words from their places."""
    repeat: int = Field(5, ge=0, le=10_000)
    """Repeat texts have, in the same places and lengths, words of the story that were heard
    before."""


class Primary(Section):
    """The text and the model that the question is about, named before any score is seen.

    Their F in all regions is a family of tests of its own, so that it is not corrected for other
    texts and models.
    """

    text: Name
    """A text of `associations`."""
    model: Name
    """A model that reads texts with associations."""


class AssociationEffect(Section):
    """The association effect F: how texts with associations are read and scored.

    F is what R gains when a model reads a story with associations written in. The texts
    themselves are named in `associations`.
    """

    alignment: Literal["context", "anchor", "anchor-additive", "interpolate"] = "context"
    """Which rows inserted words have a part in. `context`: only the story's own words give rows,
    insertions act through the context; `anchor`: the vector of a word is the mean of its own and
    its insertion's; `anchor-additive`: inserted words are further rows, at the onset of the word
    before them; `interpolate`: likewise, at even distances up to the next word. The latter two
    change the rate of words: compare F with that of random texts, and of the word rate."""
    room: float = Field(1.0, ge=0, le=100)
    """How much longer than the story a text may be within a window of the model; windows have
    so much less of the story."""
    targets: Targets | None = None
    """`roi`: score the mean time course of each region and hemisphere, which with its many texts
    is much faster; `all`: every target by itself; null: the study's `targets`."""
    models: list[Name] | None = None
    """The models that read texts with associations; null: all trained ones."""
    controls: Controls = Controls()
    """Control texts, with which F is compared."""
