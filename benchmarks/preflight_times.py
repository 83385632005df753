"""Compare the times that preflight tells with those that a run takes.

It is done for Alice with a model, on this machine.

python benchmarks/preflight_times.py --mirror /path/to/mirror --folder /tmp/times
    an encoder of BERT's shape, random weights
python benchmarks/preflight_times.py --mirror ... --folder ...
    --model SmolLM2-135M-Instruct

A run that is there already is not made again: only compared. Measured are the seconds of each
job's sidecar, so without the start of its process; on a machine that does other things too,
look at the CPU time of all jobs, which stands beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from engram.study.config.read import read_study
from engram.study.needs import need
from engram.study.plan import make_plan
from engram.study.stages.preflight import all_jobs

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Run Alice with the model, and print a row for each rule."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mirror", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument(
        "--model",
        help=(
            "source of a model; without one an encoder is made: 6 layers, 384 units, random weights"
        ),
    )
    parser.add_argument("--cores", type=int, default=2)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    os.environ["ENGRAM_MIRROR"] = str(given.mirror.resolve())
    source = given.model or str(encoder(given.folder / "encoder"))
    raw = {
        "study": "times",
        "dataset": {"kind": "alice"},
        "models": {"model": {"source": source}},
        "baselines": ["word-rate", "reinitialised"],
    }
    folder = given.folder / ("run-" + Path(source).name)
    folder.mkdir(exist_ok=True)
    (folder / "times.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--cores",
        str(given.cores),
        "--snakefile",
        str(ROOT / "Snakefile"),
        "--configfile",
        "times.yaml",
    ]
    subprocess.run([*command, "--quiet", "all"], cwd=folder, check=True)
    os.chdir(folder)
    print(comparison(raw, folder / "results" / "times").to_string())


def encoder(folder: Path) -> Path:
    """Make an encoder of BERT's shape with random weights.

    It reads words in pieces of a few letters.
    """
    if (folder / "config.json").exists():
        return folder
    import tokenizers
    import torch
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    pieces = tokenizers.BertWordPieceTokenizer()
    text = [
        path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "resources" / "associations").glob("*.tsv"))
    ]
    pieces.train_from_iterator(text, vocab_size=3000, show_progress=False)
    special = {token: (token, pieces.token_to_id(token)) for token in ("[SEP]", "[CLS]")}
    pieces._tokenizer.post_processor = tokenizers.processors.BertProcessing(
        special["[SEP]"], special["[CLS]"]
    )
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("cls", "sep", "pad", "unk", "mask")}
    fast = PreTrainedTokenizerFast(tokenizer_object=pieces._tokenizer, **names)
    torch.manual_seed(0)
    BertModel(
        BertConfig(
            vocab_size=30_522,
            hidden_size=384,
            num_hidden_layers=6,
            num_attention_heads=12,
            intermediate_size=1536,
        )
    ).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def comparison(raw: dict[str, Any], results: Path) -> pd.DataFrame:
    """Return a row for each rule and one for all.

    Columns are jobs, seconds that preflight tells, seconds of the sidecars, CPU
    seconds, and told / measured.
    """
    study = read_study(raw)
    plan = make_plan(study)
    told = {
        rule: sum(need(study, plan, rule, one).seconds for one in jobs)
        for rule, jobs in all_jobs(study, plan).items()
    }
    seen: dict[tuple[str, str], float] = {}
    for path in results.rglob("*.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and (made := content.get("Provenance")):
            seen[made["Rule"], json.dumps(made["Wildcards"], sort_keys=True)] = made["Seconds"]
    measured: dict[str, float] = defaultdict(float)
    for (rule, _), seconds in seen.items():
        measured[rule] += seconds
    cpu = {
        rule: sum(
            _cpu(path)
            for path in (results / "benchmarks").rglob("*.tsv")
            if rule in (path.parent.name, path.stem)
        )
        for rule in told
    }
    table = (
        pd.DataFrame({"told": told, "measured": measured, "cpu": cpu}).loc[list(told)].fillna(0.0)
    )
    table.loc["all"] = table.sum()
    return table.assign(ratio=table["told"] / table["measured"]).round(2)


def _cpu(path: Path) -> float:
    return float(pd.read_csv(path, sep="\t")["cpu_time"].sum())


if __name__ == "__main__":
    main()
