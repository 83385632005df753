"""Which packages may import which: one direction, no circle."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import engram
from engram.datasets.kinds import KINDS
from engram.features import kinds as feature_kinds
from engram.study import code_digest

SOURCE = Path(engram.__file__).parent
ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow" / "scripts"

BASE = {"errors", "paths", "vocabulary", "wording"}
FILES = {*BASE, "files"}
JOBS = {*FILES, "jobs"}
FETCH = {*JOBS, "fetch"}
DATASETS = {*FETCH, "words", "datasets"}
MODELS = {*FETCH, "words", "features", "features.language_models"}
ENCODING = {*DATASETS, "bold", "features", "encoding"}
METRICS = {"decoding", "similarity"}
SCIENCE = {*ENCODING, *METRICS, *MODELS, "associations", "associations.norms", "tunings"}
#: Packages, or parts of them, each with those that it may import. A part that is named here
#: is no longer in the package that it lies in.
MAY_IMPORT = {
    "errors": set(),
    "paths": set(),
    "vocabulary": set(),
    "wording": {"vocabulary"},
    "files": BASE,
    "jobs": FILES,
    # What runs a job is for scripts alone: a module of science that imported it would rerun
    # with each edit of how jobs are run.
    "jobs.logs": JOBS,
    "jobs.provenance": JOBS,
    "jobs.job": {*JOBS, "jobs.logs", "jobs.provenance"},
    "fetch": JOBS,
    "words": FILES,
    "datasets": {*FETCH, "words"},
    "bold": DATASETS,
    # What all feature spaces share; scores depend on no language model.
    "features": {*FILES, "words", "associations.norms.english"},
    "features.spaces": {
        *(*FILES, "features", "features.surprisal", "features.heads", "features.speech")
    },
    # Kinds that read a model, or nothing but words.
    "features.surprisal": {*FETCH, "words", "features", "features.language_models"},
    "features.speech": {*FETCH, "words", "features", "features.language_models"},
    "features.heads": {*FETCH, "words", "features", "features.language_models"},
    # Lemmas and parts of speech of English words.
    "associations.norms.english": BASE,
    "features.language_models": {*FETCH, "words", "features"},
    "encoding": {*DATASETS, "bold", "features"},
    # Further ways of comparing features with brains, beside encoding.
    "decoding": ENCODING,
    "similarity": {*ENCODING, "decoding"},
    "associations": {*ENCODING, *MODELS},
    # Preflight asks it what a table of norms covers.
    "associations.norms": {*MODELS, "associations", "associations.norms.english"},
    "tunings": {*ENCODING, *MODELS},
    # What simulated listeners have in mind is read by a model.
    "datasets.simulated": SCIENCE,
    "statistics": SCIENCE,
    "figures": {*SCIENCE, "statistics"},
    "report": {*SCIENCE, "statistics", "figures"},
    "preflight": {*DATASETS, "bold", "associations.norms", "features.language_models"},
    # What is asked for, and what follows from it: no job imports these, and they import
    # nothing that tests or draws.
    "study": {*SCIENCE, "datasets.simulated", "study.config.fields"},
    # The base of all sections, for those of a dataset too.
    "study.config.fields": DATASETS,
    # A run ends with what the table of scans says of clocks.
    "runs": {*FILES, "bold"},
    # From Python: it plans a small study as the workflow does, and runs what its jobs run.
    "interactive": {*SCIENCE, "statistics", "figures", "study", "study.config.fields"},
    "api": {*FILES, "interactive"},
    "trace": {*FILES, "interactive"},
    "compare_results": FILES,
    "leaderboard": {*FILES, "statistics"},
    "transfer": {*FILES, "encoding", "statistics"},
    "publish_results": FILES,
    # Pages of docs/reference: whatever has columns or a command line.
    "write_reference": {*SCIENCE, "statistics", "command", "compare_results", "study"},
}
#: What a kind of dataset says before its data are there: its section of the configuration, and
#: what follows from that.
SECTIONS = {f"datasets.{folder}.config" for folder in KINDS.values()}
PLANS = {f"datasets.{folder}.plan" for folder in KINDS.values()}
OF_SECTIONS = {*DATASETS, "datasets.section", "datasets.word_files", "study.config.fields"}
OF_PLANS = {
    *OF_SECTIONS,
    "datasets.planned",
    "datasets.repository",
    *SECTIONS,
}
MAY_IMPORT |= {
    # The key `words` of every kind, and the files that it names.
    "datasets.word_files": {*DATASETS, "study.config.fields"},
    "datasets.section": {"errors", "words", "study.config.fields"},
    "datasets.planned": {*DATASETS, "datasets.section"},
    # Where a published dataset's files come from, for the plans of its kind.
    "datasets.repository": {"datasets.planned"},
    "datasets.kinds": {"datasets.section", "datasets.planned", *SECTIONS, *PLANS},
    **dict.fromkeys(SECTIONS, OF_SECTIONS),
    **dict.fromkeys(PLANS, OF_PLANS),
    "datasets.tables.plan": {*OF_PLANS, "datasets.told_words"},
    # A folder of the user's is looked into when a study is planned.
    "datasets.narratives.tree": OF_PLANS,
    "datasets.narratives.plan": {*OF_PLANS, "datasets.narratives.tree"},
    "datasets.told_words": {*OF_PLANS, "datasets.word_files"},
    "datasets.bids.checks": OF_PLANS,
    "datasets.bids.clock_checks": {*OF_PLANS, "datasets.bids.heard"},
    "datasets.bids.stimuli": OF_PLANS,
    "datasets.bids.published": OF_PLANS,
    "datasets.bids.heard": {*OF_PLANS, "datasets.bids.stimuli"},
    "datasets.bids.planned_bids": {
        *OF_PLANS,
        "datasets.told_words",
        "datasets.bids.checks",
        "datasets.bids.clock_checks",
        "datasets.bids.heard",
    },
    "datasets.bids.fetched_bids": {
        *OF_PLANS,
        "datasets.bids.planned_bids",
        "datasets.bids.published",
    },
    "datasets.bids.plan": {
        *OF_PLANS,
        "datasets.bids.planned_bids",
        "datasets.bids.fetched_bids",
    },
    # Simulated listeners have the form of Narratives.
    "datasets.simulated.config": {*OF_SECTIONS, "datasets.narratives.config"},
    "datasets.simulated.plan": {*OF_PLANS, "datasets.narratives.plan", "datasets.simulated"},
}
PLANNING = {
    "datasets.section",
    "datasets.word_files",
    "datasets.planned",
    "datasets.repository",
    "datasets.kinds",
    *SECTIONS,
    *PLANS,
}
#: The same of feature spaces, each of which has a folder for its kind.
SPACES = {f"features.{folder}.config" for folder in feature_kinds.KINDS.values()}
OF_SPACES = {*FILES, "words", "features", "features.section", "study.config.fields"}
MAY_IMPORT |= {
    "features.section": {"errors", "paths", "study.config.fields"},
    "features.kinds": {"features.section", *SPACES},
    **dict.fromkeys(SPACES, OF_SPACES),
}
PLANNING |= {"features.section", "features.kinds", *SPACES}
MAY_IMPORT["study"] |= PLANNING
MAY_IMPORT["interactive"] |= PLANNING
#: The command `engram` looks at data and plans a study; Snakemake does the rest.
MAY_IMPORT["command"] = {
    *DATASETS,
    "datasets.bids.published",
    "leaderboard",
    "transfer",
    "trace",
    "study",
    "study.config.fields",
    *PLANNING,
}
#: No script may import these: a job that did would rerun with each new key of the configuration.
NOT_IN_JOBS = {
    *("api", "command", "interactive", "trace", "runs", "study", "study.config.fields"),
    "datasets.bids.checks",
    "datasets.bids.fetched_bids",
    "datasets.bids.heard",
    "datasets.bids.planned_bids",
    "datasets.bids.published",
    "datasets.bids.stimuli",
    "datasets.narratives.tree",
    *PLANNING,
}


def modules() -> list[str]:
    """Return the names of all modules, as `encoding.ridge`."""
    paths = (path for path in SOURCE.rglob("*.py") if path.name != "__init__.py")
    return sorted(".".join(path.relative_to(SOURCE).with_suffix("").parts) for path in paths)


def package_of(module: str) -> str:
    """Return the package, of those in the table, that a module is in; the innermost counts."""
    found = [name for name in MAY_IMPORT if f"{module}.".startswith(f"{name}.")]
    assert found, f"{module} is in no package of the table; add it to MAY_IMPORT."
    return max(found, key=len)


def imports() -> dict[str, set[str]]:
    """Return which modules each one imports, by names."""
    return {
        name: (
            set(code_digest._imported(SOURCE.joinpath(*name.split(".")).with_suffix(".py"), name))
            - {name}
        )
        for name in modules()
    }


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Return the names of a circle, the first of them again at its end.

    There is nothing where there is none.
    """
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        found: list[str] = []
        for other in sorted(graph[name]) if name not in done else []:
            found = found or visit(other, [*path, name])
        done.add(name)
        return found

    return next((found for name in sorted(graph) if (found := visit(name, []))), [])


def test_packages_import_what_the_table_allows() -> None:
    package = {name: package_of(name) for name in modules()}
    wrong = [
        f"{name} ({package[name]}) imports {other} ({package[other]})"
        for name, imported in sorted(imports().items())
        for other in sorted(imported)
        if package[other] != package[name] and package[other] not in MAY_IMPORT[package[name]]
    ]
    assert not wrong, (
        "move what is shared to the package below, or think again about the table: "
        + "; ".join(wrong)
    )


def test_modules_import_in_no_circle() -> None:
    assert circle(imports()) == []


def test_the_table_has_no_circle() -> None:
    assert circle(MAY_IMPORT) == []


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c", "d"}, "c": set(), "d": {"b"}}) == ["b", "d", "b"]


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.stem)
def test_no_job_imports_what_plans(script: Path) -> None:
    """Jobs get their part of the checked configuration as parameters."""
    found = {name for name in code_digest.modules(script) if package_of(name) in NOT_IN_JOBS}
    assert not found


def test_no_package_has_code_of_its_own() -> None:
    """Code in an `__init__.py` would run with each import from the package.

    It would tie every job to what it imports.
    """
    assert [
        str(path)
        for path in SOURCE.rglob("__init__.py")
        if path.parent != SOURCE and not code_digest._read(path).is_empty
    ] == []


def test_the_project_s_own_package_reaches_its_face_when_it_is_asked() -> None:
    """It holds its version, and hands on names of `engram.api`: importing it imports nothing."""
    tree = ast.parse((SOURCE / "__init__.py").read_text())
    assert [
        ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)
    ] == ["from typing import TYPE_CHECKING, Any"]
    held = {name for name in code_digest._bound(tree) if name.startswith("_")}
    assert held == {"__version__", "__getattr__", "__dir__", "_OF_API"}
    imported = "print(*(name for name in sys.modules if name.startswith('engram')))"
    assert python(f"import engram, sys; {imported}") == "engram"
    where, *names = python(
        "import engram; print(engram.load.__module__, *engram.api.__all__)"
    ).split()
    assert where == "engram.api"
    assert set(engram._OF_API) == set(names) - {"EngramError"}
    assert set(engram._OF_API) < set(dir(engram))
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        engram.lode  # type: ignore[attr-defined]  # noqa: B018


def python(line: str) -> str:
    """Return what a line of Python prints in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", line], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_no_module_takes_a_name_of_the_public_face_from_the_package() -> None:
    """The digest of code would not follow `engram.load`."""
    asked = re.compile(rf"\bengram\.({'|'.join(engram._OF_API)})\b(?!`)")
    code = [*SOURCE.rglob("*.py"), *SCRIPTS.glob("*.py")]
    found = [
        f"{path}: {line.strip()}"
        for path in code
        if "interactive" not in path.parts and path.name not in ("api.py", "__init__.py")
        for line in path.read_text().splitlines()
        if asked.search(line)
    ]
    assert found == []


def prose() -> list[Path]:
    """Return the files in which modules are named."""
    return [
        *SOURCE.rglob("*.py"),
        *SCRIPTS.parent.rglob("*.smk"),
        *(ROOT / "docs").rglob("*.md"),
        ROOT / "README.md",
    ]


def test_what_prose_names_is_there() -> None:
    """`engram.module.name` names something that is there.

    That holds in docstrings, comments and documentation.
    """
    missing = []
    for path in prose():
        for name in re.findall(r"`engram\.([\w.]+)", path.read_text(encoding="utf-8")):
            parts = name.rstrip(".").split(".")
            depth = next(
                (
                    depth
                    for depth in range(len(parts), 0, -1)
                    if code_digest._file(".".join(parts[:depth]))
                ),
                0,
            )
            source = code_digest._file(".".join(parts[:depth]))
            if source is None or (
                parts[depth:] and parts[depth] not in code_digest._read(source).names
            ):
                missing.append(f"{path.relative_to(ROOT)}: engram.{name}")
    assert missing == []


ARCHITECTURE = ROOT / "docs" / "development" / "architecture.md"


@pytest.mark.parametrize(
    "page",
    [ARCHITECTURE, *sorted((ROOT / "docs" / "development" / "decisions").glob("*.md"))],
    ids=lambda page: page.stem,
)
def test_modules_on_the_map_are_there(page: Path) -> None:
    """A dotted name in backticks that begins with a package is a module or a package."""
    packages = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists()}
    named = re.findall(
        r"`(?:engram\.)?([a-z_0-9]+(?:\.[a-z_0-9]+)+)(?<!\.smk)(?<!\.html)`", page.read_text()
    )
    ours = [name for name in named if name.split(".")[0] in packages]
    assert page != ARCHITECTURE or len(ours) > 40
    assert [name for name in ours if code_digest._file(name) is None] == []


def test_the_map_has_every_package() -> None:
    text = ARCHITECTURE.read_text()
    packages = [
        ".".join(path.parent.relative_to(SOURCE).parts) for path in SOURCE.rglob("__init__.py")
    ]
    assert [name for name in packages if name and f"`{name}`" not in text] == []


def test_the_map_shows_code_as_it_is() -> None:
    """Blocks of Python stand in the sources, and so does what is shown of a rule."""
    blocks = re.findall(r"^```\w+\n(.*?)^```", ARCHITECTURE.read_text(), flags=re.DOTALL | re.M)
    sources = [*SOURCE.rglob("*.py"), *SCRIPTS.glob("*.py"), *(ROOT / "workflow").rglob("*.smk")]
    code = flush_left("\n".join(path.read_text() for path in sources))
    assert len(blocks) == 3
    assert [block for block in blocks if flush_left(block) not in code] == []


def flush_left(text: str) -> str:
    return re.sub(r"^ +", "", text, flags=re.M)
