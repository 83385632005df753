"""The entry of `features` of kind `speech`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from engram.errors import EngramError
from engram.features.section import AudioSection
from engram.files.json_text import read_config
from engram.paths import found
from engram.study.config.fields import Place

#: Types of models that can be read, as their `config.json` calls them.
MODELS = ("whisper", "wav2vec2", "hubert")
#: What a folder of a model has, beside its weights.
_FILES = ("config.json", "preprocessor_config.json")


class SpeechSection(AudioSection):
    """Layers of a model of speech that hears a story's recording: Whisper, wav2vec 2.0, HuBERT."""

    kind: Literal["speech"]
    source: Place
    """The model's folder in the Hugging Face layout, with safetensors and
    `preprocessor_config.json`. Of Whisper the encoder is read."""
    context: float = Field(16.0, ge=1, le=30)
    """Seconds of sound that a window has. Each row is taken from the window that ends behind its
    stride, so that no row hears more than a stride of what comes."""
    stride: float = Field(2.0, ge=0.1, le=30)
    """Seconds from one window to the next."""
    step: float = Field(0.25, ge=0.05, le=10)
    """Seconds of sound of each row, the mean over the model's frames; a stride holds whole
    steps."""
    units: int = Field(768, ge=1, le=100_000)
    """How many units a layer has, about, for the estimate of memory."""

    @model_validator(mode="after")
    def _windows_hold_strides_and_steps(self) -> SpeechSection:
        if self.stride > self.context:
            raise ValueError(f"stride: {self.stride:g} s is more than the context")
        if abs(self.stride / self.step - round(self.stride / self.step)) > 1e-6:
            raise ValueError(f"step: {self.step:g} s do not divide the stride of {self.stride:g} s")
        return self

    @property
    def folders(self) -> list[str]:
        """The model's folder."""
        return [str(found(self.source))]

    def width(self, units: int, layers: int) -> tuple[int, int]:
        """Return the layers of usual models, and as many units as the user says."""
        return 13, self.units

    def settings(self) -> dict[str, object]:
        """Return what the vectors depend on; paths are those of files and folders."""
        return self.model_dump(mode="json", exclude={"audio", "units"})

    def check(self, key: str) -> None:
        """Refuse a folder that is no model of speech."""
        folder = found(self.source)
        missing = [name for name in _FILES if not (folder / name).is_file()]
        if missing:
            raise EngramError(
                f"{key}.source: '{folder}' has no {' and no '.join(missing)}. Give the folder of a "
                "model of speech in the Hugging Face layout, such as "
                "'hf download openai/whisper-tiny --local-dir models/whisper-tiny' makes it."
            )
        kind = read_config(folder / "config.json", f"{key}.source").get("model_type")
        if kind not in MODELS:
            raise EngramError(
                f"{key}.source: '{folder}' is a model of type '{kind}'; types that hear are "
                f"{', '.join(MODELS)}."
            )
        if not any(folder.glob("*.safetensors")):
            raise EngramError(
                f"{key}.source: '{folder}' has no *.safetensors weights (pickled weights are not "
                "loaded: they can run code). Download them too, or save the model anew: "
                f"model.save_pretrained('{folder}', safe_serialization=True)."
            )

    def description(self) -> str:
        """Return which model hears, and in which windows."""
        return (
            f"layers of the model of speech {Path(self.source).name}, which hears the recording in "
            f"windows of {self.context:g} s, {self.stride:g} s apart"
        )


SECTION = SpeechSection
