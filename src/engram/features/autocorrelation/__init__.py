"""Noise as slow as a language model's activations: what slowness alone predicts."""
