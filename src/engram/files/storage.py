"""How results are kept: NetCDF arrays and TSV tables, all whole or absent.

Arrays have named dimensions, tables a JSON sidecar.
"""

from __future__ import annotations

import csv
import json
import uuid
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engram.errors import EngramError
from engram.files.cells import MISSING, escaped, unescaped

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

#: How integers that hardly vary, and numbers of a model in half precision, are kept: half of the
#: bytes or fewer, and none is lost.
COMPRESSED = {"zlib": True, "complevel": 1, "shuffle": True}


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`.

    It is renamed to `path` when the block succeeds, and removed when it fails.

    The temporary name is unique, because a job of a killed run may still be writing, and keeps
    the suffix, because libraries choose a format by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex[:12]}.{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_dataset(path: str | Path, dataset: xr.Dataset) -> None:
    """Write a dataset as NetCDF 4 (HDF5), whole or not at all.

    Parameters
    ----------
    path : path
        Ends in ``.nc``.
    dataset : xarray.Dataset
        Every variable with a ``units`` or ``description`` attribute; a variable's
        ``encoding`` says how it is kept.
    """
    with atomic(path) as temporary:
        dataset.to_netcdf(temporary, engine="h5netcdf")


def packed(largest: float) -> dict[str, Any]:
    """Return the encoding that keeps numbers in two bytes.

    They are in steps of the largest number over 32,767; opened again they are float32.
    """
    import numpy as np

    return {
        "dtype": "int16",
        "scale_factor": np.float32(largest / 32767),
        "_FillValue": np.int16(-32768),
    }


def open_dataset(path: str | Path) -> xr.Dataset:
    """Open a NetCDF file; values are read when they are used. Use it as a context manager.

    Raises
    ------
    EngramError
        If the file cannot be read; the message names it and says how to make it again.
    """
    import xarray as xr

    with _named(path):
        return xr.open_dataset(path, engine="h5netcdf")


def attributes(path: str | Path) -> dict[str, Any]:
    """Return what a NetCDF file says of itself, without a look at its variables.

    Raises
    ------
    EngramError
        As `open_dataset` does.
    """
    import h5netcdf

    with _named(path), h5netcdf.File(path, "r") as file:
        return dict(file.attrs)


@contextmanager
def _named(path: str | Path) -> Iterator[None]:
    """Name a file that cannot be read."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise EngramError(
            f"'{path}' cannot be read ({error}). Delete it and run again: only what "
            "is missing is made anew."
        ) from error


def write_table(
    path: str | Path,
    table: pd.DataFrame,
    description: str,
    columns: Mapping[str, str],
    digits: int = 6,
    quoting: int = csv.QUOTE_NONE,
) -> None:
    """Write a table as TSV, with a JSON sidecar that explains it and each of its columns.

    Parameters
    ----------
    path : path
        Ends in ``.tsv``; the sidecar has the same name with ``.json``.
    table : pandas.DataFrame
        Missing values are written as ``n/a``; text that a spreadsheet would run as a formula gets
        an apostrophe before it (`engram.files.cells`).
    description : str
        What the table holds.
    columns : mapping
        What each column holds; exactly the table's columns.
    digits : int
        Significant digits of numbers.
    quoting : int
        `csv.QUOTE_MINIMAL` for tables that people edit too: cells with a quotation mark stand
        in marks, as spreadsheets write them.
    """
    if list(columns) != list(table.columns):
        raise ValueError(
            f"columns explained: {list(columns)}; columns of the table: {list(table.columns)}"
        )
    with atomic(path) as temporary:
        escaped(table).to_csv(
            temporary,
            sep="\t",
            index=False,
            na_rep=MISSING,
            float_format=f"%.{digits}g",
            quoting=quoting,
        )
    write_json(
        sidecar(path),
        {
            "Description": description,
            **{name: {"Description": text} for name, text in columns.items()},
        },
    )


def read_table(path: str | Path, **options: Any) -> pd.DataFrame:
    """Read a table that `write_table` wrote.

    ``n/a`` and empty cells are missing values, and nothing else is (a word may be "null").

    Quotation marks are text. Tables that others wrote are read by `engram.files.delimited`.
    """
    import pandas as pd

    try:
        with warnings.catch_warnings():
            # Rows longer than the header: pandas would shift the columns' names, or drop cells.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                path,
                sep="\t",
                index_col=False,
                na_values=[MISSING, ""],
                keep_default_na=False,
                quoting=csv.QUOTE_NONE,
                **options,
            )
    except pd.errors.ParserWarning:
        raise EngramError(
            f"'{path}': its rows have more cells than its header. Is there a column without a name?"
        ) from None
    except UnicodeDecodeError as error:
        raise EngramError(
            f"'{path}' cannot be read as a tab-separated table: its text is not UTF-8 "
            f"({error}). Save it as UTF-8."
        ) from error
    except (OSError, ValueError) as error:
        raise EngramError(f"'{path}' cannot be read as a tab-separated table: {error}") from error
    return unescaped(table)


def read_words(path: str | Path) -> pd.DataFrame:
    """Read a words table.

    Words are text whatever they look like ("null", "2", a quotation mark).
    """
    return read_table(path, dtype={"word": str})


def sidecar(path: str | Path) -> Path:
    """Return the path of the JSON sidecar of a file, or of a folder (whose name may have dots)."""
    path = Path(path)
    return path.with_name(path.name + ".json") if path.is_dir() else path.with_suffix(".json")


def write_json(path: str | Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file, whole or not at all."""
    with atomic(path) as temporary:
        temporary.write_text(json_text(content), encoding="utf-8")


def json_text(content: Mapping[str, Any]) -> str:
    """Return the text of a JSON file."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def dataset_description(study: str, version: str, sources: list[dict[str, str]]) -> dict[str, Any]:
    """Return what BIDS wants to know of derivatives (dataset_description.json).

    Parameters
    ----------
    study : str
    version : str
        Engram's.
    sources : list of dict
        BIDS' SourceDatasets: ``URL``, ``DOI`` or ``Version`` of each.
    """
    return {
        "Name": f"Engram: {study}",
        "BIDSVersion": "1.10.0",
        "DatasetType": "derivative",
        "GeneratedBy": [
            {
                "Name": "Engram",
                "Version": version,
                "Description": "Brain scores for language models, and what association adds",
            }
        ],
        "SourceDatasets": sources,
    }


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON object; a file that is absent is an empty one.

    Raises
    ------
    EngramError
        If the file holds something else; the message names it and says how to make it again.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise EngramError(
            f"'{path}' cannot be read as JSON ({error}). If it is a result, delete it with what "
            "it describes and run again."
        ) from error
    if not isinstance(content, dict):
        raise EngramError(
            f"'{path}' holds no JSON object. If it is a result, delete it with what it "
            "describes and run again."
        )
    return content
