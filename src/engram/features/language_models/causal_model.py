"""A causal language model with its head: how surprising tokens are behind others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engram.errors import EngramError
from engram.features.language_models.headed_model import headed_model
from engram.features.language_models.model_source import ModelSource
from engram.features.language_models.read_check import read_check
from engram.features.language_models.reader import window_frame
from engram.fetch.remote_code import loading_error

#: How far bits may be apart that are computed with and without a cache, for the cache to be used.
_SAME_BITS = 1e-2


@dataclass
class CausalModel:
    """A loaded model with its head.

    Attributes
    ----------
    model, tokenizer
        From transformers; the model is in evaluation mode.
    prefix : list of int
        Special tokens that a text begins with.
    uses_cache : bool or None
        Whether keys and values of a passage are computed once for all that may follow it; None:
        not tried out yet.
    """

    model: Any
    tokenizer: Any
    prefix: list[int]
    uses_cache: bool | None = None

    def embeddings(self, ids: np.ndarray) -> np.ndarray:
        """Return the input embeddings of tokens, (n_tokens, n_units): they know no context."""
        import torch

        table = self.model.get_input_embeddings()
        with torch.inference_mode():
            given = torch.as_tensor(ids.astype(np.int64), device=self.model.device)
            vectors: np.ndarray = table(given).float().cpu().numpy()
        return vectors

    def surprisal(self, passage: np.ndarray, followers: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the surprisal in bits of each token of what may follow a passage.

        Parameters
        ----------
        passage : array of shape (n_tokens, )
            Token ids, without special ones.
        followers : sequence of arrays of shape (n_tokens, )
            One token each at least.
        """
        if self.uses_cache is None:
            self.uses_cache = self._agree(passage, followers[:2])
        behind = self._behind_cached if self.uses_cache else self._behind
        return behind(np.concatenate([self.prefix, passage]).astype(np.int64), followers)

    def _agree(self, passage: np.ndarray, followers: Sequence[np.ndarray]) -> bool:
        """Tell whether a cache of the passage changes nothing."""
        read = np.concatenate([self.prefix, passage]).astype(np.int64)
        try:
            cached = self._behind_cached(read, followers)
        except Exception:  # as many kinds as there are models: such a one has no such cache
            return False
        plain = self._behind(read, followers)
        return all(
            np.allclose(one, other, rtol=0, atol=_SAME_BITS)
            for one, other in zip(cached, plain, strict=True)
        )

    def _behind(self, passage: np.ndarray, followers: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return surprisal, each follower read with the whole passage."""
        import torch

        found = []
        for follower in followers:
            ids = torch.as_tensor(np.concatenate([passage, follower]), device=self.model.device)
            with torch.inference_mode():
                logits = self.model(input_ids=ids[None]).logits[0]
            found.append(_bits(logits[len(passage) - 1 : -1], ids[len(passage) :]))
        return found

    def _behind_cached(
        self, passage: np.ndarray, followers: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        """Return surprisal, the passage read once and all followers together behind it.

        They are filled up at their ends, which a causal model does not see before.
        """
        import torch

        device = self.model.device
        ids = np.zeros((len(followers), max(map(len, followers))), dtype=np.int64)
        for row, follower in enumerate(followers):
            ids[row, : len(follower)] = follower
        given = torch.as_tensor(ids, device=device)
        with torch.inference_mode():
            read = self.model(
                input_ids=torch.as_tensor(passage, device=device)[None], use_cache=True
            )
            first = read.logits[:, -1:].expand(len(followers), -1, -1)
            cache = read.past_key_values
            cache.batch_repeat_interleave(len(followers))
            later = self.model(input_ids=given, past_key_values=cache, use_cache=True).logits
            logits = torch.cat([first, later[:, :-1]], dim=1)
        return [
            _bits(logits[row, : len(follower)], given[row, : len(follower)])
            for row, follower in enumerate(followers)
        ]


def _bits(logits: Any, ids: Any) -> np.ndarray:
    """Return the surprisal of tokens, (n_tokens, ), of logits (n_tokens, n_vocabulary)."""
    chances = logits.float().log_softmax(dim=-1)
    nats: np.ndarray = -chances.gather(1, ids[:, None])[:, 0].cpu().numpy()
    return nats / np.log(2)


#: What to write where a model reads in both directions, and insertions are to be measured.
_NO_MEASURE = (
    "Write 'association_effect: {measured_texts: 0}', or name causal models alone in "
    "association_effect.models."
)


def loaded_causal_model(source: ModelSource, device: str, remedy: str = _NO_MEASURE) -> CausalModel:
    """Load a model with its head.

    Parameters
    ----------
    source : ModelSource
    device : {"auto", "cpu", "cuda"}
    remedy : str
        What to write where the model is no causal one.

    Raises
    ------
    EngramError
        If it cannot be loaded, or what it reads at a token depends on later ones: then it gives
        no probabilities of next tokens.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            source.home, local_files_only=True, trust_remote_code=source.code
        )
        model = headed_model(source, device)
    except EngramError:
        raise
    except Exception as error:  # as many kinds as there are libraries behind it
        what = "cannot be loaded as a causal language model"
        raise loading_error(what, source.home, error, source.code) from error
    check = read_check(model.base_model, tokenizer, source.dtype)
    if not check.causal:
        raise EngramError(
            f"the model in '{source.folder}' ({check.family}) reads in both directions, so it has "
            f"no surprisal. {remedy}"
        )
    return CausalModel(model, tokenizer, window_frame(tokenizer, causal=True)[0])
