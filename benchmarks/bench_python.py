"""`engram.brain_score` beside the workflow's jobs, on one study of tables that is made for it.

Both work in processes of their own with one thread, one after the other. Seconds are those of the
work: the jobs' without their starts, and the call's without the import of engram.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import yaml
from paired import say

from engram.files import storage
from engram.jobs.provenance import peak_memory

PROJECT = Path(__file__).parents[1]
TOKENIZER = PROJECT / "resources" / "models" / "gpt2-tiny"
TEXT = PROJECT / "resources" / "texts" / "stories" / "lighthouse.txt"
TR = 1.5
#: The rules that `brain_score` does the work of.
_RULES = {"story", "activations", "bold", "ceiling", "encoding", "tables"}


class Shape(NamedTuple):
    """What is scored: listeners x targets x TRs, and the words and the size of a model."""

    listeners: int = 20
    targets: int = 1000
    trs: int = 400
    words: int = 1200
    layers: int = 6
    units: int = 384


def compared(shape: Shape, repeats: int) -> dict[str, Any]:
    """Run both, in turn, and compare times, memory and scores.

    Parameters
    ----------
    shape : Shape
    repeats : int
        Rounds.

    Returns
    -------
    dict
        ``shape``; ``jobs`` and ``call`` (medians of seconds and peaks, GB); ``ratio`` (call over
        jobs, median of rounds) with ``lowest`` and ``highest``; ``largest difference`` of R.
    """
    say(f"brain_score beside jobs: {shape}")
    rounds = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _make(folder, shape)
        for _ in range(repeats):
            rounds.append((_jobs(folder), _call(folder)))
            say(f"  jobs {rounds[-1][0]}, call {rounds[-1][1]}")
        path = next((folder / "results" / "scores").glob("*_model-model_*scores.nc"))
        with storage.open_dataset(path) as made:
            expected = made["r"].mean("story").transpose("subject", "layer", "target").values
        difference = float(np.abs(np.load(folder / "call.npy") - expected).max())
    ratios = [call["seconds"] / jobs["seconds"] for jobs, call in rounds]
    return {
        "shape": shape._asdict(),
        "repeats": repeats,
        **{
            name: {
                "seconds": round(statistics.median(one[at]["seconds"] for one in rounds), 2),
                "peak_gb": round(statistics.median(one[at]["peak_gb"] for one in rounds), 3),
            }
            for at, name in enumerate(("jobs", "call"))
        },
        "ratio": round(statistics.median(ratios), 3),
        "lowest": round(min(ratios), 3),
        "highest": round(max(ratios), 3),
        "largest difference": difference,
    }


def _make(folder: Path, shape: Shape) -> None:
    """Write tables of noise, a model of random weights, and the study."""
    import torch
    from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

    rng = np.random.default_rng(0)
    text = TEXT.read_text(encoding="utf-8").split()
    onsets = np.sort(rng.uniform(0, (shape.trs - 10) * TR, shape.words)).round(3)
    words = [text[number % len(text)] for number in range(shape.words)]
    data = folder / "data"
    data.mkdir()
    pd.DataFrame({"word": words, "onset": onsets, "offset": onsets + 0.1}).to_csv(
        data / "story-tale_words.tsv", sep="\t", index=False, quoting=3
    )
    names = [f"t{number}" for number in range(shape.targets)]
    regions = [f"r{number % 10}" for number in range(shape.targets)]
    pd.DataFrame({"target": names, "hemisphere": "L", "roi": regions}).to_csv(
        data / "targets.tsv", sep="\t", index=False
    )
    for number in range(shape.listeners):
        bold = rng.standard_normal((shape.trs, shape.targets)).round(4)
        pd.DataFrame(bold, columns=names).to_csv(
            data / f"sub-{number:02d}_story-tale_timeseries.tsv", sep="\t", index=False
        )
    tokenizer = AutoTokenizer.from_pretrained(TOKENIZER)
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_layer=shape.layers,
        n_embd=shape.units,
        n_head=shape.units // 64,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    GPT2LMHeadModel(config).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    study = {
        "study": "made",
        "dataset": {"kind": "table", "path": "data", "tr": TR},
        "models": {"model": {"source": "model"}},
        "baselines": [],
        "pathvars": {"results": "results", "downloads": "downloads"},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))


def _run(folder: Path, *command: str) -> str:
    """Run Python with one thread in a folder, and return what it printed."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environment = {**os.environ, **threads}
    environment.pop("ENGRAM_MIRROR", None)  # the model is looked for in the folder alone
    ended = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True
    )
    if ended.returncode:
        raise SystemExit(ended.stdout + ended.stderr)
    return ended.stdout


def _jobs(folder: Path) -> dict[str, float]:
    """Run the jobs from nothing, and return their seconds and largest peak."""
    results = folder / "results"
    shutil.rmtree(results, ignore_errors=True)
    wanted = ("results/tables/scores.tsv", "results/tables/ceilings.tsv")
    options = ("--configfile", "study.yaml", "--cores", "1")
    _run(folder, "-m", "snakemake", *wanted, "--snakefile", str(PROJECT / "Snakefile"), *options)
    said = [storage.read_json(path).get("Provenance", {}) for path in results.rglob("*.json")]
    # A job with several outputs says the same beside each.
    ran = {str(one["Wildcards"]) + one["Rule"]: one for one in said if one.get("Rule") in _RULES}
    if missing := _RULES - {one["Rule"] for one in ran.values()}:
        raise SystemExit(f"jobs are missing: {sorted(missing)}")
    return {
        "seconds": round(sum(one["Seconds"] for one in ran.values()), 2),
        "peak_gb": round(max(one["PeakMemoryMB"] for one in ran.values()) / 1024, 3),
    }


def _call(folder: Path) -> dict[str, float]:
    """Call `brain_score`, and return its seconds and peak."""
    found: dict[str, float] = json.loads(_run(folder, __file__).splitlines()[-1])
    return found


def _score() -> None:
    """Score the study of the working directory, and print what it took."""
    import time

    import engram

    call = engram.brain_score
    start = time.monotonic()
    result = call("model", "data", tr=TR, name="model", progress=False)
    seconds = time.monotonic() - start
    np.save("call.npy", result.scores.values)
    print(json.dumps({"seconds": round(seconds, 2), "peak_gb": round(peak_memory() / 2**30, 3)}))


if __name__ == "__main__":
    _score()
