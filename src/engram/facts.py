"""The facts table of Narratives: who heard what and when, known without the dataset (resources/narratives)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fact:
    """One listener, run and story, from the facts table."""

    subject: str
    task: str
    run: str | None
    story: str
    stimulus: str
    audio_onset: float
    story_onset: float
    story_end: float
    excluded: str | None

    @property
    def scan(self) -> str:
        """The scan's name, as the dataset's files begin."""
        return f"sub-{self.subject}_task-{self.task}" + (f"_run-{self.run}" if self.run else "")


def read_facts(path: Path) -> list[Fact]:
    """Read the facts table (resources/narratives/make_facts.py makes it)."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    return [
        Fact(
            row["subject"],
            row["task"],
            None if row["run"] == "n/a" else row["run"],
            row["story"],
            row["stimulus"],
            float(row["audio_onset"]),
            float(row["story_onset"]),
            float(row["story_end"]),
            None if row["excluded"] == "n/a" else row["excluded"],
        )
        for row in rows
    ]
