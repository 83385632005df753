"""Checkpoints of a tuning: a run that was killed goes on from the newest one."""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engram.files import storage
from engram.files.checksums import sha256_of_json
from engram.files.folders import whole_folder
from engram.tunings.model import trained_weights
from engram.tunings.sample_tokens import Encoded
from engram.tunings.settings import Settings

logger = logging.getLogger(__name__)

_CHECKPOINT = "step-"


@dataclass
class RunState:
    """How far a run is: what a checkpoint holds besides weights and the optimizer's moments.

    Attributes
    ----------
    step : int
        Steps that are done.
    curve : list of dict
        As in `engram.tunings.card.Card`.
    recent : list of float
        Training losses since the last evaluation.
    best_step, best_loss : int, float
        Where the validation loss is lowest, and that loss.
    waited : int
        Evaluations since then.
    seconds : float
        Time over all runs.
    micro_tokens : int or None
        Tokens that went through the model at once, fewer than asked for where memory ran out.
    first_loss : float or None
        Loss before the first step.
    """

    step: int = 0
    curve: list[dict[str, Any]] = field(default_factory=list)
    recent: list[float] = field(default_factory=list)
    best_step: int = 0
    best_loss: float = math.inf
    waited: int = 0
    seconds: float = 0.0
    micro_tokens: int | None = None
    first_loss: float | None = None


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one run.

    Attributes
    ----------
    folder : Path
        Of this run alone.
    key : str
        Digest of all that the run's numbers depend on (`run_key`); a checkpoint with another key
        is not used.
    """

    folder: Path
    key: str

    def write(self, model: Any, optimizer: Any, state: RunState, best: Mapping[str, Any]) -> None:
        """Write all that a run needs to go on, and remove older checkpoints."""
        from safetensors.torch import save_file

        moments = {
            f"{name}|{part}": tensor
            for name, weight in trained_weights(model).items()
            for part, tensor in optimizer.state[weight].items()
        }
        current = self.folder / f"{_CHECKPOINT}{state.step:09d}"
        with whole_folder(current) as temporary:
            for name, tensors in (
                ("trained", trained_weights(model)),
                ("optimizer", moments),
                ("best", best),
            ):
                save_file(
                    {part: tensor.detach().contiguous() for part, tensor in tensors.items()},
                    temporary / f"{name}.safetensors",
                )
            storage.write_json(temporary / "state.json", {"key": self.key, "state": asdict(state)})
        for other in self.folder.iterdir():
            if other != current:
                shutil.rmtree(other, ignore_errors=True)

    def resume(self, model: Any, optimizer: Any) -> tuple[RunState, dict[str, Any]]:
        """Return where the run is, and the best weights so far.

        Weights and optimizer are set to the newest checkpoint; it is a new run if none has
        this key.
        """
        from safetensors.torch import load_file

        newest = self._newest()
        if newest is None:
            return RunState(), {}
        checkpoint, state = newest
        _set(
            model,
            optimizer,
            *(load_file(checkpoint / f"{name}.safetensors") for name in ("trained", "optimizer")),
        )
        logger.info("going on from step %d", state.step)
        return state, load_file(checkpoint / "best.safetensors")

    def remove(self) -> None:
        """Remove all of them: the run is done."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _newest(self) -> tuple[Path, RunState] | None:
        """Return the newest whole checkpoint with this key, and the state in it."""
        for checkpoint in sorted(self.folder.glob(f"{_CHECKPOINT}*"), reverse=True):
            content = storage.read_json(checkpoint / "state.json")
            if content.get("key") == self.key:
                return checkpoint, RunState(**content["state"])
            logger.info(
                "the checkpoint '%s' is of another base, samples or settings, and is not used",
                checkpoint,
            )
        return None


def run_key(
    settings: Settings, fingerprint: str, encoded: Sequence[Encoded], held: Sequence[Encoded]
) -> str:
    """Return a digest of all that a run's numbers depend on.

    Parameters
    ----------
    settings : Settings
    fingerprint : str
        Of the base's weights (`engram.features.language_models.base_model.fingerprint`).
    encoded, held : sequence of Encoded
        Samples to train on, and to validate with.
    """
    return sha256_of_json(
        [
            asdict(settings),
            fingerprint,
            [[sample.ids, sample.n_prompt] for sample in (*encoded, *held)],
            len(held),
        ]
    )


def _set(
    model: Any, optimizer: Any, weights: Mapping[str, Any], moments: Mapping[str, Any]
) -> None:
    """Set trained weights, and AdamW's moments, to those of a checkpoint."""
    import torch

    with torch.no_grad():
        for name, weight in trained_weights(model).items():
            weight.copy_(weights[name])
            own = {part: moments[f"{name}|{part}"] for part in ("step", "exp_avg", "exp_avg_sq")}
            # AdamW keeps its count of steps on the CPU.
            optimizer.state[weight] = {
                part: tensor if part == "step" else tensor.to(weight.device)
                for part, tensor in own.items()
            }
