"""Many dry-runs, cheaply: a process that has Snakemake in memory and forks for each.

Reads requests from standard input, one JSON object a line ({"folder": ..., "arguments": [...], "environment": {...}}), and answers each with a line
({"status": ..., "output": ...}). Engram itself is not in memory: every dry-run reads it anew, edited as it may be.
"""

import io
import json
import os
import sys
import tempfile

import pandas  # noqa: F401
import pydantic  # noqa: F401
from snakemake.cli import main


def answer(folder: str, arguments: list[str], environment: dict[str, str]) -> dict[str, object]:
    """Run Snakemake in a fork and return what it said."""
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.chdir(folder)
                os.environ.clear()
                os.environ.update(environment)
                for stream in (1, 2):
                    os.dup2(output.fileno(), stream)
                sys.stdout, sys.stderr = (io.TextIOWrapper(os.fdopen(os.dup(stream), "wb"), write_through=True) for stream in (1, 2))
                main(arguments)
            except SystemExit as end:
                status = int(end.code or 0)
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        output.seek(0)
        return {"status": os.waitstatus_to_exitcode(status), "output": output.read().decode(errors="replace")}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(**json.loads(line))), flush=True)
