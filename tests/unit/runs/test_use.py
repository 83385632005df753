"""Engram by itself and as a module: folders, and names of rules."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple

from engram.runs.use import Use


class _Rule(NamedTuple):
    name: str


def workflow(prefix: str = "", folder: str = "") -> Any:
    """What Snakemake is while it reads Engram: as a module, if a prefix is given."""
    rules: set[Any] = set()
    modifier = SimpleNamespace(
        is_main_snakefile=lambda: not prefix,
        modify_rulename=lambda name: prefix + name,
        path_modifier=SimpleNamespace(replace_prefix=lambda path: folder + path),
        rules=rules,
    )
    places = {"<results>": "results/mine", "<downloads>": "resources/downloads"}
    return SimpleNamespace(modifier=modifier, pathvars=SimpleNamespace(apply=places.__getitem__))


def test_by_itself_nothing_is_renamed() -> None:
    use = Use(workflow())
    assert not use.is_module and use.name("bold") == "bold"
    assert (use.results, use.downloads) == ("results/mine", "resources/downloads")


def test_a_module_has_the_names_and_folders_of_its_use() -> None:
    use = Use(workflow("engram_", "elsewhere/"))
    assert use.is_module and use.name("bold") == "engram_bold"
    assert use.results == "elsewhere/results/mine"


def test_rules_count_that_are_read_later() -> None:
    outer = workflow("engram_")
    use = Use(outer)
    outer.modifier.rules.add(_Rule("engram_bold"))
    outer.modifier = None  # Snakemake is done with the module
    assert use.rules() == {"engram_bold"}
