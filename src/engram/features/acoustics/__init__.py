"""Acoustics of a story's recording as features: its envelope and mel spectrogram."""
