"""Many runs of Snakemake, cheaply: processes that have libraries in memory, and fork.

A run costs a second of imports, and each of its jobs two to five (torch, himalaya, transformers).
One process forks for each run of Snakemake, and another, begun at the first job, for each job's
script. Engram itself is in neither: every run and every job reads it anew, edited as it may be.

`python forks.py runs` reads requests from standard input, one JSON object a line ({"folder": ...,
"arguments": [...], "environment": {...}, "jobs": socket or null}), and answers each with a line
({"status": ..., "output": ...}). `python forks.py jobs <socket>` serves `fork_a_job.py`, and
ends with its standard input.
"""

import atexit
import gc
import io
import json
import os
import runpy
import select
import signal
import socket
import sys
import tempfile
import threading
import traceback
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import NoReturn
from unittest import mock

#: Who asks for a job's fork in the place of a job's Python.
_CLIENT = Path(__file__).with_name("fork_a_job.py")


def run_snakemake(
    folder: str, arguments: list[str], environment: dict[str, str], jobs: str | None
) -> dict[str, object]:
    """Run Snakemake in a fork and return what it said.

    Its jobs fork from the process behind a socket, if one is named.
    """
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                _become(folder, environment, [1, 2], [output.fileno()] * 2)
                if jobs:
                    _let_jobs_fork(jobs)
                from snakemake.cli import main

                main(arguments)
            except SystemExit as end:
                status = int(end.code or 0)
            finally:
                _end(status)
        _, status = os.waitpid(child, 0)
        output.seek(0)
        return {
            "status": os.waitstatus_to_exitcode(status),
            "output": output.read().decode(errors="replace"),
        }


def import_libraries() -> None:
    """Import the libraries that jobs import, also those that they import late."""
    import h5netcdf  # noqa: F401
    import himalaya.backend
    import himalaya.kernel_ridge
    import himalaya.ridge
    import himalaya.scoring  # noqa: F401
    import jinja2  # noqa: F401
    import matplotlib.backends.backend_agg
    import matplotlib.backends.backend_svg
    import matplotlib.pyplot  # noqa: F401
    import nilearn.datasets
    import nilearn.glm.first_level
    import nilearn.plotting
    import nilearn.surface  # noqa: F401
    import peft  # noqa: F401
    import scipy.integrate
    import scipy.optimize
    import scipy.signal
    import scipy.stats  # noqa: F401
    import torch  # noqa: F401
    import xarray  # noqa: F401
    from transformers import AutoModel, AutoTokenizer, GPT2LMHeadModel, LlamaForCausalLM  # noqa: F401
    from transformers.conversion_mapping import get_checkpoint_conversion_mapping

    # Half a second at the first model that a process loads.
    get_checkpoint_conversion_mapping("gpt2")


def no_network() -> AbstractContextManager[object]:
    """Refuse connections: what is imported before a fork opens no network, as no job may."""

    def refuse(self: socket.socket, address: object) -> NoReturn:
        raise RuntimeError(f"an import opened the network: {address}")

    return mock.patch.multiple(socket.socket, connect=refuse, connect_ex=refuse)


def import_what_runs_import() -> None:
    """Import what a run of Snakemake imports, also late."""
    import jinja2  # noqa: F401
    import pandas  # noqa: F401
    import pydantic  # noqa: F401
    import requests  # noqa: F401
    import smart_open  # noqa: F401
    import snakemake.cli
    import snakemake.profiles
    import snakemake.report.html_reporter  # noqa: F401

    assert "engram" not in sys.modules, "every run and every job reads Engram anew"


def serve_jobs(place: str) -> None:
    """Fork for each job that is asked for at a socket; at the first, import what jobs import."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(place)
        server.listen(16)
        while sys.stdin not in select.select([server, sys.stdin], [], [])[0]:
            asked, _ = server.accept()
            _get_ready()
            if os.fork() == 0:
                server.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _run_job(asked)
            asked.close()


@cache
def _get_ready() -> None:
    """Import what jobs import; no fork looks at what is there already for what it could free."""
    with no_network():
        import_libraries()
        import_what_runs_import()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def _run_job(asked: socket.socket) -> NoReturn:
    """Run the script that is asked for in one more fork, and say how it ended."""
    size, streams, _, _ = socket.recv_fds(asked, 8, 3)
    content = b""
    while len(content) < int.from_bytes(size, "big"):
        content += asked.recv(1 << 16)
    request = json.loads(content)
    child = os.fork()
    if child == 0:
        asked.close()
        status = 1
        try:
            _become(request["folder"], request["environment"], [0, 1, 2], streams)
            sys.argv = [request["script"]]
            runpy.run_path(request["script"], run_name="__main__")
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
        finally:
            _end(status)
    _, ended = os.waitpid(child, 0)
    status = os.waitstatus_to_exitcode(ended)
    asked.sendall(bytes([status if status >= 0 else 128 - status]))
    os._exit(0)


def _end(status: int) -> NoReturn:
    """End a fork as a process of its own would end."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def serve_runs() -> None:
    """Import what runs import, and fork for each that is asked for on standard input."""
    with no_network():
        import_what_runs_import()
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(run_snakemake(**json.loads(line))), flush=True)


def _become(folder: str, environment: dict[str, str], streams: list[int], files: list[int]) -> None:
    """Take on a folder, an environment and the files behind standard streams."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for stream, file in zip(streams, files, strict=True):
        os.dup2(file, stream)
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(os.fdopen(os.dup(stream), "wb"), write_through=True) for stream in (1, 2)
    )
    # As a Python that begins does.
    paths = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:0] = [path for path in paths if path not in sys.path]
    sys.dont_write_bytecode = bool(environment.get("PYTHONDONTWRITEBYTECODE"))
    for path in paths:
        if (customize := Path(path) / "sitecustomize.py").is_file():
            runpy.run_path(str(customize))


def _let_jobs_fork(place: str) -> None:
    """Let this process's Snakemake give its scripts to the process that forks for each."""
    from snakemake.script import PythonScript

    def execute_script(self: PythonScript, fname: str, edit: bool = False) -> None:
        self._execute_cmd(
            "{python} -SE {client} {place} {fname:q}",
            python=sys.executable,
            client=str(_CLIENT),
            place=place,
            fname=fname,
        )

    PythonScript.execute_script = execute_script


if __name__ == "__main__":
    if sys.argv[1] == "jobs":
        serve_jobs(sys.argv[2])
    else:
        serve_runs()
