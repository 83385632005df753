"""What is shown of Python runs: docs/how-to/python.md and the notebook, on small made data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from conftest import MODELS, ROOT, random_words, regions, write_table_study

import engram
from engram.vocabulary import MIRROR_VARIABLE

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "how-to" / "python.md").read_text(encoding="utf-8")
NOTEBOOK = ROOT / "examples" / "brain_score.ipynb"
FAST = {"encoding": {"folds": 2, "inner_folds": 2, "alphas": [1, 1000]}, "ceiling": {"halves": 5}}
#: The block that opens a finished study, which a test of finished studies runs.
OPENS = "engram.load("
#: What takes the place of models of the hub.
HUB = {"gpt2": "gpt2-tiny", "HuggingFaceTB/SmolLM2-135M-Instruct": "llama-tiny"}


def tables(folder: Path) -> Path:
    """A folder of tables: a story of two minutes, four listeners."""
    rng = np.random.default_rng(0)
    bold = {f"0{number}": rng.standard_normal((75, 4)) for number in range(1, 5)}
    write_table_study(folder, bold, random_words(300), regions(4))
    return folder


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with tables. Models of the hub and Alice are others here: nothing is fetched."""
    tables(tmp_path / "my_data")
    monkeypatch.chdir(tmp_path)
    score = engram.brain_score

    def without_network(model: Any, data: Any = None, **options: Any) -> engram.BrainScores:
        if isinstance(model, str) and model in HUB:
            model = MODELS / HUB[model]
        if isinstance(model, dict) and model["source"] == "gpt2":
            model = {**model, "source": str(MODELS / "gpt2-tiny")}
        if data == "alice":
            data, options = "my_data", {"tr": 1.5, **options}
        return score(model, data, progress=False, **{"settings": FAST, **options})

    monkeypatch.setattr(engram, "brain_score", without_network, raising=False)


@pytest.mark.parametrize("page", ["README.md", "docs/tutorials/compare-models.md"])
def test_blocks_of_other_pages_run(page: str, offline: None) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(block, names)
    assert any(isinstance(value, engram.BrainScores) for value in names.values())
    saved = re.findall(r"save\(\"(.+?)\"\)", "".join(blocks))
    assert all(Path(name).stat().st_size > 1000 for name in saved)


def test_blocks_of_the_page_run(offline: None) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 7 and sum(OPENS in block for block in blocks) == 1
    names: dict[str, Any] = {}
    for block in blocks:
        if OPENS not in block:
            exec(block, names)
    assert names["mine"].name == "mine" and names["mine"].settings["encoding"]["folds"] == 4
    assert names["r"].shape == (5, 50)


def test_what_the_page_says_that_there_is_is_there() -> None:
    asked = set(re.findall(r"`result\.(\w+)", PAGE))
    assert len(asked) > 4
    assert asked <= {*engram.BrainScores.__dataclass_fields__, *dir(engram.BrainScores)}


def run(**values: str) -> dict[str, Any]:
    """Run the notebook with other values of its parameters; return its names."""
    names: dict[str, Any] = {}
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:  # type: ignore[no-untyped-call]
        if cell.cell_type == "code":
            source = cell.source
            if "parameters" in cell.metadata.get("tags", ()):
                for name, value in values.items():
                    source, changed = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", source)
                    assert changed == 1
            exec(source, names)
    return names


def test_the_notebook_is_short_and_holds_no_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    lines = [line for cell in code for line in cell.source.splitlines() if line.strip()]
    assert len(lines) <= 20


def test_the_notebook_runs(tmp_path: Path) -> None:
    models = {name: str(MODELS / f"{name}-tiny") for name in ("gpt2", "llama")}
    data = {"data": str(tables(tmp_path / "data")), "tr": 1.5, "progress": False}
    names = run(models=repr(models), data=repr(data))
    assert set(names["single"]["model"]) == {"gpt2", "llama", "word-rate"}
    assert names["plot"]._repr_png_()


def test_the_notebook_runs_on_alice(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MIRROR_VARIABLE, str(mirror))
    names = run(
        models="{'stories260K': 'stories260K'}",
        data=repr({"data": "alice", "downloads": str(tmp_path), "progress": False}),
    )
    means = names["single"].groupby("model")["score"].mean()
    assert names["single"]["subject"].nunique() == 27
    assert 0.01 < means["stories260K"] < 0.1
