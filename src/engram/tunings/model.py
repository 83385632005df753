"""The model that is tuned: how it is loaded, and which of its weights train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engram.errors import EngramError
from engram.features.language_models.model_loading import load_model
from engram.features.language_models.positions import longest_input
from engram.fetch.remote_code import loading_error
from engram.tunings.settings import Settings, frozen_layers

_NOT_LOADED = "cannot be loaded for tuning"
#: What gets adapters where there is no attention: Mamba's projections of its input. Its other
#: linear layers are used as bare weights, past any adapter.
_STATE_SPACE = {"in_proj", "x_proj"}


@dataclass(frozen=True)
class BaseModel:
    """The model that is tuned.

    Attributes
    ----------
    folder : Path
        In the Hugging Face layout.
    identity : mapping
        What the tuned model's card says of it: ``source`` (where others find it), and
        ``revision`` or ``content`` (a digest).
    code : bool
        Whether the model's own code may run (`engram.fetch.remote_code`).
    """

    folder: Path
    identity: Mapping[str, str]
    code: bool = False


def tokenizer_of(base: BaseModel) -> Any:
    """Return the base model's tokenizer."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(
            base.folder, local_files_only=True, trust_remote_code=base.code
        )
    except Exception as error:  # as many kinds as there are libraries behind it
        raise loading_error(_NOT_LOADED, base.folder, error, base.code) from error


def model_of(base: BaseModel, settings: Settings, device: str) -> Any:
    """Return the base model with its head, its weights in the type that they are used in."""
    from transformers import AutoModelForCausalLM

    model = load_model(
        AutoModelForCausalLM,
        base.folder,
        dtype=settings.dtype_on(device),
        code=base.code,
        what=_NOT_LOADED,
    )
    limit = longest_input(model)
    if settings.max_length > limit:
        raise EngramError(
            f"tuning: max_length is {settings.max_length} tokens, more than the model can read "
            f"({limit}). Write {limit} or less."
        )
    return model


def device_of(device: str) -> str:
    """Return where a model is tuned, "cuda" or "cpu"; a GPU is refused where there is none."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise EngramError(
            "tuning: the device is 'cuda', and there is no GPU here. Write 'auto' or 'cpu', "
            "or run where there is one."
        )
    return device if device != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")


def mixed_precision(model: Any, settings: Settings) -> Any:
    """Return the context in which float32 weights are used in bfloat16, where that is asked for."""
    import torch

    device = model.device.type
    return torch.autocast(device, torch.bfloat16, enabled=settings.dtype_on(device) == "bfloat16")


def prepared(model: Any, settings: Settings) -> Any:
    """Return a causal model with the weights that a method trains in float32 and all others frozen.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        Is changed.
    settings : Settings

    Returns
    -------
    transformers.PreTrainedModel or peft.PeftModel

    Raises
    ------
    EngramError
        If the model has no such layers.
    """
    import torch

    if settings.gradient_checkpointing:
        model.activation_checkpointing_enable()
        # That also asks for gradients of the embeddings, which would keep all blocks
        # below the trained ones.
        model.disable_input_require_grads()
    if settings.method == "lora":
        model.requires_grad_(False)
        torch.manual_seed(settings.seed)
        return _with_adapters(model, settings)
    model.requires_grad_(settings.method == "full")
    if settings.method == "frozen":
        stack = _blocks(model)
        for index in frozen_layers(len(stack), settings):
            stack[index].requires_grad_(True)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return model


def trained_weights(model: Any) -> dict[str, Any]:
    """Return the parameters that train, by name."""
    return {
        name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad
    }


def _blocks(model: Any) -> Any:
    """Return the list of a model's blocks."""
    import torch

    depth = model.config.get_text_config().num_hidden_layers
    stacks = [
        module
        for module in model.modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == depth
    ]
    if not stacks:
        raise EngramError(
            f"tuning: no list of {depth} blocks was found in {type(model).__name__}, "
            "so its layers cannot be frozen. Use lora or full."
        )
    return stacks[0]


def lora_targets(model: Any, settings: Settings) -> list[str]:
    """Return the names of the linear layers that get adapters.

    Raises
    ------
    EngramError
        If there are none of these names; the error says which there are.
    """
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING

    head = model.get_output_embeddings()
    linear = {
        name: module
        for name, module in model.named_modules()
        if _is_linear(module) and module is not head
    }
    present = {name.rsplit(".", 1)[-1] for name in linear}
    if settings.target_modules is not None:
        unknown = sorted(set(settings.target_modules) - present)
        if unknown or not settings.target_modules:
            raise EngramError(
                f"tuning: target_modules names {unknown or 'nothing'}; the linear layers of this "
                f"model are {sorted(present)}. Write some of these."
            )
        return list(settings.target_modules)
    usual: Sequence[str] | None = TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING.get(
        model.config.model_type
    )
    attention = sorted(
        {
            name.rsplit(".", 1)[-1]
            for name in linear
            if any(word in name.lower() for word in ("attn", "attention"))
        }
    )
    found = list(usual or ()) or attention or sorted(present & _STATE_SPACE)
    if not found:
        raise EngramError(
            f"tuning: no attention was found in {type(model).__name__}. Write target_modules: "
            f"some of {sorted(present)}."
        )
    return found


def _is_linear(module: Any) -> bool:
    import torch
    from transformers.pytorch_utils import Conv1D

    return isinstance(module, torch.nn.Linear | Conv1D)


def _with_adapters(model: Any, settings: Settings) -> Any:
    from peft import LoraConfig, get_peft_model
    from transformers.pytorch_utils import Conv1D

    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.rank,
        lora_alpha=settings.alpha,  # type: ignore[arg-type]  # a scale: peft divides it by the rank
        lora_dropout=settings.dropout,
        target_modules=lora_targets(model, settings),
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in model.modules()),
    )
    return get_peft_model(model, config)
