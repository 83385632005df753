"""The kinds of feature spaces: a folder beside this module for each, and a line here.

`docs/development/extending.md` shows what a folder holds. Jobs do not import this module: they
are told which folder makes their space.
"""

from __future__ import annotations

from importlib import import_module

from engram.features.section import FeatureSection

#: The folder of each kind, by what `features: {<name>: {kind: ...}}` says in a configuration.
KINDS = {
    "norms": "norms",
    "frequency": "frequency",
    "word-facts": "word_facts",
    "embeddings": "embeddings",
    "table": "tables",
    "surprisal": "surprisal",
    "heads": "heads",
    "autocorrelation": "autocorrelation",
    "together": "together",
    "acoustics": "acoustics",
    "speech": "speech",
}


def section(kind: str) -> type[FeatureSection]:
    """Return the section of the configuration that a kind of feature space has.

    Parameters
    ----------
    kind : str
        A key of `KINDS`.
    """
    folder = KINDS[kind]
    found: type[FeatureSection] = import_module(f"engram.features.{folder}.config").SECTION
    return found
