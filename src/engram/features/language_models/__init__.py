"""Activations of language models: loading, trials at load, windows, tokens, reading."""
