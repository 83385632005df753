"""Make scans.tsv, the facts that plan a Narratives study without its data, from the dataset's own metadata.

python resources/narratives/make_facts.py DATASET, where DATASET holds `sub-*/func/*_events.tsv` and
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


def main(dataset: Path) -> None:
    """Write the table beside this script."""
    exclusions = {
        scan for listeners in json.loads((dataset / "code" / "scan_exclude.json").read_text()).values() for scans in listeners.values() for scan in scans
    }
    rows = [row for path in sorted(dataset.glob("sub-*/func/*_events.tsv")) for row in scan_rows(path, exclusions)]
    with (Path(__file__).parent / "scans.tsv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(
        f"{len(rows)} rows, {len({row['subject'] for row in rows})} listeners, {len({row['story'] for row in rows})} stories, {len(exclusions)} excluded scans"
    )


def scan_rows(path: Path, exclusions: set[str]) -> Iterator[dict[str, str]]:
    """Yield the rows of one scan: one for each audio file whose story was told in it."""
    name = path.name.removesuffix("_events.tsv")
    match = re.fullmatch(r"sub-(?P<subject>\w+?)_task-(?P<task>\w+?)(?:_run-(?P<run>\d+))?", name)
    if match is None:
        raise SystemExit(f"{path}: not the name of an events file")
    with path.open(encoding="utf-8", newline="") as stream:
        events = [event for event in csv.DictReader(stream, delimiter="\t") if event["stim_file"] != "n/a"]
    for stimulus in dict.fromkeys(event["stim_file"] for event in events):
        mine = [event for event in events if event["stim_file"] == stimulus]
        told = [event for event in mine if event["trial_type"] == "story"]
        yield {
            "subject": match["subject"],
            "task": match["task"],
            "run": match["run"] or "n/a",
            "story": stimulus.removesuffix("_audio.wav"),
            "stimulus": stimulus,
            "audio_onset": seconds(min(float(event["onset"]) for event in mine)),
            "story_onset": seconds(min(float(event["onset"]) for event in told)),
            "story_end": seconds(max(float(event["onset"]) + float(event["duration"]) for event in told)),
            "excluded": "named in the dataset's code/scan_exclude.json" if name in exclusions else "n/a",
        }


def seconds(value: float) -> str:
    """Return a time without needless digits."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
