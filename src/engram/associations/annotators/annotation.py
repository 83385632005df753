"""Annotators that write associations into a story.

Language models (`engram.associations.annotators.chat`, or one in a folder),
and a template for people.

A model is asked at every n-th sentence end. It reads the story up to there and never beyond.
Every request is kept on disk with its answer and is never made twice, so that a run that was
stopped goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import textwrap
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from engram.associations.annotators import answers
from engram.associations.annotators.answers import BrokenFormatError
from engram.associations.annotators.prompts import STORY_WORDS, check_granularity, places, prompt
from engram.associations.association_files import COLUMNS, Association
from engram.errors import EngramError
from engram.features.language_models.causality import check_causal
from engram.features.language_models.model_loading import load_model
from engram.features.language_models.positions import declared_limit
from engram.fetch.remote_code import loading_error
from engram.files import storage
from engram.files.checksums import sha256
from engram.jobs.progress import progress
from engram.words.punctuation import (
    bare,
    ends_sentence,
    has_letters,
    is_closed,
    marks,
    unquoted,
    without_end,
)

logger = logging.getLogger(__name__)

#: Tokens that a local model may write.
NEW_TOKENS = 40
#: The answer of a local model is begun for it, so that base models too write what is asked;
#: it ends with the next quotation mark.
BEGUN = '{"association": "'

_NOT_LOADED = "cannot be loaded as a causal language model"
_STRING_END = re.compile(r'(?<!\\)(?:\\\\)*"')
_DASHES = re.compile(r"[\u2013\u2014\u2026]|--+|\.\.\.+")
_I = re.compile(r"I(?:['\u2019][a-z]+)?")
# Words that begin sentences and are no names, whatever follows them ("In Paris").
_OPENER = re.compile(
    (
        "a|about|after|all|also|always|an|and|another|any|anyone|as|at|back|because|before|but|by|"
        "each|even|every|everyone|for|from|he|her|here|his|how|if|in|into|"
        "it|it's|its|just|like|maybe|most|my|never|no|nobody|not|now|of|on|once|one|only|or|our|"
        "over|she|since|so|some|someone|sometimes|still|such|that|that's|"
        "the|their|then|there|there's|these|they|this|those|through|to|under|until|we|what|when|"
        "where|which|while|who|whose|with|without|you|your"
    ),
    re.IGNORECASE,
)
_ALWAYS_CAPITAL = frozenset(
    [
        *["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
        "Christmas",
        "Easter",
    ]
)


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
        Places without an association, because the answer was twice not of the
        form that was asked for.
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
        """Return all that the answer depends on.

        `fill` gives the prompt with at most so many of the story's words.
        """

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the model's ``content``, and the tokens used as ``usage``."""

    def read(self, answer: dict[str, Any]) -> str:
        """Return the text of an answer, not checked yet."""


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

        network = load_model(
            AutoModelForCausalLM, self.folder, dtype="auto", what=_NOT_LOADED, key=False
        )
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
        At most one a place. Texts follow the story: without punctuation where it has none,
        else as sentences and phrases of it.
    report : Report

    Raises
    ------
    EngramError
        If the sentences are pseudo-sentences and that is not allowed, or the model cannot be asked.
        What was answered is kept.
    """
    if len(words) != len(sentence):
        raise EngramError(
            f"the story has {len(words)} words, and a sentence is given for {len(sentence)}. "
            "Give one for each word."
        )
    if pseudo and not allow_pseudo:
        raise EngramError(
            "the story has no punctuation, so its sentences are pseudo-sentences: "
            "associations would stand in the middle of sentences. Give words with punctuation, "
            "annotate by hand (docs/annotating.md), or allow pseudo-sentences explicitly."
        )
    where = places(sentence, every)
    if not where:
        logger.warning(
            "the story has too few sentences to be asked about every %d: no associations", every
        )
    names, written = (
        _names(words, sentence),
        marks(words) if any(map(ends_sentence, words)) else None,
    )
    report, found = Report(), []
    try:
        for place in progress(where, "places", "place"):
            text = _association(words, place, annotator, template, report)
            if text:
                styled = _in_style(
                    text, annotator.granularity, written, ends_sentence(words[place]), names
                )
                found.append(
                    Association(
                        place, styled, annotator.granularity, f"language model: {annotator.model}"
                    )
                )
    finally:
        logger.info(
            (
                "%s: %d of %d places have an association; %d requests asked, %d from the cache, "
                "%d places skipped; tokens: %d read, %d written"
            ),
            *(
                annotator.model,
                len(found),
                len(where),
                report.asked,
                report.cached,
                report.skipped,
                report.prompt_tokens,
                report.completion_tokens,
            ),
        )
    return found, report


def _association(
    words: Sequence[str], place: int, annotator: Annotator, template: str | None, report: Report
) -> str:
    """Return what comes to the model's mind at a place.

    It is nothing, if the model twice answers in a form that was not asked for.
    """
    note = ""

    def fill(longest: int) -> str:
        return prompt(words, place, annotator.granularity, template, longest) + note

    for attempt in (1, 2):
        answer = _kept_answer(annotator, annotator.request(fill, place), report)
        try:
            return answers.checked(annotator.read(answer), annotator.granularity)
        except BrokenFormatError as error:
            # A skip needs no mark of its own on disk: both answers are kept, and read again
            # they come to the same.
            if attempt == 2:
                report.skipped += 1
                logger.warning(
                    (
                        "word %d is skipped: the model's answer was twice not of "
                        "the form asked for (%s)"
                    ),
                    place,
                    error,
                )
            note = (
                f"\n\nYou answered this before, but not in the form asked for: {error}. "
                "Answer once more, with the JSON object alone."
            )
    return ""


def _kept_answer(annotator: Annotator, request: dict[str, Any], report: Report) -> dict[str, Any]:
    """Return the answer to a request.

    It is taken from disk if it is there, else from the model, and then put on disk.
    """
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


# ------------------------------------------------------------- the story's own punctuation and case
def _names(words: Sequence[str], sentence: Sequence[int]) -> frozenset[str]:
    """Return the story's words that are always capitalised.

    That is, not only because they begin a sentence.
    """
    stems = [_stem(word) for word in words]
    known = set(stems)
    inside = {
        stem for index, stem in enumerate(stems) if index and sentence[index] == sentence[index - 1]
    }
    return (
        frozenset(
            stem
            for stem in inside
            if stem[:1].isupper() and stem[0].lower() + stem[1:] not in known
        )
        | _ALWAYS_CAPITAL
    )


def _stem(word: str) -> str:
    return re.split("['\u2019]", bare(word))[0]


def _in_style(
    text: str,
    granularity: str,
    written: tuple[str, str] | None,
    at_end: bool,
    names: frozenset[str],
) -> str:
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
    return (
        " ".join([_lowered(tokens[0], tokens[1] if len(tokens) > 1 else "", names), *tokens[1:]])
        + comma
    )


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
    """Return a text to print for people who annotate a story.

    It goes sentence by sentence, each word with its number behind it.

    Parameters
    ----------
    words : sequence of str
    sentence : sequence of int
        The sentence of each word.
    """
    lines = [
        (
            f"{len(words)} words. The number behind a word is its after_word: an association "
            "with that number stands between it and the next word."
        ),
        (
            "Read up to a place, write what comes to mind there, and only then read "
            "on (docs/annotating.md)."
        ),
        f"Columns of the file: {', '.join(COLUMNS)}.",
    ]
    begins = [
        index for index in range(len(words)) if index == 0 or sentence[index] != sentence[index - 1]
    ]
    for number, (begin, end) in enumerate(
        zip(begins, [*begins[1:], len(words)], strict=True), start=1
    ):
        text = " ".join(f"{words[index]}[{index}]" for index in range(begin, end))
        lines += ["", f"Sentence {number}"]
        lines += textwrap.wrap(
            text,
            110,
            initial_indent="    ",
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        lines += ["    after word ______ : " + "_" * 80]
    return "\n".join(lines) + "\n"
