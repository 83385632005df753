"""Tests and tables of scores, association effects and tuning effects."""
