"""What reading in strided windows changes in R and F, on real brains.

It is set beside reading each word with its own window.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from paired import say

PROJECT = Path(__file__).parents[1]
MODEL = "stories260K"


def study(name: str, mode: str, context: int) -> dict[str, Any]:
    """Return a study of Alice that reads in one way."""
    return {
        "study": name,
        "dataset": {"kind": "alice"},
        "models": {"stories260K": {"source": MODEL}},
        "activations": {"mode": mode, "context": context},
        "associations": {"word-judged": {}},
        # Half of a window for insertions, so that short ones hold the densest stretch.
        "association_effect": {
            "room": 2,
            "controls": {"random": 1, "shuffled": 0, "displaced": 0, "repeat": 0, "passage": 0},
        },
    }


def differences(contexts: list[int], folder: Path) -> list[dict[str, Any]]:
    """Run Alice with both ways of reading, and return how R and F at the reported layer differ.

    It needs the mirror.

    Parameters
    ----------
    contexts : list of int
        Tokens.
    folder : path
        Where the configurations and results go.
    """
    rows = []
    for context in contexts:
        tables = {}
        for mode in ("strided", "exact"):
            name = f"bench-{mode}-{context}"
            path = folder / f"{name}.yaml"
            path.write_text(
                yaml.safe_dump(
                    {**study(name, mode, context), "pathvars": {"results": str(folder / name)}}
                )
            )
            command = [
                sys.executable,
                "-m",
                "snakemake",
                "--cores",
                "all",
                "--max-threads",
                "1",
                "--resources",
                "gpu=64",
                "--configfile",
                str(path),
            ]
            environment = {
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            }
            ended = subprocess.run(
                [*command, "--until", "tables", "association_tables"],
                cwd=PROJECT,
                env=environment,
                capture_output=True,
                text=True,
            )
            if ended.returncode:
                raise SystemExit(ended.stdout + ended.stderr)
            scores = pd.read_csv(folder / name / "tables/scores.tsv", sep="\t")
            effects = pd.read_csv(folder / name / "tables/association.tsv", sep="\t").query(
                "model == 'stories260K'"
            )
            layer = int(effects["layer"].iloc[0])
            at = (
                scores[(scores["model"] == "stories260K") & (scores["layer"] == layer)]
                .groupby(["subject", "roi"])["score"]
                .mean()
            )
            tables[mode] = (at, effects.set_index(["hemisphere", "roi"])["F"])
        (r, f), (r_exact, f_exact) = tables["strided"], tables["exact"]
        own = r.index.get_level_values("subject") != "average"
        rows.append(
            {
                "context": context,
                "mean R, strided": round(float(r[own].mean()), 4),
                "mean R, exact": round(float(r_exact[own].mean()), 4),
                "largest difference of a region's mean R": round(
                    float((r - r_exact)[own].groupby("roi").mean().abs().max()), 4
                ),
                "mean F, strided": round(float(f.mean()), 4),
                "mean F, exact": round(float(f_exact.mean()), 4),
                "largest difference of a region's F": round(float((f - f_exact).abs().max()), 4),
            }
        )
        say(f"  context {context}: {rows[-1]}")
    return rows
