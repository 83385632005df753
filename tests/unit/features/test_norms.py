"""Word norms as features: reading tables, lemmas, unknown words, coverage, deals."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engram.errors import EngramError
from engram.features import deals
from engram.features.dealt_entries import dealt_space, dealt_vectors
from engram.features.known_tables import KNOWN_TABLES, PINS
from engram.features.norms.space import lay, norms_space
from engram.features.norms.table import WordTable, read_table
from engram.features.space import Given
from engram.features.spaces import lay as lay_any
from engram.fetch.pinned_files import read_pins


def written(tmp_path: Path, text: str, name: str = "mine.tsv") -> Path:
    """Write a table; bars stand for tabs."""
    path = tmp_path / name
    path.write_text(text.replace("|", "\t"))
    return path


def test_a_table_is_read_by_its_columns(tmp_path: Path) -> None:
    path = written(tmp_path, "Word|Touch_M|Sight_M|N|Note\nDog|1|2.5|9|x\ncat|3|4|8|\n")
    table = read_table(path, None, ["*_M", "N"])
    assert table.columns == ["Touch_M", "Sight_M", "N"]
    assert {word: row.tolist() for word, row in table.values.items()} == {
        "dog": [1, 2.5, 9],
        "cat": [3, 4, 8],
    }
    commas = written(tmp_path, "item,a\nice cream,2\n", "mine.csv")
    assert read_table(commas, "item", ["a"]).values["ice cream"].tolist() == [2]


def test_rows_with_a_missing_number_are_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, "word|a|b\none|1|n/a\ntwo|2|3\nthree||4\n")
    assert list(read_table(path, None, ["a", "b"]).values) == ["two"]


def test_small_letters_count_where_words_differ_in_case(tmp_path: Path) -> None:
    path = written(tmp_path, "word|a\nMay|1\nmay|2\nMAY|3\nPolish|4\nPOLISH|5\n")
    values = read_table(path, None, ["a"]).values
    assert values["may"].tolist() == [2] and values["polish"].tolist() == [4]


@pytest.mark.parametrize(
    ("text", "word", "columns", "said"),
    [
        ("token|a\nx|1\n", None, ["a"], "none is known to hold words. Say which one does: word:"),
        ("word|a\nx|1\n", "token", ["a"], "lacks the column(s) ['token']"),
        ("word|a\nx|1\n", None, ["b*"], "has no column 'b*'. It has a"),
        (
            "word|a\nx|1\ny|2\nx|3\n",
            None,
            ["a"],
            "'x' is there twice with other numbers, in lines 2",
        ),
        ("word|a\nx|1,5\n", None, ["a"], "is no number"),
        ("word|a\nx|n/a\n", None, ["a"], "no row has a word and a number in each of a"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(
    tmp_path: Path, text: str, word: str | None, columns: list[str], said: str
) -> None:
    with pytest.raises(EngramError) as error:
        read_table(written(tmp_path, text), word, columns)
    assert said in str(error.value)


def table_of(**values: float) -> WordTable:
    """Return a table of one column."""
    return WordTable(Path("t.tsv"), ["a"], {word: np.array([x]) for word, x in values.items()})


def test_words_are_found_as_written_then_by_lemma_and_others_have_the_mean() -> None:
    words = ["Dogs,", "went", "to", "RIVERS", "dogs", "went.", "zzz"]
    space = norms_space(words, table_of(dog=4, go=1, river=7, rivers=10), "tale", "en-GB", 0.5)
    assert space.entries == ["dog", "go", "", "rivers", "dog", "go", ""]
    assert space.known is not None and space.mean is not None
    assert space.known.tolist() == [True, True, False, True, True, True, False]
    mean = (4 + 1 + 10 + 4 + 1) / 5
    np.testing.assert_allclose(
        space.vectors[0, :, 0], [4 - mean, 1 - mean, 0, 10 - mean, 4 - mean, 1 - mean, 0]
    )
    assert space.mean[0, 0] == mean
    # Summed over the story, nothing is left that follows how many words there are.
    assert abs(space.vectors.sum()) < 1e-12


def test_other_languages_have_no_english_lemmas() -> None:
    assert norms_space(["dogs", "dog"], table_of(dog=4), "s", "nl", 0.1).entries == ["", "dog"]


def test_a_table_of_another_language_is_refused_with_words_of_both() -> None:
    words = ["le", "petit", "prince", "le", "mouton", "le"]
    with pytest.raises(EngramError) as error:
        norms_space(words, table_of(the=1, little=2, prince=3), "lpp", "en", 0.5)
    for said in ("lpp", "1 of 6 words (17%)", "asks for 50%", "'le'", "'the'", "language"):
        assert said in str(error.value), said
    with pytest.raises(EngramError, match="0 of 1 words"):
        norms_space(["le"], table_of(the=1), "lpp", "en", 0.0)


def test_a_space_has_the_form_of_activations(tmp_path: Path) -> None:
    path = written(tmp_path, "word|a|b\ndog|1|2\ncat|3|5\n")
    section = {
        **{"kind": "norms", "table": str(path), "columns": ["a", "b"], "word": None},
        **{"language": "en", "least_coverage": 0.5},
    }
    words = pd.DataFrame({"word": ["dog", "cat", "cats", "of"]})
    given = Given("tale", words, {"space": section, "files": [str(path)]})
    read = lay_any("norms", given)
    assert read["activation"].dims == ("layer", "word", "unit")
    assert read["activation"].shape == (1, 4, 2)
    assert read["unit"].values.tolist() == ["a", "b"]
    assert read["known"].values.tolist() == [1, 1, 1, 0]
    np.testing.assert_allclose(read["activation"].values, lay(given).vectors, atol=1e-6)


def test_tables_that_are_fetched_are_pinned() -> None:
    pinned = {file.path: file for file in read_pins(PINS)}
    assert set(pinned) == {known.file for known in KNOWN_TABLES.values()}
    assert all(
        len(one.digest) == 64 and one.url.endswith(one.path) and "9010c67" in one.url
        for one in pinned.values()
    )


@pytest.mark.parametrize(
    ("name", "units", "n_words"), [("lynott2020", 11, 2708), ("binder2016", 65, 248)]
)
def test_published_tables_are_what_is_said(
    mirror: Path, name: str, units: int, n_words: int
) -> None:
    known = KNOWN_TABLES[name]
    table = read_table(mirror / "norms" / known.file, known.word, known.columns)
    assert (len(table.columns), len(table.values)) == (units, n_words)


# ---------------------------------------------------------------- deals
def test_bins_hold_one_class_and_neighbouring_frequencies() -> None:
    rng = np.random.default_rng(0)
    classes = rng.choice(["noun", "verb", "other"], 200, p=[0.6, 0.35, 0.05]).tolist()
    frequency = rng.geometric(0.5, 200).astype(float)
    found = deals.bins(classes, frequency)
    for one in np.unique(found):
        mine = found == one
        assert len({classes[place] for place in np.flatnonzero(mine)}) == 1
    for name in set(classes):
        mine = np.array([one == name for one in classes])
        order = np.argsort(frequency[mine], kind="stable")
        assert (np.diff(found[mine][order]) >= 0).all()  # neighbours in frequency
        for value in np.unique(frequency[mine]):
            assert len(set(found[mine & (frequency == value)])) == 1
        sizes = np.bincount(found[mine])
        sizes = sizes[sizes > 0]
        assert (sizes >= deals.SMALLEST_BIN).all() or len(sizes) == 1


def test_deals_permute_within_bins_and_every_permutation_comes() -> None:
    bin_of = np.array([0, 0, 0, 1, 1, 2])
    found = deals.drawn_deals(bin_of, 600, 0, "space")
    assert (bin_of[found] == bin_of).all() and (np.sort(found) == np.arange(6)).all()
    seen = Counter(map(tuple, found.tolist()))
    assert len(seen) == 12 and max(seen.values()) < 90  # the true one among them, by chance
    assert (found == deals.drawn_deals(bin_of, 600, 0, "space")).all()
    assert (found != deals.drawn_deals(bin_of, 600, 0, "other")).any()


def test_classes_of_words() -> None:
    assert [deals.word_class(word, "en") for word in ("abbey", "abandon", "the", "quickly")] == [
        "noun",
        "several",
        "other",
        "adverb",
    ]
    assert deals.word_class("abbey", "fr") == "word"


def test_dealt_values_go_by_entry_in_all_stories_and_unknown_words_have_none() -> None:
    nouns = ["harbour", "lamp", "sister", "garden", "bread", "winter", "horse", "candle"]
    table = table_of(**{word: float(k) for k, word in enumerate(nouns)})
    stories = [["the", *nouns, "lamps"], [*nouns[::-1], "the", "of", "horse"]]
    spaces = [norms_space(words, table, "s", "en", 0.1) for words in stories]
    read = [one.dataset() for one in spaces]
    tables = [pd.DataFrame({"word": words}) for words in stories]
    made = dealt_space(read, tables, "mine", 20, 0, "story", "en")
    known, values = made["entry"].values.tolist(), made["values"].values[0]
    assert known == sorted(nouns)
    np.testing.assert_allclose(values[:, 0], [nouns.index(word) for word in known], atol=1e-6)
    for donor in made["donor"].values:
        own = [dealt_vectors(values, known, donor, one["entry"].values.tolist()) for one in read]
        for words, vectors in zip(stories, own, strict=True):
            expected = np.array(
                [
                    values[donor[known.index(w.removesuffix("s"))], 0]
                    if w.removesuffix("s") in known
                    else np.nan
                    for w in words
                ]
            )
            expected -= np.nanmean(expected)
            np.testing.assert_allclose(vectors[:, 0], np.nan_to_num(expected), atol=1e-5)
    itself = dealt_vectors(values, known, np.arange(8), read[0]["entry"].values.tolist())
    np.testing.assert_allclose(itself, read[0]["activation"].values[0], atol=1e-6)


def test_nothing_to_deal_and_no_frequencies_are_said() -> None:
    space = norms_space(["dog", "cat"], table_of(dog=1, cat=2), "s", "en", 0.1).dataset()
    words = pd.DataFrame({"word": ["dog", "cat"]})
    with pytest.raises(EngramError, match=r"features.mine: 2 entries .* Write deals: 0"):
        dealt_space([space], [words], "mine", 5, 0, "story", "en")
    with pytest.raises(EngramError, match="log_frequency"):
        dealt_space([space], [words], "mine", 5, 0, "column", "en")
