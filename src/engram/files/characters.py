"""Characters that no text has: what another program lost, misread or left in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

#: What stands where a program could not read a character.
_LOST = "\ufffd"
#: C0 and C1 controls without tab and line ends; the second also without the breaks of pages
#: and paragraphs that word processors write.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_CONTROL_IN_PROSE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
#: Halves of characters beyond U+FFFF: JSON can hold one alone ("\ud83d"), UTF-8
#: and tokenizers cannot.
_HALF = re.compile("[\ud800-\udfff]")

#: How Windows-1252 (or Latin-1) shows a byte of UTF-8 that is not a character's first.
_NEXT = "[\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
#: Those of them that stand behind no letter in any text: neither letters, nor marks that
#: close or break a word.
_ODD = "\x80-\x9f€ƒˆ‰˜¢£¤¥¦¨¬¯±µ¸¼½¾"
#: What shows misread UTF-8 where it stands but once.
_MISREAD = re.compile(
    "|".join(
        (
            # "Ã©" is é. Behind a capital Ã, Portuguese has closing marks, dashes and the ellipsis.
            "Ã[¡-ª¬-¶¸-º¼-¿€‚ƒ„†‡ˆ‰Š‹ŒŽ•˜™š›œžŸ]",
            # "Â°" is °, "Â«x" is «x. Turkish words end in Â, and can have such a mark behind it.
            f"Â[¡-¨¬¯±µ¶¼-¿]|(?<![^\\s\\d])Â[©®°]|(?<!\\S)Â«(?=\\w)|(?<=[a-z])Â{_NEXT}",
            # "â€™" is ’, "â‚¬" €, "â„¢" ™, "âˆ’" −, "â†’" →, "â™ª" ♪
            "â€[\x80-\xbf‚ƒ„…†‡ˆ‰Š‹Œ‘’“”•–—˜™š›œž]|â(?:‚¬|„¢|ˆ’|†’|™ª)",
            # "Å‚" is ł, "Å¡" š, "ÄŸ" ğ, "Äƒ" ă, "Æ°" ư. Å± can be a length and its error.
            (
                "Å[€‚ƒ„ˆ‰ŠŒŽ˜šœžŸ¡¢£¤¥¦¨¬¯¼½¾¿]|Ä[€‚ƒ„ˆ‰Œ˜œŸ¡¢£¤¥¦¨¬¯±µ¼½¾¿]|"
                "Æ[°¡](?=[a-z])|(?<=[a-z])Æ[°¡]"
            ),
            f"(?<=[a-z])Ä{_NEXT}|(?<=[a-z][a-z])Å{_NEXT}",
            # "áº¿" is ế, "á»‡" ệ. What closes a Spanish quotation can stand behind á».
            f"áº{_NEXT}|á»(?:[ƒ£¤¥¦§¨©¬¯±]|‡(?=[a-z]))",
            # "Î±" is α, "Ð¸" и
            "[ÎÏÐÑ][‚„ƒˆ‰˜€¢£¤¥¦¨¬¯±µ¸¼½¾]",
            # "ã€‚" is 。, "ã‚«" カ, "ãƒ³" ン, "ï¼Œ" ，, "ðŸ˜€" 😀
            f"ã[€‚ƒ]{_NEXT}|ï[¼½]{_NEXT}|ð[Ÿ\x9f]{_NEXT}{{2}}",
        )
    )
)
#: Two or more characters of misread UTF-8 in a row; `_is_misread` decides.
_RUN = re.compile(f"(?:[Â-ß]{_NEXT}|[à-ï]{_NEXT}{{2}}|[ð-ô]{_NEXT}{{3}}){{2,}}")
#: One of them that is no arithmetic ("×½").
_ODD_ONE = re.compile(f"[^×][{_ODD}]|×[\x80-\x9fƒˆ˜¢¤¥¦¨]")


def fault(text: str, prose: bool = False) -> tuple[int, str] | None:
    """Return the first character that a text cannot have been written with.

    Parameters
    ----------
    text : str
    prose : bool
        Whether it is no table, so that form feeds and vertical tabs break pages and paragraphs.

    Returns
    -------
    place : int
        Where it stands in the text.
    what : str
        What it is, and what to do.
    """
    if not text.isascii():
        if (place := text.find(_LOST)) >= 0:
            return place, (
                "a character was lost when another program read the text as UTF-8 (U+FFFD, in "
                f"'{around(text, place)}'). Go back to the file before that, and save it as UTF-8."
            )
        if misread := _MISREAD.search(text) or next(filter(_is_misread, _RUN.finditer(text)), None):
            return misread.start(), (
                f"'{misread[0][:20]}' (in '{around(text, misread.start())}') is what UTF-8 looks "
                "like when it is read as Windows-1252 and saved again. Go back to the file "
                "before that, or turn it back: text.encode('cp1252').decode('utf-8')."
            )
        if half := _HALF.search(text):
            return (
                half.start(),
                (
                    f"half a character (\\u{ord(half[0]):x}; the other half of the pair is not "
                    "there). Write the character, or take it out."
                ),
            )
    if control := (_CONTROL_IN_PROSE if prose else _CONTROL).search(text):
        number = ord(control[0])
        return (
            control.start(),
            (
                f"the control character U+{number:04X} (in '{around(text, control.start())}') "
                f"is no part of a text. {_advice(number)}"
            ),
        )
    return None


def around(text: str, place: int) -> str:
    """Return what stands around a character in its line.

    Controls and halves of characters are written as escapes.
    """
    begin = max(text.rfind("\n", 0, place), text.rfind("\r", 0, place)) + 1
    shown = re.split(r"[\r\n]", text[max(begin, place - 20) : place + 20])[0].replace("\t", " ")
    return re.sub(f"{_CONTROL.pattern}|{_HALF.pattern}", lambda match: ascii(match[0])[1:-1], shown)


def look_alike(names: Iterable[str]) -> tuple[str, str] | None:
    """Return two names that differ in nothing that can be seen.

    They differ in how accents are composed, in kinds of spaces, or in invisible characters.
    """
    first: dict[str, str] = {}
    for name in names:
        seen = " ".join(
            "".join(
                sign
                for sign in unicodedata.normalize("NFC", name)
                if unicodedata.category(sign) != "Cf"
            ).split()
        )
        other = first.setdefault(seen, name)
        if other != name:
            return other, name
    return None


def _is_misread(run: re.Match[str]) -> bool:
    """Tell whether what looks like bytes of UTF-8 is that, and no text.

    "BLÍŽÍ…" could be decoded too.
    """
    if not _ODD_ONE.search(run[0]):
        return False
    try:
        b"".join(
            bytes([ord(sign)]) if ord(sign) < 256 else sign.encode("cp1252") for sign in run[0]
        ).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _advice(control: int) -> str:
    if control == 0x1B:
        return "Text in ISO-2022-JP holds it: read it as that, and save it as UTF-8."
    if control > 0x7F:
        return (
            "UTF-8 or Windows-1252 that was read as Latin-1 looks like that: "
            "text.encode('latin-1').decode('utf-8'), or decode('cp1252')."
        )
    return "Take it out."
