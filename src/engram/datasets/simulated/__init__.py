"""Simulated listeners, in the form of Narratives, with effects that are known."""
