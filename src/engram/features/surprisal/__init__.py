"""Surprisal and entropy as features: how unexpected a causal model finds each word."""
