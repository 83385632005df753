"""Engram: brain scores for language models, and what association adds."""

import sys

from engram import endings

__version__ = "0.1.0"

if hasattr(getattr(sys.modules.get("__main__"), "snakemake", None), "rule"):
    # This process runs a script of the workflow. Ctrl-C may come while it still imports, before `engram.jobs.job` handles it.
    endings.hide_interrupts()
