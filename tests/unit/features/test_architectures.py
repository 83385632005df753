"""A dozen families of models, tiny and with random weights, are read rightly.

`make architectures` reads all of them.
"""

from __future__ import annotations

import csv
import dataclasses
import re
from pathlib import Path
from typing import Any

import architectures
import pytest
import tiny_models
import torch
from conftest import ROOT

from engram.features.language_models import activations, causality
from engram.features.language_models.reader import Reader


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


#: Family, changes of its configuration, whether it is causal, and the longest
#: input; None: any length.
FAMILIES: list[tuple[str, dict[str, Any], bool, int | None]] = [
    ("gpt2", {}, True, 96),
    ("llama", {}, True, 96),
    ("opt", {}, True, 96),
    # OPT-350m: projections at both ends.
    ("opt", {"word_embed_proj_dim": 32, "do_layer_norm_before": False}, True, 96),
    ("bloom", {}, True, None),
    ("gpt_neox", {}, True, 96),
    ("mistral", {}, True, 96),  # a sliding window of 8 tokens
    ("gemma2", {}, True, 96),
    ("mamba", {}, True, None),
    ("rwkv", {}, True, 96),
    ("bert", {}, False, 96),
    ("roberta", {}, False, 94),  # its positions begin behind the padding's
    ("xlnet", {}, False, None),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "changes", "causal", "limit"),
    FAMILIES,
    ids=[f"{one[0]}{'-changed' if one[1] else ''}" for one in FAMILIES],
)
def test_a_family_is_read_as_its_model_computes(
    family: str, changes: dict[str, Any], causal: bool, limit: int | None, tmp_path: Path
) -> None:
    row = architectures.row_of(family, tmp_path, **changes)
    assert (row.result, row.reason, row.wrong) == (architectures.READ, "", [])
    assert (row.causal, row.layers) == (causal, tiny_models.BLOCKS)
    assert (
        row.limit == limit if limit is not None else row.limit is not None and row.limit >= 1 << 20
    )
    assert (
        row.strided_is_exact is (True if causal else None)
        and row.batched_is_single
        and row.layer_0_knows_no_context
    )


def test_a_family_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    refused = architectures.row_of("t5", tmp_path)
    assert (
        refused.result == architectures.REFUSED
        and "has an encoder and a decoder" in refused.reason
        and not refused.wrong
    )
    # Its attention is code for a GPU; without, transformers goes on with zeros, and each token
    # would be read as if it stood alone.
    blind = architectures.row_of("mra", tmp_path / "mra")
    assert (
        blind.result == architectures.REFUSED
        and "reads each token as if it stood alone" in blind.reason
    )
    seeing = architectures.row_of("vit", tmp_path)
    assert (seeing.result, seeing.reason) == (
        architectures.NO_TEXT,
        "it reads no tokens: its configuration has no vocabulary",
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("causal", "causal is False, and later tokens do not change earlier ones"),
        ("layers", r"layers \[1, 2, 3\] are not what blocks"),
        ("last", "the last layer is neither"),
        ("limit", "192 tokens cannot be read"),
    ],
)
def test_a_wrong_reading_is_seen(
    fault: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison itself: what Engram reads is made wrong, and the row says so."""
    load, vectors = activations.load, architectures.vectors

    def wrong_reader(*arguments: Any, **options: Any) -> Reader:
        reader = load(*arguments, **options)
        return (
            dataclasses.replace(reader, causal=False)
            if fault == "causal"
            else dataclasses.replace(reader, limit=192)
            if fault == "limit"
            else reader
        )

    def wrong_vectors(*arguments: Any, **options: Any) -> Any:
        found = vectors(*arguments, **options).copy()
        if fault == "layers":
            found[1:-1] = found[[2, 3, 1]]
        if fault == "last":
            found[-1] = found[-1] / abs(found[-1]).max() + found[-2]
        return found

    monkeypatch.setattr(activations, "load", wrong_reader)
    monkeypatch.setattr(architectures, "vectors", wrong_vectors)
    assert any(re.search(said, wrong) for wrong in architectures.row_of("gpt2", tmp_path).wrong)


def test_no_row_of_the_table_is_wrong_and_encoders_are_none_of_the_causal() -> None:
    with architectures.TABLE.open(encoding="utf-8", newline="") as stream:
        rows = {row["family"]: row for row in csv.DictReader(stream, delimiter="\t")}
    assert {
        family for family, row in rows.items() if row["wrong"] != "n/a" or row["result"] == "failed"
    } == set()
    assert len([row for row in rows.values() if row["result"] == "read"]) > 150
    told = {family for family in causality.ENCODERS if rows[family]["result"] == "read"}
    assert len(told) > 25 and {rows[family]["causal"] for family in told} == {"no"}
    assert all(
        f"| {family} |" in (ROOT / "docs" / "architectures.md").read_text(encoding="utf-8")
        for family, row in rows.items()
        if row["result"] == "read"
    )


def test_the_page_is_made_from_the_table() -> None:
    page = architectures.PAGE.read_text(encoding="utf-8")
    version = re.search(r"with transformers (\S+);", page)
    assert version is not None
    assert architectures.page(architectures.read_table(architectures.TABLE), version[1]) == page, (
        "docs/architectures.md is out of step: `make architectures`"
    )
