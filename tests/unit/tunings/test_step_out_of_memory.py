"""A step of training where memory runs out: smaller groups, and the same gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from conftest import MODELS, ROOT
from transformers import AutoModelForCausalLM, AutoTokenizer

from engram.tunings import losses, training
from engram.tunings.batches import micro_limit
from engram.tunings.model import prepared, trained_weights
from engram.tunings.sample_tokens import encode_samples
from engram.tunings.samples import read_samples
from engram.tunings.settings import Settings

pytestmark = pytest.mark.slow


def test_a_step_in_smaller_groups_has_the_same_gradient(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Memory runs out in the second group, when the first one's gradient is there.

    It must not count twice.
    """
    settings = Settings(
        learning_rate=1.0,
        warmup=0.0,
        dropout=0.0,
        micro_tokens=500,
        tokens_per_step=96,
        max_length=256,
    )
    samples = [
        one
        for one in read_samples(ROOT / "resources" / "tuning_samples" / "associations.jsonl")
        if len(one.input) + len(one.output) < 400
    ][:6]
    pieces = encode_samples(samples, AutoTokenizer.from_pretrained(MODELS / "gpt2-tiny"), 256)
    real, seen = losses.output_loss, list[int]()

    def loss(model: Any, group: Any) -> Any:
        seen.append(len(group) * len(group[0].ids))
        if fails and len(seen) > 1 and seen[-1] > 260:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(model, group)

    monkeypatch.setattr(training, "output_loss", loss)
    found = []
    for fails in (False, True):
        seen.clear()
        model = AutoModelForCausalLM.from_pretrained(
            MODELS / "gpt2-tiny", resid_pdrop=0, attn_pdrop=0, embd_pdrop=0
        )
        model = prepared(model, settings)
        limit = micro_limit(settings)
        value = training.train_step(
            model,
            torch.optim.SGD(trained_weights(model).values(), lr=1.0),
            pieces,
            0,
            settings,
            limit,
        )
        assert (
            (limit.size < 500)
            == fails
            == ("tokens at once (micro_tokens) (OutOfMemoryError: CUDA" in caplog.text)
        )
        found.append(
            (
                value,
                torch.cat(
                    [weight.detach().flatten() for weight in trained_weights(model).values()]
                ),
            )
        )
    assert (
        found[0][0] == pytest.approx(found[1][0], rel=1e-5)
        and (found[0][1] - found[1][1]).abs().max() < 1e-5
    )
