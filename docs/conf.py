"""The site of the documentation: Sphinx, with pages in plain Markdown (`make docs-site`).

Pages are those that GitHub shows. The project's folder is the source, so that a link from `docs/`
to `config/README.md` or to a table holds in both. What is peculiar to the site is made here: its
navigation is what index pages link to, and formulas are MathML, which browsers draw by themselves.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

import engram

ROOT = Path(__file__).parents[1]

project = "Engram"
author = "The Engram developers"
copyright = "The Engram developers, BSD-3-Clause"
version = release = engram.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
root_doc = "docs/index"
include_patterns = [
    "docs/**.md",
    "*.md",
    "config/README.md",
    "benchmarks/chaos.md",
    "published/*/README.md",
]
# Pruned before they are walked through.
exclude_patterns = [".*", "build", "results", "resources", "src", "tests", "workflow", "envs"]

# Anchors of headings, as GitHub makes them.
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]
myst_fence_as_directive = ["math"]
# `snakemake` blocks are Python with more keywords.
suppress_warnings = ["misc.highlighting_failure"]

autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False

# `make docs-links`: what leads out of the project. Links within it are held by the build itself.
linkcheck_ignore = [r"^(?!https?://)"]
linkcheck_timeout = 20
linkcheck_retries = 2

html_theme = "furo"
html_title = f"Engram {version}"
html_static_path = ["site"]
html_css_files = ["narrow.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False

#: Pages that stand under each index page: what it links to, in its order.
INDICES = {
    "docs/index",
    *(f"docs/{name}" for name in ("tutorials", "how-to", "data", "methods", "reference")),
    *("docs/development", "docs/development/decisions/README"),
}


def add_navigation(app: Any, name: str, source: list[str]) -> None:
    """Put what an index page lists into a hidden table of contents."""
    if name not in INDICES:
        return
    links = re.findall(
        r"^(?:- |\d+\. |\| )\[([^\]]+)\]\((\S+?)\.md\)", source[0], flags=re.MULTILINE
    )
    lines = [f"{title} <{place}>" for title, place in links]
    source[0] += "\n\n" + "\n".join(["```{toctree}", ":hidden:", "", *lines, "```", ""])


def inline_math(self: Any, node: nodes.math) -> None:
    """Write a formula within a line."""
    self.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def display_math(self: Any, node: nodes.math_block) -> None:
    """Write a formula that stands by itself."""
    formula = tex2mathml(node.astext(), as_block=True)
    self.body.append(f'<div class="math">{formula}</div>')
    raise nodes.SkipNode


def lead_to_the_index(app: Any, failed: Exception | None) -> None:
    """Write a page at the site's root that leads to the index."""
    if failed is None and app.builder.format == "html":
        (Path(app.outdir) / "index.html").write_text(
            '<!doctype html><meta charset="utf-8"><title>Engram</title>'
            '<meta http-equiv="refresh" content="0; url=docs/index.html">'
            '<a href="docs/index.html">Engram</a>\n',
            encoding="utf-8",
        )


def say_which_links_are_lost(app: Any, failed: Exception | None) -> None:
    """Sum up what following links has found, where that is what was asked for.

    Each link that leads nowhere is a warning of its own, and so an error.
    """
    if app.builder.name != "linkcheck":
        return
    found = Path(app.outdir) / "output.json"
    links = [json.loads(line) for line in found.read_text(encoding="utf-8").splitlines()]
    followed = [one for one in links if one["status"] not in ("unchecked", "ignored", "local")]
    lost = sorted({one["uri"] for one in followed if one["status"] in ("broken", "timeout")})
    number = len({one["uri"] for one in followed})
    said = f"{number} links to other sites, {len(lost)} could not be followed"
    if lost:
        said += "".join(f"\n  {uri}" for uri in lost) + f"\nThe reasons are in '{found}'."
    if lost and len(lost) == number:
        said += " That is all of them: this machine may have no network."
    print(said, file=sys.stderr)


def setup(app: Any) -> None:
    """Join the parts above to Sphinx."""
    app.add_html_math_renderer("mathml", (inline_math, None), (display_math, None))
    app.connect("source-read", add_navigation)
    app.connect("build-finished", lead_to_the_index)
    app.connect("build-finished", say_which_links_are_lost)
