"""Annotators that write associations into a story: language models behind a chat endpoint or in a folder, and a template for people.

A model is asked at every n-th sentence end. It reads the story up to there and never beyond. Every request is kept on disk with its
answer and is never made twice, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import textwrap
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from engram import storage
from engram.associations import COLUMNS, GRANULARITIES, Association
from engram.causality import check_causal
from engram.downloads import WAITS
from engram.errors import EngramError
from engram.integrity import sha256
from engram.jobs import progress
from engram.model_loading import load_model
from engram.own_code import loading_error
from engram.paths import PROMPTS
from engram.positions import declared_limit
from engram.punctuation import bare, ends_sentence, has_letters, is_closed, marks, unquoted, without_end

if TYPE_CHECKING:
    import requests

logger = logging.getLogger(__name__)

#: What stands for the story in a template.
STORY = "{story}"
#: The last words of the story that a prompt holds, and the most that an association may have.
STORY_WORDS, LONGEST = 1500, 40
#: Where the key of a chat endpoint is looked up.
KEY = "ENGRAM_CHAT_KEY"
#: Seconds that a server's Retry-After may make us wait, and that a connection may take.
LONGEST_WAIT, CONNECT = 120.0, 20.0
#: Tokens that a local model may write.
NEW_TOKENS = 40
#: The answer of a local model is begun for it, so that base models too write what is asked; it ends with the next quotation mark.
BEGUN = '{"association": "'

_NOT_LOADED = "cannot be loaded as a causal language model"
_FENCE = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL)
_STRING_END = re.compile(r'(?<!\\)(?:\\\\)*"')
_DASHES = re.compile(r"\s*(?:[\u2013\u2014\u2026]|--+|\.\.\.+)\s*")
_I = re.compile(r"I(?:['\u2019][a-z]+)?")
_NOT_A_TEXT = frozenset({"n/a", "none", "null"})
# Words that begin sentences and are no names, whatever follows them ("In Paris").
_OPENER = re.compile(
    "a|about|after|all|also|always|an|and|another|any|anyone|as|at|back|because|before|but|by|each|even|every|everyone|for|from|he|her|here|his|how|if|in|into|"
    "it|it's|its|just|like|maybe|most|my|never|no|nobody|not|now|of|on|once|one|only|or|our|over|she|since|so|some|someone|sometimes|still|such|that|that's|"
    "the|their|then|there|there's|these|they|this|those|through|to|under|until|we|what|when|where|which|while|who|whose|with|without|you|your",
    re.IGNORECASE,
)
_ALWAYS_CAPITAL = frozenset([*["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"], "Christmas", "Easter"])


class _BrokenFormatError(ValueError):
    """An answer is not of the form that was asked for."""


@dataclass
class Report:
    """What an annotator did.

    Attributes
    ----------
    asked : int
        Requests that a model answered.
    cached : int
        Requests whose answer was on disk already.
    skipped : int
        Places without an association, because the answer was twice not of the form that was asked for.
    prompt_tokens, completion_tokens : int
        Tokens read and written for the requests that were asked, where the endpoint tells.
    """

    asked: int = 0
    cached: int = 0
    skipped: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Annotator(Protocol):
    """What `annotate` needs of an annotator."""

    @property
    def model(self) -> str:
        """The model's name, which the associations carry."""

    @property
    def granularity(self) -> str:
        """What it writes: word or sentence."""

    @property
    def cache(self) -> Path:
        """The folder of requests and answers."""

    def request(self, fill: Callable[[int], str], place: int) -> dict[str, Any]:
        """Return all that the answer depends on; `fill` gives the prompt with at most so many of the story's words."""

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the model's ``content``, and the tokens used as ``usage``."""

    def read(self, answer: dict[str, Any]) -> str:
        """Return the text of an answer, not checked yet."""


# ---------------------------------------------------------------- where, and what is asked
def places(sentence: Sequence[int], every: int = 4) -> list[int]:
    """Return the places of a story at which an annotator is asked.

    Parameters
    ----------
    sentence : sequence of int
        The sentence of each word of the story.
    every : int
        Ask at the end of every so many sentences.

    Returns
    -------
    list of int
        Indices of the last words of these sentences; never the story's last word, behind which there is nothing to be read.

    Raises
    ------
    EngramError
        If `every` is below 1.
    """
    if every < 1:
        raise EngramError(f"an annotator cannot be asked at every {every} sentences. Give 1 or more.")
    ends = [index for index in range(len(sentence) - 1) if sentence[index] != sentence[index + 1]]
    return ends[every - 1 :: every]


def prompt(words: Sequence[str], place: int, granularity: str, template: str | None = None, longest: int = STORY_WORDS) -> str:
    """Return what a model is asked at a place of a story.

    Parameters
    ----------
    words : sequence of str
        The story. Words behind the place are never used.
    place : int
        Index of the last word that the model reads.
    granularity : {"word", "sentence"}
    template : str, optional
        A text with ``{story}`` in it; the project's own for the granularity if None.
    longest : int
        Of a longer story, the last so many words up to the place are kept.

    Raises
    ------
    EngramError
        If the place is not in the story, or the template does not hold ``{story}`` exactly once.
    """
    if not 0 <= place < len(words):
        raise EngramError(f"word {place} is not in the story, which has the words 0 to {len(words) - 1}.")
    if template is None:
        template = (PROMPTS / f"{_granularity(granularity)}.txt").read_text(encoding="utf-8")
    if template.count(STORY) != 1:
        raise EngramError(f"the prompt's template holds {STORY} {template.count(STORY)} times. Write it once, where the story belongs.")
    return template.replace(STORY, " ".join(words[max(0, place + 1 - longest) : place + 1])).strip()


def _granularity(name: str) -> str:
    if name not in GRANULARITIES:
        raise EngramError(f"granularity is '{name}'. Allowed: {' or '.join(GRANULARITIES)}.")
    return name


# ---------------------------------------------------------------- a chat endpoint
@dataclass(frozen=True)
class ChatAnnotator:
    """A language model behind an endpoint that speaks OpenAI's chat protocol.

    The key, if the endpoint wants one, is in the environment variable ``ENGRAM_CHAT_KEY``. It is sent, and kept nowhere.

    Attributes
    ----------
    address : str
        What stands before ``/chat/completions``; mostly ends in ``/v1``.
    model : str
        As the endpoint names it.
    granularity : {"word", "sentence"}
    cache : Path
        Folder of requests and answers.
    temperature : float
    seed : int
    timeout : float
        Seconds to wait for an answer.
    waits : tuple of float
        Seconds before each new try.
    """

    address: str
    model: str
    granularity: str
    cache: Path
    temperature: float = 0.7
    seed: int = 0
    timeout: float = 120.0
    waits: tuple[float, ...] = WAITS

    def __post_init__(self) -> None:
        """Refuse an address that is none, or that holds a secret: it is written into caches and messages."""
        _granularity(self.granularity)
        parts = urlsplit(self.address)
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise EngramError(f"the address of the chat endpoint holds a user, a password or a query. Write it without, and put the key into {KEY}.")
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise EngramError(f"the address of the chat endpoint is '{self.address}'. It looks like https://host/v1.")

    def request(self, fill: Callable[[int], str], place: int) -> dict[str, Any]:
        """Return all that the answer depends on; the key is no part of it."""
        return {
            "address": self.address.rstrip("/"),
            "model": self.model,
            "messages": [{"role": "user", "content": fill(STORY_WORDS)}],
            "temperature": self.temperature,
            "seed": self.seed,
            "response_format": {"type": "json_object"},
        }

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask the endpoint, and again where that may help.

        Raises
        ------
        EngramError
            If it gives no answer.
        """
        import requests

        key = _key()
        url = f"{request['address']}/chat/completions"
        body = {name: value for name, value in request.items() if name != "address"}

        def sign(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
            # As a function rather than a header: otherwise a password for this host in ~/.netrc would take the key's place.
            if key:
                prepared.headers["Authorization"] = f"Bearer {key}"
            return prepared

        for attempt, wait in enumerate([*self.waits, None], start=1):
            wanted = None
            try:
                reply = requests.post(url, json=body, auth=sign, timeout=(CONNECT, self.timeout), allow_redirects=False)
                if reply.status_code == requests.codes.ok:
                    return _content(reply, url, key)
                failure = f"status {reply.status_code}"
                if reply.status_code < 500 and reply.status_code not in (408, 429):
                    raise _refused(reply, url, self.model, key)
                wanted = _retry_after(reply.headers.get("Retry-After"))
                failure += _said(reply, key)
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
                failure = type(error).__name__
            except requests.RequestException as error:
                raise EngramError(f"{url} cannot be asked ({type(error).__name__}). Check the address of the chat endpoint.") from None
            logger.warning("try %d of %s failed: %s", attempt, url, failure)
            if wait is None:
                break
            time.sleep(wait if wanted is None else wanted)
        raise EngramError(
            f"the chat endpoint {url} gave no answer ({attempt} tries, the last: {failure}). Check that it runs and can be reached, "
            "and run again: what was answered is kept."
        )

    def read(self, answer: dict[str, Any]) -> str:
        """Return the text of an answer."""
        return _from_json(answer["content"])


def _key() -> str:
    key = os.environ.get(KEY, "").strip()
    # Anything else would be told, key and all, by the HTTP library's message.
    if not re.fullmatch(r"[\x21-\x7e]*", key):
        raise EngramError(f"the environment variable {KEY} holds spaces, line breaks or letters that no key has. Set it to the key alone.")
    return key


def _without_key(reply: requests.Response, key: str) -> str:
    """Return what a server said, without the key, should it repeat it (short ones are no secret: local servers take any word)."""
    text = reply.content.decode("utf-8", "replace")
    return text.replace(key, "***") if len(key) >= 8 else text


def _said(reply: requests.Response, key: str) -> str:
    text = " ".join(_without_key(reply, key).split())
    return f"; it said: {text[:300]}" if text else ""


def _refused(reply: requests.Response, url: str, model: str, key: str) -> EngramError:
    status = reply.status_code
    if status in (401, 403):
        # What it said stays out: some servers repeat parts of the key.
        state = "is set" if key else "is not set"
        return EngramError(f"the chat endpoint {url} refused us (status {status}). The environment variable {KEY} {state}: put a valid key there.")
    if status < 400:
        return EngramError(f"the chat endpoint {url} answered with status {status}, a redirection. Write the address that it leads to.")
    advice = "Check the address (most end in /v1) and the model's name." if status == 404 else "Check the model's name and the settings."
    return EngramError(f"the chat endpoint {url} refused the request for the model '{model}' (status {status}{_said(reply, key)}). {advice}")


def _content(reply: requests.Response, url: str, key: str) -> dict[str, Any]:
    """Return what is kept of an endpoint's answer."""
    try:
        body = json.loads(_without_key(reply, key))
        choice = body["choices"][0]
        content = choice["message"].get("content")
    except (ValueError, LookupError, TypeError, AttributeError):
        raise EngramError(
            f"{url} answered, but not as a chat endpoint does (choices, message, content){_said(reply, key)}. Check the address: most end in /v1."
        ) from None
    used = body["usage"] if isinstance(body.get("usage"), dict) else {}
    return {
        "content": content if isinstance(content, str) else "",
        "model": body.get("model"),
        "finish_reason": choice.get("finish_reason"),
        "usage": {name: used[name] for name in ("prompt_tokens", "completion_tokens") if isinstance(used.get(name), int)},
    }


def _retry_after(header: str | None) -> float | None:
    """Return the seconds that a server asks us to wait: it gives a number, or the date when we may come again."""
    if header is None:
        return None
    if re.fullmatch(r"\d+(\.\d+)?", header.strip()):
        seconds = float(header)
    else:
        try:
            date = parsedate_to_datetime(header)
        except ValueError:
            return None
        seconds = ((date if date.tzinfo else date.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT)


# ---------------------------------------------------------------- a local model
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
        _granularity(self.granularity)
        if not list(self.folder.glob("*.safetensors")):
            raise EngramError(f"'{self.folder}' holds no safetensors weights, and no others are loaded. Name the folder of a causal model in that format.")

    @cached_property
    def _fingerprint(self) -> str:
        """What the model is, wherever its folder stands: a changed one gives other answers."""
        names = sorted(path for pattern in ("*.json", "*.jinja", "*.model", "*.txt", "*.safetensors") for path in self.folder.glob(pattern))
        return hashlib.sha256("".join(f"{path.name} {sha256(path)}\n" for path in names).encode()).hexdigest()

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return self._load(AutoTokenizer)

    @cached_property
    def _network(self) -> Any:
        import torch
        from transformers import AutoModelForCausalLM

        network = load_model(AutoModelForCausalLM, self.folder, dtype="auto", what=_NOT_LOADED, key=False)
        network = network.to("cuda" if torch.cuda.is_available() else "cpu").eval()
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
        logger.warning("prompts are cut to their last %d tokens, all that this model reads beside its answer; choose one with a larger context", self._room)
        return True

    def _tokens(self, text: str) -> list[int]:
        """Return the tokens of a prompt, with the answer begun."""
        if self._tokenizer.chat_template:
            message = [{"role": "user", "content": text}]
            # Models that would think aloud first are told not to, and templates that know nothing of it pass over it.
            text = self._tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True, enable_thinking=False)
            return list(self._tokenizer(text + BEGUN, add_special_tokens=False, verbose=False)["input_ids"])
        return list(self._tokenizer(f"{text}\n{BEGUN}", verbose=False)["input_ids"])

    def request(self, fill: Callable[[int], str], place: int) -> dict[str, Any]:
        """Return all that the answer depends on."""
        longest = STORY_WORDS
        # A model with a small context hears less of the story, rather than less of what it is asked.
        while longest > 50 and len(self._tokens(fill(longest))) > self._room:
            longest //= 2
        return {
            "address": "local",
            "model": self._fingerprint,
            "messages": [{"role": "user", "content": fill(longest)}],
            "temperature": self.temperature,
            "seed": int.from_bytes(hashlib.sha256(f"{self.seed} {place}".encode()).digest()[:4], "big"),
            "max_new_tokens": NEW_TOKENS,
        }

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Let the model write."""
        import torch

        tokens = self._tokens(request["messages"][0]["content"])
        if len(tokens) > self._room and self._cut_told:
            tokens = tokens[-self._room :]
        ids = torch.as_tensor([tokens], device=self._network.device)
        how = {"do_sample": True, "temperature": self.temperature} if self.temperature > 0 else {"do_sample": False}
        padding = self._tokenizer.pad_token_id if self._tokenizer.pad_token_id is not None else self._tokenizer.eos_token_id
        devices = [self._network.device] if self._network.device.type == "cuda" else []
        # The generator of the process is left as it was.
        with torch.random.fork_rng(devices), torch.inference_mode():
            torch.manual_seed(request["seed"])
            written = self._network.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW_TOKENS, pad_token_id=padding, **how)[0, len(tokens) :]
        return {
            "content": self._tokenizer.decode(written, skip_special_tokens=True),
            "finish_reason": "stop" if len(written) < NEW_TOKENS else "length",
            "usage": {"prompt_tokens": len(tokens), "completion_tokens": len(written)},
        }

    def read(self, answer: dict[str, Any]) -> str:
        """Return the text of an answer: up to the closing quotation mark, of that the first line, of that the first sentence."""
        content: str = answer["content"].lstrip()
        end = _STRING_END.search(content)
        whole = end is not None or answer.get("finish_reason") == "stop"
        if end is not None:
            content = content[: end.end() - 1]
        elif not content:
            raise _BrokenFormatError("it was empty")
        with suppress(ValueError):  # not written as JSON wants it, but a text all the same
            content = str(json.loads(f'"{content}"', strict=False))
        lines = content.strip().splitlines()
        tokens = lines[0].split() if lines else []
        first = next((index for index, token in enumerate(tokens) if ends_sentence(token)), None)
        if first is None and not whole and len(lines) == 1:
            raise _BrokenFormatError(f"it did not come to an end within {NEW_TOKENS} tokens")
        return " ".join(tokens if first is None else tokens[: first + 1])


# ---------------------------------------------------------------- answers
def _from_json(content: str) -> str:
    """Return the association in a model's JSON."""
    if not content.strip():
        raise _BrokenFormatError("it was empty")
    fenced = _FENCE.fullmatch(content.strip())
    try:
        found = json.loads(fenced[1] if fenced else content)
    except (ValueError, RecursionError):
        raise _BrokenFormatError("it was not valid JSON") from None
    if not isinstance(found, dict) or "association" not in found:
        raise _BrokenFormatError('it was not a JSON object with the key "association"')
    if not isinstance(found["association"], str):
        raise _BrokenFormatError('the value of "association" was not a text')
    return found["association"]


def _checked(text: str, granularity: str) -> str:
    """Return a text that can be inserted, or nothing if nothing came to mind."""
    text = text.strip()
    if len(text.splitlines()) > 1:
        raise _BrokenFormatError("the text had line breaks")
    tokens = text.split()
    if not tokens or without_end(text.lower()) in _NOT_A_TEXT:
        return ""
    text = " ".join(tokens)
    if not text.isprintable():
        raise _BrokenFormatError("the text had characters that cannot be printed")
    if not any(character.isalpha() for character in text):
        raise _BrokenFormatError("the text had no words")
    if len(tokens) > LONGEST:
        raise _BrokenFormatError(f"the text had {len(tokens)} words, more than {LONGEST}")
    if granularity == "word" and any(ends_sentence(token) for token in tokens[:-1]):
        raise _BrokenFormatError("the text was several sentences instead of a phrase")
    return text


# ---------------------------------------------------------------- annotation
def annotate(
    words: Sequence[str],
    sentence: Sequence[int],
    annotator: Annotator,
    every: int = 4,
    *,
    pseudo: bool = False,
    allow_pseudo: bool = False,
    template: str | None = None,
) -> tuple[list[Association], Report]:
    """Let a language model write associations into a story.

    Parameters
    ----------
    words : sequence of str
    sentence : sequence of int
        The sentence of each word.
    annotator : ChatAnnotator or LocalAnnotator
    every : int
        It is asked at the end of every so many sentences.
    pseudo : bool
        Whether the story's sentences are pseudo-sentences (a fixed number of words).
    allow_pseudo : bool
        Whether they are good enough.
    template : str, optional
        The prompt's template; the project's own for the annotator's granularity if None.

    Returns
    -------
    associations : list of Association
        At most one a place. Texts follow the story: without punctuation where it has none, else as sentences and phrases of it.
    report : Report

    Raises
    ------
    EngramError
        If the sentences are pseudo-sentences and that is not allowed, or the model cannot be asked. What was answered is kept.
    """
    if len(words) != len(sentence):
        raise EngramError(f"the story has {len(words)} words, and a sentence is given for {len(sentence)}. Give one for each word.")
    if pseudo and not allow_pseudo:
        raise EngramError(
            "the story has no punctuation, so its sentences are pseudo-sentences: associations would stand in the middle of sentences. Give words with "
            "punctuation, annotate by hand (docs/annotating.md), or allow pseudo-sentences explicitly."
        )
    where = places(sentence, every)
    if not where:
        logger.warning("the story has too few sentences to be asked about every %d: no associations", every)
    names, written = _names(words, sentence), marks(words) if any(map(ends_sentence, words)) else None
    report, found = Report(), []
    try:
        for place in progress(where, "places", "place"):
            text = _association(words, place, annotator, template, report)
            if text:
                styled = _in_style(text, annotator.granularity, written, ends_sentence(words[place]), names)
                found.append(Association(place, styled, annotator.granularity, f"language model: {annotator.model}"))
    finally:
        logger.info(
            "%s: %d of %d places have an association; %d requests asked, %d from the cache, %d places skipped; tokens: %d read, %d written",
            *(annotator.model, len(found), len(where), report.asked, report.cached, report.skipped, report.prompt_tokens, report.completion_tokens),
        )
    return found, report


def _association(words: Sequence[str], place: int, annotator: Annotator, template: str | None, report: Report) -> str:
    """Return what comes to the model's mind at a place: nothing, if it twice answers in a form that was not asked for."""
    note = ""

    def fill(longest: int) -> str:
        return prompt(words, place, annotator.granularity, template, longest) + note

    for attempt in (1, 2):
        answer = _kept_answer(annotator, annotator.request(fill, place), report)
        try:
            return _checked(annotator.read(answer), annotator.granularity)
        except _BrokenFormatError as error:
            # A skip needs no mark of its own on disk: both answers are kept, and read again they come to the same.
            if attempt == 2:
                report.skipped += 1
                logger.warning("word %d is skipped: the model's answer was twice not of the form asked for (%s)", place, error)
            note = f"\n\nYou answered this before, but not in the form asked for: {error}. Answer once more, with the JSON object alone."
    return ""


def _kept_answer(annotator: Annotator, request: dict[str, Any], report: Report) -> dict[str, Any]:
    """Return the answer to a request: from disk if it is there, else from the model, and then put on disk."""
    name = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    path = annotator.cache / f"{name}.json"
    try:
        kept = storage.read_json(path).get("Answer")
    except EngramError:
        logger.warning("'%s' cannot be read as JSON; its request is asked again", path)
        kept = None
    if isinstance(kept, dict) and isinstance(kept.get("content"), str):
        report.cached += 1
        return kept
    answer = annotator.answer(request)
    storage.write_json(path, {"Request": request, "Answer": answer})
    report.asked += 1
    report.prompt_tokens += answer["usage"].get("prompt_tokens", 0)
    report.completion_tokens += answer["usage"].get("completion_tokens", 0)
    return answer


# ---------------------------------------------------------------- the story's own punctuation and case
def _names(words: Sequence[str], sentence: Sequence[int]) -> frozenset[str]:
    """Return the story's words that are always capitalised, and not only because they begin a sentence."""
    stems = [_stem(word) for word in words]
    known = set(stems)
    inside = {stem for index, stem in enumerate(stems) if index and sentence[index] == sentence[index - 1]}
    return frozenset(stem for stem in inside if stem[:1].isupper() and stem[0].lower() + stem[1:] not in known) | _ALWAYS_CAPITAL


def _stem(word: str) -> str:
    return re.split("['\u2019]", bare(word))[0]


def _in_style(text: str, granularity: str, written: tuple[str, str] | None, at_end: bool, names: frozenset[str]) -> str:
    """Return a text written as its story is.

    Parameters
    ----------
    text : str
    granularity : {"word", "sentence"}
    written : (str, str) or None
        The story's full stop and comma; None if it has no punctuation.
    at_end : bool
        Whether the text stands behind the end of a sentence.
    names : frozenset of str
        Words that keep their capital.
    """
    text = unquoted(text)
    if written is None:
        return _bare(text, names)
    stop, comma = written
    if granularity == "sentence" or at_end:
        text = re.sub(r"^([\W_]*)([^\W\d_])", lambda found: found[1] + found[2].upper(), text)
        return text if is_closed(text) else without_end(text) + stop
    tokens = without_end(text).split()
    return " ".join([_lowered(tokens[0], tokens[1] if len(tokens) > 1 else "", names), *tokens[1:]]) + comma


def _bare(text: str, names: frozenset[str]) -> str:
    """Return a text without punctuation, and without the capitals that only begin sentences."""
    tokens = [token for token in _DASHES.sub(" ", text).split() if has_letters(token)]
    result, begins = [], True
    for token, following in zip(tokens, [*tokens[1:], ""], strict=True):
        word = bare(token)
        result.append(_lowered(word, following, names) if begins else word)
        begins = ends_sentence(token)
    return " ".join(result)


def _lowered(word: str, following: str, names: frozenset[str]) -> str:
    """Return a word with a small first letter, unless it is I, a name, or all capitals."""
    stem, core, after = _stem(word), bare(word), bare(following)
    # "Sherlock Holmes" is known by the second capital, "In Paris" is not taken for it.
    full_name = not _OPENER.fullmatch(core) and after[:1].isupper() and not _I.fullmatch(after)
    if _I.fullmatch(core) or stem in names or stem[1:].lower() != stem[1:] or full_name:
        return word
    return re.sub(r"^([\W_]*)([^\W\d_])", lambda found: found[1] + found[2].lower(), word)


# ---------------------------------------------------------------- people
def annotation_template(words: Sequence[str], sentence: Sequence[int]) -> str:
    """Return a text to print for people who annotate a story: sentence by sentence, each word with its number behind it.

    Parameters
    ----------
    words : sequence of str
    sentence : sequence of int
        The sentence of each word.
    """
    lines = [
        f"{len(words)} words. The number behind a word is its after_word: an association with that number stands between it and the next word.",
        "Read up to a place, write what comes to mind there, and only then read on (docs/annotating.md).",
        f"Columns of the file: {', '.join(COLUMNS)}.",
    ]
    begins = [index for index in range(len(words)) if index == 0 or sentence[index] != sentence[index - 1]]
    for number, (begin, end) in enumerate(zip(begins, [*begins[1:], len(words)], strict=True), start=1):
        text = " ".join(f"{words[index]}[{index}]" for index in range(begin, end))
        lines += ["", f"Sentence {number}"]
        lines += textwrap.wrap(text, 110, initial_indent="    ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
        lines += ["    after word ______ : " + "_" * 80]
    return "\n".join(lines) + "\n"
