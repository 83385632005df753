"""The command `engram`, which begins, checks, runs and opens studies.

It is thin: Snakemake does the work, and takes all its own arguments behind the study's file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from engram import __version__, trace
from engram.command import begin, reports, workflow
from engram.errors import EngramError

_EXAMPLES = """examples:
  engram init my_data --output my_study.yaml    look at a folder of data, write a study
  engram clone my_study.yaml                    of a dataset that is fetched: its list of files
  engram check my_study.yaml                    what a run would take, and what is wrong
  engram run my_study.yaml --cores 8 -n         hand on to snakemake, with its arguments
  engram open my_study.yaml                     open the report, or print where it is
  engram trace results/mine scores gpt2 IFG     the files behind a number of a table
  engram leaderboard results/*                  models beside each other over finished studies
  engram transfer results/en results/fr         an encoder of one language's listeners on another's
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those behind ``engram``; None: those of the process.
    """
    chosen = command_parser().parse_args(arguments)
    try:
        status: int = chosen.do(chosen)
    except EngramError as error:
        print(f"engram {chosen.command}: {error}", file=sys.stderr)
        return 1
    return status


def command_parser() -> argparse.ArgumentParser:
    """Return what reads the commands and their arguments."""
    parser = argparse.ArgumentParser(
        prog="engram",
        description="Score language models on the brains of people who listen to stories.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"Engram {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    init = commands.add_parser("init", help="write a study for a folder of data, by looking at it")
    init.add_argument("folder", type=Path, help="the folder of data")
    init.add_argument("-o", "--output", type=Path, help="the study's file (default: NAME.yaml)")
    init.add_argument("--force", action="store_true", help="write over a file that is there")
    init.add_argument("--tr", type=float, help="repetition time in seconds, if no file gives it")
    init.add_argument("--derivatives", type=Path, help="of BIDS: fMRIPrep's outputs elsewhere")
    init.add_argument("--words", type=Path, help="of BIDS: the folder of word timings elsewhere")
    init.set_defaults(do=_init)
    cloned = commands.add_parser(
        "clone", help="bring the list of files of a BIDS dataset that is fetched (git, no images)"
    )
    cloned.add_argument("studies", nargs="+", help="the study's file; further ones are stacked")
    cloned.set_defaults(do=_clone)
    for name, do, what in (
        ("check", _check, "preflight: what a run would take, and what is wrong"),
        ("run", _run, "run the study: hands on to snakemake, with the same arguments"),
    ):
        one = commands.add_parser(name, help=what)
        one.add_argument("study", help="the study's file")
        one.add_argument(
            "arguments",
            nargs=argparse.REMAINDER,
            help="further study files, which are stacked; then arguments of snakemake",
        )
        one.set_defaults(do=do)
    shown = commands.add_parser("open", help="open a study's report")
    shown.add_argument("study", help="the study's file, or its folder of results")
    shown.set_defaults(do=lambda chosen: reports.open_report(chosen.study))
    traced = commands.add_parser("trace", help="where a number of a table comes from")
    trace.add_arguments(traced)
    traced.set_defaults(do=trace.run)
    board = commands.add_parser("leaderboard", help="set models of finished studies side by side")
    board.add_argument("results", nargs="+", type=Path, help="folders of finished studies")
    board.add_argument("-o", "--output", type=Path, default=Path(), help="where the page goes")
    board.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    board.add_argument("--published", type=Path, help="table of scores that others published")
    board.set_defaults(do=_leaderboard)
    moved = commands.add_parser("transfer", help="test an encoder on another language's listeners")
    moved.add_argument("taught", type=Path, help="finished study whose listeners teach")
    moved.add_argument("tested", type=Path, help="finished study whose listeners are tested")
    moved.add_argument("-o", "--output", type=Path, default=Path(), help="where the table goes")
    moved.add_argument("--model", action="append", default=[], help="of both; default: all")
    moved.add_argument("--targets", choices=("roi", "all"), default="roi", help="regions' means")
    moved.add_argument("--layer", type=int, help="default: two thirds of the depth")
    moved.add_argument("--shifts", type=int, default=199, help="circular shifts of the null")
    moved.add_argument("--seed", type=int, default=0, help="of shifts and bootstrap")
    moved.set_defaults(do=_transfer)
    return parser


def _init(chosen: argparse.Namespace) -> int:
    return begin.begin(
        chosen.folder,
        chosen.output,
        chosen.force,
        chosen.tr,
        chosen.derivatives,
        chosen.words,
    )


def _clone(chosen: argparse.Namespace) -> int:
    from engram.command import clone  # kinds of datasets, which no other command needs

    return clone.clone(chosen.studies)


def _check(chosen: argparse.Namespace) -> int:
    return workflow.check(chosen.study, chosen.arguments)


def _run(chosen: argparse.Namespace) -> int:
    return workflow.run(chosen.study, chosen.arguments)


def _leaderboard(chosen: argparse.Namespace) -> int:
    from engram import leaderboard  # pandas, which no other command needs

    return leaderboard.run(chosen.results, chosen.output, chosen.seed, chosen.published)


def _transfer(chosen: argparse.Namespace) -> int:
    from engram import transfer  # pandas, which no other command needs

    return transfer.run(
        chosen.taught,
        chosen.tested,
        chosen.output,
        chosen.model,
        chosen.targets,
        chosen.layer,
        chosen.shifts,
        chosen.seed,
    )


if __name__ == "__main__":
    sys.exit(main())
