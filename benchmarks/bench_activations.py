"""Reading a story against a forward pass for each word.

And against the bare forward passes over the same windows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from paired import interleaved, say, synchronized

from engram.features.language_models.reader import Reader
from engram.features.language_models.tokens import TokenizedStory, tokenize
from engram.features.language_models.window_batches import Piece, batches_of, padded
from engram.features.language_models.windows import plan_windows
from engram.features.language_models.word_vectors import word_vectors

#: Shapes of models, with random weights: what they cost does not depend on what they know.
GPT2 = {"n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50_257}
LLAMA_7B = {
    "hidden_size": 4096,
    "intermediate_size": 11_008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "vocab_size": 32_000,
}
TINY = {"n_embd": 64, "n_layer": 2, "n_head": 2, "vocab_size": 1280}
SHORT = {**GPT2, "n_layer": 4, "vocab_size": 8000}
MODELS = {"gpt2": GPT2, "llama-7b": LLAMA_7B, "short": SHORT, "tiny": TINY}


def made_reader(name: str, dtype: str, device: str, tokenizer_folder: str) -> Reader:
    """Return a model with random weights, and a tokenizer from a folder."""
    import torch
    from transformers import AutoModel, AutoTokenizer, GPT2Config, LlamaConfig

    sizes: dict[str, Any] = MODELS[name]
    config = (
        LlamaConfig(**sizes, max_position_embeddings=4096)
        if name == "llama-7b"
        else GPT2Config(**sizes, n_positions=1024)
    )
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder, local_files_only=True)
    with torch.device(device):
        model = AutoModel.from_config(config, dtype=getattr(torch, dtype)).eval()
    return Reader(
        model,
        tokenizer,
        [int(tokenizer.bos_token_id or 0)],
        [],
        4096 if name == "llama-7b" else 1024,
        True,
        config.num_hidden_layers,
    )


def per_word(story: TokenizedStory, reader: Reader, context: int, words: range) -> np.ndarray:
    """Return the vectors of some words, each by a forward pass of its own.

    The look-back is fixed, as LITcoder and neuralset read.
    """
    import torch

    found = []
    with torch.inference_mode():
        for word in words:
            last = int(story.pooled[word][-1])
            ids = [
                *reader.prefix,
                *story.ids[max(0, last + 1 - context + len(reader.prefix)) : last + 1],
            ]
            output = reader.model(
                input_ids=torch.as_tensor([ids], device=reader.model.device),
                output_hidden_states=True,
            )
            found.append(
                torch.stack([layer[0, -1] for layer in output.hidden_states]).float().cpu().numpy()
            )
    return np.stack(found, axis=1)


def bare_passes(story: TokenizedStory, reader: Reader, context: int, batch_tokens: int) -> None:
    """Run the model over the windows, and take nothing from it."""
    import torch

    windows = plan_windows(story, reader, mode="strided", context=context, stride=None)
    pieces = [Piece(0, story, window) for window in windows]
    with torch.inference_mode():
        for batch in batches_of(pieces, reader, batch_tokens):
            ids, mask = padded(batch, reader)
            reader.model(input_ids=ids, attention_mask=mask)


def compare(
    model: str,
    n_words: int,
    context: int,
    repeats: int,
    device: str,
    dtype: str,
    tokenizer_folder: str,
    some: int,
) -> dict[str, Any]:
    """Time the ways of reading, on the same story and model.

    Parameters
    ----------
    model : str
        Of `MODELS`.
    n_words, context : int
    repeats : int
    device, dtype, tokenizer_folder : str
    some : int
        Words that are read by passes of their own; times are scaled to all.
    """
    say(f"activations: {model}, {n_words} words, context {context}, {dtype} on {device}")
    reader = made_reader(model, dtype, device, tokenizer_folder)
    story = tokenize(made_words(n_words), reader.tokenizer)
    options: dict[str, Any] = {"mode": "strided", "context": context, "stride": None}
    windows = plan_windows(story, reader, **options)
    # The last words have a full look-back, as nearly all words of a story have.
    chosen = range(n_words - some, n_words)
    contenders: dict[str, Callable[[], Any]] = {
        "Engram, default stride": partial(word_vectors, story, windows, reader),
        "a forward pass for each word": partial(per_word, story, reader, context, chosen),
        "bare forward passes over the same windows": partial(
            bare_passes, story, reader, context, 8192
        ),
    }
    times = interleaved(
        {name: synchronized(run, device) for name, run in contenders.items()},
        repeats,
        {"a forward pass for each word": n_words / some},
    )
    tokens = sum(int(story.first[window.end] - story.first[window.begin]) + 1 for window in windows)
    seconds = times["Engram, default stride"]["seconds"]
    parameters = sum(weight.numel() for weight in reader.model.parameters())
    return {
        "model": model,
        "words": n_words,
        "tokens": len(story.ids),
        "context": context,
        "dtype": dtype,
        "times": times,
        "parameters": parameters,
        "tokens_per_second": round(tokens / seconds),
        # Two operations for each weight and token; attention is little beside it at these lengths.
        "tflops": round(2 * parameters * tokens / seconds / 1e12, 3),
    }


def scaling(
    model: str,
    n_words: int,
    contexts: list[int],
    repeats: int,
    device: str,
    dtype: str,
    tokenizer_folder: str,
) -> list[dict[str, Any]]:
    """Time reading a story by windows of several lengths, in batches of as many tokens."""
    reader = made_reader(model, dtype, device, tokenizer_folder)
    story = tokenize(made_words(n_words), reader.tokenizer)
    rows = []
    for context in contexts:
        windows = plan_windows(story, reader, mode="strided", context=context, stride=None)
        contenders: dict[str, Callable[[], Any]] = {
            "ours": partial(word_vectors, story, windows, reader),
            "bare": partial(bare_passes, story, reader, context, 8192),
        }
        times = interleaved(
            {name: synchronized(run, device) for name, run in contenders.items()}, repeats
        )
        rows.append(
            {
                "varied": "context",
                "value": context,
                "form": f"{model}, {n_words} words",
                "seconds": times["ours"]["seconds"],
                "of bare": times["bare"]["ratio"],
            }
        )
    return rows


def made_words(n_words: int) -> list[str]:
    """Return words of a made-up telling."""
    rng = np.random.default_rng(0)
    known = [
        "the",
        "old",
        "river",
        "house",
        "she",
        "went",
        "under",
        "a",
        "window",
        "quietly",
        "morning",
        "letter",
        "never",
        "again",
        "took",
        "stone",
    ]
    return [known[index] for index in rng.integers(0, len(known), n_words)]
