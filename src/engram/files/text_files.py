"""Read text that people and other programs wrote: its encoding is known, or it is refused."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from engram.errors import EngramError
from engram.files import characters

#: Byte order marks and their encodings; UTF-32 first, since its mark begins as that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: How files begin that are no text, or stand for a text that is elsewhere,
#: and what to do with them.
_BEGINNINGS = (
    (
        b"PK\x03\x04",
        (
            "it is a spreadsheet (such as .xlsx) or a ZIP archive. Save the sheet as "
            "tab-separated text in UTF-8."
        ),
    ),
    (
        b"\xd0\xcf\x11\xe0",
        "it is an Excel workbook. Save the sheet as tab-separated text in UTF-8.",
    ),
    (b"\x1f\x8b", "it is compressed (gzip). Unpack it."),
    (b"version https://git-lfs.", "it is a pointer of Git LFS. Fetch its content: 'git lfs pull'."),
    (b"/annex/objects/", "it is a pointer of git-annex. Fetch its content: 'datalad get'."),
)
#: Bytes of a file's beginning that are looked at.
_LOOKED_AT = 1 << 14
#: Line ends of Unix, Windows and old Macs.
LINE_END = re.compile(r"\r\n|\r|\n")


def read_text(path: Path, prose: bool = False) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 or UTF-32 with a byte order mark.

    Parameters
    ----------
    path : Path
    prose : bool
        Whether it is no table, so that it may have form feeds and vertical tabs.

    Raises
    ------
    EngramError
        If the file is not there, is no text, has another encoding, or holds what no text does
        (`engram.files.characters`); it names the line where there is one.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise EngramError(
            f"'{path}' is not there, or is a link whose content was not fetched ('datalad get')."
        ) from None
    except OSError as error:
        raise EngramError(f"'{path}' cannot be read: {error.strerror}.") from None
    for beginning, advice in _BEGINNINGS:
        if content.startswith(beginning):
            raise EngramError(f"'{path}' cannot be read as text: {advice}")
    text = _decoded(content, path)
    if (place := text.find("\0")) >= 0:
        raise EngramError(
            f"'{path}', line {_line(text, place)}: it holds NUL characters. It is "
            "broken, or UTF-16 without a byte order mark: save it as UTF-8."
        )
    if wrong := characters.fault(text, prose):
        raise EngramError(f"'{path}', line {_line(text, wrong[0])}: {wrong[1]}")
    return text


def first_line(path: Path) -> str:
    """Return the first line of a file, at most some thousand characters of it.

    What cannot be read is for `read_text` to refuse; here it is "".
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(_LOOKED_AT)
    except OSError:
        return ""
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    return LINE_END.split(content.decode(encoding, errors="ignore").lstrip(), maxsplit=1)[0]


def _decoded(content: bytes, path: Path) -> str:
    """Return the text that bytes stand for: UTF-8 unless a byte order mark says otherwise."""
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise EngramError(
                f"'{path}' cannot be read: it begins as {encoding.upper()} and is broken further "
                f"on ({error.reason}). Save it as UTF-8."
            ) from None
        before = content[: error.start].decode("utf-8", errors="replace")
        line = _line(before, len(before))
        shown = LINE_END.split(content[: error.start + 40].decode("cp1252", errors="replace"))[
            line - 1
        ][-60:]
        raise EngramError(
            f"'{path}', line {line}: its text is not UTF-8 (byte {content[error.start]:#04x}). "
            f"As Windows-1252 (Latin-1) the line would have '{shown}'. Save it as UTF-8 "
            "(in Excel: 'CSV UTF-8' or 'Unicode Text'; in R: fileEncoding = \"UTF-8\")."
        ) from None


def _line(text: str, place: int) -> int:
    """Return the number of the line that a character is in."""
    return len(LINE_END.findall(text[:place])) + 1
