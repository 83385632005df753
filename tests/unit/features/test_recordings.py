"""Acoustics and models of speech: known sounds, windows, rows in time, unusable files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.io import wavfile

from engram.errors import EngramError
from engram.features.acoustics.space import envelope, mel_bands
from engram.features.recordings import RATE, read_wav
from engram.features.space import Given
from engram.features.spaces import lay
from engram.features.speech.space import hear

WORDS = pd.DataFrame({"word": ["a"]})


def tone(seconds: float, hertz: float = 1000.0, rate: int = RATE) -> np.ndarray:
    """A sine wave of amplitude 0.5."""
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def sound(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise."""
    return np.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * RATE)).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_recordings_of_all_kinds_are_the_same_sound(tmp_path: Path, dtype: type, rate: int) -> None:
    wave = tone(0.5, rate=rate)
    if np.issubdtype(dtype, np.integer):
        scale = 127 if dtype is np.uint8 else np.iinfo(dtype).max
        wave = wave * scale + (128 if dtype is np.uint8 else 0)
    samples: np.ndarray = np.stack([wave, wave], axis=1).astype(dtype)
    wavfile.write(tmp_path / "a.wav", rate, samples)
    found = read_wav(tmp_path / "a.wav")
    assert found.dtype == np.float32 and len(found) == 8000
    inside = slice(400, -400)  # the resampling filter reaches beyond the ends
    np.testing.assert_allclose(found[inside], tone(0.5)[inside], atol=0.012)


def test_files_that_are_no_recordings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_text("no sound")
    with pytest.raises(EngramError, match="cannot be read as a WAV file.*ffmpeg"):
        read_wav(path)
    wavfile.write(path, RATE, np.zeros(0, dtype=np.int16))
    with pytest.raises(EngramError, match="without a sample"):
        read_wav(path)
    wavfile.write(path, RATE, np.array([0, np.nan], dtype=np.float32))
    with pytest.raises(EngramError, match="not finite"):
        read_wav(path)


def test_the_envelope_is_the_root_mean_square() -> None:
    waveform = np.r_[tone(1), 0.1 * tone(1), np.zeros(100)]
    found = envelope(waveform, RATE // 2)
    np.testing.assert_allclose(found, np.array([1, 1, 0.1, 0.1]) * 0.5 / np.sqrt(2), rtol=1e-4)


def test_mel_bands_say_where_the_sound_is() -> None:
    low, high = (mel_bands(tone(1, hertz), RATE // 10, 32) for hertz in (300.0, 3000.0))
    assert low.shape == high.shape == (10, 32)
    # Bands of Slaney's scale: even up to 1 kHz, logarithmic above.
    assert low.mean(0).argmax() < 6 and 16 < high.mean(0).argmax() < 24
    louder = mel_bands(10 * tone(1, 300.0), RATE // 10, 32)
    best = low.mean(0).argmax()
    np.testing.assert_allclose((louder - low)[:, best], 2, atol=1e-6)  # power, log10


def given(path: Path, section: dict[str, Any]) -> Given:
    """What the job of a space of a recording gets."""
    return Given("tale", WORDS, {"space": section, "files": [str(path)]})


def test_acoustics_have_times_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "tale.wav"
    wavfile.write(path, RATE, np.r_[tone(1), np.zeros(RATE)].astype(np.float32))
    section = {"units": ["envelope", "mel"], "bands": 8, "step": 0.5, "start": -3.0}
    read = lay("acoustics", given(path, section))
    assert read["onset"].values.tolist() == [-3.0, -2.5, -2.0, -1.5]
    assert read["unit"].values.tolist()[:2] == ["envelope", "mel-001"] and read.sizes["unit"] == 9
    half = 0.25 / np.sqrt(2)
    np.testing.assert_allclose(
        read["activation"].values[0, :, 0], [half, half, -half, -half], rtol=1e-3
    )
    with pytest.raises(EngramError, match="2 s, and two steps of 1.5 s"):
        lay("acoustics", given(path, {**section, "step": 1.5}))


def test_rows_stay_with_a_sound_where_a_step_is_no_whole_number_of_samples(tmp_path: Path) -> None:
    wave = np.zeros(60 * RATE, dtype=np.float32)
    wave[50 * RATE : 50 * RATE + 160] = 1
    wavfile.write(tmp_path / "a.wav", RATE, wave)
    section = {"units": ["envelope"], "bands": 2, "step": 0.01003, "start": 0.0}
    read = lay("acoustics", given(tmp_path / "a.wav", section))
    loudest = read["activation"].values[0, :, 0].argmax()
    assert abs(read["onset"].values[loudest] - 50) < 0.011


# ---------------------------------------------------------------- models of speech
def tiny(folder: Path, kind: str) -> Path:
    """Save a random model of speech with two blocks of 16 units, and what prepares its input."""
    import torch
    import transformers

    torch.manual_seed(0)
    shape: dict[str, Any] = {"layerdrop": 0.0}
    if kind == "whisper":
        config: Any = transformers.WhisperConfig(
            vocab_size=32, num_mel_bins=16, d_model=16, encoder_layers=2, decoder_layers=1,
            encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=32,
            decoder_ffn_dim=32, pad_token_id=0, bos_token_id=1, eos_token_id=2,
            decoder_start_token_id=1,
        )  # fmt: skip
        model: Any = transformers.WhisperModel(config)
        prepare: Any = transformers.WhisperFeatureExtractor(feature_size=16)
    else:
        shape |= {
            "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
            "intermediate_size": 32, "conv_dim": (8, 8, 8), "conv_kernel": (10, 8, 8),
            "conv_stride": (5, 8, 8), "num_feat_extract_layers": 3,
            "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
        }  # fmt: skip
        if kind == "hubert":
            model = transformers.HubertModel(transformers.HubertConfig(**shape))
        else:
            model = transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**shape))
        prepare = transformers.Wav2Vec2FeatureExtractor()
    model.save_pretrained(folder)
    prepare.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", ["wav2vec2", "hubert", "whisper"])
def test_layers_of_windows_become_rows(tmp_path: Path, kind: str) -> None:
    import torch
    from transformers import AutoFeatureExtractor, AutoModel

    folder, waveform = tiny(tmp_path / kind, kind), sound(3.3)
    found = hear(waveform, folder, context=2.0, stride=1.0, step=0.5)
    assert found.shape == (3, 6, 16) and found.dtype == np.float32  # three strides of two rows
    # The last stride by hand: the second half of the window from 1 to 3 s.
    model: Any = AutoModel.from_pretrained(folder).eval()
    prepare: Any = AutoFeatureExtractor.from_pretrained(folder)
    window = prepare(waveform[RATE : 3 * RATE], sampling_rate=RATE, return_tensors="pt")
    with torch.inference_mode():
        network = model.encoder if kind == "whisper" else model
        layers = network(*window.values(), output_hidden_states=True).hidden_states
    frames = torch.stack([layer[0] for layer in layers]).numpy()
    middle = (np.arange(frames.shape[1]) + 0.5) * 0.02
    for row, begin in ((4, 1.0), (5, 1.5)):
        inside = (middle >= begin) & (middle <= begin + 0.5)
        np.testing.assert_allclose(found[:, row], frames[:, inside].mean(1), atol=1e-4)


def test_no_row_hears_more_than_a_stride_ahead(tmp_path: Path) -> None:
    folder, waveform = tiny(tmp_path / "m", "wav2vec2"), sound(3.0)
    changed = waveform.copy()
    changed[2 * RATE :] = sound(1.0, seed=1)
    one, other = (hear(wave, folder, 2.0, 1.0, 0.5) for wave in (waveform, changed))
    np.testing.assert_array_equal(one[:, :4], other[:, :4])
    assert np.abs(one[:, 4:] - other[:, 4:]).max() > 1e-3


def test_a_space_of_speech_has_times_of_its_own(tmp_path: Path) -> None:
    wavfile.write(tmp_path / "tale.wav", RATE, sound(4.0))
    section = {
        "source": str(tiny(tmp_path / "m", "hubert")), "start": 2.0,
        "context": 16.0, "stride": 2.0, "step": 0.25,
    }  # fmt: skip
    read = lay("speech", given(tmp_path / "tale.wav", section))
    assert read["activation"].shape == (3, 16, 16)
    assert read["onset"].values[[0, 1, -1]].tolist() == [2.0, 2.25, 5.75]
    np.testing.assert_allclose(read["activation"].values.mean(1), 0, atol=1e-5)
    wavfile.write(tmp_path / "tale.wav", RATE, sound(1.0))
    with pytest.raises(EngramError, match="shorter than a stride of 2 s"):
        lay("speech", given(tmp_path / "tale.wav", section))
