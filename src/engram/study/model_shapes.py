"""Shapes of models, from the `config.json` of those that are here.

They are known before a model is loaded, or fetched.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engram.errors import EngramError
from engram.study.config.sources import folder_here
from engram.study.config.study import Study
from engram.study.models import download_name, is_language_model
from engram.study.tuning_plan import tuned_models

#: Types of models whose tokens see what comes after them; each word is read in a window of its own.
_ENCODERS = frozenset(
    {
        "albert",
        "bert",
        "big_bird",
        "camembert",
        "convbert",
        "data2vec-text",
        "deberta",
        "deberta-v2",
        "distilbert",
        "electra",
        "ernie",
        "esm",
        "eurobert",
        "flaubert",
        "fnet",
        "funnel",
        "ibert",
        "layoutlm",
        "longformer",
        "luke",
        "megatron-bert",
        "mobilebert",
        "modernbert",
        "mpnet",
        "mra",
        "nezha",
        "nystromformer",
        "rembert",
        "roberta",
        "roberta-prelayernorm",
        "roc_bert",
        "roformer",
        "squeezebert",
        "xlm",
        "xlm-roberta",
        "xlm-roberta-xl",
        "xmod",
        "yoso",
    }
)
#: Types of models whose attention has one matrix for queries, keys and values.
_FUSED = frozenset({"gpt2", "gpt_bigcode", "gpt_neox", "bloom", "falcon", "mpt", "codegen"})
#: Types of models without gates in their blocks that have no table of positions.
_WITHOUT_POSITIONS = frozenset({"gpt_neox", "gptj", "codegen", "bloom", "falcon", "mpt", "phi"})
#: Parts of the names of types with gates whose head is their table of embeddings unless their
#: configuration says otherwise.
_TIED = ("gemma", "cohere")
#: Parts of the names of types whose blocks have three matrices beside attention, not two.
_GATED = (
    "llama",
    "mistral",
    "mixtral",
    "qwen",
    "gemma",
    "phi3",
    "smollm",
    "olmo",
    "cohere",
    "granite",
    "modernbert",
    "eurobert",
)


@dataclass(frozen=True)
class ModelShape:
    """The shape of a model.

    Attributes
    ----------
    layers : int
        Embeddings included.
    units : int
    inner : int
        Units between the matrices of a block's feed-forward part.
    vocabulary, positions : int
        Tokens that there are, and that can be read at once.
    key_share : float
        Part of the attention heads that have keys and values of their own.
    gated, causal : bool
        Whether the feed-forward part has a third matrix (such models have no biases, and norms
        with a weight alone); whether tokens see only what comes before them.
    heads : int
        Attention heads; 0: one for every 64 units.
    fused : bool
        Whether attention has one matrix for queries, keys and values.
    tied : bool
        Whether the head is the table of embeddings.
    learned_positions : bool
        Whether there is a table of positions.
    attention_dropout : bool
        Whether attention weights are dropped in training.
    """

    layers: int
    units: int
    inner: int = 0
    vocabulary: int = 50_000
    positions: int = 1024
    key_share: float = 1.0
    gated: bool = False
    causal: bool = True
    heads: int = 0
    fused: bool = True
    tied: bool = True
    learned_positions: bool = True
    attention_dropout: bool = True

    @property
    def block_parameters(self) -> float:
        """Numbers in the matrices of all blocks, through which every token passes."""
        inner = self.inner or 4 * self.units
        return (self.layers - 1) * (
            self.units**2 * (2 + 2 * self.key_share) + (3 if self.gated else 2) * self.units * inner
        )

    @property
    def key_units(self) -> int:
        """Width of the keys of all heads."""
        return round(self.units * self.key_share)

    @property
    def weights_of_block(self) -> int:
        """Numbers of one block: matrices, biases and norms."""
        inner, matrices = self.inner or 4 * self.units, self.units * (self.units + self.key_units)
        if self.gated:
            return 2 * matrices + 3 * self.units * inner + 2 * self.units
        biases = 3 * self.units + 2 * self.key_units + inner
        return 2 * matrices + 2 * self.units * inner + biases + 4 * self.units

    @property
    def parameters(self) -> int:
        """Numbers of the blocks, the last norm and the tables of embeddings and positions."""
        rows = self.vocabulary + (self.positions if self.learned_positions else 0)
        norm = self.units * (1 if self.gated else 2)
        return (self.layers - 1) * self.weights_of_block + norm + rows * self.units

    @property
    def head_parameters(self) -> int:
        """Numbers of the head that predicts the next token, where it is a matrix of its own."""
        return 0 if self.tied else self.vocabulary * self.units


#: Models of the hub whose shape is known without asking, and what is assumed of others.
_KNOWN = {
    "gpt2": ModelShape(13, 768, vocabulary=50_257, heads=12),
    "gpt2-medium": ModelShape(25, 1024, vocabulary=50_257, heads=16),
    "gpt2-large": ModelShape(37, 1280, vocabulary=50_257, heads=20),
    "gpt2-xl": ModelShape(49, 1600, vocabulary=50_257, heads=25),
}
_ASSUMED = ModelShape(
    33,
    4096,
    inner=11_008,
    vocabulary=32_000,
    positions=4096,
    gated=True,
    heads=32,
    fused=False,
    tied=False,
    learned_positions=False,
    attention_dropout=False,
)


def model_shape(study: Study, name: str) -> ModelShape:
    """Return the shape of a model of a study.

    Models whose configuration is not here are assumed to have 7 billion parameters.
    """
    return known_shape(study, name) or _ASSUMED


def scored_shape(study: Study, name: str) -> ModelShape:
    """Return the shape of what is scored of a model: one wide layer where several stand together.

    Only its layers and units mean something then.
    """
    shape = model_shape(study, name)
    if not is_language_model(study, name):
        return shape
    together = study.language_models()[name].layers_together
    if together is None:
        return shape
    return replace(shape, layers=1, units=shape.units * len(together))


def unknown_models(study: Study) -> list[str]:
    """Return the names of the models whose shape is assumed."""
    return [name for name in study.language_models() if known_shape(study, name) is None]


def _check_trained_layers(study: Study, shapes: Mapping[str, ModelShape | None]) -> None:
    """Refuse blocks to train that a tuning's model does not have."""
    for name, one in study.tunings.items():
        if one.method != "frozen" or one.train_layers is None:
            continue
        for model in tuned_models(study, name):
            shape = shapes[model]
            if shape is not None and max(one.train_layers) >= shape.layers - 1:
                raise EngramError(
                    f"tunings.{name}.train_layers: {one.train_layers} has blocks that {model} has "
                    f"not; it has 0 to {shape.layers - 2}. Write some of these."
                )


def check_layer(study: Study) -> None:
    """Refuse a layer to show that no model of the study has.

    Where some have it, the last layer of the others is shown, with a warning of the jobs that
    choose it (`engram.features.layers.reported_layer`).

    Raises
    ------
    EngramError
        If the layer lies beyond the last one of every model, or one of `layers_together` beyond
        the model's own; models whose shape is not
        known yet may have it. If heads are asked of a layer or a model that has none.
    """
    _check_heads(study)
    shapes = {name: known_shape(study, name) for name in study.language_models()}
    for name, shape in shapes.items():
        together = study.language_models()[name].layers_together or [0]
        if shape is not None and max(together) >= shape.layers:
            raise EngramError(
                f"models.{name}.layers_together: {together} has layers beyond "
                f"{shape.layers - 1}, the model's last one. Write layers that it has."
            )
    _check_trained_layers(study, shapes)
    last = {name: shape.layers - 1 for name, shape in shapes.items() if shape is not None}
    if (
        study.reported_layer is not None
        and shapes
        and len(last) == len(shapes)
        and study.reported_layer > max(last.values())
    ):
        found = ", ".join(f"{name} {depth}" for name, depth in last.items())
        raise EngramError(
            f"reported_layer: {study.reported_layer} is beyond the last layer of every model "
            f"({found}). Write a layer that they have, or leave it out."
        )


def _check_heads(study: Study) -> None:
    """Refuse heads of the embeddings, and of a model that is known to have no attention."""
    for name, space in study.features.items():
        if not space.has_heads or space.model is None:
            continue
        if space.asks_for_layer and study.reported_layer == 0:
            raise EngramError(
                f"features.{name}.layers: reported_layer is 0, the embeddings, which have no "
                "attention heads. Write another reported_layer, or layers: all."
            )
        shape = known_shape(study, space.model)
        if shape is not None and not shape.heads:
            raise EngramError(
                f"features.{name}.of: '{space.model}' has no attention heads: its config.json "
                "names no number of them. Name a model with attention, such as GPT-2 or LLaMA."
            )


def known_shape(study: Study, name: str) -> ModelShape | None:
    """Return the shape of a model, from its configuration if that is here.

    It may be in its folder, in the mirror, or downloaded; the shape is None if it is not known.
    """
    if not is_language_model(study, name):
        return _shape_of_space(study, name)
    model = study.language_models()[name]
    if model.base is not None:
        # An adapter has the shape of the model that it adapts.
        return known_shape(study, model.base)
    downloaded = (
        Path(study.pathvars.get("downloads", "resources/downloads"))
        / "models"
        / download_name(model)
    )
    for folder in (folder_here(study, model.source), downloaded):
        if folder is not None and (folder / "config.json").is_file():
            found = read_shape(folder / "config.json")
            if found is not None:
                return found
    return _KNOWN.get(model.source)


def _shape_of_space(study: Study, name: str) -> ModelShape:
    """Return the layers and units of a feature space; the word rate has one of each."""
    space = study.features.get(name)
    if space is None:
        return ModelShape(1, 1)
    if space.spaces:
        units = sum(scored_shape(study, one).units for one in space.spaces)
        return ModelShape(1, units)
    model = ModelShape(1, 1) if space.model is None else model_shape(study, space.model)
    layers, units = space.width(model.units, model.layers)
    return ModelShape(layers, units)


def read_shape(path: Path) -> ModelShape | None:
    """Return the shape that a model's `config.json` tells.

    It is None if it tells none, or cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return None  # the job that reads the model says what is wrong with it
    return shape_of(content) if isinstance(content, dict) else None


def shape_of(config: dict[str, Any]) -> ModelShape | None:
    """Return the shape that a model's `config.json` tells; None if it tells none.

    Families give several names to it.
    """
    text = config.get("text_config")
    if isinstance(text, dict):
        config = {**config, **text}

    def first(*names: str) -> Any:
        return next(
            (
                config[name]
                for name in names
                if isinstance(config.get(name), int | float) and config[name] > 0
            ),
            None,
        )

    layers, units = (
        first("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
        first("hidden_size", "n_embd", "d_model", "dim"),
    )
    if layers is None or units is None:
        return None
    family = str(config.get("model_type", ""))
    heads, keys = (
        first("num_attention_heads", "n_head", "n_heads", "num_heads"),
        first("num_key_value_heads"),
    )
    gated = any(part in family for part in _GATED)
    tied = not gated or any(part in family for part in _TIED)
    dropout = [config[name] for name in ("attn_pdrop", "attention_dropout") if name in config]
    return ModelShape(
        layers=int(layers) + 1,
        units=int(units),
        inner=int(
            first("intermediate_size", "n_inner", "ffn_dim", "hidden_dim", "d_ff") or 4 * units
        ),
        vocabulary=int(first("vocab_size") or ModelShape.vocabulary),
        positions=int(
            first("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len")
            or ModelShape.positions
        ),
        key_share=float(keys / heads) if keys and heads else 1.0,
        gated=gated,
        causal=family not in _ENCODERS or bool(config.get("is_decoder")),
        heads=int(heads or 0),
        fused=family in _FUSED,
        tied=bool(config.get("tie_word_embeddings", tied)),
        learned_positions=not gated and family not in _WITHOUT_POSITIONS,
        attention_dropout=any(dropout) if dropout else not gated,
    )
