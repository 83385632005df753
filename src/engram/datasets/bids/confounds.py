"""Confounds of fMRIPrep: which columns of a recording's table are regressed out."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engram.errors import EngramError
from engram.files import delimited
from engram.files.cells import MISSING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

#: What columns of slow drifts are called.
COSINE = "cosine"
#: Columns of single rows: there are as many as rows that moved, and none where nobody did.
_ONE_ROW = ("motion_outlier", "non_steady_state_outlier")
_MOTION = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")
_WM_CSF, _GLOBAL = ("csf", "white_matter"), ("global_signal",)
_BASES = {"motion": _MOTION, "wm_csf": _WM_CSF, "global_signal": _GLOBAL}
_ENDS = {
    "basic": ("",),
    "derivatives": ("", "_derivative1"),
    "power2": ("", "_power2"),
    "full": ("", "_derivative1", "_power2", "_derivative1_power2"),
}


def check_columns(
    path: Path, header: Sequence[str], chosen: Mapping[str, Any], cosines: bool
) -> None:
    """Refuse a table that lacks columns that are chosen.

    Parameters
    ----------
    path : Path
    header : sequence of str
        Its columns.
    chosen : mapping
        The fields of `engram.datasets.bids.config.BidsConfounds`.
    cosines : bool
        Whether drifts are removed by its cosines.
    """
    if chosen["columns"] is not None:
        _matching(path, header, chosen["columns"])
        return
    wanted = [
        base + end
        for name in chosen["strategy"]
        for base in _BASES.get(name, ())
        for end in _ENDS[chosen.get(name, "basic")]
    ]
    missing = [name for name in wanted if name not in header]
    if missing:
        raise EngramError(
            f"'{path}' lacks the confounds {missing[:6]}{' ...' if len(missing) > 6 else ''} of "
            f"dataset.confounds (strategy {', '.join(chosen['strategy'])}). Choose others (such as "
            "motion: basic), or name columns (confounds: {columns: [...]}); it has "
            f"{list(header[:12])}{' ...' if len(header) > 12 else ''}."
        )
    if "compcor" in chosen["strategy"]:
        if not any("_comp_cor_" in name for name in header):
            raise EngramError(
                f"'{path}' has no components of CompCor, which dataset.confounds asks for. Choose "
                "another strategy (confounds: simple)."
            )
        if not path.with_suffix(".json").is_file():
            raise EngramError(
                f"'{path.with_suffix('.json')}' is not there: it says which mask a component of "
                "CompCor is of. Copy it from fMRIPrep's outputs, or choose another strategy."
            )
    if (
        "high_pass" in chosen["strategy"]
        and cosines
        and not any(name.startswith(COSINE) for name in header)
    ):
        raise EngramError(
            f"'{path}' has no cosines, by which drifts are to be removed (strategy high_pass; "
            "bold.high_pass is null). Write bold: {high_pass: 0.0078125}, or leave high_pass out."
        )


def check_values(path: Path, lines: Sequence[str], columns: Sequence[str] | None) -> None:
    """Refuse a column that is chosen and lacks a value behind the first row.

    Parameters
    ----------
    path : Path
    lines : sequence of str
        Of the table, its header included.
    columns : sequence of str or None
        Those that are chosen by name; strategies are looked at when they are taken.
    """
    if columns is None:
        return
    header = lines[0].split("\t")
    places = {name: header.index(name) for name in _matching(path, header, columns)}
    for row, line in enumerate(lines[2:], start=1):
        if MISSING not in line:
            continue
        cells = line.split("\t")
        for name, place in places.items():
            if place < len(cells) and cells[place].strip() == MISSING:
                raise _no_number(path, name, row)


def _no_number(path: Path, name: str, row: int) -> EngramError:
    return EngramError(
        f"'{path}': the column '{name}' has no number in row {row} (rows count from 0); only "
        "the first value of a derivative may be n/a. Take the column out of "
        "dataset.confounds, or repair the table."
    )


def read(path: Path, chosen: Mapping[str, Any], cosines: bool) -> np.ndarray:
    """Return a recording's confounds, of shape (n_trs, n_confounds).

    Volumes before the steady state, which nilearn would take out, are rows like others and get a
    regressor each: a row that is missing would shift all delays behind it.

    Parameters
    ----------
    path : Path
        fMRIPrep's table.
    chosen : mapping
        The fields of `engram.datasets.bids.config.BidsConfounds`.
    cosines : bool
        Whether drifts are removed by the table's cosines; else Engram's own take their place.

    Raises
    ------
    EngramError
        If a column is missing, or a value is, but for the first one of a derivative.
    """
    if not path.is_file():
        raise EngramError(f"'{path}' is not there, or is a link whose content was not fetched.")
    header = delimited.read_header(path)
    check_columns(path, header, chosen, cosines)
    table = (
        _by_strategy(path, chosen, cosines)
        if chosen["columns"] is None
        else _by_columns(path, _matching(path, header, chosen["columns"]))
    )
    return _checked(table, path)


def _matching(path: Path, header: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Return the columns that are meant, `*` at the end of a name standing for anything."""
    found: list[str] = []
    for wanted in columns:
        mine = (
            [name for name in header if name.startswith(wanted[:-1])]
            if wanted.endswith("*")
            else [name for name in header if name == wanted]
        )
        if not mine and not (wanted.endswith("*") and wanted.startswith(_ONE_ROW)):
            raise EngramError(
                f"'{path}' has no column '{wanted}' (dataset.confounds.columns). It has "
                f"{list(header[:12])}{' ...' if len(header) > 12 else ''}."
            )
        found += mine
    return list(dict.fromkeys(found))


def _by_columns(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    table = delimited.read_frame(path)[list(columns)]
    return table.apply(lambda column: delimited.numbers(column, path)).reset_index(drop=True)


def _by_strategy(path: Path, chosen: Mapping[str, Any], cosines: bool) -> pd.DataFrame:
    """Return what nilearn's `load_confounds` chooses."""
    import numpy as np
    from nilearn.interfaces.fmriprep import load_confounds

    # It finds the table by the name of an image, which need not be there, and knows no parcels.
    stem = path.name.partition("_desc-confounds_")[0]
    image = path.with_name(f"{stem}_desc-preproc_bold.nii.gz")
    details = {name: chosen[name] for name in ("motion", "wm_csf", "global_signal", "compcor")}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table, kept = load_confounds(
                str(image),
                strategy=tuple(chosen["strategy"]),
                n_compcor=chosen["n_compcor"] or "all",
                demean=False,
                **details,
            )
    except (ValueError, KeyError) as error:
        raise EngramError(
            f"'{path}': nilearn cannot take the confounds of dataset.confounds (strategy "
            f"{', '.join(chosen['strategy'])}) from it: {error}"
        ) from None
    if not cosines:
        table = table[[name for name in table.columns if not name.startswith(COSINE)]]
    table = table.reset_index(drop=True)
    if kept is not None:
        for row in sorted(set(range(len(table))) - set(np.asarray(kept).tolist())):
            table[f"non_steady_state_{row}"] = (np.arange(len(table)) == row).astype(float)
    return table


def _checked(table: pd.DataFrame, path: Path) -> np.ndarray:
    """Return a table's numbers; the first row of a derivative is the second one's."""
    import numpy as np

    from engram.datasets.time_courses import as_float32

    values = table.to_numpy(np.float64, copy=True)
    if len(values) > 1 and values.shape[1]:
        values[0] = np.where(np.isnan(values[0]), values[1], values[0])
    with np.errstate(over="ignore"):
        regressors = as_float32(values)
    wrong = ~np.isfinite(regressors).all(axis=0)
    if wrong.any():
        name = table.columns[wrong][0]
        row = int(np.argmax(~np.isfinite(regressors[:, int(np.argmax(wrong))])))
        raise _no_number(path, str(name), row)
    return regressors
