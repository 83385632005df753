"""Datasets of people's own, as tables."""
