"""The sections of texts with associations: who writes them, how they are read and scored."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engram.study.config.fields import Address, Name, Place, Section


class Annotator(Section):
    """A language model that writes associations (docs/annotating.md).

    It writes one after every few sentences, and sees the story up to there only.
    """

    model: Place
    """With an address the model's name there, else the folder of a causal model."""
    address: Address | None = None
    """Of an endpoint that speaks OpenAI's protocol, such as http://localhost:8000/v1; its key goes
    into the environment variable ENGRAM_CHAT_KEY."""
    granularity: Literal["word", "sentence"] = "sentence"
    """What it writes: phrases or whole sentences."""
    every: int = Field(4, ge=1, le=10_000)
    """Sentences from one place to the next."""
    temperature: float = Field(0.7, ge=0, le=100)
    """How freely it chooses its words."""
    pseudo_sentences: bool = False
    """Ask it even where the story's sentences are pseudo-sentences."""


class Associations(Section):
    """Associations that are written into the stories, under the name that the text gets."""

    annotator: Annotator | None = None
    """A language model that writes them; null: files."""
    folder: Place = "resources/associations"
    """Where `story-<story>_associations-<name>.tsv` lies for every story of the
    study (docs/annotating.md)."""


class Controls(Section):
    """How many control texts there are of each kind, for every text."""

    random: int = Field(39, ge=1, le=10_000)
    """Same places, same numbers of words, content from other stories: the null of F;
    39 can show p = 0.025."""
    shuffled: int = Field(5, ge=0, le=10_000)
    """This text's associations dealt to other places."""
    displaced: int = Field(5, ge=0, le=10_000)
    """This text's associations 20 or more words from their places."""
    repeat: int = Field(5, ge=0, le=10_000)
    """Same places and lengths, story text that was heard before."""


class Associating(Section):
    """How texts with associations are read and scored."""

    alignment: Literal["context", "anchor", "anchor-additive", "interpolate"] = "context"
    """`context`: only the story's own words give rows, insertions act through the context;
    `anchor`: the vector of a word is the mean of its own and its insertion's; `anchor-additive`:
    inserted words are rows more, at the onset of the word before them; `interpolate`: likewise,
    at even distances up to the next word. The latter two change the rate of words: see F beside
    that of random texts, and of the word rate."""
    room: float = Field(1.0, ge=0, le=100)
    """How much longer than the story a text may be within a window of the model; windows have
    so much less of the story."""
    targets: Literal["all", "roi"] = "all"
    """`roi`: score the mean time course of each region and hemisphere, much faster with its many
    texts than every target by itself."""
    models: list[Name] | None = None
    """The models that read texts with associations; null: all trained ones."""
    controls: Controls = Controls()
    """Control texts."""
