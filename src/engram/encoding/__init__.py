"""Encoding models: ridge regression from features to BOLD, its scores, ceilings and chance."""
