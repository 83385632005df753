"""From entries of `features` to tables and report: the whole road on a small study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, jobs, random_words, regions, snakemake, write_table_study

from engram.files import storage

pytestmark = pytest.mark.slow
NOUNS = ["harbour", "lamp", "sister", "garden", "bread", "winter", "horse", "candle"]
SPACES: dict[str, dict[str, Any]] = {
    "norms": {"kind": "norms", "table": "norms.tsv", "columns": ["touch", "sight"], "deals": 5},
    "surprisal": {"kind": "surprisal", "of": "tiny"},
    "heads": {"kind": "heads", "of": "tiny", "layers": "all"},
    "static": {"kind": "embeddings", "of": "tiny"},
    "noise": {"kind": "autocorrelation", "like": "tiny", "draws": 2},
    "beside": {"kind": "together", "of": ["word-rate", "norms", "tiny"]},
    "facts": {"kind": "word-facts", "facts": ["word-length"]},
    "codes": {"kind": "table", "path": "data/{story}_codes.tsv"},
    "sound": {"kind": "table", "path": "data/{story}_sound.npy", "rows": "times", "step": 0.5},
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study of one story with a space of each kind."""
    folder = tmp_path_factory.mktemp("features")
    rng = np.random.default_rng(0)
    words = random_words(240).assign(
        word=[w for k in range(80) for w in ("and", "the", NOUNS[k % 8])]
    )
    bold = {f"0{k}": rng.standard_normal((72, 4)) for k in range(1, 4)}
    write_table_study(folder / "data", bold, words, regions(4), "one")
    rows = [f"{word}\t{k}\t{k * k}" for k, word in enumerate(NOUNS)]
    (folder / "norms.tsv").write_text("\n".join(["word\ttouch\tsight", *rows]) + "\n")
    pd.DataFrame({"code": np.arange(240) % 7}).to_csv(
        folder / "data" / "one_codes.tsv", sep="\t", index=False
    )
    np.save(folder / "data" / "one_sound.npy", rng.standard_normal((220, 3)))
    content = {
        "study": "mine",
        "dataset": {"kind": "table", "path": "data", "tr": 1.5},
        "models": {"tiny": {"source": str(ROOT / "resources" / "models" / "llama-tiny")}},
        "features": SPACES,
        "partitions": {
            "three": {
                "groups": {
                    "rate": ["word-rate"],
                    "meaning": ["norms", "static", "sound"],
                    "model": ["tiny"],
                }
            }
        },
        "chance": {"shifts": 19},
        "encoding": {"folds": 3, "inner_folds": 2, "longest_delay": 4.5},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    result = snakemake("--configfile", "study.yaml", folder=folder)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    return folder


def test_the_whole_road(study: Path) -> None:
    results = study / "results" / "mine"
    tables = {
        name: storage.read_table(results / "tables" / f"{name}.tsv")
        for name in ("features", "feature_deals", "scores", "chance", "comparisons", "heads")
    }
    everything = {"tiny", "word-rate", *SPACES}
    assert set(tables["scores"]["model"]) == set(tables["chance"]["model"]) == everything
    assert {*tables["comparisons"]["a"], *tables["comparisons"]["b"]} >= everything
    features = tables["features"].set_index("model")
    assert list(features.index) == list(SPACES)
    assert features["kind"].to_dict() == {name: one["kind"] for name, one in SPACES.items()}
    assert features.loc["norms", "known_words"] == 80 and features.loc["norms", "units"] == 2
    assert features.loc["norms", "without"] == "and the"
    assert features.loc["surprisal", "known_words"] == 239
    assert features.loc["noise", "layers"] == 2 and features.loc["sound", "units"] == 3
    assert features.loc["beside", "units"] == 1 + 2 + features.loc["static", "units"]
    assert features.loc["beside", "known_words"] == 240
    deals = tables["feature_deals"]
    assert set(deals["model"]) == {"norms"} and (deals["n_deals"] == 5).all()
    chance = tables["chance"].query("model == 'norms'").set_index(["hemisphere", "roi"])["score"]
    # The same scores by another road.
    np.testing.assert_allclose(
        deals.set_index(["hemisphere", "roi"])["score"], chance.loc[:], atol=2e-5
    )
    # Parts of heads add up to R of their layer, scored by another road.
    heads = tables["heads"].query("is_reported == 1")
    assert set(heads["model"]) == {"heads"} and set(tables["heads"]["layer"]) == set(range(1, 7))
    parts = heads.groupby(["hemisphere", "roi"])["split"].sum()
    whole = tables["chance"].query("model == 'heads'").set_index(["hemisphere", "roi"])["score"]
    np.testing.assert_allclose(parts.loc[whole.index], whole, atol=1e-4)
    assert (results / "figures" / "heads.png").stat().st_size > 5000
    page = (results / "report.html").read_text()
    beside = storage.read_table(results / "tables" / "spaces.tsv")
    assert set(beside["model"]) == everything and (beside["n_listeners"] == 3).all()
    parts = storage.read_table(results / "tables" / "partitions.tsv")
    assert len(parts) == (1 + 3 + 7) * len(chance) and (parts["n_listeners"] == 3).all()
    by_kind = parts.groupby("kind")["r2"].sum()
    assert by_kind["all"] == pytest.approx(by_kind["unique"] + by_kind["shared"], abs=1e-5)
    assert "3 listeners" in storage.read_json(results / "figures" / "partitions.json")["Caption"]
    for said in ("three: meaning (norms, static and sound), model (tiny)", "variance partitions"):
        assert said.lower() in (results / "report.html").read_text().lower()
    for said in ("Feature spaces", "surprisal and entropy of each word for tiny", "5 times"):
        assert said in page, said


def test_an_edited_table_reruns_what_is_made_of_it(study: Path) -> None:
    assert jobs(snakemake("-n", "--configfile", "study.yaml", folder=study)) == {}
    table = study / "norms.tsv"
    table.write_text(table.read_text().replace("lamp\t1\t1", "lamp\t1\t8"))
    found = jobs(snakemake("-n", "--configfile", "study.yaml", folder=study))
    assert found["deals"] == found["deal_scores"] == found["partition"] == 1
    # The space itself, and the one that has it beside others.
    assert found["feature_space"] == found["encoding"] == found["chance"] == 2
    assert "activations" not in found
