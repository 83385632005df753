"""Associations of people and of models, and texts that have them written in."""
