"""Make scans.tsv and words.tsv, the facts that plan a study of Le Petit Prince without its data.

python resources/littleprince/make_facts.py CLONE [FOLDER], where CLONE is a git clone of OpenNeuro
ds003643 (a few MB of links; git-annex is not needed). The tables go into FOLDER, or beside this
script.
"""

import sys
import tempfile
from pathlib import Path

from engram.datasets.littleprince import facts
from engram.fetch.annex_keys import read_key
from engram.fetch.git_tree import GitTree

with tempfile.TemporaryDirectory() as scratch:
    keys = GitTree(sys.argv[1], Path(scratch)).keys()
folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent
scans = facts.scans_of(keys)
words = {path: read_key(key) for path, key in facts.words_of(keys).items()}
for name, columns, rows in (
    (
        "scans.tsv",
        facts.SCAN_COLUMNS,
        [(scan.subject, scan.section, scan.run, scan.bytes, scan.md5) for scan in scans],
    ),
    (
        "words.tsv",
        facts.WORDS_COLUMNS,
        [(path, key.size, key.digest) for path, key in words.items()],
    ),
):
    lines = ["\t".join(columns), *("\t".join(map(str, row)) for row in rows)]
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
print(f"{len({scan.subject for scan in scans})} listeners, {len(scans)} scans, {len(words)} files")
