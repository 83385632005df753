"""Figures, each drawn from the table that is saved beside it."""
