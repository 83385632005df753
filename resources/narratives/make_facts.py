"""Make scans.tsv, the facts that plan a Narratives study without its data, from the dataset's own metadata.

python resources/narratives/make_facts.py DATASET, where DATASET holds participants.tsv, `sub-*/func/*_events.tsv` and
`code/scan_exclude.json` (a clone of OpenNeuro ds002345 or of the DataLad dataset: a few MB of text). One row per
listener, run and story: a scan in which two stories were told has two rows.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

COLUMNS = ("subject", "task", "run", "story", "stimulus", "audio_onset", "story_onset", "story_end", "excluded")
#: One text, heard under different instructions: never to be averaged together, hence stories of their own.
CONDITIONS = ("prettymouth",)
#: Audio files in which more than one story is told, in their order.
PARTS = {"slumlordreach": ("slumlord", "reach")}


def main(dataset: Path) -> None:
    """Write the table beside this script."""
    listed = json.loads((dataset / "code" / "scan_exclude.json").read_text(encoding="utf-8"))
    excluded = {scan for listeners in listed.values() for scans in listeners.values() for scan in scans}
    conditions = {
        (row["participant_id"], task): condition
        for row in table(dataset / "participants.tsv")
        for task, condition in zip(row["task"].split(","), row["condition"].split(","), strict=True)
    }
    rows = [row for path in sorted(dataset.glob("sub-*/func/*_events.tsv")) for row in scan_rows(path, excluded, conditions)]
    with (Path(__file__).parent / "scans.tsv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} rows, {len({row['subject'] for row in rows})} listeners, {len({row['story'] for row in rows})} stories, {len(excluded)} excluded scans")


def scan_rows(path: Path, excluded: set[str], conditions: dict[tuple[str, str], str]) -> Iterator[dict[str, str]]:
    """Yield the rows of one scan: one for each story that was told in it."""
    name = path.name.removesuffix("_events.tsv")
    match = re.fullmatch(r"(?P<participant>sub-(?P<subject>\w+?))_task-(?P<task>\w+?)(?:_run-(?P<run>\d+))?", name)
    if match is None:
        raise SystemExit(f"{path}: not the name of an events file")
    events = [event for event in table(path) if event["stim_file"] != "n/a"]
    for stimulus in dict.fromkeys(event["stim_file"] for event in events):
        mine = [event for event in events if event["stim_file"] == stimulus]
        told = [event for event in mine if event["trial_type"] == "story"]
        base = stimulus.removesuffix("_audio.wav")
        names = PARTS.get(base, (base + (conditions[match["participant"], match["task"]] if base in CONDITIONS else ""),))
        if len(names) != len(told):
            raise SystemExit(f"{path}: {len(told)} stories are told in {stimulus}, {len(names)} were expected")
        for story, event in zip(names, told, strict=True):
            yield {
                "subject": match["subject"],
                "task": match["task"],
                "run": match["run"] or "n/a",
                "story": story,
                "stimulus": base,
                "audio_onset": seconds(min(float(one["onset"]) for one in mine)),
                "story_onset": seconds(float(event["onset"])),
                "story_end": seconds(float(event["onset"]) + float(event["duration"])),
                "excluded": "named in the dataset's code/scan_exclude.json" if name in excluded else "n/a",
            }


def table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a TSV table."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def seconds(value: float) -> str:
    """Return a time without needless digits."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
