"""Types of single values, such as names, paths and seconds, and the base of all sections."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from engram.datasets.repetition_time import MILLISECONDS_FROM, SHORTEST_TR
from engram.fetch.addresses import secret_in
from engram.words.language import checked_code

#: Names become parts of file names (BIDS: alphanumeric; we add the hyphen, which
#: hub models often carry).
NAME = r"[A-Za-z0-9]+(?:[-.][A-Za-z0-9]+)*"
#: Characters of a name: a file's name holds three of them, and has 255 bytes at most.
LONGEST_NAME = 60


def _check_no_float(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError(
            "a name that looks like a number with a point stands in quotes (1.10 without "
            f"them is 1.1): '{value}'"
        )
    return value


def check_name(value: str) -> str:
    """Return a name; raise `ValueError` for what cannot be part of a file's name."""
    if not re.fullmatch(NAME, value):
        raise ValueError(
            "a name has letters and digits, with '-' or '.' between them (it "
            "becomes part of file names)"
        )
    if len(value) > LONGEST_NAME:
        raise ValueError(
            f"a name has {LONGEST_NAME} characters at most (it becomes part of file names); "
            f"this one has {len(value)}"
        )
    return value


Name = Annotated[str, BeforeValidator(_check_no_float), AfterValidator(check_name)]


def _check_once(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError(f"a word stands there twice; write {list(dict.fromkeys(names))}")
    return names


#: Each word of a list at most once: what stands there twice would count twice.
Once = AfterValidator(_check_once)


def _check_no_truth_value(value: Any) -> Any:
    if value is False:
        raise ValueError("YAML reads no as false; the code of Norwegian stands in quotes: 'no'")
    return value


#: A BCP-47 code of a language.
Language = Annotated[str, BeforeValidator(_check_no_truth_value), AfterValidator(checked_code)]


#: Characters of a reason: a cell of a table.
_LONGEST_REASON = 500


def _check_reason(value: str) -> str:
    if not value.strip() or value.strip() == "n/a":
        raise ValueError("a reason is needed: it is what readers of scans.tsv will see")
    if len(value) > _LONGEST_REASON:
        raise ValueError(
            f"a reason has {_LONGEST_REASON} characters at most; this one has {len(value)}"
        )
    return " ".join(value.split())


Reason = Annotated[str, AfterValidator(_check_reason)]


def _check_address(value: str) -> str:
    value = value.strip()
    if any(unicodedata.category(sign) == "Cc" for sign in value):
        raise ValueError(
            "an address or a path has no line breaks, tabs, NUL or other control characters"
        )
    if found := secret_in(value):
        raise ValueError(
            f"{SECRET}; this one has {found}. It would be written beside the results. "
            "Give secrets by the environment (HF_TOKEN, ENGRAM_CHAT_KEY)"
        )
    return value


#: How a message begins that must not repeat the value.
SECRET = "an address must not hold a user name, a password or a token"
#: An address, or a path; what is written beside results must hold no secret.
Address = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_check_address)]


def _check_braces(value: str) -> str:
    if strange := sorted(set(value.replace("{hemi}", "")) & set("{}<>")):
        raise ValueError(
            f"the path has '{' '.join(strange)}', which Snakemake reads as wildcards. "
            "Rename the folder, or make a link to it without them"
        )
    return value


#: A path that Snakemake sees.
Place = Annotated[Address, AfterValidator(_check_braces)]


def _check_home(value: str) -> str:
    if value.startswith("~"):
        raise ValueError(
            f"Snakemake would make a folder named '{value.split('/')[0]}'; write the whole "
            f"path: {Path(value).expanduser()}"
        )
    return value


#: A folder that Snakemake makes.
Made = Annotated[Place, AfterValidator(_check_home)]


def _check_note(value: str) -> str:
    for word in value.split():
        _check_address(word.lstrip("(<[{\"'"))
    return value


#: Text in which addresses may stand.
Note = Annotated[str, AfterValidator(_check_note)]


def _check_tr(value: float) -> float:
    if value >= MILLISECONDS_FROM:
        raise ValueError(
            f"{value:g} looks like milliseconds; seconds are needed: write {value / 1000:g}"
        )
    return value


def _types(annotation: Any) -> set[Any]:
    """Return the types that an annotation is made of."""
    inner = get_args(annotation)
    return (
        set().union(*map(_types, inner))
        if inner
        else {annotation if isinstance(annotation, type) else type(annotation)}
    )


def _check_number(name: str, value: Any, types: set[Any]) -> None:
    """Refuse what pydantic would take for a number, though whoever wrote it did not mean one."""
    if not types & {int, float}:
        return
    if isinstance(value, dict):
        value = list(value.values())
    values = value if isinstance(value, list) else [value]
    if bool not in types and any(isinstance(one, bool) for one in values):
        raise ValueError(
            f"{name}: a number is needed; YAML reads yes, no, on and off as true and false"
        )
    if str not in types and any(isinstance(one, str) and "_" in one for one in values):
        raise ValueError(f"{name}: a number in plain digits is needed, without '_'")


class Section(BaseModel):
    """A part of the configuration.

    Unknown keys are errors, so that a misspelt key cannot pass in silence. What keys mean is read
    from their docstrings by `engram.study.write_docs` alone: each run would wait for it.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        coerce_numbers_to_str=True,
        allow_inf_nan=False,
    )

    @model_validator(mode="before")
    @classmethod
    def _no_truth_value_as_number(cls, values: Any) -> Any:
        """Refuse true, false, yes, no, on and off where a number is needed.

        They would be 1 and 0.
        """
        if isinstance(values, dict):
            for name, field in cls.model_fields.items():
                _check_number(name, values.get(name), _types(field.annotation))
        return values


#: Seconds: the longest TR of an fMRI study (sparse sampling takes some ten), and a day,
#: which no scan exceeds. What is above has other units, such as ms.
LONGEST_TR, _DAY = 30.0, 86_400.0
#: A repetition time in seconds.
RepetitionTime = Annotated[float, AfterValidator(_check_tr), Field(ge=SHORTEST_TR, le=LONGEST_TR)]
Seconds = Annotated[float, Field(ge=-_DAY, le=_DAY)]


#: Which targets are scored: each by itself, or the mean time course of each region and hemisphere.
Targets = Literal["all", "roi"]
#: A ridge penalty. Far above, predictions are so small that their correlations are those
#: of rounding errors; far below, it is no penalty.
Penalty = Annotated[float, Field(ge=1e-10, le=1e15)]


def section_keys(section: type[BaseModel]) -> list[str]:
    """Return the keys of a section, in the order of its definition."""
    return list(section.model_fields)
