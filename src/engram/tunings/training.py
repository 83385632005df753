"""Tuning of causal language models on instructions.

It trains LoRA, upper layers, or everything, with the loss on the output alone.

A step trains on a fixed number of output tokens, so that sets of different lengths (the association
and its controls) cost and teach equally much; what a step sees and which units it drops depend
on the seed and the step alone, so that a killed run goes on where it was.
"""

from __future__ import annotations

import copy
import hashlib
import json
import logging
import math
import platform
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import metadata
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from engram.errors import EngramError
from engram.features.language_models.adapters import CARD, fingerprint
from engram.features.language_models.causality import check_causal
from engram.features.language_models.model_loading import load_model
from engram.features.language_models.positions import longest_input
from engram.features.language_models.read_check import check_tokens
from engram.features.language_models.tokens import is_known, special_tokens, unknown_token
from engram.fetch.remote_code import loading_error
from engram.files import storage
from engram.jobs.out_of_memory import Shrinking
from engram.jobs.progress import progress
from engram.tunings.controls import CONDITIONS
from engram.tunings.loss_checks import check_finite, report_first_loss, uniform_loss
from engram.tunings.sample_problems import refuse
from engram.tunings.samples import Sample

logger = logging.getLogger(__name__)

METHODS = ("lora", "frozen", "full")
TEMPLATES = ("auto", "plain")
DTYPES = ("auto", "float32", "bfloat16")
#: The plain template: what precedes the output, with and without a passage.
_PLAIN = "Passage:\n{input}\n\nTask:\n{instruction}\n\nAnswer:\n"
_PLAIN_BARE = "Task:\n{instruction}\n\nAnswer:\n"
#: Longest gradient (Euclidean norm over all trained weights); longer ones are scaled down to it.
_LONGEST_GRADIENT = 1.0
#: What spares a search for what fits into memory, and what to do where nothing does.
_SMALLER = (
    (
        "'micro_tokens: {size}' in the tuning's configuration spares this; a step trains on the "
        "same tokens, its dropout is drawn otherwise."
    ),
    (
        "Write 'checkpointing: true', a smaller max_length, 'method: lora' or fewer train_layers "
        "in the tuning's configuration, or give the job more memory."
    ),
)
_CHECKPOINT = "step-"
#: What gets adapters where there is no attention: Mamba's projections of its input. Its other
#: linear layers are used as bare weights, past any adapter.
_STATE_SPACE = {"in_proj", "x_proj"}
_PACKAGES = ("engram", "torch", "transformers", "peft")


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
    checkpointing : bool
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
    checkpointing: bool = False
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


@dataclass(frozen=True)
class Encoded:
    """A sample as tokens: ``ids`` of the prompt, the output and the end.

    The first ``n_prompt`` of them are the prompt.
    """

    ids: tuple[int, ...]
    n_prompt: int

    @property
    def n_output(self) -> int:
        """Tokens of the output and the end."""
        return len(self.ids) - self.n_prompt


@dataclass(frozen=True)
class Card:
    """What a tuned model is and how it came about; written beside it as ``tuning.json``.

    Attributes
    ----------
    condition : {"association", "shuffled", "generic"}
    method, settings, seed
        As `Settings` has them.
    base : dict
        ``source`` and ``content`` as the caller knows them, and the ``fingerprint`` of the weights.
    data : dict
        ``sha256`` of the samples, numbers of samples to ``train`` and to validate
        with (``validation``).
    trained_parameters, all_parameters : int
        Numbers; adapters are counted in both.
    steps, trained_tokens : int
        Done, and output tokens trained on in them.
    curve : list of dict
        ``step``, ``training`` (mean loss per output token since the last entry) and ``validation``
        (mean loss per output token), in nats; None where there is none.
    best_step, kept_step : int
        Where the validation loss is lowest, and whose weights these are.
    seconds : float
        Over all runs of it.
    versions : dict
    device : str
    licence : str
        A note on what may be done with it.
    first_loss, uniform_loss : float or None
        Loss before the first step, of the validation samples, or of the first step's if there are
        none, and that of a guess that holds every token equally likely; in nats per output token.
        None in cards of earlier versions.
    """

    condition: str
    method: str
    seed: int
    settings: dict[str, Any]
    base: dict[str, str]
    data: dict[str, Any]
    trained_parameters: int
    all_parameters: int
    steps: int
    trained_tokens: int
    curve: list[dict[str, Any]]
    best_step: int
    kept_step: int
    seconds: float
    versions: dict[str, str]
    device: str
    licence: str = ""
    first_loss: float | None = None
    uniform_loss: float | None = None


@dataclass
class _State:
    """Where a run is: all that a checkpoint holds beside weights and optimizer."""

    step: int = 0
    curve: list[dict[str, Any]] = field(default_factory=list)
    recent: list[float] = field(default_factory=list)
    best_step: int = 0
    best_loss: float = math.inf
    waited: int = 0
    seconds: float = 0.0
    micro_tokens: int | None = None
    first_loss: float | None = None


# ---------------------------------------------------------------- samples to tokens
def prompt_of(sample: Sample, tokenizer: Any, template: str = "auto") -> str:
    """Return the text before a sample's output.

    Parameters
    ----------
    sample : Sample
    tokenizer : transformers.PreTrainedTokenizerBase
    template : {"auto", "plain"}
    """
    if template == "auto" and getattr(tokenizer, "chat_template", None):
        said = "\n\n".join(text for text in (sample.instruction, sample.input) if text)
        try:
            text: str = tokenizer.apply_chat_template(
                [{"role": "user", "content": said}], tokenize=False, add_generation_prompt=True
            )
        except Exception as error:  # a template is a program, and can fail in any way
            raise EngramError(
                "the tokenizer's chat template cannot write a prompt of one message of the user "
                f"({type(error).__name__}: {error}). Write 'template: plain' in the "
                "tuning's configuration, or correct the template (chat_template.jinja, "
                "or tokenizer_config.json)."
            ) from error
        return text
    begin = tokenizer.bos_token or ""
    if not sample.instruction:
        return f"{begin}{sample.input}\n"
    return begin + (_PLAIN if sample.input else _PLAIN_BARE).format(
        input=sample.input, instruction=sample.instruction
    )


def encode_samples(
    samples: Sequence[Sample], tokenizer: Any, max_length: int, template: str = "auto"
) -> list[Encoded]:
    """Return samples as tokens.

    The prompt's are apart from those of the output and the tokenizer's end of text.

    Parameters
    ----------
    samples : sequence of Sample
    tokenizer : transformers.PreTrainedTokenizerBase
    max_length : int
        In tokens.
    template : {"auto", "plain"}

    Raises
    ------
    EngramError
        With line numbers: if samples are longer (none is cut), if the tokenizer knows nothing
        of a text, or if a prompt holds a special token.
    """
    found = _encoded(samples, tokenizer, template)
    long = [
        f"line {sample.line}: {len(one.ids)} tokens"
        for sample, one in zip(samples, found, strict=True)
        if len(one.ids) > max_length
    ]
    if long:
        more = f"; and {len(long) - 10} more" if len(long) > 10 else ""
        raise EngramError(
            f"samples are longer than max_length allows ({max_length} tokens): "
            f"{'; '.join(long[:10])}{more}. Shorten them, or write a larger max_length."
        )
    _warn_of_unknown(found, tokenizer)
    return found


def fitting(
    samples: Sequence[Sample], tokenizer: Any, max_length: int, template: str = "auto"
) -> list[Sample]:
    """Return the samples that are not too long.

    It is for models of little context. The caller says what is left out, and leaves it
    out of all conditions.
    """
    return [
        sample
        for sample, one in zip(samples, _encoded(samples, tokenizer, template), strict=True)
        if len(one.ids) <= max_length
    ]


def fitting_everywhere(
    base_folder: str | Path,
    parts: Mapping[str, Sequence[Sample]],
    condition: str,
    max_length: int,
    template: str,
    code: bool = False,
) -> list[Sample]:
    """Return a condition's samples whose passages are short enough in every condition.

    So all train on the same passages.

    Parameters
    ----------
    base_folder : path
        The model to tune, for its tokenizer.
    parts : mapping
        The samples of every condition.
    condition : str
        The one wanted.
    max_length, template
        As in `Settings`.
    code : bool
        Whether the model's own code may run (`engram.fetch.remote_code`).
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        base_folder, local_files_only=True, trust_remote_code=code
    )
    short = set.intersection(
        *(
            {sample.line for sample in fitting(part, tokenizer, max_length, template)}
            for part in parts.values()
        )
    )
    kept = [sample for sample in parts[condition] if sample.line in short]
    logger.info(
        "%d of %d samples have at most %d tokens in all conditions",
        len(kept),
        len(parts[condition]),
        max_length,
    )
    return kept


def _encoded(samples: Sequence[Sample], tokenizer: Any, template: str) -> list[Encoded]:
    """Return samples as tokens.

    Special tokens in them are the template's and the end, never what a
    sample's own text looks like.
    """
    if not samples:
        return []
    end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    prompts = tokenizer(
        [prompt_of(sample, tokenizer, template) for sample in samples],
        add_special_tokens=False,
        verbose=False,
    )["input_ids"]
    outputs = _plain([sample.output for sample in samples], tokenizer)["input_ids"]
    _check_texts(samples, tokenizer)
    return [
        Encoded((*prompt, *output, *end), len(prompt))
        for prompt, output in zip(prompts, outputs, strict=True)
    ]


def _plain(texts: Sequence[str], tokenizer: Any) -> Any:
    """Return texts as tokens, none of which is special: as stories are read."""
    return tokenizer(
        list(texts),
        add_special_tokens=False,
        split_special_tokens=True,
        return_offsets_mapping=tokenizer.is_fast,
        verbose=False,
    )


def _check_texts(samples: Sequence[Sample], tokenizer: Any) -> None:
    """Refuse samples of which the tokenizer knows nothing, and special tokens in prompts.

    The latter are what it takes for a special token where it stands in a text.
    """
    special, problems = special_tokens(tokenizer), []
    for name in ("instruction", "input", "output"):
        texts = [str(getattr(sample, name)) for sample in samples]
        plain = _plain(texts, tokenizer)
        taken = tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
        for index, (sample, text, ids) in enumerate(
            zip(samples, texts, plain["input_ids"], strict=True)
        ):
            if name != "output" and taken[index] != ids:
                found = next(
                    (token for token in special.values() if token in text), "a special token"
                )
                problems.append(
                    (
                        sample.line,
                        f"the {name} holds '{found}', which the tokenizer takes for more than text",
                    )
                )
            elif tokenizer.is_fast and not is_known(
                tokenizer, text, ids, plain["offset_mapping"][index], special
            ):
                problems.append(
                    (
                        sample.line,
                        f"the tokenizer knows no letter and no digit of the {name} ('{text[:30]}')",
                    )
                )
    refuse(
        "tuning set",
        problems,
        "Write these samples otherwise, take them out, or tune a model for their language.",
    )


def _warn_of_unknown(encoded: Sequence[Encoded], tokenizer: Any) -> None:
    """Log how many of the output tokens stand for whatever is unknown.

    The model learns to write that token.
    """
    unknown = unknown_token(tokenizer)
    number = None if unknown is None else tokenizer.convert_tokens_to_ids(unknown)
    if number in (None, tokenizer.eos_token_id):
        return
    count_of = sum(one.ids[one.n_prompt :].count(number) for one in encoded)
    if count_of:
        logger.warning(
            (
                "%d of %d output tokens are '%s', the tokenizer's for whatever it does not know: "
                "the model learns to write it. Write the samples with characters that it "
                "knows, or tune another model"
            ),
            *(count_of, sum(one.n_output for one in encoded), unknown),
        )


# ---------------------------------------------------------------- batches
def batches(lengths: Sequence[int], settings: Settings) -> list[list[tuple[int, int]]]:
    """Return what each step trains on: samples, and how many of each one's output tokens.

    Parameters
    ----------
    lengths : sequence of int
        Output tokens of each sample.
    settings : Settings

    Returns
    -------
    list of list of (sample, tokens)
        A list a step, with `tokens_per_step` tokens altogether: samples follow each other in an
        order that is drawn anew for each pass, and a step's last one is cut.
        The same for the same lengths and seed.
    """
    order = (
        int(index)
        for epoch in count()
        for index in np.random.default_rng([settings.seed, epoch]).permutation(len(lengths))
    )
    result = []
    for _ in range(settings.steps):
        left, step = settings.tokens_per_step, []
        while left:
            index = next(order)
            step.append((index, min(left, lengths[index])))
            left -= step[-1][1]
        result.append(step)
    return result


def _micro_batches(pieces: Sequence[Encoded], micro_tokens: int) -> Iterator[list[Encoded]]:
    """Yield pieces of like length in groups of at most so many tokens, padding included.

    There is at least one in a group.
    """
    group: list[Encoded] = []
    for piece in sorted(pieces, key=lambda piece: len(piece.ids), reverse=True):
        if group and (len(group) + 1) * len(group[0].ids) > micro_tokens:
            yield group
            group = []
        group.append(piece)
    yield group


def output_loss(model: Any, pieces: Sequence[Encoded]) -> Any:
    """Return the cross-entropy of the pieces' output tokens, summed.

    Prompts and padding carry no loss.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    pieces : sequence of Encoded

    Returns
    -------
    torch.Tensor of shape ()
        In nats.
    """
    import torch

    longest = max(len(piece.ids) for piece in pieces)
    ids, mask, wanted = (
        torch.zeros(len(pieces), longest, dtype=kind)
        for kind in (torch.long, torch.long, torch.bool)
    )
    for row, piece in enumerate(pieces):
        ids[row, : len(piece.ids)] = torch.tensor(piece.ids)
        mask[row, : len(piece.ids)] = 1
        wanted[row, piece.n_prompt : len(piece.ids)] = True
    ids, mask, wanted = (part.to(model.device) for part in (ids, mask, wanted))
    # The token at a place is predicted at the place before it.
    logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1][
        wanted[:, 1:]
    ]
    return torch.nn.functional.cross_entropy(
        logits.float(), ids[:, 1:][wanted[:, 1:]], reduction="sum"
    )


# ---------------------------------------------------------------- which weights train
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

    if settings.checkpointing:
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


# ---------------------------------------------------------------- tuning
def tune(
    base_folder: str | Path,
    train: Sequence[Sample],
    validation: Sequence[Sample],
    settings: Settings,
    out_folder: str | Path,
    checkpoints_folder: str | Path,
    *,
    base: Mapping[str, str],
    condition: str = "association",
    device: str = "auto",
    licence: str = "",
    code: bool = False,
) -> Card:
    """Tune a model, and write it as a folder in the Hugging Face layout.

    It holds an adapter for `lora`, else all weights, with tokenizer and card.

    Parameters
    ----------
    base_folder : path
        The model to tune.
    train, validation : sequence of Sample
        Without any to validate with there is no validation loss, and no early stop.
    settings : Settings
    out_folder : path
        Appears whole, at the end; a tuned model that is there is replaced.
    checkpoints_folder : path
        Of this run alone. A run that was killed goes on from its newest whole checkpoint, if base,
        samples and settings are the same; removed at the end.
    base : mapping
        What the card says of the base: ``source`` (where others find it) and
        ``content`` (a digest).
    condition : {"association", "shuffled", "generic"}
        What the samples are.
    device : {"auto", "cpu", "cuda"}
    licence : str
        A note for the card.
    code : bool
        Whether the model's own code may run (`engram.fetch.remote_code`).

    Returns
    -------
    Card

    Raises
    ------
    EngramError
        If samples are too long, the model is not causal, settings do not fit it,
        or the loss is not finite.
    """
    import torch

    begun = time.monotonic()
    if condition not in CONDITIONS:
        raise EngramError(
            f"tuning: the condition is '{condition}'. Allowed: {', '.join(CONDITIONS)}."
        )
    if not train or (settings.patience is not None and not validation):
        raise EngramError(
            f"tuning: {len(train)} samples to train on, {len(validation)} to validate with. "
            "Give some of both, or leave patience out."
        )
    place = _place(device)
    _check_free(Path(out_folder))
    model, tokenizer = _loaded(base_folder, settings, place, code)
    encoded, held = (
        encode_samples(part, tokenizer, settings.max_length, settings.template)
        for part in (train, validation)
    )
    # Without a source it fails here, and not when all is trained.
    base = {**base, "source": base["source"], "fingerprint": fingerprint(base_folder)}
    key = _digest(
        [
            asdict(settings),
            base["fingerprint"],
            [[part.ids, part.n_prompt] for part in (*encoded, *held)],
            len(held),
        ]
    )
    check_tokens(
        np.concatenate([np.asarray(one.ids) for one in (*encoded, *held)]), model, tokenizer
    )
    check_causal(model.to(place).eval(), base_folder, "tuned")
    model = prepared(model, settings).to(place)
    optimizer = optimizer_of(model, settings)
    state, best = _resumed(Path(checkpoints_folder), key, model, optimizer)
    earlier, limit = state.seconds, micro_limit(settings)
    # A run that goes on draws its dropout as the unbroken one does.
    limit.size = state.micro_tokens or limit.size
    plan = batches([sample.n_output for sample in encoded], settings)
    vocabulary = model.config.get_text_config().vocab_size
    if not state.curve:
        best = _evaluate(model, held, settings, state, best, limit)
        first = state.curve[0]["validation"]
        some = [piece(encoded[index], tokens) for index, tokens in plan[0]]
        state.first_loss = (
            mean_loss(model, some, settings, limit) if first is None else float(first)
        )
        check_finite(state.first_loss, 0, "loss", settings.learning_rate)
        report_first_loss(state.first_loss, vocabulary)
    for step in progress(range(state.step, settings.steps), "tuning", "step"):
        if _is_over(state, settings):
            break
        pieces = [piece(encoded[index], tokens) for index, tokens in plan[step]]
        state.recent.append(train_step(model, optimizer, pieces, step, settings, limit))
        state.step = step + 1
        if state.step % settings.evaluate_every == 0 or state.step == settings.steps:
            best = _evaluate(model, held, settings, state, best, limit)
        if state.step % settings.checkpoint_every == 0:
            state.seconds, state.micro_tokens = earlier + time.monotonic() - begun, limit.size
            _write_checkpoint(Path(checkpoints_folder), key, model, optimizer, state, best)
    with torch.no_grad():
        for name, parameter in trained_weights(model).items():
            parameter.copy_(best.get(name, parameter))
    card = Card(
        condition=condition,
        method=settings.method,
        seed=settings.seed,
        settings=asdict(settings),
        base=base,
        data={
            "sha256": data_digest(train, validation),
            "train": len(train),
            "validation": len(validation),
        },
        trained_parameters=sum(parameter.numel() for parameter in trained_weights(model).values()),
        all_parameters=sum(parameter.numel() for parameter in model.parameters()),
        steps=state.step,
        trained_tokens=state.step * settings.tokens_per_step,
        curve=state.curve,
        best_step=state.best_step,
        kept_step=state.best_step if best else state.step,
        seconds=round(earlier + time.monotonic() - begun, 2),
        versions={
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in _PACKAGES},
        },
        device=torch.cuda.get_device_name() if place == "cuda" else f"cpu ({platform.machine()})",
        licence=licence,
        first_loss=state.first_loss,
        uniform_loss=round(uniform_loss(vocabulary), 6),
    )
    _write_model(Path(base_folder), Path(out_folder), model, tokenizer, card, code)
    shutil.rmtree(checkpoints_folder, ignore_errors=True)
    return card


def data_digest(train: Sequence[Sample], validation: Sequence[Sample]) -> str:
    """Return the SHA-256 of samples' texts, in hexadecimal.

    Where they stood in a file does not matter.
    """
    return _digest(
        [
            [(sample.instruction, sample.input, sample.output) for sample in part]
            for part in (train, validation)
        ]
    )


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def _place(device: str) -> str:
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise EngramError(
            "tuning: the device is 'cuda', and there is no GPU here. Write 'auto' or 'cpu', "
            "or run where there is one."
        )
    return device if device != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")


def _dtype(settings: Settings, place: str) -> str:
    return (
        settings.dtype
        if settings.dtype != "auto"
        else ("bfloat16" if place == "cuda" else "float32")
    )


def _loaded(folder: str | Path, settings: Settings, place: str, code: bool) -> tuple[Any, Any]:
    """Return the base model, with its head, and its tokenizer."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    what = "cannot be loaded for tuning"
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=code
        )
    except Exception as error:  # as many kinds as there are libraries behind it
        raise loading_error(what, folder, error, code) from error
    model = load_model(
        AutoModelForCausalLM, folder, dtype=_dtype(settings, place), code=code, what=what
    )
    limit = longest_input(model)
    if settings.max_length > limit:
        raise EngramError(
            f"tuning: max_length is {settings.max_length} tokens, more than the model can read "
            f"({limit}). Write {limit} or less."
        )
    return model, tokenizer


def optimizer_of(model: Any, settings: Settings) -> Any:
    """Return AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101) for a model's trained weights."""
    import torch

    weights = trained_weights(model).values()
    groups = [
        {
            "params": [weight for weight in weights if weight.ndim > 1],
            "weight_decay": settings.weight_decay,
        },
        {"params": [weight for weight in weights if weight.ndim <= 1], "weight_decay": 0.0},
    ]
    # One tensor after the other: all at once would take another copy of the trained weights.
    return torch.optim.AdamW(
        [group for group in groups if group["params"]], lr=settings.learning_rate, foreach=False
    )


def learning_rate(step: int, settings: Settings) -> float:
    """Return the learning rate of a step, from 0."""
    warm = math.ceil(settings.warmup * settings.steps)
    if step < warm:
        return settings.learning_rate * (step + 1) / warm
    return (
        settings.learning_rate
        * 0.5
        * (1 + math.cos(math.pi * (step - warm) / (settings.steps - warm)))
    )


def piece(sample: Encoded, tokens: int) -> Encoded:
    """Return a sample with the first so many of its output tokens.

    What comes after them carries no loss, and no earlier token sees it.
    """
    return Encoded(sample.ids[: sample.n_prompt + tokens], sample.n_prompt)


def train_step(
    model: Any,
    optimizer: Any,
    pieces: Sequence[Encoded],
    step: int,
    settings: Settings,
    limit: Shrinking | None = None,
) -> float:
    """Update the trained weights once; return the mean loss per output token.

    Parameters
    ----------
    model, optimizer
        As `prepared` and `optimizer_of` give them; are changed.
    pieces : sequence of Encoded
        With `tokens_per_step` output tokens altogether.
    step : int
        From 0; with the seed it decides what is dropped out.
    settings : Settings
    limit : Shrinking, optional
        Tokens that go through the model at once (`micro_limit`), fewer where memory ran out before.
    """
    import torch

    model.train()
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(step, settings)

    def gradients(micro_tokens: int) -> float:
        # A seed a step, which neither earlier steps nor a resumed run can shift.
        torch.manual_seed(int(np.random.SeedSequence([settings.seed, step]).generate_state(1)[0]))
        optimizer.zero_grad(set_to_none=True)  # memory may have run out in the middle of some
        total = 0.0
        for group in _micro_batches(pieces, micro_tokens):
            with _mixed(model, settings):
                loss = output_loss(model, group) / settings.tokens_per_step
            loss.backward()
            total += float(loss.detach())
        return total

    longest = max(len(piece.ids) for piece in pieces)
    total = (limit or micro_limit(settings)).run(
        gradients, most=len(pieces) * longest, least=longest
    )
    check_finite(total, step, "loss", settings.learning_rate)
    torch.nn.utils.clip_grad_norm_(list(trained_weights(model).values()), _LONGEST_GRADIENT)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return total


def _mixed(model: Any, settings: Settings) -> Any:
    """Return the context in which float32 weights are used in bfloat16, where that is asked for."""
    import torch

    place = model.device.type
    return torch.autocast(place, torch.bfloat16, enabled=_dtype(settings, place) == "bfloat16")


def micro_limit(settings: Settings) -> Shrinking:
    """Return the tokens that go through the model at once.

    They are made fewer where memory runs out.
    """
    return Shrinking(settings.micro_tokens, "tokens at once (micro_tokens)", *_SMALLER)


def mean_loss(
    model: Any, held: Sequence[Encoded], settings: Settings, limit: Shrinking | None = None
) -> float:
    """Return the mean loss per output token over samples, in nats, without dropout."""
    import torch

    model.eval()

    def summed(micro_tokens: int) -> float:
        with torch.inference_mode(), _mixed(model, settings):
            return sum(
                float(output_loss(model, group)) for group in _micro_batches(held, micro_tokens)
            )

    longest = max(len(sample.ids) for sample in held)
    total = (limit or micro_limit(settings)).run(summed, most=len(held) * longest, least=longest)
    return total / sum(sample.n_output for sample in held)


def _evaluate(
    model: Any,
    held: Sequence[Encoded],
    settings: Settings,
    state: _State,
    best: dict[str, Any],
    limit: Shrinking,
) -> dict[str, Any]:
    """Add a point to the curve; return the best weights so far, on the CPU.

    They are returned if a run that may stop early needs them.
    """
    loss = mean_loss(model, held, settings, limit) if held else None
    check_finite(
        0.0 if loss is None else loss, state.step, "validation loss", settings.learning_rate
    )
    state.curve.append(
        {
            "step": state.step,
            "training": float(np.mean(state.recent)) if state.recent else None,
            "validation": loss,
        }
    )
    state.recent = []
    logger.info(
        "step %d: training loss %s, validation loss %s",
        state.step,
        state.curve[-1]["training"],
        loss,
    )
    state.waited += 1
    if loss is None or loss < state.best_loss:
        state.best_step, state.best_loss, state.waited = (
            state.step,
            math.inf if loss is None else loss,
            0,
        )
        if settings.patience is not None:
            return {
                name: weight.detach().to("cpu", copy=True)
                for name, weight in trained_weights(model).items()
            }
    return best


def _is_over(state: _State, settings: Settings) -> bool:
    return settings.patience is not None and state.waited >= settings.patience


# ---------------------------------------------------------------- checkpoints
@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `folder`.

    It is renamed when the block succeeds, and removed when it fails.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{uuid.uuid4().hex[:12]}.{folder.name}")
    temporary.mkdir()
    try:
        yield temporary
        if folder.exists():
            shutil.rmtree(folder)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_checkpoint(
    folder: Path, key: str, model: Any, optimizer: Any, state: _State, best: dict[str, Any]
) -> None:
    """Write all that a run needs to go on, and remove older checkpoints."""
    from safetensors.torch import save_file

    moments = {
        f"{name}|{part}": tensor
        for name, weight in trained_weights(model).items()
        for part, tensor in optimizer.state[weight].items()
    }
    current = folder / f"{_CHECKPOINT}{state.step:09d}"
    with _whole(current) as temporary:
        for name, tensors in (
            ("trained", trained_weights(model)),
            ("optimizer", moments),
            ("best", best),
        ):
            save_file(
                {part: tensor.detach().contiguous() for part, tensor in tensors.items()},
                temporary / f"{name}.safetensors",
            )
        storage.write_json(temporary / "state.json", {"key": key, "state": asdict(state)})
    for other in folder.iterdir():
        if other != current:
            shutil.rmtree(other, ignore_errors=True)


def _resumed(folder: Path, key: str, model: Any, optimizer: Any) -> tuple[_State, dict[str, Any]]:
    """Return where the run is, and the best weights so far.

    Weights and optimizer are set to the newest checkpoint; it is a new run if none has this key.
    """
    import torch
    from safetensors.torch import load_file

    for checkpoint in sorted(folder.glob(f"{_CHECKPOINT}*"), reverse=True):
        content = storage.read_json(checkpoint / "state.json")
        if content.get("key") != key:
            logger.info(
                "the checkpoint '%s' is of another base, samples or settings, and is not used",
                checkpoint,
            )
            continue
        weights, moments = (
            load_file(checkpoint / f"{name}.safetensors") for name in ("trained", "optimizer")
        )
        with torch.no_grad():
            for name, weight in trained_weights(model).items():
                weight.copy_(weights[name])
                own = {
                    part: moments[f"{name}|{part}"] for part in ("step", "exp_avg", "exp_avg_sq")
                }
                # AdamW keeps its count of steps on the CPU.
                optimizer.state[weight] = {
                    part: tensor if part == "step" else tensor.to(weight.device)
                    for part, tensor in own.items()
                }
        state = _State(**content["state"])
        logger.info("going on from step %d", state.step)
        return state, load_file(checkpoint / "best.safetensors")
    return _State(), {}


# ---------------------------------------------------------------- the tuned model
def _check_free(folder: Path) -> None:
    """Raise `EngramError` if a folder holds anything but a tuned model.

    That alone may be replaced.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / CARD).exists():
        raise EngramError(
            f"'{folder}' is there and holds something else than a tuned model. Name "
            "another folder, or remove it."
        )


def _write_model(
    base_folder: Path, folder: Path, model: Any, tokenizer: Any, card: Card, code: bool
) -> None:
    """Write a tuned model's folder, whole or not at all."""
    with _whole(folder) as temporary:
        if card.method == "lora":
            _write_adapter(temporary, model, card)
        else:
            _write_weights(base_folder, temporary, model, code)
        tokenizer.save_pretrained(temporary)
        (temporary / "README.md").write_text(_readme(card), encoding="utf-8")
        storage.write_json(temporary / CARD, asdict(card))
        for path in temporary.iterdir():
            # safetensors lets nobody but the owner read what it writes: whoever may read the
            # card may read the rest.
            path.chmod((temporary / CARD).stat().st_mode)


def _write_adapter(folder: Path, model: Any, card: Card) -> None:
    """Write an adapter as peft reads it.

    The base is named as others find it, not as a path of this machine.
    """
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    # Adapters of linear layers never resize embeddings; asking peft to find out
    # would ask the network.
    weights = get_peft_model_state_dict(model, save_embedding_layers=False)
    save_file(
        {name: weight.detach().cpu().contiguous() for name, weight in weights.items()},
        folder / "adapter_model.safetensors",
        metadata={"format": "pt"},
    )
    config = copy.deepcopy(model.peft_config["default"])
    config.base_model_name_or_path, config.inference_mode = card.base["source"], True
    config.save_pretrained(folder)


def _write_weights(base_folder: Path, folder: Path, model: Any, code: bool) -> None:
    """Write all weights in the base's own type.

    Those that did not train are the base's, bit for bit, whatever type they were used in.
    """
    from transformers import AutoModelForCausalLM

    whole = load_model(AutoModelForCausalLM, base_folder, dtype="auto", code=code)
    trained = {name: weight.detach().cpu() for name, weight in trained_weights(model).items()}
    if strange := whole.load_state_dict(trained, strict=False).unexpected_keys:
        raise EngramError(
            f"the tuned weights {strange[:3]} have no place in the model of "
            f"'{base_folder}'. Tune it again."
        )
    whole.save_pretrained(folder)
    for path in base_folder.glob("*.py") if code else ():
        shutil.copyfile(path, folder / path.name)  # its configuration names them


def _readme(card: Card) -> str:
    """Return the page that stands beside a tuned model.

    It has the fields that the Hugging Face hub reads.
    """
    losses = [point["validation"] for point in card.curve if point["step"] in (0, card.kept_step)]
    fell = (
        f" Validation loss per output token: {losses[0]:.3f} before, {losses[-1]:.3f} after."
        if losses and None not in losses
        else ""
    )
    guess = (
        f" A guess that holds every token equally likely has {card.uniform_loss:.3f}."
        if fell and card.uniform_loss is not None
        else ""
    )
    library = "peft" if card.method == "lora" else "transformers"
    return (
        f"---\nbase_model: {json.dumps(card.base['source'])}\nlibrary_name: {library}\n---\n"
        f"# {card.base['source']}, tuned: {card.condition}, {card.method}\n\n"
        f"{card.steps} steps of {card.settings['tokens_per_step']} output tokens "
        f"on {card.data['train']} samples, seed {card.seed}; {card.trained_parameters:,} "
        f"of {card.all_parameters:,} parameters trained.{fell}{guess}\n\n"
        f"`{CARD}` has the settings, the curve, and digests of base and samples. {card.licence}\n"
    )
