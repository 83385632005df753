"""Scores and results from Python, without Snakemake; `engram.api` is its public face."""
