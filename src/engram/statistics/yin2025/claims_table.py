"""The verdict: each published claim beside what this study has to say of it.

The rules (docs/methods/verdict.md) are fixed here, before any score is looked at. Which
model, texts and tuning stand for the study follows from the configuration, and so does the layer.
A claim is carried only by a test that generalises beyond listeners, to other stories, texts or
tunings.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from engram.statistics.yin2025 import association_claims, score_claims, tuning_claims
from engram.statistics.yin2025.evidence import Evidence
from engram.statistics.yin2025.finding import (
    NOT_REPRODUCED,
    NOT_TESTABLE,
    REPRODUCED,
    Finding,
    analogue,
)

CLAIMS = (
    "The claims of Yin et al. (2025), and what this study has to say of each. "
    "A verdict needs a test that generalises beyond listeners, people who listened, "
    "and a model of the kind that the claim is about; else the claim is not testable here, "
    "and what is given is the nearest analogue."
)
CLAIMS_COLUMNS = {
    "claim": "Short name.",
    "statement": "What was claimed.",
    "published": "The published value.",
    "ours": "What was found here; n/a where there is nothing alike.",
    "low": "95 % interval, in the unit of 'ours'; 'test' says over what.",
    "high": "Its upper end.",
    "n": "Listeners, stories, texts, seeds.",
    "test": "What was done, and what it generalises to.",
    "p": "Its p; n/a where no test was made.",
    "verdict": f"{REPRODUCED}, {NOT_REPRODUCED} or {NOT_TESTABLE}.",
    "why": "Why this verdict.",
}

#: Name, statement and published value of each claim, and what finds how this study stands to it.
PUBLISHED: list[tuple[str, str, str, Callable[[Evidence], Finding]]] = [
    (
        "gpt2-peak",
        "GPT-2 scores highest at layer 9 of 12",
        "layer 9, R about 0.126",
        score_claims.peak(lambda one: one.is_gpt2, "GPT-2", 9),
    ),
    (
        "llama2-peak",
        "LLaMA-2 scores highest in mid-depth, at layer 14 of 32",
        "layer 14, R about 0.146 left, 0.135 right",
        score_claims.peak(lambda one: one.is_llama2, "LLaMA-2 7B", 14),
    ),
    (
        "llama2-over-gpt2",
        "LLaMA-2 scores higher than GPT-2",
        "about 0.146 (left), 0.135 (right) against 0.126",
        score_claims.llama_over_gpt2,
    ),
    (
        "left-over-right",
        "The left hemisphere scores higher than the right",
        "0.146 against 0.135 (LLaMA-2)",
        score_claims.left_over_right,
    ),
    (
        "word-over-sentence",
        "Word associations help more than sentence associations",
        "F word > F sentence",
        association_claims.word_over_sentence,
    ),
    (
        "people-over-gpt4",
        "Associations that people wrote help more than GPT-4's",
        "F people > F GPT-4",
        association_claims.people_over_gpt4,
    ),
    (
        "random-not-above-zero",
        "Random insertions do not help",
        "F at or below 0",
        association_claims.random_texts,
    ),
    (
        "association-maps",
        "Associations raise scores, in frontal and parietal cortex among others",
        "F +0.0014 to 0.02 on maps, up to 0.05 in regions",
        association_claims.maps,
    ),
    (
        "tuning-medial-temporal",
        "Tuning to associate raises scores in medial temporal regions",
        "M +2 to 7 %",
        tuning_claims.tuning("medial temporal", tuning_claims.MEDIAL_TEMPORAL),
    ),
    (
        "tuning-superior-parietal",
        "Tuning to associate raises scores in superior parietal regions",
        "M +50 to 60 %",
        tuning_claims.tuning("superior parietal", tuning_claims.SUPERIOR_PARIETAL),
    ),
]


def claims_table(evidence: Evidence) -> pd.DataFrame:
    """Return the verdict on each published claim (the columns of `CLAIMS_COLUMNS`)."""
    rows = []
    for claim, statement, published, find in PUBLISHED:
        found = find(evidence)
        if not evidence.people:
            found = analogue(found, "The listeners of this study are simulated.")
        rows.append({"claim": claim, "statement": statement, "published": published, **vars(found)})
    return pd.DataFrame(rows)[list(CLAIMS_COLUMNS)]
