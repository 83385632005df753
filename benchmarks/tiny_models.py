"""Tiny models of any family that transformers can build.

Each is the family's default configuration shrunk, with random weights and a small tokenizer.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from pathlib import Path
from typing import Any

#: Blocks, units, longest input and vocabulary of the tiny models.
BLOCKS, UNITS, POSITIONS, VOCABULARY = 4, 64, 96, 400
_HEADS, _HEAD, _INNER, _EXPERTS, _SPAN = 4, 16, 96, 4, 8
#: What a number of a configuration becomes, by its name: families have many
#: names for the same thing.
_SIZES: tuple[tuple[int, str], ...] = (
    (VOCABULARY, "vocab_size vocab_size_per_layer_input entity_vocab_size"),
    (
        UNITS,
        (
            "hidden_size d_model n_embd dim emb_dim embed_dim embedding_size embedding_dim "
            "hidden_dim dim_model lru_width word_embed_proj_dim"
        ),
    ),
    (UNITS, "attention_hidden_size out_hidden_size kv_channels entity_emb_size d_latents"),
    (
        BLOCKS,
        (
            "num_hidden_layers n_layer n_layers num_layers encoder_layers decoder_layers "
            "num_encoder_layers num_decoder_layers depth"
        ),
    ),
    (BLOCKS, "max_window_layers num_blocks"),
    (
        _HEADS,
        (
            "num_attention_heads n_head n_heads num_heads attention_heads "
            "encoder_attention_heads decoder_attention_heads"
        ),
    ),
    (_HEADS, "linear_num_value_heads num_query_groups linear_num_heads"),
    (
        _HEAD,
        (
            "head_dim v_head_dim qk_head_dim d_kv dim_head d_head attention_head_dim "
            "attention_head_size kv_lora_rank q_lora_rank"
        ),
    ),
    (
        _HEAD,
        (
            "linear_key_head_dim linear_value_head_dim linear_head_dim global_head_dim "
            "swa_head_dim swa_v_head_dim mamba_d_head mamba_head_dim"
        ),
    ),
    (
        _HEAD,
        (
            "o_lora_rank index_head_dim hidden_size_per_layer_input mamba_headdim laurel_rank "
            "adapter_rank mamba_dt_rank"
        ),
    ),
    (
        _SPAN,
        (
            "sliding_window sliding_window_size attention_window_size attention_chunk_size "
            "window_size chunk_size mamba_chunk_size attention_window"
        ),
    ),
    (
        _SPAN,
        (
            "qk_rope_head_dim qk_nope_head_dim rotary_dim state_size ssm_state_size mamba_d_state "
            "mamba_n_heads mamba_num_heads n_mamba_heads"
        ),
    ),
    (
        _INNER,
        (
            "intermediate_size ffn_dim encoder_ffn_dim decoder_ffn_dim d_ff mlp_dim n_inner "
            "d_inner ffn_hidden_size dim_ff feed_forward_size"
        ),
    ),
    (
        _INNER,
        (
            "moe_intermediate_size shared_expert_intermediate_size shared_intermediate_size "
            "expert_ffn_hidden_size intermediate_size_mlp"
        ),
    ),
    (_INNER, "moe_shared_expert_intermediate_size dense_intermediate_size"),
    (_EXPERTS, "num_experts num_local_experts n_routed_experts moe_num_experts zero_expert_num"),
    (
        2,
        (
            "num_experts_per_tok num_experts_per_token moe_topk moe_k moe_top_k "
            "linear_num_key_heads index_n_heads o_groups"
        ),
    ),
    (
        1,
        (
            "n_group num_group num_expert_group topk_group n_shared_experts "
            "first_k_dense_replace mamba_n_groups"
        ),
    ),
    (0, "num_kv_shared_layers"),
    # Sparse attention takes as many keys as a window has, as in real models: with few heads,
    # chance would decide among keys of equal score.
    (
        POSITIONS,
        (
            "index_topk max_position_embeddings n_positions max_seq_len max_sequence_length "
            "context_length n_ctx seq_length"
        ),
    ),
)
_NEW = {name: size for size, names in _SIZES for name in names.split()}
_KEY_HEADS = (
    "num_key_value_heads",
    "n_kv_heads",
    "num_kv_heads",
    "kv_n_heads",
    "n_head_kv",
    "swa_num_key_value_heads",
)
_HEAD_COUNTS = ("num_attention_heads", "n_head", "n_heads", "num_heads", "attention_heads")
_SPECIAL_TOKENS = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
#: Names of a configuration's own numbers of blocks, to find lists with an entry for each of them.
_DEPTHS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
#: Rotary positions of three kinds (time, height, width), which share half of a head.
_THREE = {
    "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [2, 3, 3]}
}
_SEEING = (
    "qwen2_vl_text qwen2_5_vl_text qwen2_5_omni_text glm4v_text glm_image_text "
    "glm_ocr_text paddleocr_vl_text"
)
#: What the rules above do not do for a family, or for a part of one.
EXCEPTIONS: dict[str, dict[str, Any]] = {
    **dict.fromkeys(_SEEING.split(), _THREE),
    "bamba": {"attn_layer_indices": [1, 3]},
    "blt": {"encoder_hash_byte_group_vocab": 50},
    "deepseek_v2": {"num_experts_per_tok": 2},
    "dots1": {"n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2},
    "esm": {"vocab_size": VOCABULARY, "pad_token_id": 1, "mask_token_id": 3},
    "falcon_h1": {"mamba_d_ssm": 128},
    "funnel": {"architectures": ["FunnelModel"]},
    "granitemoehybrid": {"layer_types": ["mamba", "attention"] * 2},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"] * 2},
    "layoutlmv3": {"coordinate_size": 10, "shape_size": 12},
    "mamba2": {"num_heads": 8},
    "reformer": {
        "attn_layers": ["local", "lsh"] * 2,
        "axial_pos_embds_dim": [16, 48],
        "axial_pos_shape": [8, 12],
        "is_decoder": True,
    },
    "xmod": {"default_language": "en_XX"},
    "xlstm": {"qk_dim_factor": 1.0},
    "zamba2": {"attention_hidden_size": 128, "attention_head_dim": 32, "hybrid_layer_ids": [3]},
    "zaya": {"num_experts_per_tok": 1},
}


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
    depth = next((values[name] for name in _DEPTHS if isinstance(values.get(name), int)), 0)
    heads = next((values[name] for name in _HEAD_COUNTS if isinstance(values.get(name), int)), None)
    # Heads whose rotary part is apart call that part's size head_dim.
    special = {"head_dim": _SPAN} if values.get("qk_rope_head_dim") else {}
    changes: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, PretrainedConfig):
            changes[name] = {
                **({"model_type": value.model_type} if value.model_type else {}),
                **_smaller(value),
                **EXCEPTIONS.get(value.model_type, {}),
            }
        elif isinstance(value, bool):
            continue
        elif name in _KEY_HEADS:
            changes[name] = min(2, value) if isinstance(value, int) and value != heads else _HEADS
        elif name == "head_dim" or (isinstance(value, int) and name in _NEW):
            changes[name] = special.get(name, _NEW[name])
        elif name in _SPECIAL_TOKENS:
            changes[name] = _SPECIAL_TOKENS[name]
        elif isinstance(value, dict) and "mrope_section" in value:
            changes[name] = {**value, **_THREE["rope_parameters"]}
        elif isinstance(value, list | tuple) and len(value) == depth > BLOCKS:
            changes[name] = [_NEW[name]] * BLOCKS if name in _NEW else _some(value)
        elif (
            isinstance(value, list | tuple)
            and depth > BLOCKS
            and value
            and name.endswith(("layers", "layer_ids", "indices"))
        ):
            changes[name] = [one for one in value if isinstance(one, int) and one < BLOCKS]
    return changes


def _some(values: Iterable[Any]) -> list[Any]:
    """Return as many entries as there are blocks.

    They are the first ones, the last of them replaced by kinds that would be missing.
    """
    values = list(values)
    kept = values[:BLOCKS]
    missing = [value for value in dict.fromkeys(map(str, values)) if value not in map(str, kept)][
        : BLOCKS - 1
    ]
    for place, kind in enumerate(missing, start=BLOCKS - len(missing)):
        kept[place] = next(value for value in values if str(value) == kind)
    return kept


def other_input(family: str) -> str | None:
    """Return what a family reads that is no text: pixels, sound.

    It is None if the family reads tokens, or is not among those that AutoModel builds.
    """
    from transformers import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_MAPPING

    kind = CONFIG_MAPPING[family]
    if not _has_vocabulary(kind()):
        return "no tokens: its configuration has no vocabulary"
    found = MODEL_MAPPING.get(kind, None)
    model = found[0] if isinstance(found, tuple) else found
    if model is None or "input_ids" in inspect.signature(model.forward).parameters:
        return None
    return str(next(name for name in inspect.signature(model.forward).parameters if name != "self"))


def _has_vocabulary(config: Any) -> bool:
    from transformers import PretrainedConfig

    return hasattr(config, "vocab_size") or any(
        _has_vocabulary(part)
        for part in vars(config).values()
        if isinstance(part, PretrainedConfig)
    )


def build(config: Any, headed: bool = False, seed: int = 0) -> Any:
    """Return a model with random weights, in evaluation mode.

    Weights that begin as constants (norms, biases, gates) get noise: else a norm taken twice,
    or a block that adds nothing, would not be seen.
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
    """Return a byte-level tokenizer learnt from a text: <s> 0, <pad> 1, </s> 2, <unk> 3.

    An encoder's window is framed as <s> ... </s>.
    """
    from tokenizers import ByteLevelBPETokenizer
    from tokenizers.processors import RobertaProcessing
    from transformers import PreTrainedTokenizerFast

    made = ByteLevelBPETokenizer()
    made.train_from_iterator(
        [text],
        vocab_size=VOCABULARY - 20,
        min_frequency=1,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        show_progress=False,
    )
    made._tokenizer.post_processor = RobertaProcessing(
        ("</s>", 2), ("<s>", 0), add_prefix_space=False
    )
    names = {
        "bos_token": "<s>",
        "cls_token": "<s>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
    }
    return PreTrainedTokenizerFast(tokenizer_object=made._tokenizer, **names)


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write a model and a tokenizer as transformers does."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
