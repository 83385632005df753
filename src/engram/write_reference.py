"""Writes docs/reference/tables.md and command-line.md from columns and parsers.

``python -m engram.write_reference [--check]``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from types import ModuleType

from engram import compare_results
from engram.associations import text_tables
from engram.associations.norms import writing
from engram.bold import scans_table
from engram.command.main import command_parser
from engram.paths import RESOURCES
from engram.statistics import (
    association_tables,
    chance_table,
    checkpoint_tables,
    comparisons,
    exchangeability,
    feature_tables,
    folds_table,
    head_tables,
    identified_effects,
    insertion_table,
    leaderboard_table,
    metric_agreement,
    metric_columns,
    pair_tables,
    partition_tables,
    planted_truth,
    score_tables,
    space_tables,
    strength_table,
    time_resolved,
    transfer_table,
    tuning_tables,
    unique_contributions,
)
from engram.statistics.yin2025 import claims_table
from engram.study.write_docs import write
from engram.tunings import sample_counts

_PAGES = RESOURCES.parent / "docs" / "reference"
#: The tables of a study by kind: each with the module that says what it holds, and the names of
#: the table's description and of its columns there.
TABLES: dict[str, dict[str, tuple[ModuleType, str, str]]] = {
    "Brain scores": {
        "scores": (score_tables, "SCORES", "SCORES_COLUMNS"),
        "best_layer": (score_tables, "BEST_LAYER", "BEST_LAYER_COLUMNS"),
        "roi_sets": (score_tables, "ROI_SETS", "ROI_SETS_COLUMNS"),
        "ceilings": (score_tables, "CEILINGS", "CEILINGS_COLUMNS"),
        "regions": (score_tables, "REGIONS", "REGIONS_COLUMNS"),
        "scans": (scans_table, "SCANS", "SCAN_COLUMNS"),
        "folds": (folds_table, "FOLDS", "FOLDS_COLUMNS"),
    },
    "Tests and controls": {
        "chance": (chance_table, "CHANCE", "CHANCE_COLUMNS"),
        "time_resolved": (time_resolved, "TIME_RESOLVED", "TIME_RESOLVED_COLUMNS"),
        "comparisons": (comparisons, "COMPARISONS", "COMPARISONS_COLUMNS"),
        "nuisance": (unique_contributions, "NUISANCE", "NUISANCE_COLUMNS"),
        "partitions": (partition_tables, "PARTITIONS", "PARTITIONS_COLUMNS"),
    },
    "Feature spaces, heads, checkpoints": {
        "spaces": (space_tables, "SPACES", "SPACES_COLUMNS"),
        "features": (feature_tables, "FEATURES", "FEATURES_COLUMNS"),
        "feature_deals": (feature_tables, "DEALS", "DEALS_COLUMNS"),
        "heads": (head_tables, "HEADS", "HEADS_COLUMNS"),
        "head_specialisation": (
            head_tables,
            "SPECIALISATION",
            "SPECIALISATION_COLUMNS",
        ),
        "checkpoints": (checkpoint_tables, "CHECKPOINTS", "CHECKPOINTS_COLUMNS"),
        "checkpoint_changes": (checkpoint_tables, "CHANGES", "CHANGES_COLUMNS"),
        "minimal_pairs": (pair_tables, "PAIRS", "PAIRS_COLUMNS"),
    },
    "Other metrics": {
        "metrics": (metric_agreement, "AGREEMENT", "AGREEMENT_COLUMNS"),
        "association_decoding": (
            identified_effects,
            "ASSOCIATION",
            "ASSOCIATION_COLUMNS",
        ),
        "tuning_decoding": (identified_effects, "TUNING", "TUNING_COLUMNS"),
        "leaderboard": (leaderboard_table, "LEADERBOARD", "LEADERBOARD_COLUMNS"),
        "transfer": (transfer_table, "TRANSFER", "TRANSFER_COLUMNS"),
    },
    "Associations": {
        "association": (association_tables, "ASSOCIATION", "ASSOCIATION_COLUMNS"),
        "association_controls": (association_tables, "CONTROLS_TABLE", "CONTROLS_COLUMNS"),
        "association_listeners": (association_tables, "LISTENERS_TABLE", "LISTENERS_COLUMNS"),
        "association_layers": (association_tables, "LAYERS_TABLE", "LAYERS_COLUMNS"),
        "association_texts": (text_tables, "TEXTS", "TEXTS_COLUMNS"),
        "association_rows": (text_tables, "ROWS", "ROWS_COLUMNS"),
        "association_exchangeability": (
            exchangeability,
            "EXCHANGEABILITY",
            "EXCHANGEABILITY_COLUMNS",
        ),
        "association_kinds": (exchangeability, "KINDS", "KINDS_COLUMNS"),
        "association_sources": (exchangeability, "SOURCES", "SOURCES_COLUMNS"),
        "association_insertions": (
            insertion_table,
            "INSERTIONS",
            "INSERTIONS_COLUMNS",
        ),
        "association_strength": (strength_table, "STRENGTH", "STRENGTH_COLUMNS"),
        "association_coverage": (writing, "COVERAGE", "COVERAGE_COLUMNS"),
        "association_unique": (
            unique_contributions,
            "ASSOCIATIONS",
            "ASSOCIATIONS_COLUMNS",
        ),
    },
    "Tunings": {
        "tuning": (tuning_tables, "TUNING", "TUNING_COLUMNS"),
        "tuning_roi_sets": (tuning_tables, "TUNING", "TUNING_COLUMNS"),
        "tuning_models": (tuning_tables, "MODELS_TABLE", "MODELS_COLUMNS"),
        "tuning_listeners": (tuning_tables, "LISTENERS_TABLE", "LISTENERS_COLUMNS"),
        "tuning_layers": (tuning_tables, "LAYERS_TABLE", "LAYERS_COLUMNS"),
        "tuning_curves": (tuning_tables, "CURVES_TABLE", "CURVES_COLUMNS"),
        "tuning_samples": (sample_counts, "COUNTS", "COUNTS_COLUMNS"),
    },
    "Verdicts": {
        "claims": (claims_table, "CLAIMS", "CLAIMS_COLUMNS"),
        "truth": (planted_truth, "TRUTH", "TRUTH_COLUMNS"),
    },
}
_TABLES_PAGE = """# Tables of results

Generated from the descriptions of columns in the code by `make docs`; do not edit.

Tables are in `results/<study>/tables`, as tab-separated text; `n/a` is a missing value. Each has a sidecar (`.json`) with these
words, and with how the table was made. Which tables a study has follows from what it asks for.
`scans.tsv` lies one folder higher; `leaderboard.tsv` is made by `engram leaderboard`,
`transfer.tsv` by `engram transfer`.
"""  # noqa: E501
_COMMANDS_PAGE = """# Command line

Generated from the commands and the Makefile by `make docs`; do not edit.

`engram` begins, checks, runs and opens studies; Snakemake does the work. The command is there once the environment is
active (`source .venv/bin/activate`), else as `.venv/bin/engram`. Every command has `--help`.
"""  # noqa: E501


def tables_page() -> str:
    """Return the page of all tables and their columns."""
    parts = [_TABLES_PAGE]
    for kind, tables in TABLES.items():
        parts.append(f"## {kind}\n")
        for name, (module, description, columns) in tables.items():
            about = getattr(module, description), getattr(module, columns)
            parts.append(_table(name, *about))
        if kind == "Other metrics":
            for name, metric in metric_columns.METRICS.items():
                parts.append(_table(name, metric.table, metric.columns))
                parts.append(_table(f"{name}_tests", metric.tests, metric.test_columns))
    return "\n".join(parts)


def commands_page() -> str:
    """Return the page of commands, their arguments, and the targets of make."""
    parts = [_COMMANDS_PAGE]
    parser = command_parser()
    (commands,) = (
        action for action in parser._actions if isinstance(action, argparse._SubParsersAction)
    )
    said = {action.dest: action.help for action in commands._choices_actions}
    for name, command in commands.choices.items():
        parts.append(_command(f"engram {name}", str(said[name]), command))
    compared = compare_results.command_parser()
    about = " ".join((compared.description or "").split())
    parts.append(_command("python -m engram.compare_results", about, compared))
    lines = (RESOURCES.parent / "Makefile").read_text(encoding="utf-8").splitlines()
    head = lines[: next(at for at, line in enumerate(lines) if not line.startswith("#"))]
    shown = "\n".join(line.removeprefix("#").removeprefix(" ") for line in head)
    parts.append(f"## make\n\nWhat `make` prints:\n\n```text\n{shown}\n```\n")
    return "\n".join(parts)


def _table(name: str, description: str, columns: Mapping[str, str]) -> str:
    rows = [f"| `{column}` | {_cell(text)} |" for column, text in columns.items()]
    # Long descriptions of tables are of several paragraphs.
    text = "\n\n".join(_paragraphs(description))
    return "\n".join([f"### {name}", "", text, "", "| column | what |", "|---|---|", *rows, ""])


def _command(title: str, about: str, parser: argparse.ArgumentParser) -> str:
    rows = [f"| `{_cell(shown)}` | {_cell(text)} |" for shown, text in _arguments(parser)]
    about = about[0].upper() + about[1:]
    lines = [f"## {title}", "", about.rstrip(".") + ".", ""]
    return "\n".join([*lines, "| argument | what |", "|---|---|", *rows, ""])


def _arguments(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    """Yield each argument as it is written, and what it is."""
    for action in parser._actions:
        if "--help" in action.option_strings:
            continue
        name = action.metavar or action.dest
        shown = ", ".join(action.option_strings) or str(name)
        if action.option_strings and action.nargs != 0:
            shown += f" {str(name).upper()}"
        yield shown, action.help or ""


def _paragraphs(text: str, longest: int = 80) -> Iterator[str]:
    """Yield a text cut between sentences into parts of at most so many words."""
    part: list[str] = []
    for sentence in text.replace(". ", ".\n").splitlines():
        words = sentence.split()
        if part and len(part) + len(words) > longest:
            yield " ".join(part)
            part = []
        part += words
    yield " ".join(part)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> None:
    """Write the pages, or with --check fail if they are out of step."""
    pages = {_PAGES / "tables.md": tables_page(), _PAGES / "command-line.md": commands_page()}
    write(pages, "src/engram", check="--check" in sys.argv)


if __name__ == "__main__":
    main()
