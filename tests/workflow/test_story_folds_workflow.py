"""Stories that are left out, from the configuration to the tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from conftest import jobs, snakemake
from made_bids import make

pytestmark = pytest.mark.slow

STORIES = ("fable", "myth", "tale")


def write(folder: Path, **folds: Any) -> None:
    study = {
        "study": "left-out",
        "dataset": {"kind": "bids", "path": "data", "confounds": None},
        "models": {},
        "baselines": ["word-rate"],
        "encoding": {"folds": {"by": "story", **folds}},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))


def run(folder: Path, *arguments: str) -> Any:
    return snakemake(
        "--until", "tables", "folds", "--configfile", "study.yaml", *arguments, folder=folder
    )


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / "results" / "left-out" / "tables" / f"{name}.tsv", sep="\t")


def test_stories_are_left_out_by_the_workflow(tmp_path: Path) -> None:
    make(tmp_path / "data", "parcels", ("01", "02", "03"), STORIES)
    write(tmp_path)
    found = run(tmp_path)
    assert found.returncode == 0, found.stdout[-3000:]
    folds = table(tmp_path, "folds")
    assert len(folds) == 9 and set(folds["role"]) == {"tested"}
    assert set(folds["n_other_stories"]) == {2}
    each = table(tmp_path, "scores").query("subject != 'average'").groupby("subject")["score"]
    # BOLD follows the words of every story in one way: what is learned holds for another.
    assert (each.mean() > 0.05).all()
    write(tmp_path, test=["tale"])
    planned = jobs(run(tmp_path, "-n"))
    assert planned["encoding"] == 1 and planned["tables"] == 1
    assert not {"bold", "story", "activations"} & set(planned)
    assert run(tmp_path).returncode == 0
    roles = table(tmp_path, "folds").set_index("story")["role"]
    assert set(roles["tale"]) == {"tested"} and set(roles[["fable", "myth"]]) == {"taught"}
