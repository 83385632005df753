"""Engram: brain scores for language models, and what association adds."""

__version__ = "0.1.0"
