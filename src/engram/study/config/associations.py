"""The sections of texts with associations: who writes them, and how their effect is measured."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from engram.study.config.fields import Address, Name, Place, Reason, Section, Targets
from engram.wording import listed


class NormsColumns(Section):
    """Names of the columns of a table of norms, where they are not those of published tables."""

    cue: str | None = None
    """What people were told; null: `cue`, `stimulus` or `ENGLISH`."""
    response: str | None = None
    """What they said; null: `response`, `target` or `associate`."""
    count: str | None = None
    """How many people said it; null: `R123`, `count`, `frequency`, `n`, `#P` or `R1`."""
    edges: str | None = None
    """All responses to a cue, as RESPONSE:count;...; null: `EDGES`, if there is such a column."""


class Norms(Section):
    """Norms of word association: what people said to single words (docs/how-to/annotating.md).

    Behind content words of the story stands what people said to that word as a cue.
    """

    table: Place
    """A table of cues, responses and counts: its path, or `kiss1973`, which is fetched."""
    columns: NormsColumns = NormsColumns()
    """Which columns hold cue, response and count."""
    response: Literal["strongest", "drawn", "weak"] = "strongest"
    """Which of a cue's responses is written: the one that most people gave, one that is drawn by
    its count, or the one that fewest people gave (`least_count` at least)."""
    at_most_one_in: int = Field(8, ge=1, le=10_000)
    """Words of the story from one insertion to the next, at least."""
    least_count: int = Field(2, ge=1, le=1_000_000)
    """How many people must have given a response for it to count."""
    both_strengths: bool = False
    """Write only where a cue has two responses, a stronger and a weaker one, that may stand there.
    Two texts that differ in `response` alone then have the same places, and their F are compared
    (`association_strength.tsv`)."""
    least_coverage: float = Field(0.1, ge=0, le=1)
    """Share of a story's content words that must be forms of cues with a response; below it the
    table is refused."""
    described: Reason | None = None
    """What the table is, in the words of tables, figures and report; null: what is known of it,
    else 'associations of people to single words, not to this story'."""


class Annotator(Section):
    """Who writes associations, if people did not write them for this story.

    It is a language model, which writes one after every few sentences and sees the story up to
    there only, or norms (docs/how-to/annotating.md).
    """

    model: Place | None = None
    """With an address the model's name there, else the name of a model of this study, or the folder
    of a causal model; null: norms."""
    norms: Norms | None = None
    """What people said to single words, instead of a model. The keys below are a model's."""
    address: Address | None = None
    """Address of an endpoint that speaks OpenAI's protocol, such as http://localhost:8000/v1; its
    key goes into the environment variable ENGRAM_CHAT_KEY. null: the model in the folder writes."""
    granularity: Literal["word", "sentence"] = "sentence"
    """What it writes: phrases or whole sentences."""
    every: int = Field(4, ge=1, le=10_000)
    """Sentences from one place where it writes to the next."""
    temperature: float = Field(0.7, ge=0, le=100)
    """How freely it chooses its words: with 0 always the likeliest, with more also others."""
    prompt: Literal["instructions", "examples"] = "instructions"
    """What it is given (`resources/prompts`). `instructions`: the last 1,500 words of the story and
    what is wanted in full; `examples`: three examples and the last 40 words, for models of a few
    hundred million parameters, which copy instructions instead of following them."""
    pseudo_sentences: bool = False
    """Ask it even where the story's sentences are pseudo-sentences, which end anywhere."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Annotator:
        if (self.model is None) == (self.norms is None):
            raise ValueError(
                "an annotator is a model or norms: give 'model' (a folder, or with 'address' "
                "a name), or 'norms: {table: ...}'"
                + ("; here are both" if self.model is not None else "; here is neither")
            )
        if self.norms is not None and (strange := sorted(self.model_fields_set - {"norms"})):
            raise ValueError(
                f"{listed(strange)} belong to a model that writes; norms have keys of their own: "
                f"norms: {{{', '.join(Norms.model_fields)}}}"
            )
        return self

    @property
    def kind(self) -> Literal["norms", "folder", "address"]:
        """What writes: norms, a model in a folder, or one at an address."""
        if self.norms is not None:
            return "norms"
        return "folder" if self.address is None else "address"

    @property
    def folder(self) -> str | None:
        """The folder of a model, or the name of one of the study; None if something else writes."""
        return self.model if self.kind == "folder" else None


class Associations(Section):
    """Associations that are written into the stories, under the name that the text gets."""

    annotator: Annotator | None = None
    """A language model or norms that write them; null: they are read from files."""
    folder: Place = "resources/associations"
    """Folder that holds `story-<story>_associations-<name>.tsv` for every story of the
    study (docs/how-to/annotating.md)."""


class Controls(Section):
    """Control texts: how many there are of each kind, for every text with associations."""

    random: int = Field(39, ge=1, le=10_000)
    """Random texts have the same places and numbers of words, and content from one source each:
    another story's text, or a part of the tuning samples. They are the null distribution of F,
    which is corrected over regions by their largest F: 39 (the smallest p is 0.025) serve for a
    few regions, 99 for an atlas; with fewer than 19 no p can be 0.05."""
    shuffled: int = Field(5, ge=0, le=10_000)
    """Shuffled texts have this text's associations, dealt to other places."""
    displaced: int = Field(5, ge=0, le=10_000)
    """Displaced texts have this text's associations, 20 or more words from their places."""
    repeat: int = Field(5, ge=0, le=10_000)
    """Repeat texts have, in the same places and lengths, words of the story that were heard
    before."""
    dealt: int | None = Field(None, ge=1, le=10_000)
    """Dealt texts, for texts that come from norms, take the place of random ones: at the same
    places, each cue has the responses to another cue of the story. They are the null distribution
    of F; null: as many as random ones, 39 at least."""
    cues: int = Field(5, ge=0, le=10_000)
    """Texts of other cues, for texts that come from norms: at the same places, the responses
    to cues of the same frequency and parts of speech that are not in the story."""
    passage: int = Field(5, ge=0, le=10_000)
    """Passage texts say again what was just heard, in another order: they are about the passage,
    and associate nothing."""


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
    models: list[Name] | None = Field(None, min_length=1)
    """The models that read texts with associations; null: all trained ones."""
    layers: Literal["all", "reported"] = "all"
    """Where F itself is scored. `all`: at every layer, as figures show it; `reported`: at the
    reported layer alone, where every test is. A model then reads no further, and a study with few
    control texts takes a fraction of the time."""
    measured_texts: int = Field(0, ge=0, le=10_000)
    """Control texts of each kind whose insertions are measured, beside the text's own: how far
    they are from the passage before them, and how surprising there
    (`association_insertions.tsv`). 0: none. A model reads about 60 tokens for each insertion and
    10 more for each text, with its head, which it is loaded with for this alone."""
    controls: Controls = Controls()
    """Control texts, with which F is compared."""
