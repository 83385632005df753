"""The section of a language model: where it comes from and what is done with it."""

from __future__ import annotations

from typing import Literal

from engram.study.config.fields import Address, Name, Place, Section


class Model(Section):
    """A language model: any causal model or encoder in the Hugging Face layout."""

    source: Place
    """A hub id (`gpt2`), a folder (`models/mine`, `./mine`, `/data/mine`), or `mirror:` and a
    folder inside the mirror."""
    revision: Address | None = None
    """For hub ids: the commit, so that the same weights come back in two years; null:
    the newest at download."""
    base: Name | None = None
    """Where the source is an adapter (a LoRA tuning's folder): the name of the model of
    this study that was tuned."""
    reinitialised: bool = False
    """Keep the architecture and the tokenizer, draw the weights anew (with `seed`)."""
    trust_remote_code: bool = False
    """Run the model's own code (the `*.py` files that its `auto_map` names), which can read,
    change and send all that you can; a hub id then needs its `revision`. An adapter's base decides.
    false: a model that needs such code is refused."""
    only: Literal["hub", "mirror"] | None = None
    """`hub`: left out of runs that are given a mirror; `mirror`: left out of the others."""
