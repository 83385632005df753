"""Finds the workflow, and hands a study on to Snakemake."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from itertools import takewhile
from pathlib import Path

from engram.errors import EngramError
from engram.paths import RESOURCES
from engram.study.config_files import check_files

#: Names the clone of the workflow, where the package is installed apart from it.
HOME_VARIABLE = "ENGRAM_HOME"
_STUDY_FILES = (".yaml", ".yml", ".json")
#: Arguments of Snakemake that say how many cores or jobs there are.
_CORES = ("-c", "--cores", "-j", "--jobs", "--profile", "--workflow-profile")


def workflow_folder() -> Path:
    """Return the folder of the workflow: the clone that holds the `Snakefile`.

    It is the one that `ENGRAM_HOME` names, the one that this package lies in, or the working
    directory or a folder above it.

    Raises
    ------
    EngramError
        If there is none.
    """
    if named := os.environ.get(HOME_VARIABLE):
        folder = Path(named).expanduser()
        if not _is_workflow(folder):
            raise EngramError(
                f"{HOME_VARIABLE} names '{folder}', which is no clone of Engram: it has no "
                "Snakefile with workflow/rules beside it."
            )
        return folder.absolute()
    here = Path.cwd()
    for folder in (RESOURCES.parent, here, *here.parents):
        if _is_workflow(folder):
            return folder.absolute()
    raise EngramError(
        "the workflow (Engram's Snakefile) was not found: this package is installed apart from it. "
        f"Name the folder of your clone: export {HOME_VARIABLE}=/path/to/engram."
    )


def check(study: str, arguments: Sequence[str]) -> int:
    """Run preflight for a study, and return Snakemake's exit code."""
    return _snakemake(study, arguments, target=["preflight"], cores="1")


def run(study: str, arguments: Sequence[str]) -> int:
    """Run a study, and return Snakemake's exit code."""
    return _snakemake(study, arguments, target=[], cores="all")


def command(
    study: str, arguments: Sequence[str], target: Sequence[str], cores: str, folder: Path
) -> list[str]:
    """Return the command that hands a study on.

    Parameters
    ----------
    study : str
        Its file.
    arguments : sequence of str
        Further files of the study, then Snakemake's arguments.
    target : sequence of str
        What is asked for, beside what the arguments name.
    cores : str
        How many cores, where the arguments do not say so.
    folder : Path
        Of the workflow.
    """
    stacked = list(takewhile(lambda one: one.endswith(_STUDY_FILES), arguments))
    rest = list(arguments[len(stacked) :])
    given = [] if _names(rest, _CORES) else ["--cores", cores]
    return [
        *(sys.executable, "-m", "snakemake", *target),
        *("--configfile", study, *stacked),
        *("--snakefile", str(folder / "Snakefile"), *given, *rest),
    ]


def _snakemake(study: str, arguments: Sequence[str], target: Sequence[str], cores: str) -> int:
    if not Path(study).is_file():
        raise EngramError(
            f"there is no study '{study}'. 'engram init FOLDER' writes one for a folder of data."
        )
    # Snakemake reads them before the workflow does, and names no line of what is no YAML.
    check_files([study, *takewhile(lambda one: one.endswith(_STUDY_FILES), arguments)])
    folder = workflow_folder()
    environment = dict(os.environ)
    # Jobs import the package of the workflow that runs them.
    if folder != RESOURCES.parent.absolute():
        environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, [str(folder / "src"), environment.get("PYTHONPATH", "")])
        )
    done = command(study, arguments, target, cores, folder)
    with subprocess.Popen(done, env=environment) as process:
        while True:
            try:
                return _code(process.wait())
            except KeyboardInterrupt:  # Snakemake has it too, and ends its jobs
                continue


def _code(found: int) -> int:
    """Return an exit code as shells give it: 128 and more for a signal."""
    return 128 - found if found < 0 else found


def _names(arguments: Iterable[str], options: Sequence[str]) -> bool:
    """Tell whether arguments hold one of some options, in any way to write it."""
    return any(
        one.split("=")[0] in options or (one[:2] in ("-c", "-j") and one[2:].isdigit())
        for one in arguments
    )


def _is_workflow(folder: Path) -> bool:
    return (folder / "Snakefile").is_file() and (folder / "workflow" / "rules").is_dir()
