"""The template that people annotate on."""

from __future__ import annotations

import re

from late_train import SENTENCE, SENTENCES, WORDS

from engram.associations.annotators.printed_template import annotation_template


def test_template_for_people_shows_every_word_with_its_number() -> None:
    text = annotation_template(WORDS, SENTENCE)
    shown = re.findall(r"(\S+)\[(\d+)\]", text)
    assert [word for word, _ in shown] == WORDS
    assert [int(number) for _, number in shown] == list(range(len(WORDS)))
    assert text.count("after word ___") == text.count("\nSentence ") == len(SENTENCES)
    assert "Sentence 2\n    Anna[4] waited.[5]\n" in text
    assert max(map(len, text.splitlines())) < 140
