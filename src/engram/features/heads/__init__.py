"""Attention heads as features: what each head of a language model gives a word."""
