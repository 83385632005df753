"""Documents for readers and contributors.

Tested are links, lengths, decisions, changelog, versions, and files for GitHub and pre-commit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT

import engram

LONGEST_PARAGRAPH = 90
MEAN_PARAGRAPH = 40
DECISIONS = sorted((ROOT / "docs" / "development" / "decisions").glob("[0-9]*.md"))
LONGEST_DECISION = 200
METHODS = sorted((ROOT / "docs" / "methods").glob("*.md"))
METHODS_PARTS = ["Idea", "Definition", "Choices", "Limits"]
LONGEST_METHOD = 850
LONGEST_ENTRY = 200
GITHUB = sorted(path for path in (ROOT / ".github").rglob("*.yml"))


def pages() -> list[Path]:
    """Return all pages in Markdown but those that results bring."""
    return sorted(
        [
            *ROOT.glob("*.md"),
            *(ROOT / "docs").rglob("*.md"),
            *(ROOT / ".github").rglob("*.md"),
            *(ROOT / "published").rglob("*.md"),
            ROOT / "config" / "README.md",
        ]
    )


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )


def paragraphs(text: str) -> Iterator[str]:
    """Yield paragraphs and items of lists; headings and tables are neither."""
    lines: list[str] = []
    for line in [*text.splitlines(), ""]:
        stripped = line.strip()
        begins = (
            not stripped or stripped.startswith(("#", "|")) or re.match(r"([-*]|\d+\.) ", stripped)
        )
        if begins and lines:
            yield " ".join(lines)
            lines = []
        if stripped and not stripped.startswith(("#", "|")):
            lines.append(stripped)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, heading = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), f"{page.name} links to '{link}': there is no '{target}'"
        assert not heading or heading in anchors(target), (
            f"{page.name} links to '{link}': '{target.name}' has no such heading"
        )


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_no_paragraph_is_too_long(page: Path) -> None:
    for paragraph in paragraphs(prose(page)):
        words = len(paragraph.split())
        assert words <= LONGEST_PARAGRAPH, (
            f"{page.name}: a paragraph of {words} words (at most {LONGEST_PARAGRAPH}) begins "
            f"'{paragraph[:60]}'. Split it."
        )


def test_paragraphs_are_short() -> None:
    lengths = [len(one.split()) for page in pages() for one in paragraphs(prose(page))]
    assert len(lengths) > 500 and sum(lengths) / len(lengths) < MEAN_PARAGRAPH


def test_paragraphs_are_told_apart() -> None:
    text = "# Head\none\ntwo\n\n- three\n  four\n- five\n| six |\nseven"
    assert list(paragraphs(text)) == ["one two", "- three four", "- five", "seven"]


@pytest.mark.parametrize("page", METHODS, ids=lambda page: page.stem)
def test_methods_have_one_form(page: Path) -> None:
    """A question, its idea in three sentences with a formula or a drawing, and three more parts."""
    text = page.read_text(encoding="utf-8")
    title, *_ = text.splitlines()
    assert title.startswith("# ") and title.endswith("?") and title.count("?") == 1
    assert re.findall(r"^#+ (.*)$", prose(page), flags=re.MULTILINE)[1:] == METHODS_PARTS
    idea = text.split("## Idea\n")[1].split("## Definition\n")[0]
    said, *shown = idea.split("```")
    assert 2 <= len(sentences(said)) <= 3, sentences(said)
    assert shown or "![" in said, "write a formula (```math) or a drawing below the idea"
    assert len(text.split()) <= LONGEST_METHOD, "a page has one question: split it"


def sentences(text: str) -> list[str]:
    """Return the sentences of a text that holds no abbreviations."""
    return re.split(r"(?<=[.?!])\s+(?=\S)", text.strip())


def test_sentences_are_told_apart() -> None:
    assert sentences("Is it 0.5? It is.\n\nSo `a` is. \n") == ["Is it 0.5?", "It is.", "So `a` is."]


def test_every_method_is_listed_by_its_question() -> None:
    listed = re.findall(
        r"^- \[(.*)\]\(methods/(.*)\.md\)$",
        (ROOT / "docs" / "methods.md").read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    titles = {page.stem: page.read_text(encoding="utf-8").splitlines()[0][2:] for page in METHODS}
    assert {name: title for title, name in listed} == titles and len(listed) == len(titles)


def test_decisions_are_numbered_and_listed() -> None:
    assert len(DECISIONS) >= 12
    listed = (ROOT / "docs" / "development" / "decisions" / "README.md").read_text()
    for number, page in enumerate(DECISIONS, 1):
        title, *rest = page.read_text().splitlines()
        assert page.name.startswith(f"{number:04d}-") and title.startswith(f"# {number}. "), (
            page.name
        )
        assert [line for line in rest if line.startswith("#")] == [
            "## Context",
            "## Decision",
            "## Consequences",
        ], page.name
        assert len(page.read_text().split()) < LONGEST_DECISION, page.name
        assert f"{number}. [{title.split('. ', 1)[1]}]({page.name})" in listed, (
            f"docs/development/decisions/README.md does not list {page.name} by its title"
        )


def test_the_map_links_every_decision() -> None:
    links = re.findall(
        r"\(decisions/([^)]+)\)", (ROOT / "docs" / "development" / "architecture.md").read_text()
    )
    assert {page.name for page in DECISIONS} <= set(links)


def test_the_changelog_has_releases_kinds_and_entries_of_one_line() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    releases = re.findall(r"^## (.*)$", text, flags=re.MULTILINE)
    assert releases and all(
        re.fullmatch(r"\d+\.\d+\.\d+ \((unreleased|\d{4}-\d\d-\d\d)\)", release)
        for release in releases
    ), releases
    assert all("unreleased" not in release for release in releases[1:]), (
        "only the first release is not yet one"
    )
    assert set(re.findall(r"^### (.*)$", text, flags=re.MULTILINE)) <= {
        "Added",
        "Changed",
        "Deprecated",
        "Removed",
        "Fixed",
        "Security",
    }
    entries = text[text.index("\n## ") :].splitlines()
    assert not [line for line in entries if line.startswith((" ", "\t"))], "an entry is one line"
    assert not [line for line in entries if line.startswith("- ") and len(line) > LONGEST_ENTRY], (
        f"an entry has at most {LONGEST_ENTRY} characters"
    )


def test_the_version_is_the_same_everywhere() -> None:
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert newest and newest[1] == engram.__version__
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == engram.__version__


@pytest.mark.parametrize("path", GITHUB, ids=lambda path: path.name)
def test_files_for_github_are_yaml(path: Path) -> None:
    assert isinstance(yaml.safe_load(path.read_text()), dict)


def test_forms_for_issues_ask_what_is_needed() -> None:
    forms = {
        path.stem: yaml.safe_load(path.read_text())
        for path in GITHUB
        if path.parent.name == "ISSUE_TEMPLATE" and path.stem != "config"
    }
    assert set(forms) == {"bug", "question"}
    for form in forms.values():
        assert form["name"] and form["description"]
        fields = [item for item in form["body"] if item["type"] != "markdown"]
        assert all(item["attributes"]["label"] for item in fields) and len(
            {item["id"] for item in fields}
        ) == len(fields)
    asked = str(forms["bug"])
    assert all(
        words in asked for words in ("snakemake --version", "last three lines", "configuration")
    )


def test_the_workflow_for_github_runs_all_checks_without_secrets() -> None:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    job = yaml.safe_load(text)["jobs"]["checks"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.13"]
    assert job["steps"][-1] == {"run": ".ci/run"} and (ROOT / ".ci" / "run").exists()
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert used and all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action) for action in used), (
        "actions are pinned by their commit"
    )
    assert "secrets" not in text and yaml.safe_load(text)["permissions"] == {"contents": "read"}


def test_hooks_run_the_environments_programs_as_make_lint_does() -> None:
    (repo,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repo["repo"] == "local", "hooks from elsewhere have versions of their own"
    pinned = {
        line.split("==")[0]
        for line in (ROOT / "envs" / "requirements-dev.txt").read_text().splitlines()
    }
    programs = {Path(hook["entry"].split()[0]) for hook in repo["hooks"]}
    assert {program.parent for program in programs} == {Path(".venv/bin")} and {
        program.name for program in programs
    } <= pinned
    lint = (ROOT / "Makefile").read_text().split("\nlint:")[1].split("\n\n")[0]
    assert all(f"$(BIN)/{program.name}" in lint for program in programs)


def test_the_workflow_catalogue_gets_what_it_wants() -> None:
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment", "report"}
    assert usage["software-stack-deployment"]["conda"] is True
    assert (ROOT / "workflow" / "Snakefile").exists() and (ROOT / "config" / "README.md").exists()


def test_the_glossary_names_keys_that_are_there() -> None:
    schema = json.loads((ROOT / "config" / "schema.json").read_text())
    keys = re.findall(r"[Kk]ey `([\w.]+)`", (ROOT / "docs" / "glossary.md").read_text())
    assert len(keys) > 20
    assert [key for key in keys if not is_key(schema, key.split("."))] == []


def is_key(schema: dict[str, Any], parts: list[str]) -> bool:
    """Tell whether a section of the schema, or one that it may hold, has a key of this name."""
    found = schema["properties"].get(parts[0])
    if found is None or not parts[1:]:
        return found is not None
    held = re.findall(r"#/\$defs/(\w+)", json.dumps(found))
    return any(is_key(schema["$defs"][name], parts[1:]) for name in held)


def test_the_reference_has_every_key_of_the_configuration() -> None:
    schema = json.loads((ROOT / "config" / "schema.json").read_text())
    page = (ROOT / "config" / "README.md").read_text()
    sections = [schema, *schema["$defs"].values()]
    keys = {key for section in sections for key in section.get("properties", ())}
    assert len(keys) > 150
    assert [key for key in sorted(keys) if f"| `{key}` |" not in page] == []


def test_the_reference_has_every_table_of_the_workflow() -> None:
    rules = "\n".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    names = set(re.findall(r"tables/([a-z_]+)\.tsv", rules))
    page = (ROOT / "docs" / "reference" / "tables.md").read_text()
    assert len(names) > 35
    assert [name for name in sorted(names) if f"\n### {name}\n" not in page] == []
