"""Recordings of stories: WAV files as waveforms of one channel."""

from __future__ import annotations

import warnings
from math import gcd
from pathlib import Path

import numpy as np

from engram.errors import EngramError

#: Samples a second of what models of speech hear, and of mel spectrograms here.
RATE = 16_000


def read_wav(path: Path) -> np.ndarray:
    """Return a recording at 16 kHz, mean over channels.

    Parameters
    ----------
    path : Path
        Of a WAV file: PCM of 8 to 32 bits, or floats.

    Returns
    -------
    array of shape (n_samples, )
        Float32, PCM from -1 to 1.

    Raises
    ------
    EngramError
        If it is no such file, is empty, or has samples that are not finite.
    """
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            # Of chunks beside the sound, such as tags.
            warnings.simplefilter("ignore", wavfile.WavFileWarning)
            rate, samples = wavfile.read(path)
    except (ValueError, EOFError, OSError) as error:
        raise EngramError(
            f"'{path}' cannot be read as a WAV file ({error}). Convert the recording to PCM, such "
            "as by 'ffmpeg -i recording.mp3 -ac 1 -ar 16000 recording.wav'."
        ) from error
    if samples.size == 0:
        raise EngramError(f"'{path}' is a recording without a sample.")
    waveform = _as_floats(samples)
    if not np.isfinite(waveform).all():
        raise EngramError(f"'{path}' has samples that are not finite.")
    if waveform.ndim == 2:
        waveform = waveform.mean(1)
    return resampled(waveform, rate)


def _as_floats(samples: np.ndarray) -> np.ndarray:
    """Return samples as float32, PCM scaled to -1 to 1; bytes have no sign in WAV files."""
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    if samples.dtype == np.uint8:
        return ((samples.astype(np.float32)) - 128) / 128
    return (samples / -float(np.iinfo(samples.dtype).min)).astype(np.float32)


def resampled(waveform: np.ndarray, rate: int) -> np.ndarray:
    """Return a waveform at 16 kHz (polyphase filter), float32."""
    from scipy.signal import resample_poly

    if rate == RATE:
        return waveform.astype(np.float32)
    common = gcd(rate, RATE)
    found: np.ndarray = resample_poly(waveform, RATE // common, rate // common)
    return found.astype(np.float32)
