"""Make responses.tsv and words.tsv, the facts that plan a study of LeBel et al. without its data.

python resources/lebel/make_facts.py CLONE [FOLDER], where CLONE is a git clone of OpenNeuro
ds003020 (a few MB of links; git-annex is not needed). The tables go into FOLDER, or beside this
script.
"""

import json
import sys
import tempfile
from dataclasses import astuple
from pathlib import Path

from engram.datasets.lebel import facts
from engram.fetch.git_tree import GitTree

with tempfile.TemporaryDirectory() as scratch:
    tree = GitTree(sys.argv[1], Path(scratch))
    keys, lengths = tree.keys(), json.loads(tree.read([facts.LENGTHS])[facts.LENGTHS])
folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent
tellings = facts.tellings_of(keys, lengths)
responses = facts.responses_of(keys, tellings)
for name, columns, rows in (
    ("responses.tsv", facts.RESPONSE_COLUMNS, responses),
    ("words.tsv", facts.WORDS_COLUMNS, tellings),
):
    lines = ["\t".join(columns), *("\t".join(map(str, astuple(row))) for row in rows)]
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
print(
    f"{len({one.subject for one in responses})} listeners, {len(responses)} response files, "
    f"{len(tellings)} stories"
)
