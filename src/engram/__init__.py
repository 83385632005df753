"""Engram: brain scores for language models, and what association adds."""

__version__ = "0.2.0"
