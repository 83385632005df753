"""Settings of a tuning, and their checks."""

from __future__ import annotations

from dataclasses import dataclass

from engram.errors import EngramError

METHODS = ("lora", "frozen", "full")
TEMPLATES = ("auto", "plain")
DTYPES = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class Settings:
    """How a model is tuned.

    Attributes
    ----------
    method : {"lora", "frozen", "full"}
        Low-rank adapters (Hu et al. 2021, arXiv 2106.09685); some blocks, all else
        frozen; or every weight.
    rank, alpha, dropout : int, float, float
        Of the adapters: their rank, their scale times the rank, the share of their inputs that is
        dropped. The model's own dropouts are those of its configuration.
    target_modules : tuple of str or None
        Names of the linear layers that get adapters; None: peft's choice for the architecture,
        or else all of attention, or else a state-space model's projections of its input.
    train_layers : tuple of int or None
        The blocks, from 0, that `frozen` trains; None: from the one that gives the reported layer
        (`frozen_layers`). Embeddings, head and final norm stay as they are.
    learning_rate, warmup, weight_decay : float
        AdamW's; the rate rises linearly over the `warmup` share of the steps, then falls by a
        cosine to 0. Matrices decay, biases and norms do not.
    steps, tokens_per_step : int
        Updates, and output tokens that each is trained on.
    micro_tokens : int
        Tokens, padding and prompts included, that go through the model at once;
        memory alone depends on it.
    max_length : int
        Longest sample in tokens, prompt included.
    evaluate_every : int
        Steps between evaluations on the validation samples.
    patience : int or None
        Evaluations without a better validation loss after which training ends; the best weights
        are kept. None: all steps, last weights.
    checkpoint_every : int
        Steps between checkpoints of the run.
    gradient_checkpointing : bool
        Keep only the blocks' inputs for the backward pass and compute the rest again:
        less memory, a third more time.
    dtype : {"auto", "float32", "bfloat16"}
        Of frozen weights and of sums; "auto" is bfloat16 on a GPU. Trained weights are float32.
    seed : int
        Of adapters' first weights, the samples' order, and dropout.
    template : {"auto", "plain"}
        The tokenizer's chat template where it has one, or the plain one.
    """

    method: str = "lora"
    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.05
    target_modules: tuple[str, ...] | None = None
    train_layers: tuple[int, ...] | None = None
    learning_rate: float = 2e-4
    warmup: float = 0.05
    weight_decay: float = 0.0
    steps: int = 300
    tokens_per_step: int = 1024
    micro_tokens: int = 4096
    max_length: int = 512
    evaluate_every: int = 50
    patience: int | None = None
    checkpoint_every: int = 50
    gradient_checkpointing: bool = False
    dtype: str = "auto"
    seed: int = 0
    template: str = "auto"

    def __post_init__(self) -> None:
        for name, allowed in (("method", METHODS), ("dtype", DTYPES), ("template", TEMPLATES)):
            if getattr(self, name) not in allowed:
                raise EngramError(
                    f"tuning: {name} is '{getattr(self, name)}'. Allowed: {', '.join(allowed)}."
                )
        # Lists, where they come from a configuration.
        for name in ("target_modules", "train_layers"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else tuple(value))
        for name in (
            "rank",
            "steps",
            "tokens_per_step",
            "micro_tokens",
            "max_length",
            "evaluate_every",
            "checkpoint_every",
            "patience",
        ):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise EngramError(f"tuning: {name} is {value}. Write 1 or more.")
        if not self.learning_rate > 0:
            raise EngramError(
                f"tuning: learning_rate is {self.learning_rate}. Write a number "
                "above 0, such as 2e-4."
            )
        for name in ("dropout", "warmup"):
            if not 0 <= getattr(self, name) < 1:
                raise EngramError(
                    f"tuning: {name} is {getattr(self, name)}. Write a share, from 0 to below 1."
                )

    @property
    def tokens_at_once(self) -> int:
        """Tokens, padding included, that go through the model at once at most."""
        return max(self.micro_tokens, self.max_length)

    def dtype_on(self, device: str) -> str:
        """Return the type of frozen weights and of sums on a device, "cuda" or "cpu"."""
        if self.dtype != "auto":
            return self.dtype
        return "bfloat16" if device == "cuda" else "float32"


def frozen_layers(depth: int, settings: Settings) -> list[int]:
    """Return the blocks that `frozen` trains, of a model with so many.

    Unless they are named these are the upper third and the one below, whose output is the
    layer that is reported (two thirds of the depth): the layers 8 to 12 of GPT-2's twelve,
    as in the lineage. Were it only the third above, the reported layer would stay as it was.
    """
    layers = sorted(
        set(
            range(max(0, round(2 * depth / 3) - 1), depth)
            if settings.train_layers is None
            else settings.train_layers
        )
    )
    if not layers or layers[0] < 0 or layers[-1] >= depth:
        raise EngramError(
            f"tuning: train_layers is {layers}; the model has the blocks 0 to "
            f"{depth - 1}. Write some of these."
        )
    return layers
