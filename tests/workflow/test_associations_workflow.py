"""F and its tests: known answers, direct computations, and the whole road on a small study."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, jobs, random_words, regions, snakemake, write_table_study
from scipy import stats

import engram
from engram import trace
from engram.associations import association_files
from engram.associations.association_files import Association
from engram.errors import EngramError
from engram.statistics import association_tables, significance
from engram.statistics.variant_effects import Effects
from engram.study import plan
from engram.study.config.read import read_study

REGIONS = [("L", "one", 3), ("R", "two", 2)]
TEXTS = [
    "original",
    "associations",
    *(f"random-{k:02d}" for k in range(1, 40)),
    "shuffled-01",
    "shuffled-02",
    "repeat-01",
]


def made(effect: float, seed: int = 0, n: int = 12) -> Effects:
    """Scores of listeners who share how well each text does (texts are random).

    The first region has an effect of the text with associations.
    """
    rng = np.random.default_rng(seed)
    shared = 0.01 * rng.standard_normal((len(TEXTS), 1, 2))
    r = 0.1 + shared + 0.005 * rng.standard_normal((len(TEXTS), n + 1, 2))
    r[1, :, 0] += effect
    subjects = [*(f"{k:02d}" for k in range(n)), "average"]
    return Effects(subjects, REGIONS, TEXTS, TEXTS[:2], 4, r, np.stack([r[:2]] * 3, axis=1))


def test_a_planted_effect_is_found_and_nothing_else() -> None:
    table = association_tables.association_table(
        {("m", "a"): made(0.1)}, {"a": "language model"}, 0
    )
    assert list(table.columns) == list(association_tables.ASSOCIATION_COLUMNS)
    found, none = table.iloc[0], table.iloc[1]
    assert (
        found["F_minus_null"] == pytest.approx(0.1, abs=0.04)
        and found["p_texts"] == 1 / 40 == found["smallest_p"]
    )
    assert found["p_texts_corrected"] <= 0.05 < none["p_texts_corrected"]
    assert found["difference_low"] < found["F_minus_null"] < found["difference_high"]
    assert 0.01 < found["detectable"] < 0.05
    assert (found["n_listeners"], found["n_null"], found["layer"]) == (12, 39, 4)


def test_numbers_are_those_of_a_direct_computation() -> None:
    one = made(0.02, seed=3)
    table = association_tables.association_table({("m", "a"): one}, {"a": "manual"}, 0)
    single = one.r[:, :12]
    f = single[1] - single[0]
    null = (single[2:41] - single[0]).mean(1)
    for number, row in enumerate(table.itertuples()):
        assert pytest.approx(f[:, number].mean()) == row.F
        assert row.F_null == pytest.approx(null[:, number].mean())
        assert row.p_texts == (1 + (null[:, number] >= f[:, number].mean()).sum()) / 40
        difference = f[:, number] - (single[2:41] - single[0]).mean(0)[:, number]
        assert row.p_listeners == pytest.approx(stats.wilcoxon(difference).pvalue)
        assert row.F_shuffled == pytest.approx((single[41:43] - single[0]).mean((0, 1))[number])
        assert row.F_average == pytest.approx(one.r[1, 12, number] - one.r[0, 12, number])
    draws = np.vstack([f.mean(0), null])
    z = (draws - draws.mean(0)) / draws.std(0, ddof=1)
    expected = [np.mean(np.r_[True, z[1:].max(1) >= z[0, k]]) for k in range(2)]
    np.testing.assert_allclose(table["p_texts_corrected"], expected)
    assert (table["n_family"] == 2).all() and set(table["family"]) == {"all"}
    assert np.isnan(table["F_displaced"]).all()  # there are none


def test_over_stories_where_there_are_six() -> None:
    one = made(0.02)
    rng = np.random.default_rng(0)
    by_story = {
        f"story{k}": one.r.mean(1) + 0.001 * rng.standard_normal((len(TEXTS), 2)) for k in range(6)
    }
    row = association_tables.association_table(
        {("m", "a"): replace(one, r_stimulus=by_story)}, {"a": "x"}, 0
    ).iloc[0]
    difference = [r[1, 0] - r[2:41, 0].mean() for r in by_story.values()]
    assert (
        row["p_stories"] == pytest.approx(stats.wilcoxon(difference).pvalue)
        and row["n_stories"] == 6
    )
    null = (one.r[2:41, :12] - one.r[0, :12]).mean(1)[:, 0]
    assert row["effect_size"] == pytest.approx(row["F_minus_null"] / null.std(ddof=1))
    del by_story["story0"]
    few = association_tables.association_table(
        {("m", "a"): replace(one, r_stimulus=by_story)}, {"a": "x"}, 0
    )
    assert (
        few["p_stories"].isna().all()
        and few["p_stories_fdr"].isna().all()
        and (few["n_stories"] == 5).all()
    )


@pytest.mark.slow
def test_over_texts_a_true_null_is_rejected_as_often_as_it_says_over_listeners_far_too_often() -> (
    None
):
    """200 draws of a text that is one more random text: all listeners share its luck."""
    tables = [
        association_tables.association_table({("m", "a"): made(0.0, seed)}, {"a": "x"}, 0)
        for seed in range(100)
    ]
    p = pd.concat(tables)
    assert (
        stats.binom.ppf(0.0005, 200, 0.05)
        <= (p["p_texts"] <= 0.05).sum()
        <= stats.binom.ppf(0.9995, 200, 0.05)
    )
    assert (p["p_listeners"] <= 0.05).mean() > 0.4


def test_controls_are_tested_as_the_text_is() -> None:
    one = made(0.0, seed=1)
    table = association_tables.controls_table({("m", "a"): one})
    assert len(table) == (39 + 3) * 2 and not set(table["variant"]) & {"original", "associations"}
    f = (one.r[2:41, :12] - one.r[0, :12]).mean(1)[:, 0]
    row = table[(table["variant"] == "random-05") & (table["roi"] == "one")].iloc[0]
    # Among the other random texts.
    assert row["p_texts"] == (1 + (np.delete(f, 4) >= f[4]).sum()) / 39


def test_order_of_listeners_changes_nothing() -> None:
    one = made(0.02)
    order = np.random.default_rng(0).permutation(13)
    other = Effects(
        [one.subjects[k] for k in order],
        one.regions,
        one.variants,
        one.layer_variants,
        one.layer,
        one.r[:, order],
        one.r_layer[:, :, order],
    )
    first, second = (
        association_tables.association_table({("m", "a"): each}, {"a": "x"}, 0).select_dtypes(
            "number"
        )
        for each in (one, other)
    )
    # The bootstrap draws by place.
    columns = [name for name in first.columns if "low" not in name and "high" not in name]
    np.testing.assert_allclose(first[columns], second[columns])


def test_interval_is_scipys_and_silent_where_there_is_none() -> None:
    low, high = significance.interval(np.arange(20.0), 0)
    assert low < 9.5 < high
    assert (
        np.isnan(significance.interval([1.0, 2.0], 0)).all()
        and np.isnan(significance.interval([1.0] * 5, 0)).all()
    )
    assert np.isnan(significance.listener_test([0.0, 0.0]))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study of one story with two texts, few controls, a small model."""
    folder = tmp_path_factory.mktemp("associations")
    rng = np.random.default_rng(0)
    write_table_study(
        folder / "data",
        {f"0{k}": rng.standard_normal((120, 8)) for k in range(1, 5)},
        random_words(400),
        regions(8),
        "one",
    )
    for name, step in (("word-manual", 20), ("word-model", 30)):
        for story in ("one", "other"):
            annotator = "manual" if name == "word-manual" else "language model"
            texts = [
                Association(place, f"like a {story} thing", "word", annotator)
                for place in range(10, 380, step)
            ]
            association_files.write_associations(
                folder / "texts" / f"story-{story}_associations-{name}.tsv", texts, {}
            )
    content = {
        "study": "mine",
        "dataset": {"kind": "table", "path": "data", "tr": 1.5},
        "models": {"tiny": {"source": str(ROOT / "resources" / "models" / "llama-tiny")}},
        "baselines": ["word-rate", "reinitialised"],
        "associations": {"word-manual": {"folder": "texts"}, "word-model": {"folder": "texts"}},
        "association_effect": {
            "targets": "roi",
            "controls": {"random": 3, "shuffled": 1, "displaced": 0, "repeat": 1, "passage": 1},
        },
        "nuisance": {
            "method": "banded",
            "features": ["word-rate", "since-insertion"],
            "random_texts": 2,
            "targets": "all",
        },
        "chance": {"shifts": 21, "targets": "all"},
        "encoding": {"folds": 3, "inner_folds": 2, "longest_delay": 4.5},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(content))
    result = snakemake("--configfile", "study.yaml", folder=folder)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    return folder


@pytest.mark.slow
def test_the_whole_road(study: Path) -> None:
    tables = study / "results" / "mine" / "tables"
    table = pd.read_csv(tables / "association.tsv", sep="\t")
    assert list(dict.fromkeys(table["text"])) == ["word-manual", "word-model"]
    assert dict(zip(table["text"], table["written_by"], strict=True)) == {
        "word-manual": "manual",
        "word-model": "language model",
    }
    # No word rate, no re-initialised twin.
    assert set(table["model"]) == {"tiny"} and (table["n_null"] == 3).all()
    layers = pd.read_csv(tables / "association_layers.tsv", sep="\t")
    assert (layers.loc[layers["layer"] == 0, "F"] == 0).all()  # exactly, for a rotary model
    assert (layers.loc[layers["layer"] > 0, "F"] != 0).all()
    texts = pd.read_csv(tables / "association_texts.tsv", sep="\t")
    assert texts.loc[texts["variant"] == "original", "inserted_words"].tolist() == [0, 0]
    assert (study / "results" / "mine" / "figures" / "association.png").exists()
    unique, nuisance = (
        pd.read_csv(tables / f"{name}.tsv", sep="\t") for name in ("association_unique", "nuisance")
    )
    assert (
        len(unique) == len(table)
        and set(unique["model"]) == {"tiny"}
        and (unique["n_null"] == 2).all()
        and (unique["smallest_p"] - 1 / 3 < 1e-5).all()
    )
    assert set(unique["beyond"]) == {"word-rate, since-insertion"} and set(nuisance["beyond"]) == {
        "word-rate"
    }
    assert unique["unique_shuffled"].notna().all()
    against = pd.read_csv(tables / "chance.tsv", sep="\t")
    # All targets of a region, not their mean.
    assert set(against["n_targets"]) == set(nuisance["n_targets"]) == {2} and set(
        against["n_shifts"]
    ) == {21}
    assert set(pd.read_csv(tables / "comparisons.tsv", sep="\t")["question"]) == {
        "models",
        "hemispheres",
    }
    np.testing.assert_allclose(
        unique["unique_minus_null"], unique["unique"] - unique["unique_null"], atol=1e-5
    )
    claims = pd.read_csv(tables / "claims.tsv", sep="\t").set_index("claim")
    assert (
        set(claims["verdict"]) == {"not testable here"}
        and "smaller than the smallest" in claims["why"]["random-not-above-zero"]
    )
    # They were temporary.
    assert not list((study / "results" / "mine" / "associations").glob("*_activations.nc"))
    assert jobs(snakemake("-n", "--configfile", "study.yaml", folder=study)) == {}


@pytest.mark.slow
def test_f_is_traced_to_its_files_and_made_again(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(study)
    table = pd.read_csv("results/mine/tables/association.tsv", sep="\t")
    row = table[table["text"] == "word-model"].iloc[1]
    values = ("word-model", row["hemisphere"], row["roi"])
    assert trace.main(["results/mine", "association", *values]) == 0
    said = capsys.readouterr().out
    assert "activations.nc  not here any more (removed once it was read" in said
    assert "story-one_associations-word-model.tsv" in said and "word-manual" not in said
    exec("\n".join(line[4:] for line in said.split("again:\n\n")[1].splitlines()), {})
    f, p = capsys.readouterr().out.splitlines()
    assert float(f) == pytest.approx(row["F"], rel=1e-4)
    assert float(p.removeprefix("p_texts")) == pytest.approx(row["p_texts"], rel=1e-4)
    assert engram.load("results/mine").plot_association()._repr_png_()


@pytest.mark.slow
def test_an_f_is_made_again_from_raw_files_by_numpy_and_transformers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What examples/ ships: a small simulated study, and a script that uses nothing of Engram."""
    study = ROOT / "examples" / "one-f.yaml"
    table = "results/one-f/tables/association.tsv"
    result = snakemake("--configfile", study, "--", table, folder=tmp_path)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    path = ROOT / "examples" / "one_f_from_raw_data.py"
    assert "import engram" not in path.read_text() and "from engram" not in path.read_text()
    script = runpy.run_path(str(path))
    assert script["main"]([str(tmp_path / "results" / "one-f")]) == 0
    mine, theirs = (
        float(line.split(":")[1].split(",")[0]) for line in capsys.readouterr().out.splitlines()
    )
    assert mine == pytest.approx(theirs, abs=1e-5) and abs(mine) > 0.01
    changed = pd.read_csv(tmp_path / table, sep="\t").assign(F=theirs + 0.001)
    changed.to_csv(tmp_path / table, sep="\t", index=False)
    assert script["main"]([str(tmp_path / "results" / "one-f")]) == 1


@pytest.mark.slow
def test_an_edited_file_reruns_its_own_text_alone(study: Path) -> None:
    path = study / "texts" / "story-one_associations-word-model.tsv"
    before = path.read_text()
    path.write_text(before.replace("like a one thing", "like another thing", 1))
    result = snakemake("-n", "--configfile", "study.yaml", folder=study)
    path.write_text(before)
    planned = jobs(result)
    assert planned == {
        "associations": 1,
        "association_texts": 1,
        "text_activations": 1,
        "association_scores": 1,
        "association_tables": 1,
        "association_nuisance": 1,
        "association_nuisance_table": 1,
        "claims": 1,
        "association_figure": 2,
        "insertions_figure": 1,
        "report": 1,
        "all": 1,
    }
    assert "text=word-manual" not in result.stdout + result.stderr


def test_a_story_without_a_file_is_named_before_the_first_job(tmp_path: Path) -> None:
    write_table_study(
        tmp_path / "data", {"01": np.zeros((20, 4))}, random_words(30), regions(4), "one"
    )
    dataset = {"kind": "table", "path": str(tmp_path / "data"), "tr": 1.5}
    with pytest.raises(
        EngramError, match=r"associations.mine: 1 of the study's 1 stories have no file"
    ):
        plan.make_plan(
            read_study(
                {
                    "study": "mine",
                    "dataset": dataset,
                    "associations": {"mine": {"folder": str(tmp_path)}},
                }
            )
        )


@pytest.mark.slow
def test_a_model_writes_the_associations(study: Path) -> None:
    """From the configuration to the file.

    Small models write nonsense, but it is theirs and said to be.
    """
    extra = (
        "associations={local: {annotator: {model: resources/models/llama-tiny, granularity: word, "
        "every: 12, pseudo_sentences: true}}}"
    )
    planned = jobs(snakemake("-n", "--configfile", "study.yaml", "--config", extra, folder=study))
    assert (
        planned["annotate_locally"] == planned["associations"] == planned["association_scores"] == 1
    )
    path = "results/mine/associations/generated/story-one_associations-local.tsv"
    result = snakemake(
        "--configfile", "study.yaml", "--config", extra, "--until", "annotate_locally", folder=study
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    written = association_files.read_associations(study / path, 400)
    assert all(one.annotator == "language model: llama-tiny" for one in written)
    refused = snakemake(
        "-n",
        "--configfile",
        "study.yaml",
        "--config",
        extra.replace("local:", "my-manual:", 1),
        folder=study,
    )
    assert (
        refused.returncode != 0
        and "says that people wrote the text" in refused.stdout + refused.stderr
    )


@pytest.mark.slow
def test_additive_alignments_score_the_word_rate_too(study: Path) -> None:
    """Inserted words are rows.

    The word rate, which counts them, is scored along, and the table says where they are.
    """
    extra = (
        "association_effect={alignment: interpolate, targets: roi, controls: {random: 2, "
        "shuffled: 0, displaced: 0, repeat: 0, passage: 0}}"
    )
    arguments = [
        "--configfile",
        "study.yaml",
        "--config",
        "study=rows",
        extra,
        "associations={word-model: null, word-manual: {folder: texts}}",
    ]
    result = snakemake(*arguments, "--until", "association_tables", folder=study)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    tables = study / "results" / "rows" / "tables"
    table = pd.read_csv(tables / "association.tsv", sep="\t")
    assert (
        set(table["model"]) == {"tiny", "word-rate"}
        and (table.loc[table["model"] == "word-rate", "F"] != 0).all()
    )
    rows = pd.read_csv(tables / "association_rows.tsv", sep="\t")
    assert (
        set(rows["variant"]) == {"associations", "random-01", "random-02"}
        and rows["onset"].is_monotonic_increasing is False
    )
    assert len(rows) == 3 * 4 * 19  # three texts of 19 insertions of four words


@pytest.mark.slow
def test_f_is_on_the_brain_where_there_is_one(study: Path) -> None:
    """A table study has no surface and no coordinates, so that no such figure is planned.

    The simulated one has figures of maps, or of regions that are scored as wholes.
    """
    assert "brain_figure" not in jobs(
        snakemake("-n", "--configfile", "study.yaml", "--config", "study=fresh", folder=study)
    )
    for targets, planned in (("all", 1), ("roi", 0)):
        extra = [f"association_effect={{targets: {targets}}}", "associations={word-judged: {}}"]
        found = jobs(
            snakemake(
                "-n",
                "--configfile",
                str(ROOT / "config" / "tiny.yaml"),
                "--config",
                *extra,
                folder=study,
            )
        )
        assert found["brain_figure"] == 3 and found.get("association_maps", 0) == planned
