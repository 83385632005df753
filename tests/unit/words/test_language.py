"""What follows from a story's language: spaces, sentence ends, codes."""

from __future__ import annotations

import pandas as pd
import pytest
from pydantic import TypeAdapter, ValidationError

from engram.datasets.tables.config import TableSection
from engram.errors import EngramError
from engram.study.config.fields import Language
from engram.words import stories
from engram.words.language import checked_code, described, language_of
from engram.words.punctuation import ends_sentence
from engram.words.spacing import laid_out


@pytest.mark.parametrize(
    ("language", "words", "text"),
    [
        ("en", ["it", "'s", "l'", "amour", "我", "们"], "it's l'amour 我 们"),
        ("fr", ["j'", "ai", "vu", "«L\u2019", "homme"], "j'ai vu «L\u2019homme"),
        ("fr", ["puisqu'", "il", "dit", "-il", "rock", "n'", "a"], "puisqu'il dit-il rock n'a"),
        ("fr", ["les", "amis'", "-", "ce"], "les amis' - ce"),
        ("fr-CA", ["Jusqu'", "ici", "aujourd'", "hui"], "Jusqu'ici aujourd'hui"),
        ("it", ["un", "po'", "d'", "acqua", "dell'", "uomo"], "un po' d'acqua dell'uomo"),
        ("zh", ["当", "我", "还", "只有", "六", "岁。"], "当我还只有六岁。"),
        ("zh-Hans", ["用", "Windows", "XP", "2", "次", "是"], "用Windows XP 2次是"),
        ("ja", ["星", "の", "王子", "さま"], "星の王子さま"),
        ("th", ["เจ้า", "ชาย", "น้อย"], "เจ้าชายน้อย"),
        ("de", ["so", "war's", "aujourd'", "hui"], "so war's aujourd' hui"),
    ],
)
def test_words_are_joined_as_their_language_is_written(
    language: str, words: list[str], text: str
) -> None:
    assert laid_out(words, language=checked_code(language)).text == text


def test_codes_are_checked() -> None:
    assert checked_code("zh_Hant-TW") == "zh-hant-tw"
    for wrong, hint in (("cn", "'zh'"), ("eng", "'en'"), ("English", "'en'"), ("e", "such as")):
        with pytest.raises(ValueError, match=hint):
            checked_code(wrong)
    with pytest.raises(ValidationError, match="Norwegian"):
        TypeAdapter(Language).validate_python(False)


def test_methods_name_languages_that_are_not_english() -> None:
    assert described({"a": "en"}) == "" and described({}) == ""
    assert described({"a": "fr", "b": "fr"}).startswith(" Language: fr; words were joined")
    assert "en (c) and fr (a and b)" in described({"a": "fr", "b": "fr", "c": "en"})


def test_sentences_end_as_their_language_writes_them() -> None:
    assert ends_sentence("岁。", "zh") and ends_sentence("吗？”", "zh") and not ends_sentence("，")
    assert ends_sentence("Mme.") and not ends_sentence("Mme.", "fr-ca")
    assert not ends_sentence("etc.", "fr")


def test_a_words_table_keeps_the_language_where_it_is_not_english() -> None:
    words = pd.DataFrame(
        {"word": ["岁。", "我"], "onset": [0.0, 1.0], "offset": [0.5, 1.5], "sentence_end": pd.NA}
    )
    assert "language" not in stories.words_table(words, 15, "tale")
    table = stories.words_table(words, 15, "tale", "zh")
    assert language_of(table) == "zh" and language_of(words) == "en"
    assert table["sentence"].tolist() == [0, 1]
    with pytest.raises(EngramError, match="one language"):
        language_of(words.assign(language=["zh", "fr"]))


def test_each_story_of_a_study_has_its_language() -> None:
    section = {"kind": "table", "path": "tables", "tr": 2.0}
    assert TableSection(**section).languages(["a"]) == {"a": "en"}
    mixed = TableSection(**section, language={"a": "FR", "b": "zh"})
    assert mixed.languages(["b", "a"]) == {"a": "fr", "b": "zh"}
    with pytest.raises(EngramError, match="'c: en'"):
        mixed.languages(["a", "c"])
