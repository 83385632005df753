"""How Snakemake uses this workflow: by itself, or as a module of another one.

As a module (`module engram: ...`) its rules have other names, its folders may lie elsewhere, and
the other workflow decides what is made, and what is said and done when a run ends.
"""

from __future__ import annotations

from typing import Any


class Use:
    """The folders and the rules of this workflow within the whole one.

    Parameters
    ----------
    workflow : snakemake.workflow.Workflow
        While it reads this workflow's files: only then it knows which module they are of.

    Attributes
    ----------
    results, downloads : str
        Folders, as the module's `pathvars`, `prefix` and `replace_prefix` have them.
    is_module : bool
    """

    def __init__(self, workflow: Any) -> None:
        self._modifier = workflow.modifier
        self.is_module: bool = not workflow.modifier.is_main_snakefile()
        self.results, self.downloads = (
            str(self._modifier.path_modifier.replace_prefix(workflow.pathvars.apply(f"<{name}>")))
            for name in ("results", "downloads")
        )

    def name(self, rule: str) -> str:
        """Return what a rule of this workflow is called in the whole one."""
        return str(self._modifier.modify_rulename(rule))

    def rules(self) -> set[str]:
        """Return the names, in the whole workflow, of the rules that are read by now."""
        return {rule.name for rule in self._modifier.rules}
