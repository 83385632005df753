"""Predicted against measured peak memory, each shape in a process of its own."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paired import say

if TYPE_CHECKING:
    from engram.features.language_models.reader import Reader
    from engram.features.language_models.reading_memory import ReadingShape

#: Listeners, targets, TRs, units, layers, and listeners at once (0: all): small ones,
#: for tests, and large ones.
SMALL_ENCODINGS = [(10, 20_000, 300, 64, 1, 0), (2, 4000, 1500, 768, 1, 0)]
LARGE_ENCODINGS = [
    (2, 4000, 1500, 64, 1, 0),
    (40, 20_000, 300, 768, 1, 0),
    (40, 20_000, 300, 768, 1, 10),
    (1, 81_924, 2200, 768, 1, 0),
    (6, 81_924, 300, 64, 2, 0),
    (6, 81_924, 300, 64, 2, 2),
]
#: Model, words, context, tokens of a batch, dtype.
SMALL_READINGS = [("short", 600, 256, 8192, "float32")]
LARGE_READINGS = [
    ("gpt2", 600, 256, 4096, "float32"),
    ("gpt2", 8000, 1024, 8192, "float32"),
    ("gpt2", 3000, 1024, 32_768, "float32"),
    ("gpt2", 1000, 1024, 8192, "bfloat16"),
]


def measured(kind: str, shape: tuple[Any, ...]) -> dict[str, Any]:
    """Return predicted and measured peak bytes of a shape, in a process of its own."""
    command = [sys.executable, __file__, kind, json.dumps(shape)]
    found: dict[str, Any] = json.loads(
        subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[
            -1
        ]
    )
    say(f"  {kind} {shape}: predicted {found['predicted_gb']}, measured {found['measured_gb']}")
    return found


def grid(small: bool) -> list[dict[str, Any]]:
    """Return the grid of shapes, measured."""
    encodings = SMALL_ENCODINGS + ([] if small else LARGE_ENCODINGS)
    readings = SMALL_READINGS + ([] if small else LARGE_READINGS)
    return [
        *(measured("encoding", shape) for shape in encodings),
        *(measured("reading", shape) for shape in readings),
        *(measured("heads", shape) for shape in readings[: 1 if small else 3]),
    ]


def encoding_case(
    listeners: int, targets: int, rows: int, units: int, layers: int, at_once: int
) -> tuple[int, str]:
    """Score made data as a job does, and return what was predicted."""
    import full_size
    from bench_encoding import ALPHAS

    from engram.encoding import backends, layer_scoring, memory
    from engram.files import storage
    from engram.study.config.encoding import Encoding

    # Few folds, for time: they change the memory of the matrices, which is predicted from them.
    folds: dict[str, Any] = {"folds": 3, "inner_folds": 2}
    shape = memory.EncodingShape(
        rows, units * 6, listeners, targets, layers, 1, **folds, alphas=len(ALPHAS)
    )
    batch = backends.batch_bytes("torch")
    predicted = memory.encoding_bytes(shape, at_once or listeners, batch)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        made = argparse.Namespace(
            listeners=listeners, vertices=targets, trs=rows, layers=layers, units=units
        )
        # In another process, whose memory is not this one's.
        maker = multiprocessing.get_context("spawn").Process(
            target=full_size.make, args=(folder, made)
        )
        maker.start()
        maker.join()
        names = [f"{number:03d}" for number in range(listeners)]
        options = {**Encoding().model_dump(), **folds, "backend": "auto", "memory": predicted + 1}
        activations, bold, words = (
            [str(folder / name)] for name in ("activations.nc", "bold.nc", "words.tsv")
        )
        scores = layer_scoring.score_layers(activations, bold, words, names, **options)
        storage.write_dataset(folder / "scores.nc", scores)
    return (
        predicted,
        (
            f"{listeners} listeners x {targets} targets x {rows} TRs, {units * 6} features, "
            f"{layers} layers, {at_once or listeners} listeners at a time"
        ),
    )


def reading_case(
    model: str, n_words: int, context: int, batch_tokens: int, dtype: str
) -> tuple[int, str]:
    """Read a made story, and return what was predicted."""
    import full_size  # noqa: F401 (its imports are a job's)
    from bench_activations import made_reader, made_words

    from engram import paths
    from engram.features.language_models.activations import story_activations
    from engram.features.language_models.reading_memory import reading_bytes

    reader = made_reader(model, dtype, "cpu", str(paths.RESOURCES / "models" / "gpt2-tiny"))
    words = made_words(n_words)
    options: dict[str, Any] = {
        "mode": "strided",
        "context": context,
        "stride": None,
        "pooling": "last",
        "batch_tokens": batch_tokens,
    }
    predicted = reading_bytes(reading_shape(words, reader, context, batch_tokens))
    story_activations(words, reader, **options)
    return (
        predicted,
        f"{model}, {n_words} words, context {context}, {batch_tokens} tokens a batch, {dtype}",
    )


def heads_case(
    model: str, n_words: int, context: int, batch_tokens: int, dtype: str
) -> tuple[int, str]:
    """Read the attention heads of a made story, planned as its layers are."""
    import full_size  # noqa: F401 (its imports are a job's)
    from bench_activations import made_reader, made_words

    from engram import paths
    from engram.features.heads.space import scale
    from engram.features.language_models.attention_heads import head_count, story_heads
    from engram.features.language_models.reading_memory import reading_bytes

    reader = made_reader(model, dtype, "cpu", str(paths.RESOURCES / "models" / "gpt2-tiny"))
    words = made_words(n_words)
    options: dict[str, Any] = {"mode": "strided", "context": context, "stride": None}
    predicted = reading_bytes(reading_shape(words, reader, context, batch_tokens))
    vectors = story_heads(words, reader, **options, pooling="last", batch_tokens=batch_tokens)
    scale(vectors, head_count(reader.model))
    return (
        predicted,
        f"{model}, heads of all layers, {n_words} words, context {context}, {batch_tokens} tokens "
        f"a batch, {dtype}",
    )


def reading_shape(
    words: Sequence[str], reader: Reader, context: int, batch_tokens: int
) -> ReadingShape:
    """Return the shapes that the memory of reading a story depends on."""
    from engram.features.language_models.reading_memory import ReadingShape
    from engram.features.language_models.tokens import tokenize
    from engram.features.language_models.window_batches import Piece, batches_of
    from engram.features.language_models.windows import plan_windows

    story = tokenize(words, reader.tokenizer)
    windows = plan_windows(story, reader, mode="strided", context=context, stride=None)
    pieces = [Piece(0, story, window) for window in windows]
    batches = batches_of(pieces, reader, batch_tokens)
    lengths = [[len(piece.ids(reader)) for piece in batch] for batch in batches]
    config = reader.model.config.get_text_config()
    return ReadingShape(
        parameters=sum(weight.numel() for weight in reader.model.parameters()),
        blocks=config.num_hidden_layers,
        units=config.hidden_size,
        widest=getattr(config, "intermediate_size", None)
        or getattr(config, "n_inner", None)
        or 4 * config.hidden_size,
        heads=config.num_attention_heads,
        itemsize=reader.model.dtype.itemsize,
        batch_tokens=max(len(one) * max(one) for one in lengths),
        context=max(map(max, lengths)),
        words=len(words),
        batch_words=max(
            sum(piece.window.end - piece.window.read for piece in batch) for batch in batches
        ),
        attention_matrices=getattr(config, "_attn_implementation", "") == "eager",
        streams=reader.streams,
    )


def main() -> None:
    """Measure one case and print it."""
    from engram.jobs.provenance import peak_memory

    kind, shape = sys.argv[1], json.loads(sys.argv[2])
    cases: dict[str, Callable[..., tuple[int, str]]] = {
        "encoding": encoding_case,
        "reading": reading_case,
        "heads": heads_case,
    }
    predicted, what = cases[kind](*shape)
    peak = peak_memory()
    found = {
        "stage": kind,
        "shape": what,
        "predicted_gb": round(predicted / 1e9, 3),
        "measured_gb": round(peak / 1e9, 3),
    }
    print(json.dumps({**found, "ratio": round(predicted / peak, 3)}))


if __name__ == "__main__":
    main()
