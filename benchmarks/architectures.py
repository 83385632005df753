"""Read a tiny model of each family that transformers builds, and hold Engram against the model.

The models are saved, loaded and read by Engram.

`make architectures` writes docs/architectures.tsv and docs/architectures.md, and fails if a row
is wrong. What is expected is computed here from the model that was built, by forward passes and by
the outputs of its blocks, and never from what Engram says of it.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import os
import re
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import tiny_models

from engram.errors import EngramError
from engram.features.language_models import activations
from engram.features.language_models.reader import Reader
from engram.features.language_models.tokens import tokenize
from engram.features.language_models.windows import exact_windows

ROOT = Path(__file__).parents[1]
STORY = (ROOT / "resources" / "texts" / "stories" / "lighthouse.txt").read_text(encoding="utf-8")
#: Words that are read; their tokens fit into the tiny models' longest input.
WORDS = STORY.split()[:16]
#: Differences up to this share of a unit's spread over words are rounding.
TOLERANCE = 1e-3
#: Bounds for each family: seconds of a core (on a busy machine, ten times as many by the
#: clock), and bytes of memory.
SECONDS, BYTES = 60, 6 * 2**30
READ, REFUSED, NOT_BUILT, NO_TEXT, FAILED = "read", "refused", "not built", "no text", "failed"
TABLE, PAGE = ROOT / "docs" / "architectures.tsv", ROOT / "docs" / "architectures.md"


@dataclass
class Row:
    """What was found of a family.

    `wrong` says where Engram and the model differ, and is empty in a right row.

    `result` is "read", "refused" (by Engram, in a message), "not built" (transformers makes no
    small model of it here, or one that cannot read tokens by itself), "no text" (it reads something
    else), or "failed", which is a fault of Engram.
    """

    family: str
    result: str
    causal: bool | None = None
    layers: int | None = None
    limit: int | None = None
    strided_is_exact: bool | None = None
    batched_is_single: bool | None = None
    layer_0_knows_no_context: bool | None = None
    reason: str = ""
    wrong: list[str] = field(default_factory=list)


#: What must hold of a family that is read.
FLAGS = ("strided_is_exact", "batched_is_single", "layer_0_knows_no_context")


# ---------------------------------------------------------------- the truth
def hidden_states(model: Any, ids: np.ndarray) -> list[np.ndarray]:
    """Return the hidden states that a model gives for one sequence, the last one at the end.

    They are in order, each of shape (n_tokens, n_units).
    """
    import torch

    with torch.inference_mode():
        output = model(input_ids=torch.as_tensor(ids[None]), output_hidden_states=True)
    last = getattr(output, "last_hidden_state", None)
    states = [*(output.hidden_states or ()), *([] if last is None else [last])]
    return [state[0].float().numpy() for state in states]


def text_part(model: Any) -> Any:
    """Return the part of a model that reads text by itself.

    It is the model, unless that cannot do without pictures or sound.

    Raises
    ------
    Exception
        The model's own, if there is no such part.
    """
    parts = [
        model,
        *(
            part
            for name in ("text_model", "language_model", "text_encoder")
            if (part := getattr(model, name, None)) is not None
        ),
    ]
    errors = []
    for part in parts:
        try:
            hidden_states(part, np.arange(4, 20))
        except Exception as error:  # as many kinds as there are families
            errors.append(error)
        else:
            return part
    raise errors[-1]


def block_outputs(model: Any, ids: np.ndarray) -> list[list[np.ndarray]]:
    """Return what each list with as many modules as there are blocks makes of one sequence.

    Lists come in the order in which their members run.
    """
    import torch

    stacks: list[Any] = [
        one
        for one in model.modules()
        if isinstance(one, torch.nn.ModuleList) and len(one) == tiny_models.BLOCKS
    ]
    found: list[list[np.ndarray]] = [[] for _ in stacks]

    def keep(outputs: list[np.ndarray], output: Any) -> None:
        tensor = output[0] if isinstance(output, tuple) else output
        if (
            isinstance(tensor, torch.Tensor)
            and tensor.ndim == 3
            and tensor.shape[:2] == (1, len(ids))
        ):
            outputs.append(tensor[0].float().numpy().copy())

    # Stacks that take turns: all of them in the order in which they run.
    if len(stacks) > 1:
        stacks, found = [*stacks, [block for stack in stacks for block in stack]], [*found, []]
    hooks = [
        block.register_forward_hook(lambda _, __, output, outputs=outputs: keep(outputs, output))
        for stack, outputs in zip(stacks, found, strict=True)
        for block in stack
    ]
    hidden_states(model, ids)
    for hook in hooks:
        hook.remove()
    return [outputs for outputs in found if outputs]


def sees_later_tokens(model: Any, ids: np.ndarray) -> bool:
    """Tell whether a token at any of several places changes anything before it."""
    before = hidden_states(model, ids)
    for place in (3, len(ids) // 2, len(ids) - 1):
        other = ids.copy()
        other[place] = 4 + (other[place] + 7) % 300
        after = hidden_states(model, other)
        if any(not alike(one[:place], two[:place]) for one, two in zip(before, after, strict=True)):
            return True
    return False


def heeds_earlier_tokens(model: Any, ids: np.ndarray) -> bool:
    """Tell whether another last token but one changes anything at the last one."""
    other = ids.copy()
    other[-2] = 4 + (other[-2] + 7) % 300
    return any(
        (one[-1] != two[-1]).any()
        for one, two in zip(hidden_states(model, ids), hidden_states(model, other), strict=True)
    )


def alike(one: np.ndarray, other: np.ndarray, tolerance: float = TOLERANCE) -> bool:
    """Tell whether two arrays, (..., n, n_units), differ by rounding only.

    The difference is then a small share of a unit's spread over the n.
    """
    if one.shape != other.shape:
        return False
    spread = one.std(axis=-2, keepdims=True)
    floor = 1e-3 * float(np.abs(one).max()) + 1e-30
    return bool((np.abs(one - other) <= tolerance * np.maximum(spread, floor)).all())


# ---------------------------------------------------------------- Engram's reading
def vectors(reader: Reader, words: Sequence[str] = WORDS, **changes: Any) -> np.ndarray:
    """Return the vectors of words, (n_layers + 1, n_words, n_units)."""
    options: dict[str, Any] = {
        "mode": "strided",
        "context": None,
        "stride": None,
        "pooling": "last",
        "batch_tokens": 4096,
        **changes,
    }
    return activations.story_activations(words, reader, **options)["activation"].values


def row_of(family: str, folder: Path, **changes: Any) -> Row:
    """Build a family's tiny model, let Engram read with it, and compare.

    Parameters
    ----------
    family : str
        As transformers names it.
    folder : Path
        For the model.
    **changes
        Of its configuration.
    """
    try:
        if (other := tiny_models.other_input(family)) is not None:
            return Row(family, NO_TEXT, reason=f"it reads {other}")
        model = tiny_models.build(tiny_models.shrunk(family, **changes))
        tiny_models.save(model, tiny_models.tokenizer_of(STORY), folder)
    except Exception as error:  # as many kinds as there are families
        return Row(family, NOT_BUILT, reason=_said(error))
    try:
        reader = activations.load(folder)
        found = vectors(reader)
    except EngramError as error:
        refusal = str(error).replace(str(folder), "...")
        if "allocate memory" in refusal:
            return Row(
                family, NOT_BUILT, reason=f"it takes more than {BYTES // 2**30} GB of memory"
            )
        if not model.config.is_encoder_decoder:
            try:
                text_part(model)
            except Exception as own:  # as many kinds as there are families
                return Row(
                    family,
                    NOT_BUILT,
                    reason=f"the small model reads no tokens by itself: {_said(own)}",
                )
        return Row(family, REFUSED, reason=refusal)
    except Exception as error:
        return Row(
            family, FAILED, reason=_said(error), wrong=["an error that says nothing of what to do"]
        )
    return _compared(
        Row(family, READ, causal=reader.causal, layers=len(found) - 1, limit=reader.limit),
        model,
        reader,
        found,
    )


def _compared(row: Row, whole_model: Any, reader: Reader, found: np.ndarray) -> Row:
    model = text_part(whole_model)
    story = tokenize(WORDS, reader.tokenizer)
    ids = np.concatenate([reader.prefix, story.ids]).astype(np.int64)
    last = np.array([len(reader.prefix) + tokens[-1] for tokens in story.pooled])
    if (sees := sees_later_tokens(model, ids)) == reader.causal:
        row.wrong.append(
            f"causal is {reader.causal}, and later tokens "
            f"{'change' if sees else 'do not change'} earlier ones"
        )
    if not heeds_earlier_tokens(model, ids):
        row.wrong.append("no token changes what is read at a later one")
    exact = vectors(reader, mode="exact")
    row.strided_is_exact = alike(found, exact) if reader.causal else None
    small: dict[str, Any] = {"context": min(24, reader.limit), "stride": 8}
    row.batched_is_single = alike(
        vectors(reader, **small, mode="exact"),
        vectors(reader, **small, mode="exact", batch_tokens=1),
    )
    row.layer_0_knows_no_context = _contextless(reader)
    if row.layers != (blocks := model.config.get_text_config().num_hidden_layers):
        row.wrong.append(f"{row.layers} layers over {blocks} blocks")
    window = exact_windows(story.lengths, len(ids))[-1]
    whole = np.concatenate(
        [
            reader.prefix,
            story.ids[story.first[window.begin] : story.first[window.end]],
            reader.suffix,
        ]
    ).astype(np.int64)
    row.wrong += _layers_wrong(
        model,
        whole,
        last if reader.causal else last[-1:],
        exact if reader.causal else exact[:, -1:],
    )
    row.wrong += _limit_wrong(model, reader)
    row.wrong += [f"{name.replace('_', ' ')}: no" for name in FLAGS if getattr(row, name) is False]
    return row


def _contextless(reader: Reader) -> bool:
    """Tell whether a word's vector in layer 0 is the same behind other words of as many tokens."""
    other = [WORDS[index ^ 1] if 2 <= index < 6 else word for index, word in enumerate(WORDS)]
    one, two = (vectors(reader, words) for words in (WORDS, other))
    lengths = [tokenize(words, reader.tokenizer).first[6] for words in (WORDS, other)]
    return lengths[0] == lengths[1] and alike(one[0, 6:], two[0, 6:])


def _layers_wrong(
    model: Any, ids: np.ndarray, places: np.ndarray, found: np.ndarray
) -> Iterator[str]:
    """Yield where layers are not what the model's blocks give.

    Layer l is to be that of block l, the last layer that of the model as a whole.
    """
    inner = found[1:-1]
    stacks = block_outputs(model, ids)
    wrong = [
        [
            layer
            for layer, (block, mine) in enumerate(zip(outputs, inner, strict=False), start=1)
            if not alike(block[places], mine, 0.01)
        ]
        for outputs in stacks
    ]
    # Families that have lists of attentions and of norms rather than of blocks: one of the lists
    # has the blocks' outputs.
    fewest = min(wrong, key=len, default=[])
    if fewest:
        yield f"layers {fewest} are not what blocks {fewest} give"
    ends = [hidden_states(model, ids)[-1], *(outputs[-1] for outputs in stacks)]
    if not any(alike(end[places], found[-1], 0.01) for end in ends):
        yield "the last layer is neither what the last block gives nor what the model gives"


def _limit_wrong(model: Any, reader: Reader) -> Iterator[str]:
    """Yield what is wrong if a window of the longest length cannot be read.

    Where there is no limit a long one is tried.
    """
    length = min(reader.limit, 4 * tiny_models.POSITIONS)
    ids = np.random.default_rng(0).integers(4, 300, length)
    try:
        states = hidden_states(model, ids)
    except Exception as error:
        yield f"{length} tokens cannot be read: {_said(error)}"
    else:
        if not all(np.isfinite(state).all() for state in states):
            yield f"{length} tokens give numbers that are not finite"


def _said(error: BaseException) -> str:
    """Return an error in one line, without the paths of this machine."""
    text = re.sub(r" from '[^']*site-packages[^']*'", "", " ".join(str(error).split()))
    return f"{type(error).__name__}: {text}"[:200]


# ---------------------------------------------------------------- all families
def families() -> list[str]:
    """Return the families that have a head for predicting tokens, then all others of AutoModel."""
    from transformers.models.auto import modeling_auto as auto

    predicting = {*auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, *auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES}
    return [*sorted(predicting), *sorted(set(auto.MODEL_MAPPING_NAMES) - predicting)]


def _child(family: str, pipe: Any) -> None:
    """Make a family's row in a process of its own.

    The process has a bound on its memory and nothing to say.
    """
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    with tempfile.TemporaryDirectory() as folder:
        try:
            row = row_of(family, Path(folder) / family)
        except Exception as error:
            row = Row(family, FAILED, reason=_said(error), wrong=["an error while it was read"])
    pipe.send(row)


def rows_of(wanted: Sequence[str], workers: int) -> Iterator[Row]:
    """Yield the rows of families as they are made, so many at a time.

    None of them takes more than `SECONDS` of a core.
    """
    # Forked, so that torch and transformers are imported once.
    context = multiprocessing.get_context("fork")
    waiting = list(reversed(wanted))
    running: dict[str, tuple[Any, Any, float]] = {}
    while waiting or running:
        while waiting and len(running) < workers:
            mine, its = context.Pipe(duplex=False)
            process = context.Process(target=_child, args=(waiting[-1], its))
            process.start()
            its.close()
            running[waiting.pop()] = (process, mine, time.monotonic())
        for family, (process, pipe, begun) in list(running.items()):
            late = time.monotonic() - begun > 10 * SECONDS
            if pipe.poll() or not process.is_alive() or late:
                try:
                    row = pipe.recv() if pipe.poll() else None
                except EOFError:  # it was killed
                    row = None
                    process.join()
                    late = process.exitcode in (-signal.SIGXCPU, -signal.SIGKILL)
                more = (
                    f"{SECONDS} s"
                    if late
                    else (
                        f"{BYTES // 2**30} GB of memory, or its process ended "
                        f"(code {process.exitcode})"
                    )
                )
                yield row or Row(family, NOT_BUILT, reason=f"it takes more than {more}")
                process.kill()
                process.join()
                del running[family]
        time.sleep(0.02)


# ---------------------------------------------------------------- the table and the page
def write_table(rows: Sequence[Row], path: Path) -> None:
    """Write all rows as TSV; what is not known is n/a."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
        writer.writerow([one.name for one in fields(Row)])
        for row in rows:
            writer.writerow([_written(value) for value in asdict(row).values()])


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "; ".join(value) if isinstance(value, list) else str("" if value is None else value)
    return " ".join(text.split()) or "n/a"


def read_table(path: Path) -> list[Row]:
    """Read the rows that `write_table` wrote."""
    with path.open(encoding="utf-8", newline="") as stream:
        return [_row(cells) for cells in csv.DictReader(stream, delimiter="\t")]


def _row(cells: dict[str, str]) -> Row:
    known = {name: cell for name, cell in cells.items() if cell != "n/a"}
    values: dict[str, Any] = {
        name: known[name] for name in ("family", "result", "reason") if name in known
    }
    values |= {name: int(known[name]) for name in ("layers", "limit") if name in known}
    values |= {name: known[name] == "yes" for name in ("causal", *FLAGS) if name in known}
    return Row(**values, wrong=known["wrong"].split("; ") if "wrong" in known else [])


def page(rows: Sequence[Row], version: str) -> str:
    """Return the page that the documentation shows; `version` is that of transformers."""

    def mark(value: bool | None) -> str:
        return "" if value is None else "yes" if value else "**no**"

    parts: dict[str, list[Row]] = {
        result: [row for row in rows if row.result == result]
        for result in (READ, REFUSED, NOT_BUILT, NO_TEXT, FAILED)
    }
    lines = [
        "# Architectures",
        "",
        (
            f"Written by `make architectures` with transformers {version}; nothing here was typed "
            "in. `architectures.tsv` has all rows."
        ),
        "",
        (
            "A tiny model of each family that AutoModel builds (4 blocks, random weights) "
            "was saved, loaded and read as any other model. What was read is compared "
            "with the model itself: whether later tokens change earlier ones, what each block "
            "gives, the longest input."
        ),
        "",
        (
            "- *Limit*: the longest input of the tiny model (its configuration says "
            "96; none: any length)."
        ),
        (
            "- *Strided = exact*: windows that share words give the vectors of "
            "windows of one word each."
        ),
        "- *Batched = single*: windows read together give the vectors of windows read alone.",
        (
            "- *Layer 0 knows no context*: a word's vector there is the same "
            "whatever stands before it."
        ),
        "",
        (
            f"{len(parts[READ])} families are read, {len(parts[REFUSED])} refused, "
            f"{len(parts[NOT_BUILT])} not built here, {len(parts[NO_TEXT])} read no text."
        ),
        "",
        (
            "| family | causal | layers | limit | strided = exact | batched = single | "
            "layer 0 knows no context |"
        ),
        "|---|---|---|---|---|---|---|",
    ]
    for row in parts[READ]:
        limit = "none" if row.limit is None or row.limit >= 1 << 20 else str(row.limit)
        lines.append(
            f"| {row.family} | {'yes' if row.causal else 'no'} | {row.layers} | {limit} | "
            + " | ".join(mark(getattr(row, name)) for name in FLAGS)
            + " |"
        )
    for result, title in (
        (REFUSED, "Refused, and why"),
        (NOT_BUILT, "Not built here, or by itself unable to read tokens"),
        (FAILED, "Faults"),
    ):
        if parts[result]:
            alike: dict[str, list[str]] = {}
            for row in parts[result]:
                alike.setdefault(_written(row.reason.replace(f" ({row.family})", "")), []).append(
                    row.family
                )
            lines += ["", f"## {title}", ""] + [
                f"- {', '.join(names)}: {reason}" for reason, names in alike.items()
            ]
    by_letter = groupby(
        sorted(row.family for row in parts[NO_TEXT]), key=lambda family: family[0].lower()
    )
    lines += ["", "## No text", ""] + [f"- {', '.join(names)}" for _, names in by_letter] + [""]
    return "\n".join(lines)


def main() -> int:
    """Write the table and the page; return 1 if a row is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("families", nargs="*", help="only these, and nothing is written")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    import torch
    import transformers

    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    tiny_models.build(tiny_models.shrunk("gpt2"))  # imports what all need
    rows = []
    for row in rows_of(arguments.families or families(), arguments.workers):
        rows.append(row)
        print(
            (
                f"{row.family}: {row.result} "
                f"{'WRONG: ' + '; '.join(row.wrong) if row.wrong else ''} {row.reason}"
            )[:300],
            flush=True,
        )
    rows.sort(key=lambda row: row.family)
    if not arguments.families:
        write_table(rows, TABLE)
        PAGE.write_text(page(rows, transformers.__version__), encoding="utf-8")
    wrong = [row.family for row in rows if row.wrong]
    print(f"{len(rows)} families; wrong: {', '.join(wrong) or 'none'}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
