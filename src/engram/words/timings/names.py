"""Names of the formats of word timings, and of what a table's columns can be."""

from __future__ import annotations

from typing import Literal, get_args

FormatName = Literal["textgrid", "mfa", "gentle", "whisper", "elan", "ctm", "table"]
#: What a column of a table can be.
Role = Literal["word", "onset", "offset", "duration", "speaker", "sentence_end", "log_frequency"]
FORMAT_NAMES: tuple[str, ...] = get_args(FormatName)
ROLES: tuple[str, ...] = get_args(Role)
