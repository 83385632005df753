"""Where a model comes from and how its weights are loaded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from engram.features.language_models.base_model import base_of, is_adapter


@dataclass(frozen=True)
class ModelSource:
    """Where a model comes from and how its weights are loaded.

    Attributes
    ----------
    folder : path
        Of a model in the Hugging Face layout, or of an adapter, which is merged into its base.
    base : path or None
        The folder of the model that an adapter was tuned on; whole models need none.
    reinitialised : bool
        Whether weights are drawn at random, by the model's own initialisation.
    seed : int or None
        For re-initialised models.
    dtype : {"float32", "bfloat16", "float16"}
    code : bool
        Whether code of the model's own, or of an adapter's base, may
        run (`engram.fetch.remote_code`).
    """

    folder: str | Path
    base: str | Path | None = None
    reinitialised: bool = False
    seed: int | None = None
    dtype: str = "float32"
    code: bool = False

    @cached_property
    def is_adapter(self) -> bool:
        """Whether the folder holds an adapter."""
        return is_adapter(self.folder)

    @cached_property
    def home(self) -> str | Path:
        """The folder of the whole model: an adapter's base, once it is held against its card.

        Raises
        ------
        EngramError
            As `engram.features.language_models.base_model.base_of` does.
        """
        return base_of(self.folder, self.base) if self.is_adapter else self.folder
