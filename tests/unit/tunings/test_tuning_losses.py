"""The loss is that of the output tokens alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import MODELS
from small_tunings import DECODERS
from transformers import AutoModelForCausalLM

from engram.tunings import losses
from engram.tunings.model import prepared, trained_weights
from engram.tunings.sample_tokens import Encoded
from engram.tunings.settings import Settings


@pytest.mark.parametrize("name", DECODERS)
def test_the_loss_is_that_of_the_output_tokens_alone(name: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(MODELS / name).eval()
    rng = np.random.default_rng(0)
    pieces = [
        Encoded(tuple(rng.integers(3, 1000, length).tolist()), prompt)
        for length, prompt in ((12, 5), (7, 6), (20, 1))
    ]
    expected = 0.0
    with torch.inference_mode():
        for piece in pieces:
            logits = model(torch.tensor([piece.ids])).logits[0].double().numpy()
            chances = np.exp(logits - logits.max(1, keepdims=True))
            chances /= chances.sum(1, keepdims=True)
            expected -= sum(
                np.log(chances[place - 1, piece.ids[place]])
                for place in range(piece.n_prompt, len(piece.ids))
            )
        assert float(losses.output_loss(model, pieces)) == pytest.approx(expected, rel=1e-5)


def test_prompt_tokens_carry_no_loss() -> None:
    """Only what is predicted at the places before output tokens is learned from."""
    model = AutoModelForCausalLM.from_pretrained(MODELS / "llama-tiny").eval()
    found: list[torch.Tensor] = []

    def keep(module: object, inputs: object, values: torch.Tensor) -> None:
        values.retain_grad()
        found.append(values)

    model.model.norm.register_forward_hook(keep)
    losses.output_loss(model, [Encoded((1, 50, 60, 70, 80), 3)]).backward()
    gradient = found[0].grad
    assert gradient is not None and torch.nonzero(
        gradient[0].abs().amax(dim=1)
    ).flatten().tolist() == [2, 3]


@pytest.mark.parametrize("method", ["lora", "frozen"])
def test_the_head_sees_output_tokens_alone_and_the_loss_stays(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(method=method, dropout=0.0)
    model = prepared(AutoModelForCausalLM.from_pretrained(MODELS / "llama-tiny"), settings).eval()
    seen: list[tuple[int, ...]] = []
    model.get_output_embeddings().register_forward_hook(
        lambda module, inputs, logits: seen.append(tuple(logits.shape[:-1]))
    )
    pieces = [Encoded((1, 50, 60, 70, 80), 3), Encoded((1, 5, 6, 7), 1)]
    few = losses.output_loss(model, pieces)
    few.backward()
    gradients = [one.grad.clone() for one in trained_weights(model).values()]
    model.zero_grad()
    monkeypatch.setattr(losses, "_takes_places", lambda model: False)
    whole = losses.output_loss(model, pieces)
    whole.backward()
    assert seen == [(5,), (2, 5)]
    assert float(few) == pytest.approx(float(whole), rel=1e-6)
    for one, weights in zip(gradients, trained_weights(model).values(), strict=True):
        torch.testing.assert_close(one, weights.grad, rtol=1e-4, atol=1e-6)
