"""Titles, captions and alternative texts of figures, from the tables that are drawn."""
