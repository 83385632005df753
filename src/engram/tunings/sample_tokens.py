"""Tuning samples as tokens: the prompt, and the output that carries the loss."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engram.errors import EngramError
from engram.features.language_models.special_tokens import is_known, special_tokens, unknown_token
from engram.tunings.sample_problems import refuse
from engram.tunings.samples import Sample

logger = logging.getLogger(__name__)

#: The plain template: what precedes the output, with and without a passage.
_PLAIN = "Passage:\n{input}\n\nTask:\n{instruction}\n\nAnswer:\n"
_PLAIN_BARE = "Task:\n{instruction}\n\nAnswer:\n"


@dataclass(frozen=True)
class Encoded:
    """A sample as tokens: ``ids`` of the prompt, the output and the end.

    The first ``n_prompt`` of them are the prompt.
    """

    ids: tuple[int, ...]
    n_prompt: int

    @property
    def n_output(self) -> int:
        """Tokens of the output and the end."""
        return len(self.ids) - self.n_prompt


def prompt_of(sample: Sample, tokenizer: Any, template: str = "auto") -> str:
    """Return the text before a sample's output.

    Parameters
    ----------
    sample : Sample
    tokenizer : transformers.PreTrainedTokenizerBase
    template : {"auto", "plain"}
    """
    if template == "auto" and getattr(tokenizer, "chat_template", None):
        said = "\n\n".join(text for text in (sample.instruction, sample.input) if text)
        try:
            text: str = tokenizer.apply_chat_template(
                [{"role": "user", "content": said}], tokenize=False, add_generation_prompt=True
            )
        except Exception as error:  # a template is a program, and can fail in any way
            raise EngramError(
                "the tokenizer's chat template cannot write a prompt of one message of the user "
                f"({type(error).__name__}: {error}). Write 'template: plain' in the "
                "tuning's configuration, or correct the template (chat_template.jinja, "
                "or tokenizer_config.json)."
            ) from error
        return text
    begin = tokenizer.bos_token or ""
    if not sample.instruction:
        return f"{begin}{sample.input}\n"
    return begin + (_PLAIN if sample.input else _PLAIN_BARE).format(
        input=sample.input, instruction=sample.instruction
    )


def encode_samples(
    samples: Sequence[Sample], tokenizer: Any, max_length: int, template: str = "auto"
) -> list[Encoded]:
    """Return samples as tokens.

    The prompt's are apart from those of the output and the tokenizer's end of text.

    Parameters
    ----------
    samples : sequence of Sample
    tokenizer : transformers.PreTrainedTokenizerBase
    max_length : int
        In tokens.
    template : {"auto", "plain"}

    Raises
    ------
    EngramError
        With line numbers: if samples are longer (none is cut), if the tokenizer knows nothing
        of a text, or if a prompt holds a special token.
    """
    found = _encoded(samples, tokenizer, template)
    long = [
        f"line {sample.line}: {len(one.ids)} tokens"
        for sample, one in zip(samples, found, strict=True)
        if len(one.ids) > max_length
    ]
    if long:
        more = f"; and {len(long) - 10} more" if len(long) > 10 else ""
        raise EngramError(
            f"samples are longer than max_length allows ({max_length} tokens): "
            f"{'; '.join(long[:10])}{more}. Shorten them, or write a larger max_length."
        )
    _warn_of_unknown(found, tokenizer)
    return found


def fitting(
    samples: Sequence[Sample], tokenizer: Any, max_length: int, template: str = "auto"
) -> list[Sample]:
    """Return the samples that are not too long.

    It is for models of little context. The caller says what is left out, and leaves it
    out of all conditions.
    """
    return [
        sample
        for sample, one in zip(samples, _encoded(samples, tokenizer, template), strict=True)
        if len(one.ids) <= max_length
    ]


def fitting_everywhere(
    tokenizer: Any,
    parts: Mapping[str, Sequence[Sample]],
    condition: str,
    max_length: int,
    template: str = "auto",
) -> list[Sample]:
    """Return a condition's samples whose passages are short enough in every condition.

    So all train on the same passages.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerBase
    parts : mapping
        The samples of every condition.
    condition : str
        The one wanted.
    max_length, template
        As in `engram.tunings.settings.Settings`.
    """
    short = set.intersection(
        *(
            {sample.line for sample in fitting(part, tokenizer, max_length, template)}
            for part in parts.values()
        )
    )
    kept = [sample for sample in parts[condition] if sample.line in short]
    logger.info(
        "%d of %d samples have at most %d tokens in all conditions",
        len(kept),
        len(parts[condition]),
        max_length,
    )
    return kept


def _encoded(samples: Sequence[Sample], tokenizer: Any, template: str) -> list[Encoded]:
    """Return samples as tokens.

    Special tokens in them are the template's and the end, never what a
    sample's own text looks like.
    """
    if not samples:
        return []
    end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    prompts = tokenizer(
        [prompt_of(sample, tokenizer, template) for sample in samples],
        add_special_tokens=False,
        verbose=False,
    )["input_ids"]
    outputs = _distinct((sample.output for sample in samples), tokenizer)
    _check_texts(samples, outputs, tokenizer)
    return [
        Encoded((*prompt, *outputs[sample.output][0], *end), len(prompt))
        for sample, prompt in zip(samples, prompts, strict=True)
    ]


def _distinct(texts: Iterable[str], tokenizer: Any) -> dict[str, tuple[list[int], Any]]:
    """Return texts as tokens, none of which is special: as stories are read.

    Each is there once, however many samples share it: its tokens, and where they are in it
    (None for a tokenizer that does not say).
    """
    once = list(dict.fromkeys(texts))
    if not once:
        return {}
    found = tokenizer(
        once,
        add_special_tokens=False,
        split_special_tokens=True,
        return_offsets_mapping=tokenizer.is_fast,
        verbose=False,
    )
    places = found["offset_mapping"] if tokenizer.is_fast else [None] * len(once)
    return dict(zip(once, zip(found["input_ids"], places, strict=True), strict=True))


def _check_texts(
    samples: Sequence[Sample], outputs: Mapping[str, tuple[list[int], Any]], tokenizer: Any
) -> None:
    """Refuse samples of which the tokenizer knows nothing, and special tokens in prompts.

    The latter are what it takes for a special token where it stands in a text.

    Parameters
    ----------
    samples : sequence of Sample
    outputs : mapping
        Their outputs, as `_distinct` gives them.
    tokenizer : transformers.PreTrainedTokenizerBase
    """
    special, problems = special_tokens(tokenizer), []
    for name in ("instruction", "input", "output"):
        said: dict[str, str] = {}
        if name == "output":
            plain = outputs
        else:
            plain = _distinct((str(getattr(sample, name)) for sample in samples), tokenizer)
            taken = tokenizer(list(plain), add_special_tokens=False, verbose=False)["input_ids"]
            said = {
                text: f"the {name} holds '{_first_of(special, text)}', which the tokenizer takes "
                "for more than text"
                for (text, (ids, _)), other in zip(plain.items(), taken, strict=True)
                if other != ids
            }
        for text, (ids, places) in plain.items():
            if (
                text not in said
                and tokenizer.is_fast
                and not is_known(tokenizer, text, ids, places, special)
            ):
                said[text] = (
                    f"the tokenizer knows no letter and no digit of the {name} ('{text[:30]}')"
                )
        problems += [
            (sample.line, said[text])
            for sample in samples
            if (text := str(getattr(sample, name))) in said
        ]
    refuse(
        "tuning set",
        problems,
        "Write these samples otherwise, take them out, or tune a model for their language.",
    )


def _first_of(special: Mapping[Any, str], text: str) -> str:
    """Return the special token that a text holds."""
    return next((token for token in special.values() if token in text), "a special token")


def _warn_of_unknown(encoded: Sequence[Encoded], tokenizer: Any) -> None:
    """Log how many of the output tokens stand for whatever is unknown.

    The model learns to write that token.
    """
    unknown = unknown_token(tokenizer)
    number = None if unknown is None else tokenizer.convert_tokens_to_ids(unknown)
    if number in (None, tokenizer.eos_token_id):
        return
    times = sum(one.ids[one.n_prompt :].count(number) for one in encoded)
    if times:
        logger.warning(
            (
                "%d of %d output tokens are '%s', the tokenizer's for whatever it does not know: "
                "the model learns to write it. Write the samples with characters that it "
                "knows, or tune another model"
            ),
            *(times, sum(one.n_output for one in encoded), unknown),
        )
