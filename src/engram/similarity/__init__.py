"""Similarity: whether what is alike in a model is alike in the brain, without fitted weights."""
