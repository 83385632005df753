"""A story of a few sentences, for annotators."""

from __future__ import annotations

from engram.associations.annotators.prompts import places

SENTENCES = [
    "The train was late.",
    "Anna waited.",
    "A dog barked at her!",
    "Then it was still.",
] * 3
WORDS = [word for sentence in SENTENCES for word in sentence.split()]
SENTENCE = [index for index, sentence in enumerate(SENTENCES) for _ in sentence.split()]
PLACES = places(SENTENCE, 2)
BARE = [word.strip(".!") for word in WORDS]
