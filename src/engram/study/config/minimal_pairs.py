"""The section `minimal_pairs`: which sentences models are to find more probable."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from engram.study.config.fields import Name, Place, Section


class MinimalPairs(Section):
    """Minimal pairs: whether causal models find the right sentence of two more probable.

    `tables/minimal_pairs.tsv` has the share of pairs by phenomenon, also by training step of a
    series of checkpoints.
    """

    table: Place | None = None
    """A table (CSV or TSV) with the columns `good`, `bad` and `phenomenon`; `engram`: the project's
    own 60 English pairs (resources/minimal_pairs); null: no pairs are read."""
    models: Annotated[list[Name], Field(min_length=1)] | None = None
    """The causal models that read them, by name; null: all whole, trained models of the study and
    their re-initialised twins."""
