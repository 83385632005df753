"""An annotator that is a causal language model from a folder."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from engram.associations.annotators.answers import BrokenFormatError
from engram.associations.annotators.prompts import STORY_WORDS, check_granularity
from engram.errors import EngramError
from engram.features.language_models.causality import check_causal
from engram.features.language_models.model_loading import load_model
from engram.features.language_models.positions import declared_limit
from engram.fetch.remote_code import loading_error
from engram.files.checksums import sha256
from engram.words.punctuation import ends_sentence

logger = logging.getLogger(__name__)

#: Tokens that a local model may write.
NEW_TOKENS = 40
#: The answer of a local model is begun for it, so that base models too write what is asked;
#: it ends with the next quotation mark.
BEGUN = '{"association": "'
_NOT_LOADED = "cannot be loaded as a causal language model"
_STRING_END = re.compile(r'(?<!\\)(?:\\\\)*"')


@dataclass(frozen=True)
class LocalAnnotator:
    """A causal language model from a folder in the Hugging Face layout.

    Attributes
    ----------
    folder : Path
        With safetensors weights; code in it is not run, and nothing is downloaded.
    model : str
        The name that the associations carry.
    granularity : {"word", "sentence"}
    cache : Path
        Folder of requests and answers.
    temperature : float
        0 takes the most probable token each time.
    seed : int
        Each place draws with a seed of its own, made from this one.
    """

    folder: Path
    model: str
    granularity: str
    cache: Path
    temperature: float = 0.7
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a folder without weights that are loaded."""
        check_granularity(self.granularity)
        if not list(self.folder.glob("*.safetensors")):
            raise EngramError(
                f"'{self.folder}' holds no safetensors weights, and no others are loaded. "
                "Name the folder of a causal model in that format."
            )

    @cached_property
    def _fingerprint(self) -> str:
        """What the model is, wherever its folder stands: a changed one gives other answers."""
        names = sorted(
            path
            for pattern in ("*.json", "*.jinja", "*.model", "*.txt", "*.safetensors")
            for path in self.folder.glob(pattern)
        )
        return hashlib.sha256(
            "".join(f"{path.name} {sha256(path)}\n" for path in names).encode()
        ).hexdigest()

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return self._load(AutoTokenizer)

    @cached_property
    def _network(self) -> Any:
        import torch
        from transformers import AutoModelForCausalLM

        device = "cuda" if torch.cuda.is_available() else "cpu"
        # Most processors compute in half precision by detours.
        dtype = "auto" if device == "cuda" else "float32"
        network = load_model(
            AutoModelForCausalLM, self.folder, dtype=dtype, what=_NOT_LOADED, key=False
        )
        network = network.to(device).eval()
        check_causal(network, self.folder, "asked to write")
        return network

    def _load(self, kind: Any) -> Any:
        try:
            return kind.from_pretrained(self.folder, local_files_only=True, trust_remote_code=False)
        except Exception as error:  # as many kinds as there are libraries behind it
            raise loading_error(_NOT_LOADED, self.folder, error, False, key=False) from error

    @cached_property
    def _room(self) -> int:
        """Tokens that a prompt may have."""
        from transformers import AutoConfig

        return max(1, declared_limit(self._load(AutoConfig)) - NEW_TOKENS)

    @cached_property
    def _cut_told(self) -> bool:
        """Say once, not at every place, that prompts are cut."""
        logger.warning(
            (
                "prompts are cut to their last %d tokens, all that this model reads beside "
                "its answer; choose one with a larger context"
            ),
            self._room,
        )
        return True

    def _tokens(self, text: str) -> list[int]:
        """Return the tokens of a prompt, with the answer begun."""
        if self._tokenizer.chat_template:
            message = [{"role": "user", "content": text}]
            # Models that would think aloud first are told not to, and templates that know
            # nothing of it pass over it.
            text = self._tokenizer.apply_chat_template(
                message, tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
            return list(
                self._tokenizer(text + BEGUN, add_special_tokens=False, verbose=False)["input_ids"]
            )
        return list(self._tokenizer(f"{text}\n{BEGUN}", verbose=False)["input_ids"])

    def request(self, fill: Callable[[int], str], place: int) -> dict[str, Any]:
        """Return all that the answer depends on."""
        longest = STORY_WORDS
        # A model with a small context hears less of the story, rather than
        # less of what it is asked.
        while longest > 50 and len(self._tokens(fill(longest))) > self._room:
            longest //= 2
        return {
            "address": "local",
            "model": self._fingerprint,
            "messages": [{"role": "user", "content": fill(longest)}],
            "temperature": self.temperature,
            "seed": int.from_bytes(
                hashlib.sha256(f"{self.seed} {place}".encode()).digest()[:4], "big"
            ),
            "max_new_tokens": NEW_TOKENS,
        }

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Let the model write."""
        import torch

        tokens = self._tokens(request["messages"][0]["content"])
        if len(tokens) > self._room and self._cut_told:
            tokens = tokens[-self._room :]
        ids = torch.as_tensor([tokens], device=self._network.device)
        how = (
            {"do_sample": True, "temperature": self.temperature}
            if self.temperature > 0
            else {"do_sample": False}
        )
        padding = (
            self._tokenizer.pad_token_id
            if self._tokenizer.pad_token_id is not None
            else self._tokenizer.eos_token_id
        )
        devices = [self._network.device] if self._network.device.type == "cuda" else []
        # The generator of the process is left as it was.
        with torch.random.fork_rng(devices), torch.inference_mode():
            torch.manual_seed(request["seed"])
            written = self._network.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=NEW_TOKENS,
                pad_token_id=padding,
                **how,
            )[0, len(tokens) :]
        return {
            "content": self._tokenizer.decode(written, skip_special_tokens=True),
            "finish_reason": "stop" if len(written) < NEW_TOKENS else "length",
            "usage": {"prompt_tokens": len(tokens), "completion_tokens": len(written)},
        }

    def read(self, answer: dict[str, Any]) -> str:
        """Return the text of an answer.

        It goes up to the closing quotation mark; of that the first line counts, and of
        that the first sentence.
        """
        content: str = answer["content"].lstrip()
        end = _STRING_END.search(content)
        whole = end is not None or answer.get("finish_reason") == "stop"
        if end is not None:
            content = content[: end.end() - 1]
        elif not content:
            raise BrokenFormatError("it was empty")
        with suppress(ValueError):  # not written as JSON wants it, but a text all the same
            content = str(json.loads(f'"{content}"', strict=False))
        lines = content.strip().splitlines()
        tokens = lines[0].split() if lines else []
        first = next((index for index, token in enumerate(tokens) if ends_sentence(token)), None)
        if first is None and not whole and len(lines) == 1:
            raise BrokenFormatError(f"it did not come to an end within {NEW_TOKENS} tokens")
        return " ".join(tokens if first is None else tokens[: first + 1])
