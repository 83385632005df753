"""Nuisance control: banded ridge regression on plain facts about words beside a language model."""
