"""What several tests need: a mirror, small models, a small table study.

The mirror is used where there is one; of models there is every type.
"""

from __future__ import annotations

import atexit
import gc
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engram.vocabulary import MIRROR_VARIABLE

# Nothing heavy is imported here: the process that only hands out tests would wait for it.
if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "resources" / "models"
STORY = (ROOT / "resources" / "texts" / "stories" / "lighthouse.txt").read_text()


#: Where the mirror is for the tests that ask for it. For all others there is none: a study's models
#: would be looked for there.
_OF_TESTS = "ENGRAM_MIRROR_OF_TESTS"
if MIRROR_VARIABLE in os.environ:
    os.environ[_OF_TESTS] = os.environ.pop(MIRROR_VARIABLE)


#: Files that take longest go first, so that no worker is alone with one at the end.
LONGEST = (
    "test_reruns.py",
    "test_workflow.py",
    "test_current_results.py",
    "test_tunings_workflow.py",
    "test_associations_workflow.py",
    "test_narratives_whole.py",
    "test_benchmarks.py",
    "test_remote_code.py",
)


@pytest.hookimpl
def pytest_xdist_auto_num_workers() -> int:
    """Return one worker more than there are cores, for while one waits for Snakemake; 8 at most."""
    return min((os.cpu_count() or 1) + 1, 8)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, then others that hold slow tests."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(
        key=lambda item: (
            LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST),
            item.path not in slow,
        )
    )


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Collect without looking for what could be freed: libraries stay until the end.

    The half million objects that they hold are not looked at during the tests either.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


# ------------------------------------------- tiers: `make test-fast` leaves out what is marked slow
#: The fast test that runs now, if one does.
_fast: list[str] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Know of each test that runs whether it is a fast one, its fixtures included."""
    _fast[:] = [] if item.get_closest_marker("slow") else [item.nodeid]
    try:
        return (yield)
    finally:
        _fast.clear()


def refuse_in_a_fast_test(command: Iterable[str | bytes | os.PathLike[str]]) -> None:
    """Fail a test that is not marked slow and starts Snakemake."""
    if _fast and any(Path(os.fsdecode(word)).name in ("snakemake", "forks.py") for word in command):
        pytest.fail(
            f"{_fast[0]} starts Snakemake, which takes seconds. Mark it, or the test that first "
            "asks for its fixture: @pytest.mark.slow"
        )


def _watch_processes(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen":
        refuse_in_a_fast_test(arguments[1])


sys.addaudithook(_watch_processes)


# ---------------------------------------------------------------- what tests share
@pytest.fixture(scope="session")
def mirror() -> Path:
    """A folder with copies of the public files."""
    folder = os.environ.get(_OF_TESTS)
    if not folder or not Path(folder).is_dir():
        pytest.skip("no mirror of the public files here (ENGRAM_MIRROR)")
    return Path(folder)


def story_words(number: int) -> list[str]:
    """The first words of a story."""
    return STORY.split()[:number]


@pytest.fixture
def job_in_this_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A job takes its process for itself; tests want back what it takes.

    That is the package's log, the devices, and what is done with errors.
    """
    logger = logging.getLogger("engram")
    before = logger.handlers, logger.propagate, logger.level
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    for name in ("CUDA_VISIBLE_DEVICES", "HF_HUB_OFFLINE", "HF_HUB_DISABLE_PROGRESS_BARS"):
        monkeypatch.setenv(name, "")  # remembered, as it is or as it is not
        monkeypatch.delenv(name)
    yield
    logging.captureWarnings(False)
    logger.handlers, logger.propagate = before[:2]
    logger.setLevel(before[2])


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small BERT with random weights and a word-piece tokenizer."""
    import tokenizers
    import torch
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    tokenizer = tokenizers.BertWordPieceTokenizer()
    tokenizer.train_from_iterator([STORY], vocab_size=300, show_progress=False)
    special = {token: (token, tokenizer.token_to_id(token)) for token in ("[SEP]", "[CLS]")}
    tokenizer._tokenizer.post_processor = tokenizers.processors.BertProcessing(
        special["[SEP]"], special["[CLS]"]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer._tokenizer,
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        unk_token="[UNK]",
        mask_token="[MASK]",
    )
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(fast),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    folder = tmp_path_factory.mktemp("models") / "encoder"
    BertModel(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def write_table_study(
    folder: Path,
    subjects: dict[str, np.ndarray],
    words: pd.DataFrame,
    targets: pd.DataFrame,
    story: str = "tale",
) -> None:
    """Write a table study: one story, each listener's BOLD of shape (n_trs, n_targets)."""
    import pandas as pd

    folder.mkdir(parents=True, exist_ok=True)
    words.to_csv(
        folder / f"story-{story}_words.tsv", sep="\t", index=False, na_rep="n/a", quoting=3
    )
    targets.to_csv(folder / "targets.tsv", sep="\t", index=False)
    for subject, values in subjects.items():
        pd.DataFrame(values, columns=targets["target"]).to_csv(
            folder / f"sub-{subject}_story-{story}_timeseries.tsv",
            sep="\t",
            index=False,
            float_format="%.5g",
        )


def random_words(number: int, rate: float = 2.5, seed: int = 0) -> pd.DataFrame:
    """Words of the story with random times."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(seed)
    onsets = np.cumsum(rng.uniform(0.5, 1.5, number)) / rate
    return pd.DataFrame(
        {
            "word": (STORY.split() * (number // 500 + 1))[:number],
            "onset": onsets.round(3),
            "offset": (onsets + 0.2).round(3),
        }
    )


def regions(number: int) -> pd.DataFrame:
    """A table of targets in two regions of both hemispheres."""
    import pandas as pd

    rows: list[dict[str, Any]] = [
        {"target": f"t{i}", "hemisphere": "LR"[i % 2], "roi": ("one", "two")[i // 2 % 2]}
        for i in range(number)
    ]
    return pd.DataFrame(rows)


def command(
    *arguments: str | Path, environment: dict[str, str] | None = None
) -> tuple[list[str], dict[str, str]]:
    """Return the command that runs Snakemake on the project's Snakefile, and its environment."""
    words = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(ROOT / "Snakefile"),
        "--cores",
        "2",
        "--max-threads",
        "1",
        "--resources",
        "gpu=2",
        # What tests look for is Snakemake's own: files, reasons and counts.
        "--logger-engram-details",
    ]
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return [*words, *map(str, arguments)], {**clean, **(environment or {})}


#: Where forks for jobs are asked for: a socket, which workers inherit from the process that hands
#: out tests.
_JOBS = "ENGRAM_FORKED_JOBS_OF_TESTS"


def pytest_configure(config: pytest.Config) -> None:
    """Begin the process that forks for the jobs of all workers; it imports when it is first asked.

    It ends when its standard input does: with this process, however that ends.
    """
    if hasattr(config, "workerinput"):
        return
    folder = tempfile.TemporaryDirectory(prefix="engram-forks-")
    config.add_cleanup(folder.cleanup)
    os.environ[_JOBS] = str(Path(folder.name) / "jobs")
    begun = begin_forks("jobs", os.environ[_JOBS])
    config.add_cleanup(lambda: end_forks(begun))


def begin_forks(*arguments: str) -> subprocess.Popen[str]:
    """Begin a process that has libraries in memory and forks (`forks.py`)."""
    # What jobs set before they import, and what would leave threads behind in forks.
    variables = {
        **command()[1],
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "agg",
    }
    words = [sys.executable, str(ROOT / "tests" / "helpers" / "forks.py"), *arguments]
    return subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables
    )


def end_forks(process: subprocess.Popen[str]) -> None:
    """End a process that forks."""
    process.kill()
    process.communicate()


class Forks:
    """A process that forks for each run of Snakemake, which spares the second of its imports.

    Its jobs are forks of another, which has their libraries in memory.
    """

    def __init__(self) -> None:
        self.process = begin_forks("runs")

    def run(
        self,
        folder: Path,
        arguments: list[str],
        environment: dict[str, str],
        *,
        fork_jobs: bool = False,
    ) -> tuple[int, str]:
        """Run Snakemake in a folder; return its status and what it said."""
        refuse_in_a_fast_test(["snakemake"])
        request = {
            "folder": str(folder),
            "arguments": arguments,
            "environment": environment,
            "jobs": os.environ[_JOBS] if fork_jobs else None,
        }
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return answer["status"], answer["output"]


@cache
def forks() -> Forks:
    """The process that all tests of a worker share."""
    made = Forks()
    atexit.register(end_forks, made.process)
    return made


def snakemake(
    *arguments: str | Path,
    folder: Path = ROOT,
    environment: dict[str, str] | None = None,
    own_processes: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run Snakemake on the project's Snakefile from a folder.

    It and its jobs are forks of processes that have imported what they need, unless the way
    in which they begin is what is tried.
    """
    words, variables = command(*arguments, environment=environment)
    if own_processes:
        return subprocess.run(
            words,
            cwd=folder,
            capture_output=True,
            text=True,
            env=variables,
            check=False,
            timeout=1200,
        )
    status, output = forks().run(folder, words[3:], variables, fork_jobs="-n" not in arguments)
    # In the order in which it was said, wherever it went.
    return subprocess.CompletedProcess(words, status, output, output)


def heed_interrupts() -> None:
    """For `preexec_fn`: a program heeds Ctrl-C (SIGINT) also in a shell's background.

    Tests may run there, and it ignores SIGINT for all that it starts.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def jobs(result: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """Return the counts of planned jobs by rule; none when there is nothing to do."""
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    text = result.stdout + result.stderr
    if "Nothing to be done" in text:
        return {}
    table = text.split("Job stats:\n", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return {line.split()[0]: int(line.split()[1]) for line in table if not line.startswith("total")}


def story_bold(*arguments: Any, **options: Any) -> tuple[xr.Dataset, pd.DataFrame]:
    """What `engram.bold.story_bold.story_bold` returns, with BOLD as it is read again.

    In standard deviations.
    """
    import xarray as xr

    from engram.bold import story_bold as reading

    result, scans = reading.story_bold(*arguments, **options)
    return xr.decode_cf(result), scans
