"""Every block of the documents has a kind, and what it shows is tried.

Python is run, studies are read, commands are held against the programs that they call. Commands
that run a study are planned by `test_planned_commands.py`; what others do is tried where they are
tested. Drawings, files and messages have no kind.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from conftest import ROOT, random_words
from test_documents import pages

from engram import compare_results
from engram.command.main import command_parser
from engram.study.config import read

KINDS = {"", "python", "yaml", "snakemake", "sh", "text", "{eval-rst}", "math"}
#: Pages whose Python and rules are tried elsewhere, and where. The test names the page.
RUN_BY = {
    "README.md": "tests/unit/interactive/test_python_documents.py",
    "docs/tutorials/compare-models.md": "tests/unit/interactive/test_python_documents.py",
    "docs/how-to/python.md": "tests/unit/interactive/test_python_documents.py",
    "docs/how-to/another-workflow.md": "tests/workflow/test_module.py",
    "docs/development/architecture.md": "tests/project/test_packages.py",
    "docs/development/extending.md": "tests/workflow/test_extending.py",
}
#: Programs of a shell or of others, whose arguments are theirs.
OTHERS = {"cd", "cp", "source", "git", "pip", "pipx", "snakedeploy", "ffmpeg"}
PROGRAMS = {*OTHERS, "make", "snakemake", "engram", "python"}
PROGRAMS |= {".venv/bin/python", ".venv/bin/snakemake"}
#: Files of the reader's own.
OWN = re.compile(r"(my|my_study|sharp|two-models|my-\w+|littleprince-\w+)\.yaml")
TABLES = {"kind": "table", "path": "my_data", "tr": 1.5}
BIDS = {"kind": "bids", "path": "my_bids"}
#: What a block takes as given: it shows some keys of a study, or of a section.
STUDY = {
    "study": "shown",
    "dataset": TABLES,
    "models": {"gpt2": {"source": "gpt2"}, "smollm2": {"source": "smollm2"}},
    "features": {
        "lancaster": {"kind": "norms", "table": "lynott2020"},
        "concreteness": {"kind": "norms", "table": "mine.csv", "columns": ["Brysbaert"]},
    },
}
SECTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "words": ("dataset", TABLES),
    "story_names": ("dataset", BIDS),
    "norms-strong": ("associations", {}),
}


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return a page's blocks, each with its kind, without the indentation of a list."""
    found = re.findall(
        r"^( *)```([^\n]*)\n(.*?)^\1```$", page.read_text(encoding="utf-8"), re.DOTALL | re.M
    )
    return [(kind, textwrap.dedent(text) if indent else text) for indent, kind, text in found]


def of_kind(*kinds: str) -> list[Any]:
    """Return the blocks of some kinds as parameters of a test."""
    every = [(str(page.relative_to(ROOT)), *block) for page in pages() for block in blocks(page)]
    chosen = [(page, text) for page, kind, text in every if kind in kinds]
    return [
        pytest.param(page, text, id=f"{page}-{number}")
        for number, (page, text) in enumerate(chosen)
    ]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_blocks_have_a_kind(page: Path) -> None:
    for kind, text in blocks(page):
        assert kind in KINDS, f"{page.name}: a block is of kind '{kind}'; known are {KINDS}"
        first = text.split(maxsplit=1)[0]
        assert kind or first not in PROGRAMS, f"{page.name}: write ```sh before '{first} ...'"


@pytest.mark.parametrize(("page", "text"), of_kind("python", "snakemake"))
def test_python_is_run_by_a_test_that_names_the_page(page: str, text: str) -> None:
    assert page in RUN_BY, f"nothing runs the Python of {page}"
    test = (ROOT / RUN_BY[page]).read_text(encoding="utf-8")
    parts = [part for part in page.split("/") if part != "docs"]
    assert page in test or " / ".join(f'"{part}"' for part in parts) in test


@pytest.mark.parametrize(("page", "text"), of_kind("yaml"))
def test_studies_are_read(page: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders of the reader's own are not here: what is in them is not looked at."""
    monkeypatch.setattr(read, "check_sources", lambda study: None)
    for shown in alternatives(text):
        study = read.read_study({**STUDY, **shown})
        assert set(shown) <= set(type(study).model_fields)


def alternatives(text: str) -> Iterator[dict[str, Any]]:
    """Yield the keys of a study that a block shows: of each line, where keys stand twice."""
    keys = re.findall(r"^(\w[\w-]*):", text, flags=re.MULTILINE)
    for part in [text] if len(set(keys)) == len(keys) else text.splitlines():
        shown = yaml.safe_load(part)
        if list(shown) == ["engram"]:
            shown = shown["engram"]
        section, beside = SECTIONS.get(next(iter(shown)), ("", {}))
        yield {section: {**beside, **shown}} if section else shown


def test_alternatives_are_told_from_one_study() -> None:
    assert list(alternatives("seed: 1\nseed: 2")) == [{"seed": 1}, {"seed": 2}]
    assert list(alternatives("seed: 1\nstudy: a")) == [{"seed": 1, "study": "a"}]
    assert list(alternatives("engram:\n  seed: 1")) == [{"seed": 1}]


def commands(text: str) -> Iterator[list[str]]:
    """Yield the commands of a block, in words."""
    for line in text.replace("\\\n", " ").splitlines():
        for command in re.split(r"&&|;", re.sub(r"(^|\s)#.*", "", line)):
            words = shlex.split(re.sub(r"<[\w ]+>", "NAME", command))
            if words:
                yield words


@pytest.mark.parametrize(("page", "text"), of_kind("sh"))
def test_commands_are_there(page: str, text: str) -> None:
    if 'python -c "' in text:
        assert page == "docs/how-to/annotating.md"  # run below
        return
    for program, *arguments in commands(text):
        assert program in PROGRAMS, f"{page}: '{program}' is no program that is known"
        check_command(program, arguments)


def check_command(program: str, arguments: list[str]) -> None:
    """Fail if a program of the project does not take these arguments."""
    if program == "make":
        ended = subprocess.run(
            ["make", "-n", *arguments],
            cwd=ROOT,
            env={**os.environ, "VENV": "build/none"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
    elif program == "engram":
        command_parser().parse_args(arguments)
    elif program.endswith("python") and arguments[0].endswith(".py"):
        script = (ROOT / arguments[0]).read_text(encoding="utf-8")
        options = [one.removeprefix("--") for one in arguments if one.startswith("--")]
        assert [one for one in options if one not in script] == []
    elif program.endswith("python"):
        assert arguments[:2] == ["-m", "engram.compare_results"]
        given = compare_results.command_parser().parse_args(arguments[2:])
        assert (ROOT / given.renames).is_file()
    elif Path(program).name == "snakemake":
        check_snakemake(arguments)


def check_snakemake(arguments: list[str]) -> None:
    """Fail at an unknown option, rule, study or profile."""
    from snakemake.cli import get_argument_parser

    given = get_argument_parser().parse_args(arguments)
    rules = {
        name
        for path in (ROOT / "workflow" / "rules").glob("*.smk")
        for name in re.findall(r"^rule (\w+):", path.read_text(), flags=re.MULTILINE)
    }
    assert {str(target).removeprefix("engram_") for target in given.targets or ()} <= {
        *rules,
        "all",
    }
    for file in given.configfile or ():
        assert (ROOT / file).is_file() or OWN.fullmatch(str(file)), file
    if given.workflow_profile:
        assert (ROOT / given.workflow_profile / "config.yaml").is_file()


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("make", ["no-such-target"]),
        ("engram", ["no-such-command"]),
        ("snakemake", ["--no-such-option"]),
        ("snakemake", ["no_such_rule"]),
        ("snakemake", ["--configfile", "config/no-such-study.yaml"]),
        (".venv/bin/snakemake", ["--configfile", "examples/no-such-study.yaml"]),
        ("python", ["-m", "engram.no_such_module"]),
        ("python", ["examples/one_f_from_raw_data.py", "--no-such-option", "1"]),
    ],
)
def test_commands_that_are_not_there_fail(program: str, arguments: list[str]) -> None:
    with pytest.raises((AssertionError, SystemExit)):
        check_command(program, arguments)


def test_lines_for_annotators_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = ROOT / "docs" / "how-to" / "annotating.md"
    monkeypatch.chdir(tmp_path)
    stories = tmp_path / "results" / "mine" / "stories"
    stories.mkdir(parents=True)
    words = random_words(80).assign(sentence=[number // 8 for number in range(80)])
    words.to_csv(stories / "story-tale_words.tsv", sep="\t", index=False)
    (table,) = (text for kind, text in blocks(page) if not kind and text.startswith("after_word"))
    Path("story-tale_associations-word-manual.tsv").write_text(table)
    lines = [
        re.sub("<study>", "mine", re.sub("<story>", "tale", text.split('python -c "')[1]))
        for kind, text in blocks(page)
        if kind == "sh"
    ]
    assert len(lines) == 2
    for code in lines:
        exec(code[: code.rindex('"')], {})
    said = capsys.readouterr().out
    expected = pd.read_csv(stories / "story-tale_words.tsv", sep="\t")["word"][14]
    assert f"{expected} [ grassy and warm for a picnic ]" in said
