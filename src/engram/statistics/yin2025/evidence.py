"""What a study has that says something of the claims: models, texts, tunings and their scores."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engram.statistics.reported_scores import Reported
from engram.statistics.variant_effects import Effects
from engram.vocabulary import NORMS, PEOPLE, RANDOM


@dataclass(frozen=True)
class LanguageModel:
    """A trained language model of the study.

    Attributes
    ----------
    source : str
        As the configuration names it.
    depth, width : int
        Layers without the embeddings, and units.
    scores : Reported
        Of the stories as they were heard.
    """

    source: str
    depth: int
    width: int
    scores: Reported

    @property
    def is_gpt2(self) -> bool:
        """Whether it is GPT-2 (124 million parameters), by its name and its shape.

        Small models of GPT-2's type are not GPT-2.
        """
        return self._name == "gpt2" and (self.depth, self.width) == (12, 768)

    @property
    def is_llama2(self) -> bool:
        """Whether it is LLaMA-2 7B, not tuned to chat, by its name and its shape."""
        return re.fullmatch(r"llama-?2-7b(-hf)?", self._name) is not None and (
            self.depth,
            self.width,
        ) == (32, 4096)

    @property
    def is_large(self) -> bool:
        """Whether it is at least as deep and as wide as GPT-2, the smallest model of the paper."""
        return self.depth >= 12 and self.width >= 768

    @property
    def _name(self) -> str:
        return re.split(r"[/:]", self.source.rstrip("/"))[-1].lower()


@dataclass(frozen=True)
class Text:
    """Who wrote a text's associations, and of which granularity they are."""

    annotators: frozenset[str]
    granularities: frozenset[str]

    @property
    def by_people(self) -> bool:
        """Whether people wrote all of it."""
        return self.annotators == {PEOPLE}

    @property
    def of_story(self) -> bool:
        """Whether it was written for the story: norms are what people said to single words."""
        return not any(name.startswith(NORMS) for name in self.annotators)

    @property
    def by_gpt4(self) -> bool:
        """Whether GPT-4 wrote all of it."""
        return bool(self.annotators) and all(
            re.search(r"gpt-?4", name.lower()) for name in self.annotators
        )


@dataclass(frozen=True)
class Evidence:
    """What a study has.

    Attributes
    ----------
    models : dict of LanguageModel
        Trained ones, by name, in the order of the configuration.
    effects : dict of Effects
        Of associations, by model and text.
    texts : dict of Text
        By text.
    tunings : dict of Effects
        By model and tuning.
    alignment : str
        How inserted words met the rows.
    people : bool
        Whether listeners are people; False: they are simulated.
    seed : int
        Of bootstraps.
    """

    models: Mapping[str, LanguageModel]
    effects: Mapping[tuple[str, str], Effects] = field(default_factory=dict)
    texts: Mapping[str, Text] = field(default_factory=dict)
    tunings: Mapping[tuple[str, str], Effects] = field(default_factory=dict)
    alignment: str = "context"
    people: bool = True
    seed: int = 0

    def has_random(self, model: str, text: str) -> bool:
        """Tell whether there are random texts beside a text that a model read."""
        return bool(self.effects[model, text].of_kind(RANDOM))

    def representative(self, names: Iterable[str]) -> tuple[str | None, str | None]:
        """Return the model that stands for the study, and why it cannot carry a claim, if so.

        It is LLaMA-2, else GPT-2, else the first that is large, else the first.

        Parameters
        ----------
        names : iterable of str
            The models to choose among.
        """
        wanted = set(names)
        mine = {name: model for name, model in self.models.items() if name in wanted}
        for kind in ("is_llama2", "is_gpt2", "is_large"):
            for name, model in mine.items():
                if getattr(model, kind):
                    return name, None
        if not mine:
            return None, "This study has no trained language model."
        name, model = next(iter(mine.items()))
        reason = (
            f"The model, {name} ({model.depth} layers of {model.width} units), is smaller "
            "than the smallest of the paper, GPT-2 (12 of 768)."
        )
        return name, reason
