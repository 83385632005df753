"""Checks of loaded weights: they are those that were saved, all of them, and finite numbers.

transformers draws a weight at random where a file has none of its name, and passes over those
that it does not know; it says so in a warning alone.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

from engram.errors import EngramError
from engram.features.language_models.stored_weights import StoredWeights
from engram.features.language_models.weight_files import all_weight_files, opened, weight_files

logger = logging.getLogger(__name__)

#: Modules that turn hidden states into something else; hidden states do not depend on them.
#: By their names at the top of a model.
_HEADS = re.compile(
    r"^(?:\w*_head|heads?|cls|score|classifier|classification|pooler|qa_outputs|qa_classifier|"
    r"\w*predictions|pred_layer|lm_loss|logits_proj|embed_out|"
    r"output_projection|vocab_transform|vocab_layer_norm|vocab_projector|sequence_summary|"
    r"pre_classifier|seq_relationship|value_head|v_head)\."
)
#: Tensors that models compute from their configuration and that older versions of
#: transformers wrote into the file.
_COMPUTED = re.compile(r"(?:^|\.)(?:inv_freq|position_ids|token_type_ids|masked_bias)$")
#: The causal mask that GPT-2 and its kin wrote into the file: a bias of two or more dimensions.
_MASK = re.compile(r"(?:^|\.)(?:attn|attention)\.bias$")
#: Types of stored numbers that are no weights until they are scaled.
_SCALED = ("I", "U", "F8", "F4", "F6_", "BOOL")
#: Names that a message shows.
_SHOWN = 5
#: Relative difference up to which stored frequencies are those that are computed:
#: bfloat16 keeps 8 bits.
_STORED = 1e-2


def refuse_two_sets(model: Any, stored: StoredWeights) -> None:
    """Refuse files that hold a weight twice with other numbers.

    It may stand under two names that are read as one, in two shards, or as one file and as shards.
    """
    import torch

    for name, found in _places(model, stored).items():
        first_path, first = found[0]
        for path, other in found[1:]:
            with opened(first_path) as one, opened(path) as two:
                same = torch.equal(one.get_tensor(first), two.get_tensor(other))
            if not same:
                raise EngramError(
                    f"the model in '{stored.folder}' holds two sets of weights: '{first}' "
                    f"in '{first_path.name}' and '{other}' in '{path.name}' are both read "
                    f"as '{name}', and their numbers differ. Which were meant is not known: "
                    "keep one set, written by save_pretrained into an empty folder."
                )


def _places(model: Any, stored: StoredWeights) -> dict[str, list[tuple[Path, str]]]:
    """Return where each weight stands, by the name it is read as: files, and its names in them."""
    base = _base_prefix(model)
    own = set(model.base_model.state_dict())
    # A head may have a weight of a name that the base has too.
    head = {
        name
        for name in model.state_dict()
        if model.base_model is not model and not name.startswith(base)
    }
    places: dict[str, list[tuple[Path, str]]] = {}
    for path in all_weight_files(stored.folder):
        with opened(path) as file:
            for name in file.keys():  # noqa: SIM118 (no mapping)
                read = stored.read_as(name)
                inner = read.removeprefix(base)
                places.setdefault(
                    base + inner if inner in own and read not in head else read, []
                ).append((path, name))
    return places


def _base_prefix(model: Any) -> str:
    """Return what stands before names of weights below a head, such as "transformer.", or ""."""
    return f"{model.base_model_prefix}." if model.base_model_prefix else ""


def refuse_scaled(model: Any, stored: StoredWeights) -> None:
    """Refuse integers that would be read as weights without their scale.

    They were stored with one.
    """
    if getattr(model.config, "quantization_config", None):
        return
    weights = {name for name, weight in model.named_parameters() if weight.is_floating_point()}
    scaled = sorted(
        name
        for name, (_, kind) in stored.tensors.items()
        if kind.startswith(_SCALED) and any(name.endswith(weight) for weight in weights)
    )
    if scaled:
        raise EngramError(
            f"the model in '{stored.folder}' has weights that are stored as quantised numbers "
            f"({stored.tensors[scaled[0]][1]}; {_listed(scaled)}), and its config.json does not "
            "say how. Give the model in float32, bfloat16 or float16."
        )


def refuse_missing_or_left_over(
    model: Any, info: dict[str, Any], stored: StoredWeights, head: bool
) -> None:
    """Refuse a model of which weights are missing, are left over or have another shape.

    Those that what is read does not depend on are only logged.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    info : dict
        What loading said: ``missing_keys``, ``unexpected_keys`` and ``mismatched_keys``.
    stored : StoredWeights
    head : bool
        Whether the head is used. One that is not may be missing.
    """
    missing, unexpected = sorted(info["missing_keys"]), sorted(info["unexpected_keys"])
    lacks = {name: _may_be_missing(name, model, head) for name in missing}
    holds = {name: _may_be_left_over(name, model, stored) for name in unexpected}
    absent = [name for name, harmless in lacks.items() if not harmless]
    left = [name for name, harmless in holds.items() if not harmless]
    reshaped = [
        f"{name}: {list(there)} in the file, {list(wanted)} in the model"
        for name, there, wanted in sorted(info["mismatched_keys"])
    ]
    found = [
        f"{len(names)} {said} ({_listed(names)})"
        for names, said in (
            (absent, "of its weights are missing from the file and would be drawn at random"),
            (left, "weights in the file have no place in it"),
            (reshaped, "weights have another shape"),
        )
        if names
    ]
    if found:
        raise EngramError(
            f"what the model in '{stored.folder}' ({type(model).__name__}) would be is not what "
            f"was saved: {'; '.join(found)}. "
            "Its config.json must describe the weights (number of layers, sizes, model_type), "
            "and they must be all there, under the names that save_pretrained gives: "
            "save a wrapped model by model.module.save_pretrained(folder) (DataParallel) "
            "or model._orig_mod.save_pretrained(folder) (torch.compile), an adapted one "
            "after merge_and_unload()."
        )
    if unused := [name for name, harmless in (lacks | holds).items() if harmless]:
        logger.info(
            (
                "%s: %d tensors that hidden states do not depend on are not used "
                "or not in the file: %s"
            ),
            stored.folder,
            len(unused),
            _listed(unused),
        )


def _may_be_missing(name: str, model: Any, head: bool) -> bool:
    """Tell whether a weight that no file holds changes nothing of what is read."""
    base = _base_prefix(model)
    inner = name.removeprefix(base)
    if _is_computed(name, inner):
        return True
    if head or model.base_model is model or name.startswith(base) or _MASK.search(name):
        return False
    tops = {child for child, _ in model.named_children() if f"{child}." != base}
    return inner.split(".")[0] in tops


def _may_be_left_over(name: str, model: Any, stored: StoredWeights) -> bool:
    """Tell whether a weight in a file that the model has no place for changes nothing."""
    inner = name.removeprefix(_base_prefix(model))
    if _is_computed(name, inner):
        return True
    if _MASK.search(name):
        shapes = (shape for key, (shape, _) in stored.tensors.items() if key.endswith(inner))
        return len(next(shapes, [])) >= 2
    parts = {child for child, _ in model.base_model.named_children()}
    return bool(_HEADS.match(inner)) and inner.split(".")[0] not in parts


def _is_computed(name: str, inner: str) -> bool:
    """Tell whether a tensor is computed from the configuration, or is a pooler's."""
    return bool(_COMPUTED.search(name) or re.match(r"pooler\.", inner))


def warn_of_passed_over(model: Any, stored: StoredWeights) -> None:
    """Name the weights in a file that a family of transformers passes over without a word."""
    base, own = _base_prefix(model), set(model.state_dict())
    patterns = list(getattr(model, "_keys_to_ignore_on_load_unexpected", None) or ())
    names = {name: stored.read_as(name) for name in stored.tensors}
    passed = [
        name
        for name, read in names.items()
        if any(re.search(pattern, read) for pattern in patterns)
        and not {read, read.removeprefix(base), base + read} & own
        and not any(harmless.search(read) for harmless in (_COMPUTED, _MASK))
        and not _HEADS.match(read.removeprefix(base))
    ]
    if passed:
        logger.warning(
            (
                "%s holds %d tensors that %s passes over (%s): the model is read without them. "
                "If it was trained with them, config.json must say so"
            ),
            stored.folder,
            len(passed),
            type(model).__name__,
            _listed(passed),
        )


def refuse_other_computed(model: Any, stored: StoredWeights) -> None:
    """Refuse a file whose frequencies of rotary positions, or mask, are not the model's.

    The model's are those that it computes and reads with. transformers passes over the file's
    without a word, since they follow from the configuration.
    """
    unused = _unused_computed(model, stored)
    for path in weight_files(stored.folder) if unused else ():
        with opened(path) as file:
            for name in sorted(unused & set(file.keys())):
                tensor = file.get_tensor(name)
                wrong = (
                    _other_frequencies(model, tensor)
                    if name.endswith(".inv_freq")
                    else _not_causal(tensor)
                )
                if wrong:
                    raise EngramError(
                        f"the model in '{stored.folder}' holds '{name}', which is not what the "
                        f"model would read with: {wrong}. Correct config.json, or take the tensor "
                        "out of the file if it is known to be wrong."
                    )


def _unused_computed(model: Any, stored: StoredWeights) -> set[str]:
    """Return the stored frequencies and masks that the model has no place for."""
    names = {name for name in stored.tensors if name.endswith(".inv_freq") or _MASK.search(name)}
    own = tuple(model.state_dict()) if names else ()
    return {
        name
        for name in names
        if not any(
            stored.read_as(name).endswith(one) or one.endswith(stored.read_as(name)) for one in own
        )
    }


def _other_frequencies(model: Any, stored: Any) -> str:
    """Return what is wrong with stored frequencies of rotary positions, or ""."""
    import torch

    # Frequencies that are scaled were stored unscaled by earlier versions.
    if any(getattr(module, "rope_type", "default") != "default" for module in model.modules()):
        return ""
    made = [
        buffer.float().flatten()
        for name, buffer in model.named_buffers()
        if name.endswith(".inv_freq") and buffer.numel() == stored.numel()
    ]
    found = stored.float().flatten()
    if not made or any(torch.allclose(found, one, rtol=_STORED, atol=1e-6) for one in made):
        return ""
    return (
        "its positions turn at other frequencies than config.json says (rope_theta, rope_scaling)"
    )


def _not_causal(stored: Any) -> str:
    """Return what is wrong with a stored causal mask, or ""."""
    if stored.ndim >= 2 and bool(stored.float().triu(1).any()):
        return "it lets tokens see later ones, and the model that config.json names does not"
    return ""


def refuse_not_finite(model: Any, folder: str | Path, dtype: str) -> None:
    """Refuse a model with weights that are not finite numbers in its type of numbers."""
    wrong = [name for name, weight in model.named_parameters() if not is_finite(weight)]
    if wrong:
        advice = (
            "with dtype float16, try bfloat16 or float32"
            if dtype == "float16"
            else "train it again, or give an earlier checkpoint"
        )
        raise EngramError(
            f"the model in '{folder}' has weights that are not finite numbers "
            f"({_listed(wrong)}): {advice}."
        )


def is_finite(tensor: Any) -> bool:
    """Tell whether all numbers of a tensor are finite, without a copy of it."""
    import torch

    return (
        not tensor.numel()
        or not tensor.is_floating_point()
        or bool(torch.isfinite(torch.stack(torch.aminmax(tensor.detach()))).all())
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
