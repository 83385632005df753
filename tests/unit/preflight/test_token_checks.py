"""How a model's tokenizer cuts a language is said before a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tokenizers
from tokenizers import models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from engram.preflight.machine_checks import FINE, LOOK, STOP, Check
from engram.preflight.token_checks import token_checks
from engram.study.config.read import read_study
from engram.study.plan import make_plan
from engram.study.stages.preflight import tokens

ENGLISH, CHINESE = ["A", "cat", "sat", "in", "a", "hat."], ["我们", "看", "见", "了", "a", "猫。"]


def save(folder: Path, merges: list[tuple[str, str]] | None = None) -> str:
    """Save a byte-level tokenizer, as GPT-2's is, that knows single bytes and some merges."""
    merges = merges or []
    pieces = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(pair) for pair in merges)]
    inner = tokenizers.Tokenizer(models.BPE({one: i for i, one in enumerate(pieces)}, merges))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    PreTrainedTokenizerFast(tokenizer_object=inner).save_pretrained(folder)
    return str(folder)


def characters(text: str) -> list[tuple[str, str]]:
    """Return the merges that make one token of each character of three bytes."""
    found = []
    for character in text:
        one, two, three = map(_shown, character.encode())
        found += [(one, two), (one + two, three)]
    return list(dict.fromkeys(found))


def _shown(byte: int) -> str:
    """Return how GPT-2's alphabet shows a byte."""
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    if byte in printed:
        return chr(byte)
    return chr(256 + sorted(set(range(256)) - set(printed)).index(byte))


def told(folder: Path, words: list[str], language: str = "en") -> dict[str, Any]:
    """Write a story's words, and return what is asked of them."""
    onsets = [0.5 * place for place in range(len(words))]
    table = pd.DataFrame({"word": words, "onset": onsets, "offset": [at + 0.4 for at in onsets]})
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / f"story-{language}_words.tsv", sep="\t", index=False)
    return {
        "folder": str(folder),
        "words": {
            "dataset": {"reader": "tables"},
            "language": language,
            "stories": {"pseudo_sentence": 15},
        },
    }


def checked(
    tmp_path: Path, tokenizer: str | None, code: bool = False, **changes: Any
) -> list[Check]:
    config = {
        "languages": {"en": "en", "zh": "zh"},
        "models": {"m": {"folder": tokenizer, "code": code}},
        "stories": {
            "en": told(tmp_path / "study", ENGLISH),
            "zh": told(tmp_path / "study", CHINESE, "zh"),
        },
    }
    return token_checks({**config, **changes}, [])


def test_tokens_and_split_words_of_each_language(tmp_path: Path) -> None:
    english, chinese = checked(tmp_path, save(tmp_path / "bytes"))
    assert english.state == FINE
    # 13 letters and a full stop, and the blanks before five words.
    assert english.found == f"en, 1 story: {(14 + 5) / 6:.1f} tokens a word"
    # Seven characters of three bytes, and a.
    assert chinese.state == LOOK and chinese.what == "tokens of m"
    assert chinese.found.startswith(
        f"zh, 1 story: {(7 * 3 + 1) / 6:.1f} tokens a word; it splits letters into bytes: "
        "83 % of words are split inside a character."
    )


def test_a_tokenizer_that_knows_the_characters_is_fine(tmp_path: Path) -> None:
    _, chinese = checked(tmp_path, save(tmp_path / "known", characters("我们看见了猫。")))
    assert chinese.state == FINE and chinese.found == f"zh, 1 story: {8 / 6:.1f} tokens a word"


def test_what_is_not_here_yet_is_looked_at_where_a_language_is_not_english(tmp_path: Path) -> None:
    folder = save(tmp_path / "bytes")
    (absent,) = checked(tmp_path, None)
    assert absent.state == LOOK and absent.found.startswith(
        "its tokenizer is not here yet, so that nobody knows whether it splits letters into bytes "
        "(zh)."
    )
    (own,) = checked(tmp_path, folder, code=True)
    assert own.state == LOOK and "has code of its own" in own.found
    (words,) = checked(tmp_path, folder, stories={})
    assert words.state == LOOK and "the words are not here yet" in words.found
    assert checked(tmp_path, None, languages={"en": "en"}, stories={}) == []


def test_faulty_words_and_tokenizers_stop(tmp_path: Path) -> None:
    folder = save(tmp_path / "bytes")
    stories = {"en": told(tmp_path / "study", ENGLISH)}
    (tmp_path / "study" / "story-en_words.tsv").write_text("word\tonset\toffset\nA\tsoon\t1\n")
    config = {"languages": {"en": "en"}, "models": {}, "stories": stories}
    (fault,) = token_checks(config, [])
    assert (fault.what, fault.state) == ("words of en", STOP) and "soon" in fault.found
    assert token_checks(config, ["en"]) == []
    (Path(folder) / "tokenizer.json").write_text("{")
    (broken, *_) = checked(tmp_path, folder)
    assert broken.state == STOP and f"the tokenizer in '{folder}' cannot be loaded" in broken.found


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_study_names_the_tokenizers_and_words_that_are_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirrored: bool
) -> None:
    if mirrored:
        folder = tmp_path / "mirror" / "models" / "org" / "small"
        save(folder)
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").touch()
    study = read_study(
        {
            "study": "s",
            "dataset": {"kind": "littleprince", "language": "zh"},
            "models": {"m": {"source": "org/small"}},
            **({"mirror": str(tmp_path / "mirror")} if mirrored else {}),
        }
    )
    monkeypatch.chdir(tmp_path)
    asked = tokens(study, make_plan(study))
    assert set(asked["languages"].values()) == {"zh"} and asked["stories"] == {}
    assert asked["models"]["m"]["folder"] == (str(folder) if mirrored else None)
    found = token_checks(asked, [])
    assert [one.state for one in found] == [LOOK]
