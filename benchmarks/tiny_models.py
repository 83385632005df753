"""Tiny models of any family that transformers can build: its default configuration shrunk, with random weights and a small tokenizer."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

#: Blocks, units, longest input and vocabulary of the tiny models.
BLOCKS, UNITS, POSITIONS, VOCABULARY = 4, 64, 96, 400
_HEADS, _HEAD, _INNER, _EXPERTS, _STATE = 4, 16, 96, 4, 8
#: What a number of a configuration becomes, by its name: families have many names for the same thing.
_SIZES: tuple[tuple[int, tuple[str, ...]], ...] = (
    (VOCABULARY, ("vocab_size", "vocab_size_per_layer_input")),
    (
        UNITS,
        (
            *("hidden_size", "d_model", "n_embd", "dim", "emb_dim", "embed_dim", "embedding_size", "embedding_dim", "hidden_dim", "dim_model", "lru_width"),
            *("word_embed_proj_dim", "attention_hidden_size", "out_hidden_size", "kv_channels"),
        ),
    ),
    (
        BLOCKS,
        (
            *("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "decoder_layers", "num_encoder_layers", "num_decoder_layers"),
            *("depth", "max_window_layers", "num_blocks"),
        ),
    ),
    (
        _HEADS,
        (
            *("num_attention_heads", "n_head", "n_heads", "num_heads", "attention_heads", "encoder_attention_heads", "decoder_attention_heads"),
            *("linear_num_value_heads", "num_query_groups", "linear_num_heads"),
        ),
    ),
    (
        _HEAD,
        (
            *(
                "head_dim",
                "v_head_dim",
                "qk_head_dim",
                "d_kv",
                "dim_head",
                "d_head",
                "attention_head_dim",
                "attention_head_size",
                "kv_lora_rank",
                "q_lora_rank",
            ),
            *(
                "linear_key_head_dim",
                "linear_value_head_dim",
                "linear_head_dim",
                "global_head_dim",
                "swa_head_dim",
                "mamba_d_head",
                "mamba_head_dim",
                "mamba_dt_rank",
            ),
            *("o_lora_rank", "index_head_dim", "hidden_size_per_layer_input", "mamba_headdim", "laurel_rank", "adapter_rank", "swa_v_head_dim"),
        ),
    ),
    (
        _STATE,
        (
            *("sliding_window", "sliding_window_size", "attention_window_size", "attention_chunk_size", "window_size", "chunk_size", "mamba_chunk_size"),
            *("qk_rope_head_dim", "qk_nope_head_dim", "rotary_dim", "state_size", "ssm_state_size", "mamba_d_state", "mamba_n_heads", "mamba_num_heads"),
            *("n_mamba_heads", "index_topk"),
        ),
    ),
    (
        _INNER,
        (
            *("intermediate_size", "ffn_dim", "encoder_ffn_dim", "decoder_ffn_dim", "d_ff", "mlp_dim", "n_inner", "d_inner", "ffn_hidden_size", "dim_ff"),
            *("moe_intermediate_size", "shared_expert_intermediate_size", "shared_intermediate_size", "expert_ffn_hidden_size", "intermediate_size_mlp"),
            *("moe_shared_expert_intermediate_size", "feed_forward_size", "dense_intermediate_size"),
        ),
    ),
    (_EXPERTS, ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts", "zero_expert_num")),
    (2, ("num_experts_per_tok", "moe_topk", "moe_k", "moe_top_k", "linear_num_key_heads", "index_n_heads", "num_kv_shared_layers", "o_groups")),
    (1, ("n_group", "topk_group", "n_shared_experts", "first_k_dense_replace", "mamba_n_groups")),
    (POSITIONS, ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length", "context_length", "n_ctx", "seq_length")),
)
_NEW = {name: size for size, names in _SIZES for name in names}
_KEY_HEADS = ("num_key_value_heads", "n_kv_heads", "num_kv_heads", "kv_n_heads", "n_head_kv", "swa_num_key_value_heads")
_HEAD_COUNTS = ("num_attention_heads", "n_head", "n_heads", "num_heads", "attention_heads")
#: Names of a configuration's own numbers of blocks, to find lists with an entry for each of them.
_DEPTHS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
#: What the rules above do not do for a family; "a.b" is b of the part a.
EXCEPTIONS: dict[str, dict[str, Any]] = {}


def shrunk(family: str, **changes: Any) -> Any:
    """Return a family's default configuration with small sizes.

    Parameters
    ----------
    family : str
        As transformers names it: ``model_type``.
    **changes
        Set after all others.
    """
    from transformers import CONFIG_MAPPING

    kind = CONFIG_MAPPING[family]
    return kind(**{**_smaller(kind()), **EXCEPTIONS.get(family, {}), **changes})


def _smaller(config: Any) -> dict[str, Any]:
    """Return the changes that make a configuration small, those of its parts included."""
    from transformers import PretrainedConfig

    values = {name: value for name, value in vars(config).items() if not name.startswith("_")}
    depth = next((values[name] for name in _DEPTHS if isinstance(values.get(name), int)), None)
    heads = next((values[name] for name in _HEAD_COUNTS if isinstance(values.get(name), int)), None)
    changes: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, PretrainedConfig):
            changes[name] = {"model_type": value.model_type, **_smaller(value)} if value.model_type else _smaller(value)
        elif isinstance(value, bool) or value is None:
            continue
        elif isinstance(value, int) and name in _NEW:
            changes[name] = _NEW[name]
        elif isinstance(value, int) and name in _KEY_HEADS:
            changes[name] = _HEADS if value == heads else min(2, value)
        elif name.endswith("token_id") and name[:4] in ("bos_", "eos_", "pad_"):
            changes[name] = {"bos_": 0, "pad_": 1, "eos_": 2}[name[:4]]
        elif isinstance(value, list | tuple) and depth is not None and len(value) == depth > BLOCKS:
            changes[name] = _some(value) if not all(isinstance(one, int) and name in _NEW for one in value) else [_NEW[name]] * BLOCKS
        elif isinstance(value, list | tuple) and depth is not None and depth > BLOCKS and value and name.endswith(("layers", "layer_ids", "indices")):
            changes[name] = [one for one in value if isinstance(one, int) and one < BLOCKS]
    return changes


def _some(values: Iterable[Any]) -> list[Any]:
    """Return as many entries as there are blocks: the first ones, the last of them replaced by kinds that would be missing."""
    values = list(values)
    kept = values[:BLOCKS]
    missing = [value for value in dict.fromkeys(map(str, values)) if value not in map(str, kept)][: BLOCKS - 1]
    for place, kind in enumerate(missing, start=BLOCKS - len(missing)):
        kept[place] = next(value for value in values if str(value) == kind)
    return kept


def build(config: Any, headed: bool = False, seed: int = 0) -> Any:
    """Return a model with random weights, in evaluation mode.

    Weights that begin as constants (norms, biases, gates) get noise: else a norm taken twice, or a block that adds nothing, would not be seen.
    """
    import torch
    from transformers import AutoModel, AutoModelForCausalLM

    torch.manual_seed(seed)
    model = (AutoModelForCausalLM if headed else AutoModel).from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.is_floating_point() and (weight.numel() < 2 or float(weight.std()) < 1e-6):
                weight.add_(0.1 * torch.randn_like(weight))
    return model.eval()


def tokenizer_of(text: str) -> Any:
    """Return a byte-level tokenizer learnt from a text: <s> 0, <pad> 1, </s> 2, <unk> 3; an encoder's window is framed as <s> ... </s>."""
    from tokenizers import ByteLevelBPETokenizer
    from tokenizers.processors import RobertaProcessing
    from transformers import PreTrainedTokenizerFast

    made = ByteLevelBPETokenizer()
    made.train_from_iterator([text], vocab_size=VOCABULARY - 20, min_frequency=1, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], show_progress=False)
    made._tokenizer.post_processor = RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    names = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=made._tokenizer, **names)


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write a model and a tokenizer as transformers does."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
