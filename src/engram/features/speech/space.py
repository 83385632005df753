"""Layers of a model of speech, in steps of time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engram.errors import EngramError
from engram.features.language_models.model_loading import load_model
from engram.features.recordings import RATE, read_wav
from engram.features.space import Given, Space
from engram.jobs.progress import progress
from engram.paths import found


def lay(given: Given) -> Space:
    """Return the layers of a model of speech that hears a story's recording.

    Raises
    ------
    EngramError
        If the file is no recording, is shorter than a stride, or the model cannot be loaded.
    """
    section, path = given.space, Path(given.config["files"][0])
    vectors = hear(
        read_wav(path),
        found(section["source"]),
        *(section[name] for name in ("context", "stride", "step")),
    )
    if vectors.shape[1] < 2:
        raise EngramError(f"'{path}' is shorter than a stride of {section['stride']:g} s.")
    times = section["start"] + np.arange(vectors.shape[1]) * section["step"]
    return Space(vectors - vectors.mean(1, keepdims=True), times=times)


def hear(
    waveform: np.ndarray, folder: Path, context: float, stride: float, step: float
) -> np.ndarray:
    """Return what a model makes of a recording in each step: (n_layers, n_steps, n_units).

    Parameters
    ----------
    waveform : array of shape (n_samples, )
        At 16 kHz.
    folder : Path
        Of the model.
    context, stride, step : float
        Seconds: of a window, from one to the next, and of a row. The rows of a stride are taken
        from the window that ends with it; what is left of a recording behind its last whole stride
        is not heard.

    Returns
    -------
    array
        Float32. Layer 0 is what enters the first block.
    """
    model = _Model(folder)
    n_strides, rows = int(len(waveform) / RATE / stride + 1e-9), round(stride / step)
    found: list[np.ndarray] = []
    for window, offset in progress(
        list(_windows(waveform, n_strides, context, stride)), "windows", "window"
    ):
        frames = model.frames(window)
        middle = (np.arange(frames.shape[1]) + 0.5) * model.frame_seconds
        # A model whose frames are longer than a step has the nearest one.
        own = (offset + (np.arange(rows) + 0.5) * step)[:, None]
        inside = np.abs(middle[None] - own) <= step / 2
        nearest = np.abs(middle[None] - own).argmin(1)
        inside[np.arange(rows), nearest] |= ~inside.any(1)
        weights = inside / inside.sum(1, keepdims=True)
        found.append(np.einsum("rf,lfu->lru", weights, frames))
    return np.concatenate(found, axis=1).astype(np.float32) if found else np.empty((1, 0, 1))


def _windows(
    waveform: np.ndarray, n_strides: int, context: float, stride: float
) -> Iterator[tuple[np.ndarray, float]]:
    """Yield the window of each stride, and where in it the stride begins, in seconds."""
    for number in range(n_strides):
        end = (number + 1) * stride
        begin = max(0.0, end - context)
        yield waveform[round(begin * RATE) : round(end * RATE)], end - stride - begin


class _Model:
    """A model of speech with what prepares its input.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        from transformers import AutoConfig, AutoFeatureExtractor, AutoModel

        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        self._prepare: Any = AutoFeatureExtractor.from_pretrained(folder, trust_remote_code=False)
        if self._prepare.sampling_rate != RATE:
            raise EngramError(
                f"'{folder}' hears {self._prepare.sampling_rate:,} samples a second; models that "
                f"hear {RATE:,} can be read."
            )
        model = load_model(AutoModel, folder, dtype="float32", head=False)
        self._is_whisper = config.model_type == "whisper"
        self._network = model.encoder if self._is_whisper else model
        #: Seconds from one frame to the next.
        self.frame_seconds = (
            2 * self._prepare.hop_length if self._is_whisper else int(np.prod(config.conv_stride))
        ) / RATE

    def frames(self, window: np.ndarray) -> np.ndarray:
        """Return all layers of a window's frames: (n_layers, n_frames, n_units)."""
        import torch

        given = self._prepare(window, sampling_rate=RATE, return_tensors="pt")
        # Whisper hears 30 s, silence behind the window; others hear the window alone.
        sound = given["input_features"] if self._is_whisper else given["input_values"]
        with torch.inference_mode():
            layers = self._network(sound, output_hidden_states=True).hidden_states
        found: np.ndarray = torch.stack([layer[0] for layer in layers]).numpy()
        return found
