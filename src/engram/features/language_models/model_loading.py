"""Loading of weights: what is loaded is what was saved.

transformers draws a weight at random where a file has none of its name, and passes over those
that it does not know; it says so in a warning alone. Every model of a study is loaded here,
and refused unless each of its weights was found and each weight of its file has a place in it.
"""

from __future__ import annotations

import copy
import json
import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engram.errors import EngramError
from engram.fetch.remote_code import loading_error

logger = logging.getLogger(__name__)

_INDEX = "model.safetensors.index.json"
#: What wrappers put into the names of weights, wherever they stand: torch.compile,
#: FullyShardedDataParallel and activation checkpointing.
_WRAPPERS = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")
#: What DistributedDataParallel puts before every name. It is a name like any other, so that it
#: counts only where all have it.
_PARALLEL = "module."
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
#: What a pointer of Git LFS begins with.
_POINTER = b"version https://git-lfs."
_SHOWN = 5
#: Relative difference up to which stored frequencies are those that are computed:
#: bfloat16 keeps 8 bits.
_STORED = 1e-2


def load_model(
    kind: Any,
    folder: str | Path,
    *,
    dtype: str,
    code: bool = False,
    head: bool = True,
    what: str = "cannot be loaded",
    key: bool = True,
) -> Any:
    """Load a model's weights, and refuse it unless they are those that were saved.

    Parameters
    ----------
    kind : type
        A class of transformers, such as AutoModel.
    folder : path
        In the Hugging Face layout, with weights in safetensors.
    dtype : {"float32", "bfloat16", "float16", "auto"}
        "auto": the type that the weights were saved in.
    code : bool
        Whether code of the model's own may run (`engram.fetch.remote_code`).
    head : bool
        Whether the head is used. One that is not may be missing.
    what, key
        Of errors of loading (`engram.fetch.remote_code.loading_error`).

    Returns
    -------
    transformers.PreTrainedModel
        On the CPU, in evaluation mode.

    Raises
    ------
    EngramError
        If the model cannot be loaded, a weight is missing, is left over, or is not finite,
        or a buffer that no file holds is not defined.
    """
    import torch

    try:
        stored = stored_tensors(folder)
        translation = _translation(stored, folder)
        precision = dtype if dtype == "auto" else getattr(torch, dtype)
        model, info = kind.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=code,
            use_safetensors=True,
            dtype=precision,
            key_mapping=translation or None,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are told, and refused below by their names
        )
    except EngramError:
        raise
    except Exception as error:  # as many kinds as there are libraries behind it
        raise loading_error(what, folder, error, code, key) from error
    # What renamed the weights would rename them back when the model is written again.
    kept = [
        one
        for one in getattr(model, "_weight_conversions", None) or []
        if not set(one.source_patterns) & set(translation)
    ]
    if translation:
        model._weight_conversions = kept
    _refuse_two_sets(model, folder, translation)
    _refuse_scaled(stored, model, folder)
    _compare(model, info, stored, folder, head)
    _warn_of_passed_over(model, stored, folder, translation)
    _define_buffers(kind, model, info["missing_keys"], folder, dtype, code)
    _refuse_other_computed(model, stored, folder, translation)
    _refuse_not_finite(model, folder, dtype)
    return model


def stored_tensors(folder: str | Path) -> dict[str, tuple[list[int], str]]:
    """Return shape and type of every tensor in a model's files, by name.

    The type is called as safetensors calls it, such as "F32".

    Raises
    ------
    EngramError
        If an index of several files names one that is not in safetensors or
        not in the folder itself.
    """
    found = {}
    for path in weight_files(folder):
        with opened(path) as file:
            for name in file.keys():  # noqa: SIM118 (no mapping)
                part = file.get_slice(name)
                found[name] = (part.get_shape(), str(part.get_dtype()))
    return found


def opened(path: Path) -> Any:
    """Open a file of weights, as `safetensors.safe_open` does.

    Raises
    ------
    EngramError
        If it is no safetensors file, or not a whole one.
    """
    from safetensors import safe_open

    try:
        return safe_open(path, framework="pt")
    except Exception as error:  # as many kinds as there are ways to break it
        with path.open("rb") as file:
            pointer = file.read(len(_POINTER)) == _POINTER
        why = (
            "it is a pointer of Git LFS. Fetch its content: 'git lfs pull'"
            if pointer
            else f"it is not in safetensors, or not whole ({error}). Copy or fetch the model again"
        )
        raise EngramError(
            f"the model in '{path.parent}' cannot be loaded: '{path.name}' cannot be read: {why}."
        ) from error


def weight_files(folder: str | Path) -> list[Path]:
    """Return the files that transformers reads a model's weights from.

    None of them may lie outside the model's folder.

    Raises
    ------
    EngramError
        If there are none, or an index names a file that is no safetensors file, that lies
        elsewhere, or that is not there.
    """
    folder = Path(folder)
    whole, index = folder / "model.safetensors", folder / _INDEX
    if whole.is_file():
        return [whole]
    if not index.is_file():
        raise EngramError(
            f"'{folder}' holds no weights in safetensors (neither 'model.safetensors' nor "
            f"'{_INDEX}'), and no others are loaded. Write them so: model.save_pretrained(folder)."
        )
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        wrong = [name for name in names if not str(name).endswith(".safetensors")]
        elsewhere = [name for name in names if Path(name).name != name]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngramError(
            f"'{index}' cannot be read as an index of weights: {error}. Write the model "
            "again: model.save_pretrained(folder)."
        ) from error
    if wrong:
        raise EngramError(
            f"'{index}' names '{wrong[0]}', which is not in safetensors; no others are loaded. "
            "Write the model again by save_pretrained."
        )
    if elsewhere:
        raise EngramError(
            f"'{index}' names '{elsewhere[0]}', which lies outside the model's own folder. "
            "Move it there, and its name in the index too."
        )
    absent = [name for name in names if not (folder / name).is_file()]
    if absent:
        raise EngramError(
            f"'{index}' names '{absent[0]}', which is not there ({len(absent)} of {len(names)} "
            "files). Copy the model again, whole."
        )
    return [folder / name for name in names]


def _translation(stored: Iterable[str], folder: str | Path) -> dict[str, str]:
    """Return how names that a wrapper changed become the model's own.

    These are patterns and what replaces them, where that is certain.
    """
    names = list(stored)
    found = [wrapper for wrapper in _WRAPPERS if any(wrapper in name for name in names)]
    mapping = {re.escape(wrapper): "" for wrapper in found}
    if names and all(_unwrapped(name, mapping).startswith(_PARALLEL) for name in names):
        mapping[f"^{re.escape(_PARALLEL)}"] = ""
    if mapping:
        logger.warning(
            (
                "the weights in '%s' were saved while the model was wrapped (torch.compile, "
                "DataParallel or FSDP): '%s' is read as '%s'"
            ),
            folder,
            names[0],
            _unwrapped(names[0], mapping),
        )
    return mapping


def _unwrapped(name: str, mapping: dict[str, str]) -> str:
    for pattern, replacement in mapping.items():
        name = re.sub(pattern, replacement, name)
    return name


def _refuse_two_sets(model: Any, folder: str | Path, translation: dict[str, str]) -> None:
    """Refuse files that hold a weight twice with other numbers.

    It may stand under two names that are read as one, in two shards, or as one file and as shards.
    """
    import torch

    base = f"{model.base_model_prefix}." if model.base_model_prefix else ""
    own = set(model.base_model.state_dict())
    # A head may have a weight of a name that the base has too.
    head = {
        name
        for name in model.state_dict()
        if model.base_model is not model and not name.startswith(base)
    }
    places: dict[str, list[tuple[Path, str]]] = {}
    for path in _all_weight_files(folder):
        with opened(path) as file:
            for name in file.keys():  # noqa: SIM118 (no mapping)
                read = _unwrapped(name, translation)
                inner = read.removeprefix(base)
                places.setdefault(
                    base + inner if inner in own and read not in head else read, []
                ).append((path, name))
    for name, found in places.items():
        for path, other in found[1:]:
            with opened(found[0][0]) as one, opened(path) as two:
                same = torch.equal(one.get_tensor(found[0][1]), two.get_tensor(other))
            if not same:
                raise EngramError(
                    f"the model in '{folder}' holds two sets of weights: '{found[0][1]}' "
                    f"in '{found[0][0].name}' and '{other}' in '{path.name}' are both read "
                    f"as '{name}', and their numbers differ. Which were meant is not known: "
                    "keep one set, written by save_pretrained into an empty folder."
                )


def _all_weight_files(folder: str | Path) -> list[Path]:
    """Return the files of weights that are read, and those that are passed over.

    An index names the latter beside a single file that is read in their place.
    """
    folder = Path(folder)
    found, index = weight_files(folder), folder / _INDEX
    if len(found) > 1 or not index.is_file():
        return found
    try:
        named = {
            folder / Path(name).name
            for name in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return found  # it is not read, whatever it is
    return [
        *found,
        *sorted(
            path for path in named - set(found) if path.suffix == ".safetensors" and path.is_file()
        ),
    ]


def _warn_of_passed_over(
    model: Any,
    stored: dict[str, tuple[list[int], str]],
    folder: str | Path,
    translation: dict[str, str],
) -> None:
    """Name the weights in a file that a family of transformers passes over without a word."""
    base = f"{model.base_model_prefix}." if model.base_model_prefix else ""
    patterns, own = (
        list(getattr(model, "_keys_to_ignore_on_load_unexpected", None) or ()),
        set(model.state_dict()),
    )
    names = {name: _unwrapped(name, translation) for name in stored}
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
            folder,
            len(passed),
            type(model).__name__,
            _listed(passed),
        )


def _compare(
    model: Any,
    info: dict[str, Any],
    stored: dict[str, tuple[list[int], str]],
    folder: str | Path,
    head: bool,
) -> None:
    """Refuse a model of which weights are missing or left over.

    Those that what is read does not depend on are only logged.
    """
    base = f"{model.base_model_prefix}." if model.base_model_prefix else ""
    headed = model.base_model is not model
    heads = {f"{name}." for name, _ in model.named_children() if headed and f"{name}." != base}
    parts = {f"{name}." for name, _ in model.base_model.named_children()}

    def harmless(name: str, left_over: bool) -> bool:
        inner = name.removeprefix(base)
        if _COMPUTED.search(name) or re.match(r"pooler\.", inner):
            return True
        if _MASK.search(name):
            shape = next((shape for key, (shape, _) in stored.items() if key.endswith(inner)), [])
            return left_over and len(shape) >= 2
        top = inner.split(".")[0] + "."
        if left_over:
            return bool(_HEADS.match(inner)) and top not in parts
        return not head and headed and top in heads and not name.startswith(base)

    missing, unexpected = sorted(info["missing_keys"]), sorted(info["unexpected_keys"])
    mismatched = sorted(info["mismatched_keys"])
    unused = [name for name in missing if harmless(name, False)] + [
        name for name in unexpected if harmless(name, True)
    ]
    absent = [name for name in missing if not harmless(name, False)]
    left = [name for name in unexpected if not harmless(name, True)]
    found = [
        f"{len(names)} {said} ({_listed(names)})"
        for names, said in (
            (absent, "of its weights are missing from the file and would be drawn at random"),
            (left, "weights in the file have no place in it"),
            (
                [
                    f"{one[0]}: {list(one[1])} in the file, {list(one[2])} in the model"
                    for one in mismatched
                ],
                "weights have another shape",
            ),
        )
        if names
    ]
    if found:
        raise EngramError(
            f"what the model in '{folder}' ({type(model).__name__}) would be is not what was "
            f"saved: {'; '.join(found)}. "
            "Its config.json must describe the weights (number of layers, sizes, model_type), "
            "and they must be all there, under the names that save_pretrained gives: "
            "save a wrapped model by model.module.save_pretrained(folder) (DataParallel) "
            "or model._orig_mod.save_pretrained(folder) (torch.compile), an adapted one "
            "after merge_and_unload()."
        )
    if unused:
        logger.info(
            (
                "%s: %d tensors that hidden states do not depend on are not used "
                "or not in the file: %s"
            ),
            folder,
            len(unused),
            _listed(unused),
        )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")


def _refuse_scaled(
    stored: dict[str, tuple[list[int], str]], model: Any, folder: str | Path
) -> None:
    """Refuse integers that would be read as weights without their scale.

    They were stored with one.
    """
    if getattr(model.config, "quantization_config", None):
        return
    weights = {name for name, weight in model.named_parameters() if weight.is_floating_point()}
    scaled = sorted(
        name
        for name, (_, kind) in stored.items()
        if kind.startswith(_SCALED) and any(name.endswith(weight) for weight in weights)
    )
    if scaled:
        raise EngramError(
            f"the model in '{folder}' has weights that are stored as quantised numbers "
            f"({stored[scaled[0]][1]}; {_listed(scaled)}), and its config.json does not say how. "
            "Give the model in float32, bfloat16 or float16."
        )


def _define_buffers(
    kind: Any, model: Any, missing: Iterable[str], folder: str | Path, dtype: str, code: bool
) -> None:
    """Give buffers that no file holds the values that the model's code computes.

    transformers allocates them without setting them, and relies on the code to do that once more;
    code of a model's own may not, and they would be whatever was in memory. The model is built once
    more for its buffers alone: its weights take no memory.
    """
    import torch

    absent = set(missing)
    names = [name for name, _ in model.named_non_persistent_buffers()] + [
        name for name, _ in model.named_buffers() if name in absent
    ]
    if not names:
        return
    one, other = (_buffers(kind, model, dtype, code, seed) for seed in (0, 1))
    for name in names:
        made, again, loaded = one.get(name), other.get(name), model.get_buffer(name)
        if (
            made is None
            or again is None
            or made.is_meta
            or made.shape != loaded.shape
            or not _same(made, again)
        ):
            raise EngramError(
                f"the model in '{folder}' has the buffer '{name}', which its file "
                "does not hold and which its code does not compute alike each time: "
                "what it was when the model was trained cannot be known. Save it with the model "
                "(register_buffer(..., persistent=True))."
            )
        if not _same(made, loaded):
            logger.warning(
                (
                    "%s: the buffer '%s', which no file holds, was not defined by loading; "
                    "it is what the model's code computes"
                ),
                folder,
                name,
            )
            with torch.no_grad():
                loaded.copy_(made)


def _same(one: Any, other: Any) -> bool:
    """Tell whether two tensors hold the same bytes, where no number is the same as itself."""
    import torch

    if one.dtype != other.dtype:
        one = one.to(other.dtype)
    return bool(
        torch.equal(torch.nan_to_num(one, nan=0.5), torch.nan_to_num(other, nan=0.5))
        and torch.equal(torch.isnan(one), torch.isnan(other))
    )


def _buffers(kind: Any, model: Any, dtype: str, code: bool, seed: int) -> dict[str, Any]:
    """Return the buffers of a model that is built anew from its configuration.

    Its weights take no memory.
    """
    import torch
    from accelerate import init_empty_weights

    precision = model.dtype if dtype == "auto" else getattr(torch, dtype)
    with torch.random.fork_rng(devices=[]), init_empty_weights(include_buffers=False):
        torch.manual_seed(seed)
        built = kind.from_config(
            copy.deepcopy(model.config), trust_remote_code=code, dtype=precision
        )
    return dict(built.named_buffers())


def is_finite(tensor: Any) -> bool:
    """Tell whether all numbers of a tensor are finite, without a copy of it."""
    import torch

    return (
        not tensor.numel()
        or not tensor.is_floating_point()
        or bool(torch.isfinite(torch.stack(torch.aminmax(tensor.detach()))).all())
    )


def _refuse_other_computed(
    model: Any, stored: Iterable[str], folder: str | Path, translation: dict[str, str]
) -> None:
    """Refuse a file whose frequencies of rotary positions, or mask, are not the model's.

    The model's are those that it computes and reads with.

    transformers passes over them without a word, since they follow from the configuration.
    """
    import torch

    names = {name for name in stored if name.endswith(".inv_freq") or _MASK.search(name)}
    own = tuple(model.state_dict()) if names else ()
    unused = {
        name
        for name in names
        if not any(
            _unwrapped(name, translation).endswith(one)
            or one.endswith(_unwrapped(name, translation))
            for one in own
        )
    }
    frequencies = [
        buffer.float().flatten()
        for name, buffer in model.named_buffers()
        if name.endswith(".inv_freq")
    ]
    # Frequencies that are scaled were stored unscaled by earlier versions.
    plain = all(getattr(module, "rope_type", "default") == "default" for module in model.modules())
    for path in weight_files(folder) if unused else ():
        with opened(path) as file:
            for name in unused & set(file.keys()):
                found, wrong = file.get_tensor(name), ""
                if name.endswith(".inv_freq"):
                    made = [one for one in frequencies if one.numel() == found.numel()]
                    if (
                        plain
                        and made
                        and not any(
                            torch.allclose(found.float().flatten(), one, rtol=_STORED, atol=1e-6)
                            for one in made
                        )
                    ):
                        wrong = (
                            "its positions turn at other frequencies than config.json says "
                            "(rope_theta, rope_scaling)"
                        )
                elif found.ndim >= 2 and bool(found.float().triu(1).any()):
                    wrong = (
                        "it lets tokens see later ones, and the model that "
                        "config.json names does not"
                    )
                if wrong:
                    raise EngramError(
                        f"the model in '{folder}' holds '{name}', which is not what the model "
                        f"would read with: {wrong}. Correct config.json, or take the tensor out "
                        "of the file if it is known to be wrong."
                    )


def _refuse_not_finite(model: Any, folder: str | Path, dtype: str) -> None:
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
