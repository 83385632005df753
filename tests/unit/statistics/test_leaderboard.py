"""The leaderboard: copies of a model tie, rules must be equal, numbers are a direct sum."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from conftest import regions

from engram import leaderboard as command
from engram.command import main as engram_command
from engram.errors import EngramError
from engram.files import storage
from engram.statistics import finished_study, leaderboard_table, rankings
from engram.statistics.published_scores import read_published

ENCODING: dict[str, Any] = {
    "alpha_by": "r",
    "alphas": [1.0, 10.0, 100.0, 1000.0, 10000.0],
    "backend": "auto",
    "delays": None,
    "folds": 5,
    "inner_folds": 5,
    "longest_delay": 10.0,
    "penalty": "target",
    "words_to_trs": "sum",
}
MODELS = {"one": 0.3, "copy": 0.3, "two": 0.2, "word-rate": 0.1}


def study(
    folder: Path,
    name: str,
    stories: tuple[str, ...] = ("a", "b", "c", "d"),
    tr: float = 1.5,
    models: dict[str, float] = MODELS,
    layer: int | None = 0,
    noise: float = 0.05,
    revision: str | None = None,
    **encoding: Any,
) -> Path:
    """A folder of results of a finished study, of which a leaderboard reads these files."""
    results, subjects = folder / name, ["01", "02", "03", "04"]
    config = {"study": name, "encoding": {**ENCODING, **encoding}, "stories": list(stories)}
    places = {column: ("target", regions(4)[column]) for column in ("hemisphere", "roi")}
    for model, level in models.items():
        seed = 0 if model in ("one", "copy") else len(model)
        draws = np.random.default_rng([seed, *name.encode()])
        r = level + noise * draws.standard_normal((1, len(stories), 5, 4))
        key = f"group-g_model-{model}_text-original"
        path = results / "scores" / f"{key}_scores.nc"
        coordinates = {"story": list(stories), "subject": [*subjects, "average"], **places}
        dataset = xr.Dataset(
            {"r": (("layer", "story", "subject", "target"), r)},
            coords=coordinates,
            attrs={"tr": tr},
        )
        storage.write_dataset(path, dataset)
        wildcards = {"group": "g", "model": model, "text": "original"}
        _sidecar(path, config, wildcards)
        defined = {"source": model, "revision": revision if model == "two" else None}
        _sidecar(
            results / "activations" / f"story-a_model-{model}_text-original_activations.nc",
            {"model": defined},
            wildcards,
        )
    for story in stories:
        single = np.full((4, 4), 0.5)
        storage.write_dataset(
            results / "ceilings" / f"story-{story}_ceiling.nc",
            xr.Dataset(
                {"single": (("subject", "target"), single)},
                coords={"subject": subjects},
                attrs={"story": story},
            ),
        )
    _sidecar(results / "tables" / "comparisons.tsv", {"layer": layer}, {})
    return results


def _sidecar(path: Path, config: dict[str, Any], wildcards: dict[str, str]) -> None:
    about = {"Provenance": {"Config": config, "Wildcards": wildcards}}
    storage.write_json(storage.sidecar(path), about)


def test_two_copies_of_a_model_tie_in_every_data_set_and_over_all(tmp_path: Path) -> None:
    folders = [study(tmp_path, name) for name in ("first", "second")]
    table = command.write(folders, tmp_path, 0).set_index(["data", "model"])
    for data in ("first", "second", "all"):
        one, copy = (table.loc[(data, model)] for model in ("one", "copy"))
        assert one["rank"] == copy["rank"] == 1.5
        for name in ("low", "high", "rank_low", "rank_high", "normalised"):
            assert one[name] == copy[name]
        assert table.loc[(data, "word-rate"), "rank"] == 4
    assert (table["w"].dropna() == 1).all() and (table["w_chance"] == 0.5).all()
    # Either copy may be first; together they keep the first place in each draw.
    assert (table["winner_changes"] == 0).all()
    assert table.loc[("first", "word-rate"), "kind"] == "baseline"


def test_numbers_are_those_of_a_direct_computation(tmp_path: Path) -> None:
    folder = study(tmp_path, "first", noise=0.2)
    table = command.write([folder], tmp_path, 0).set_index("model")
    assert set(table["data"]) == {"first"}
    path = folder / "scores" / "group-g_model-two_text-original_scores.nc"
    with storage.open_dataset(path) as one:
        r = one["r"][0].sel(subject=["01", "02", "03", "04"]).mean("target").values
    assert table.loc["two", "R"] == pytest.approx(r.mean())
    assert table.loc["two", "normalised"] == pytest.approx(r.mean() / 0.5)
    assert table.loc["two", "over"] == "stories" and table.loc["two", "n_drawn"] == 4
    by_story = np.sort(r.mean(1))
    drawn = rankings.bootstrap_means(by_story[:, None], 0)
    spread = table.loc["two", "high"] - table.loc["two", "low"]
    assert spread == pytest.approx(np.ptp(np.percentile(drawn, [2.5, 97.5])), rel=0.15)
    assert 0 <= table.loc["two", "winner_changes"] < 1


def test_r_is_normalised_over_the_stories_that_have_ceilings(tmp_path: Path) -> None:
    folder = study(tmp_path, "first", noise=0.2)
    for story in ("c", "d"):
        path = folder / "ceilings" / f"story-{story}_ceiling.nc"
        ceiling = storage.open_dataset(path).load()
        ceiling.close()
        storage.write_dataset(path, ceiling * np.nan if story == "c" else ceiling * 0.5)
    table = command.write([folder], tmp_path, 0).set_index("model")
    path = folder / "scores" / "group-g_model-two_text-original_scores.nc"
    with storage.open_dataset(path) as one:
        r = one["r"][0].sel(subject=["01", "02", "03", "04"]).mean(["target", "subject"])
    assert table.loc["two", "R"] == pytest.approx(float(r.mean()))
    assert table.loc["two", "ceiling"] == pytest.approx((0.5 + 0.5 + 0.25) / 3)
    expected = float(r.sel(story=["a", "b", "d"]).mean()) / table.loc["two", "ceiling"]
    assert table.loc["two", "normalised"] == pytest.approx(expected)


def test_few_stories_are_not_drawn_and_versions_of_one_are_one(tmp_path: Path) -> None:
    folder = study(tmp_path, "first", ("milkywayoriginal", "milkywayvodka", "tunnel"))
    table = command.write([folder], tmp_path, 0)
    assert (table["over"] == "listeners").all() and (table["n_drawn"] == 4).all()


def test_rows_and_trs_may_differ_and_rules_may_not(tmp_path: Path) -> None:
    first, second = study(tmp_path, "first"), study(tmp_path, "second", ("x", "y", "z"), tr=2.0)
    assert len(command.write([first, second], tmp_path, 0)) == 12
    other = study(tmp_path, "third", longest_delay=6.0)
    wanted = r"first and third .*delays: all rows to 10 s and all rows to 6 s; gap in seconds: 10"
    with pytest.raises(EngramError, match=wanted):
        command.write([first, other], tmp_path, 0)
    with pytest.raises(EngramError, match="folds: 5 and 4"):
        command.write([first, study(tmp_path, "fourth", folds=4)], tmp_path, 0)
    with pytest.raises(EngramError, match="reported_layer: layer 0.* and two thirds"):
        command.write([first, study(tmp_path, "fifth", layer=None)], tmp_path, 0)
    with pytest.raises(EngramError, match="'two' is another model in first than in sixth: revis"):
        command.write([first, study(tmp_path, "sixth", revision="abc")], tmp_path, 0)
    with pytest.raises(EngramError, match="same name: first"):
        command.write([first, first], tmp_path, 0)


def test_the_same_delays_in_rows_are_others_in_seconds() -> None:
    one, other = (
        finished_study.encoding_rules({**ENCODING, "delays": [1, 2]}, tr) for tr in (1, 2)
    )
    assert finished_study.differences(one, other) == [
        "delays: 1, 2 s and 2, 4 s",
        "gap in seconds: 2.0 and 4.0",
    ]


def test_models_that_a_data_set_has_alone_are_in_its_rows_only(tmp_path: Path) -> None:
    first = study(tmp_path, "first")
    second = study(tmp_path, "second", models={"one": 0.3, "three": 0.4})
    table = command.write([first, second], tmp_path, 0)
    assert set(table.loc[table["data"] == "all", "model"]) == {"one"}
    assert table.loc[table["model"] == "three", "data"].tolist() == ["second"]


def test_what_is_no_finished_study_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = study(tmp_path, "first")
    (folder / "tables" / "comparisons.json").unlink()
    assert command.main([str(folder)]) == 2
    assert "not finished" in capsys.readouterr().err
    assert command.main([str(tmp_path / "nowhere")]) == 2
    assert "there is no" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert command.main([str(tmp_path / "empty")]) == 2
    assert "holds no scores" in capsys.readouterr().err


def test_the_command_writes_a_table_and_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = study(tmp_path, "first")
    assert command.main([str(folder), "--output", str(tmp_path / "out")]) == 0
    assert "1 study, 4 models" in capsys.readouterr().out
    again = ["leaderboard", str(folder), "--output", str(tmp_path / "again")]
    assert engram_command.main(again) == 0 and "4 models" in capsys.readouterr().out
    assert engram_command.main(["leaderboard", str(tmp_path / "nowhere")]) == 1
    table = storage.read_table(tmp_path / "out" / "leaderboard.tsv")
    assert list(table) == list(leaderboard_table.LEADERBOARD_COLUMNS)
    text = (tmp_path / "out" / "leaderboard.html").read_text()
    assert "<caption>first</caption>" in text and "gap in seconds: 10.0" in text
    # Tables scroll by themselves, so that the page is never wider than its window.
    assert text.count("<table>") == text.count('<div class="wide"') == 1


def test_re_initialised_twins_stand_as_controls(tmp_path: Path) -> None:
    models = {"small": 0.2, "small-reinitialised": 0.1, "word-rate": 0.1}
    table = command.write([study(tmp_path, "first", models=models)], tmp_path, 0)
    kinds = table.set_index("model")["kind"].to_dict()
    assert kinds == {
        "small": "model",
        "small-reinitialised": "re-initialised",
        "word-rate": "baseline",
    }
    text = (tmp_path / "leaderboard.html").read_text()
    assert '<tr class="control"><td>small-reinitialised</td><td>re-initialised</td>' in text


def test_parameters_and_operations_are_counted_from_headers(tmp_path: Path) -> None:
    """Two operations for each weight of a layer's matrices; none for what is looked up."""
    from safetensors.numpy import save_file

    path = tmp_path / "m.safetensors"
    shapes = {"embed_tokens.weight": (9, 4), "layers.0.up": (3, 4), "layers.0.norm": (5,)}
    save_file({name: np.zeros(shape) for name, shape in shapes.items()}, path)
    assert finished_study.weights(path) == {name: list(one) for name, one in shapes.items()}
    assert finished_study._size([path]) == {"parameters": 53.0, "flops_per_token": 24.0}
    given = {"RawFiles": {str(path): "x", "config.json": "y"}}
    assert finished_study._weight_files(tmp_path, given) == [path]
    assert finished_study._weight_files(tmp_path, {"RawFiles": {"gone.safetensors": "x"}}) == []
    # A downloaded model is named by its list of files.
    downloaded = tmp_path / "downloads" / "models" / "m@1"
    downloaded.mkdir(parents=True)
    path.rename(downloaded / path.name)
    listed = {"Inputs": {"downloads/models/m@1.tsv": "x", "words.tsv": "y"}}
    found = finished_study._weight_files(tmp_path / "results" / "one", listed)
    assert found == [downloaded / path.name]


def test_stimuli_are_drawn_from_all_data_sets(tmp_path: Path) -> None:
    """Two single stories and one that two data sets share are two stimuli: too few."""
    names = (("one", ("a",)), ("two", ("a",)), ("three", ("b",)))
    folders = [study(tmp_path, name, stories) for name, stories in names]
    table = command.write(folders, tmp_path, 0).set_index(["data", "model"])
    assert table["stimuli_change"].isna().all()
    folders.append(study(tmp_path, "four", ("c", "d")))
    table = command.write(folders, tmp_path, 0).set_index(["data", "model"])
    # The copies win by far whatever is drawn, and share the first place.
    assert (table.loc["all", "stimuli_change"] == 0).all()
    assert table.loc["one", "stimuli_change"].isna().all()
    assert table["rules"].nunique() == 1
    other = study(tmp_path, "five", ("e", "f", "g"), longest_delay=6.0)
    assert finished_study.FinishedStudy.read(other).digest != table["rules"].iloc[0]


def test_published_scores_stand_beside_and_have_no_rank(tmp_path: Path) -> None:
    folder, given = study(tmp_path, "first"), tmp_path / "others.csv"
    given.write_text(
        "data,model,metric,score,ceiling,source\n"
        "Pereira2018,gpt2-xl,R,0.32,0.4,a paper\nFutrell2018,gpt2-xl,R,0.5,,a paper\n"
    )
    output = ["--output", str(tmp_path), "--published"]
    assert command.main([str(folder), *output, str(given)]) == 0
    found = storage.read_table(tmp_path / "leaderboard_published.tsv")
    assert found["normalised"].tolist()[0] == pytest.approx(0.8)
    assert found["normalised"].isna().tolist() == [False, True] and "rank" not in found
    text = (tmp_path / "leaderboard.html").read_text()
    assert "Published by others" in text and "Pereira2018" in text
    assert "Pereira2018" not in (tmp_path / "leaderboard.tsv").read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("data,model,metric,score\n", "lacks source.*separated by commas"),
        ("data,model,metric,score,source,rank\n", "rank is unknown"),
        (
            'data,model,metric,score,source\na,b,R,"0,3",c\n',
            "line 2, column 'score': '0,3' is no number. .*write 0.3",
        ),
        ("data,model,metric,score,source\na,b,R,,c\n", "no score in line 2"),
        ("data,model,metric,score,source\na,b,R,0.3,\n", "no source in line 2"),
        ("data,model,metric,score,source\n", "has no row"),
        ("data,model,metric,score,source\na,b,R,0.3,c,d,e\n", "line 2: 7 cells"),
        ("", "is empty"),
    ],
)
def test_other_tables_of_published_scores_are_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "others.csv"
    path.write_text(text)
    with pytest.raises(EngramError, match=said):
        read_published(path)
    path.write_bytes("data,model,metric,score,source\na,\u00e9,R,0.3,c\n".encode("latin-1"))
    with pytest.raises(EngramError, match="line 2: its text is not UTF-8"):
        read_published(path)
    path.write_text("Data,Model,Metric,Score,Source\nNA,null,R,0.3,c\n")
    assert read_published(path)[["data", "model"]].to_numpy().tolist() == [["NA", "null"]]
    with pytest.raises(EngramError, match="there is no table"):
        read_published(tmp_path / "nowhere.tsv")
