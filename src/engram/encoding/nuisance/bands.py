"""Bands of features that are scored together, each with a penalty of its own.

They are the word rate, the other nuisance features and the language model.
"""

from __future__ import annotations

from collections.abc import Collection

#: The bands: how many words there are, the other nuisance features, the language model.
RATE, OTHERS, LANGUAGE = "word-rate", "others", "language"
#: Behind the name of a nuisance set: the same and the language model.
WITH_LANGUAGE = "+language"
#: The nuisance set of all features.
ALL = "all"


def feature_sets(bands: Collection[str]) -> dict[str, list[str]]:
    """Return which bands are scored together, by name.

    These are the language model, the word rate, and all nuisance features, the latter two
    each without and with it.
    """
    nuisance = [band for band in (RATE, OTHERS) if band in bands]
    sets = {LANGUAGE: [LANGUAGE]}
    for name, mine in ((RATE, [RATE] if RATE in nuisance else []), (ALL, nuisance)):
        if mine and list(sets.values())[-1] != [*mine, LANGUAGE]:
            sets |= {name: mine, name + WITH_LANGUAGE: [*mine, LANGUAGE]}
    return sets
