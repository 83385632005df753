"""What comes from outside cannot run code, leave its folder, or carry a secret into results."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import MODELS, ROOT

from engram.datasets.narratives import facts
from engram.errors import EngramError
from engram.features.language_models import activations
from engram.fetch import hugging_face
from engram.study.config.read import read_study

SOURCES = sorted(
    [*(ROOT / "src" / "engram").rglob("*.py"), *(ROOT / "workflow" / "scripts").glob("*.py")]
)


@pytest.fixture
def with_code(tmp_path: Path) -> Path:
    """A model that brings code of its own, which leaves a trace when it runs."""
    folder = tmp_path / "model"
    shutil.copytree(MODELS / "llama-tiny", folder)
    content = json.loads((folder / "config.json").read_text())
    content |= {
        "model_type": "unheard-of",
        "architectures": ["Own"],
        "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModel": "own.Own"},
    }
    (folder / "config.json").write_text(json.dumps(content))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'trace')!r}, 'w')\n")
    return folder


def test_code_of_a_model_never_runs(with_code: Path) -> None:
    with pytest.raises(
        EngramError,
        match="(?s)cannot be loaded: it needs code of its own .*trust_remote_code: true",
    ):
        activations.load(with_code)
    assert not (with_code.parent / "trace").exists()


#: How functions name what says whether a model's own code may run.
HANDED_ON = ("code", "source.code", "base.code")


def test_every_loading_of_a_model_says_no_to_its_code_and_to_pickles() -> None:
    loads = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("from_pretrained", "from_config")
            ):
                given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                owner = ast.unparse(node.func.value)
                loads.append(owner)
                if owner in ("PeftModel", "PeftConfig"):
                    # Read adapter_config.json and adapter_model.safetensors, which
                    # `engram.features.language_models.adapters` asks for.
                    continue
                assert given.get("trust_remote_code") in ("False", *HANDED_ON), (
                    f"{path.name}: {ast.unparse(node)}"
                )
                if (
                    path.name == "model_loading.py" or owner.startswith("AutoModel")
                ) and node.func.attr == "from_pretrained":
                    assert given.get("use_safetensors") == "True", (
                        f"{path.name}: {ast.unparse(node)}"
                    )
    assert len(loads) > 8


def test_code_of_a_model_is_off_wherever_it_could_be_on() -> None:
    """What is handed on as `code` is an argument, or what the configuration says of the model.

    Without the argument there is no code.
    """
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                plain = dict(
                    zip(
                        reversed([one.arg for one in node.args.args]),
                        reversed([*map(ast.unparse, node.args.defaults)]),
                        strict=False,
                    )
                )
                named = {
                    one.arg: value and ast.unparse(value)
                    for one, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
                }
                known = {**dict.fromkeys([one.arg for one in node.args.args]), **plain, **named}
                assert known.get("code", "False") == "False", f"{path.name}: {node.name}"
            if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "code":
                assert node.value is None or ast.unparse(node.value) == "False", path.name
            if isinstance(node, ast.Call):
                given = [ast.unparse(one.value) for one in node.keywords if one.arg == "code"]
                allowed = (
                    *HANDED_ON,
                    *("is_allowed(config['model'], base)", "model.trust_remote_code"),
                )
                assert not given or given[0] in allowed, f"{path.name}: {ast.unparse(node)}"


def test_nothing_unpickles_or_evaluates() -> None:
    forbidden = {"pickle", "joblib", "dill", "cloudpickle", "marshal", "shelve"}
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        modules = {
            alias.name.split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        modules |= {
            (node.module or "").split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
        }
        assert not modules & forbidden, path.name
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "np.load":
                given = {one.arg: ast.unparse(one.value) for one in node.keywords}
                assert given.get("allow_pickle") == "False", path.name
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not called & {
            "eval",
            "exec",
            "torch.load",
            "yaml.load",
            "os.system",
            "pd.read_pickle",
        }, path.name


def test_pickled_weights_are_neither_fetched_nor_enough(tmp_path: Path) -> None:
    source = tmp_path / "mirror" / "models" / "pickled"
    shutil.copytree(MODELS / "llama-tiny", source)
    (source / "model.safetensors").rename(source / "pytorch_model.bin")
    (source / "own.py").write_text("1 / 0\n")
    with pytest.raises(EngramError, match="pickled weights are not loaded"):
        hugging_face.fetch_model(
            "pickled", tmp_path / "here", revision=None, mirror=str(tmp_path / "mirror")
        )
    assert not [
        path.name for path in (tmp_path / "here").iterdir() if path.suffix in (".bin", ".py")
    ]
    with pytest.raises(EngramError, match="pickled weights are not loaded"):
        hugging_face.fetch_model(
            "pickled", tmp_path / "there", revision=None, mirror=str(tmp_path / "mirror"), code=True
        )
    assert [
        path.name for path in (tmp_path / "there").iterdir() if path.suffix in (".bin", ".py")
    ] == ["own.py"]


WRONG_NAMES = ["../x", "a/b", "/etc", "..", ".x", "a..b", "a b", "a\nb", "-x", ""]


@pytest.mark.parametrize("name", WRONG_NAMES)
def test_names_that_become_paths_cannot_leave_their_folder(name: str) -> None:
    table = {"kind": "table", "path": "data", "tr": 1.5}
    model = {"source": str(MODELS / "llama-tiny")}
    wrong: list[dict[str, Any]] = [
        {"study": name},
        {"models": {name: model}},
        {"associations": {name: {}}},
        {"tunings": {name: {}}},
        {"dataset": {**table, "stories": [name]}},
        {"dataset": {**table, "exclude": {name: "asleep"}}},
    ]
    for change in wrong:
        with pytest.raises(EngramError, match="a name has letters and digits"):
            read_study({"study": "mine", "dataset": table, "models": {"tiny": model}, **change})


@pytest.mark.parametrize("column", ["subject", "task", "run", "story", "stimulus"])
def test_facts_of_a_dataset_cannot_leave_its_folder(column: str, tmp_path: Path) -> None:
    row = {
        "subject": "001",
        "task": "pieman",
        "run": "1",
        "story": "pieman",
        "stimulus": "pieman",
        "audio_onset": "0",
        "story_onset": "15",
        "story_end": "437",
    }
    row = {**row, "excluded": "n/a", column: "../../x"}
    (tmp_path / "facts.tsv").write_text("\t".join(row) + "\n" + "\t".join(row.values()) + "\n")
    with pytest.raises(EngramError, match=f"{column} '../../x' has other signs"):
        facts.read_facts(tmp_path / "facts.tsv")


@pytest.mark.parametrize(
    "address", ["https://me:s3cret@host/v1", "http://s3cret@host:8000/v1", "ssh://s3cret@host/data"]
)
def test_secrets_in_addresses_are_refused_and_not_repeated(address: str) -> None:
    base = {
        "study": "mine",
        "dataset": {"kind": "narratives", "stories": ["pieman"]},
        "baselines": ["word-rate"],
    }
    for change in (
        {"associations": {"a": {"annotator": {"model": "m", "address": address}}}},
        {"dataset": {**base["dataset"], "source": address}},  # type: ignore[dict-item]
    ):
        with pytest.raises(EngramError, match="must not hold a user name") as error:
            read_study({**base, **change})
        assert "s3cret" not in str(error.value)
