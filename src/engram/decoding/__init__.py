"""Decoding: which part of a story was heard, told from the brain."""
