"""Tuning of language models on associations."""
