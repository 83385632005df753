"""Readers of word timings: what aligners, transcribers and annotators write."""
