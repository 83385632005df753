"""Noise with the spectrum of a model's activations: their phases are drawn anew.

All units get the same random phases at a frequency, so that spectra and correlations between units
stay, at every lag, and which word is where is lost (Prichard & Theiler 1994, Phys Rev Lett 73:951).
"""

from __future__ import annotations

import zlib

import numpy as np

from engram.errors import EngramError
from engram.features.layers import reported_layer
from engram.features.space import Given, Space


def lay(given: Given) -> Space:
    """Return noise like a model's activations of the story."""
    if given.activations is None:
        raise EngramError("noise needs the activations of the model that it is to be like.")
    read = given.activations["activation"]
    layer = reported_layer(read.sizes["layer"] - 1, given.config["layer"])
    rng = np.random.default_rng([given.config["seed"], zlib.crc32(given.story.encode())])
    vectors = read.values[layer].astype(np.float64)
    return Space(np.stack([drawn(vectors, rng) for _ in range(given.space["draws"])]))


def drawn(vectors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return vectors (n_words, n_units) with random phases in the place of their own."""
    n_words = len(vectors)
    spectrum = np.fft.rfft(vectors, axis=0)
    phases = np.exp(2j * np.pi * rng.random(len(spectrum)))
    phases[0] = 1  # the mean stays
    if n_words % 2 == 0:
        phases[-1] = rng.choice([-1, 1])
    return np.fft.irfft(spectrum * phases[:, None], n=n_words, axis=0)
