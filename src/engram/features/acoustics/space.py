"""Envelope and mel spectrogram of a recording, in steps of time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engram.errors import EngramError
from engram.features.recordings import RATE, read_wav
from engram.features.space import Given, Space

#: Length of a frame of the spectrogram, and seconds from one to the next.
_FRAME, _HOP = 400, 160


def lay(given: Given) -> Space:
    """Return the acoustics of a story's recording, each unit less its mean.

    Raises
    ------
    EngramError
        If the file is no recording, or is shorter than two steps.
    """
    section, path = given.space, Path(given.config["files"][0])
    waveform, step = read_wav(path), round(section["step"] * RATE)
    n_rows = len(waveform) // step
    if n_rows < 2:
        raise EngramError(
            f"'{path}' has {len(waveform) / RATE:.3g} s, and two steps of {section['step']:g} s "
            "are needed at least."
        )
    parts, names = [], []
    if "envelope" in section["units"]:
        parts.append(envelope(waveform, step)[:, None])
        names.append("envelope")
    if "mel" in section["units"]:
        parts.append(mel_bands(waveform, step, section["bands"]))
        names += [f"mel-{band:03d}" for band in range(1, section["bands"] + 1)]
    values = np.concatenate(parts, axis=1)
    # A step has whole samples: rows would else drift away from the sound.
    times = section["start"] + np.arange(n_rows) * (step / RATE)
    return Space((values - values.mean(0))[None], names, times=times)


def envelope(waveform: np.ndarray, step: int) -> np.ndarray:
    """Return the root mean square of each whole step of samples: (n_steps, )."""
    n_rows = len(waveform) // step
    cut = waveform[: n_rows * step].astype(np.float64).reshape(n_rows, step)
    found: np.ndarray = np.sqrt((cut**2).mean(1))
    return found


def mel_bands(waveform: np.ndarray, step: int, bands: int) -> np.ndarray:
    """Return the logarithm of power in mel bands, mean over each step: (n_steps, n_bands).

    Frames have 25 ms and follow each other at 10 ms, as those of models of speech.

    Parameters
    ----------
    waveform : array of shape (n_samples, )
        At 16 kHz.
    step : int
        In samples.
    bands : int
    """
    from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

    filters = mel_filter_bank(1 + _FRAME // 2, bands, 0.0, RATE / 2, RATE, "slaney", "slaney")
    power = spectrogram(
        waveform.astype(np.float64),
        window_function(_FRAME, "hann"),
        frame_length=_FRAME,
        hop_length=_HOP,
        power=2.0,
        mel_filters=filters,
        log_mel="log10",
    ).T
    n_rows = len(waveform) // step
    row = np.minimum(np.arange(len(power)) * _HOP // step, n_rows - 1)
    sums = np.zeros((n_rows, bands))
    np.add.at(sums, row, power)
    return sums / np.maximum(np.bincount(row, minlength=n_rows), 1)[:, None]
