"""Make scans.tsv, the facts that plan a Narratives study without its data.

They are taken from the dataset's own metadata.

python resources/narratives/make_facts.py DATASET [TABLE], where DATASET holds
    participants.tsv, `sub-*/func/*_events.tsv`
and `code/scan_exclude.json` (a clone of OpenNeuro ds002345 or of the DataLad
dataset: a few MB of text).
"""

import sys
from pathlib import Path

from engram.datasets.narratives.facts import read_dataset, write_facts

facts = read_dataset(Path(sys.argv[1]))
write_facts(Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent / "scans.tsv", facts)
scans = {fact.scan: fact.excluded for fact in facts}
print(
    f"{len(facts)} rows, {len(scans)} scans, "
    f"{sum(reason is not None for reason in scans.values())} of them excluded, "
    f"{len({fact.subject for fact in facts})} listeners, "
    f"{len({fact.story for fact in facts})} stories"
)
