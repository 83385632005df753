"""Characters that no text has are found, and text that people write is left alone."""

from __future__ import annotations

import re
from itertools import product

import pytest

from engram.files.characters import around, fault

SENTENCES = (
    "A avó viu o LEÃO, a MAÇÃ e o CORAÇÃO…",
    "“NÃO”, disse ela: ‘a irmã não está — não!’",
    "«L’été, à Noël\u00a0», dit-il\u00a0; «\u00a0où\u00a0? À 15\u00a0°C, 3½\u00a0€\u00a0!\u00a0»",
    "Die »BÖSE« KÖNIGIN aß Äpfel, „ÜBER“ 5\u00a0µm – Straße…",
    "Žádný ČLOVĚK se NEBLÍŽÍ… „VÝŠE“, řekl, TĚŽKÉŽ.",
    "Dziękuję, złoty żółw śpi; „ŻÓŁĆ”…",
    "Árvíztűrő TÜKÖRFÚRÓGÉP, »kőszén«.",
    "Çok güzel, HÂLÂ» İstanbul’da ığdır; ÖĞRETMEN…",
    "Ăsta e fântâna, ÎN ȚARĂ… „mâine”.",
    "Það er GOTT VEÐ… „ÞAÐ“, sagði hún.",
    "Åsa fann 1.54 Å±0.01, 5\u00a0Å–6\u00a0Å; ØL på BRØ!",
    "Él «está»… «está»—dijo—. ¿Qué? ¡ESPAÑA! 1.ª, 2.º",
    "Tiếng Việt: “Đường về nhà rất xa…” ÂM NHẠC, VÀ CẢ ƯỚC MƠ.",
    "Съешь ещё этих мягких французских булок, да выпей «чаю».",
    "Ποιος είναι; «Εγώ», είπε — ΌΧΙ…",
    "שלום, מה שלומך? זה „טוב”.",
    "مرحبا، كيف حالك؟ «جيد».",
    "नमस्ते, आप कैसे हैं? ठीक हूँ।",
    "สวัสดีครับ คุณสบายดีไหม",
    "你好，世界。“今天”很好……",
    "こんにちは、「カタカナ」もある。ｱｲｳ",
    "안녕하세요, 반갑습니다.",
    "Nice 😀 ♪ ™ € 2×½×¾ × ± 👩\u200d👧",
)


@pytest.mark.parametrize("sentence", SENTENCES)
def test_text_that_people_write_has_no_fault(sentence: str) -> None:
    for text in (
        sentence,
        sentence.upper(),
        sentence.lower(),
        sentence.title(),
        sentence.replace(" ", "\t"),
        sentence.replace(" ", "\n"),
    ):
        assert fault(text) is None, fault(text)


@pytest.mark.parametrize("sentence", SENTENCES)
@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_utf8_that_was_read_as_another_encoding_is_found(sentence: str, encoding: str) -> None:
    """Programs read the five bytes that Windows-1252 leaves open as control characters."""
    misread = "".join(
        bytes([byte]).decode(encoding, errors="ignore") or chr(byte) for byte in sentence.encode()
    )
    found = fault(f"so it was\n{misread}\n")
    assert found is not None and found[0] >= len("so it was\n")


@pytest.mark.parametrize(
    "words",
    [
        "привет",
        "ты",
        "你好",
        "שלום",
        "γεια",
        "«x»",
        "«\u00a0x\u00a0»",
        "złe",
        "čas",
        "kőszén",
        "ağa",
        "mơ",
        "việc",
        "mắt",
        "15 °C",
        "😀",
        "カ",
        "5 €",
    ],
)
def test_one_misread_word_is_enough(words: str) -> None:
    misread = "".join(
        bytes([byte]).decode("cp1252", errors="ignore") or chr(byte) for byte in words.encode()
    )
    assert fault(misread) is not None and fault(words) is None


def test_letters_before_what_closes_a_word_are_no_misread_utf8() -> None:
    """Twice each, as where somebody stammers, spells or shouts."""
    letters = [chr(number) for number in range(0xC0, 0x100) if chr(number).isalpha()]
    marks = "…–—‘’“”«»·!?,.;:"
    others = "‹›•™\u00a0\u00adºª°²³¹®©†‡"  # not behind Ã: they are half of é, ó, ê and their like
    for letter, mark in [*product(letters, marks), *product(set(letters) - {"Ã"}, others)]:
        for text in (
            f"MOT{letter}{mark}",
            f"MOT{letter}{mark}{letter}{mark}MOT",
            f"{mark}{letter}{mark} {letter}",
        ):
            assert fault(text) is None, text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\x07b", r"U\+0007 \(in 'two a\\x07b'\) is no part of a text\. Take it out"),
        ("a\x0bb", r"U\+000B"),
        ("\x1b$B%3\x1b(B", r"U\+001B .* ISO-2022-JP"),
        ("\x93so\x94", r"U\+0093 .* Latin-1"),
        ("a\x7f", r"U\+007F"),
        ("caf\ufffd", "a character was lost"),
        ("a\ud83d", r"half a character \(\\ud83d"),
    ],
)
def test_what_no_text_has_is_named(text: str, message: str) -> None:
    found = fault(f"one\ntwo {text}")
    assert found is not None
    assert re.search(message, found[1]) and found[0] >= len("one\ntwo ")


def test_prose_has_breaks_of_pages_and_paragraphs() -> None:
    assert (
        fault("one\x0ctwo\x0bthree", prose=True) is None
        and fault("one\x07", prose=True) is not None
    )


def test_what_stands_around_a_character_is_of_its_line() -> None:
    assert around("one\ntwo\x00three\rfour", 7) == "two\\x00three"
