"""From a table of norms to tables, figure and report: the whole road on a small study."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, jobs, random_words, regions, snakemake, write_table_study

from engram.associations.association_files import read_associations
from engram.files import storage

pytestmark = pytest.mark.slow
NOUNS = ["harbour", "lamp", "sister", "garden", "bread", "winter", "horse", "candle"]
OTHERS = ["castle", "ribbon", "kettle", "soldier", "mountain", "pepper", "anchor", "violin"]
DESCRIBED = "made-up answers, this year, to no story"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study of one story with strong and weak responses to its words."""
    folder = tmp_path_factory.mktemp("norms")
    rng = np.random.default_rng(0)
    words = random_words(240).assign(
        word=[w for k in range(80) for w in ("and", "the", NOUNS[k % 8])]
    )
    bold = {f"0{k}": rng.standard_normal((72, 4)) for k in range(1, 4)}
    write_table_study(folder / "data", bold, words, regions(4), "one")
    rows = [
        f"{cue.upper()}\t{cue[:4].upper()}{end}\t{count}"
        for cue in (*NOUNS, *OTHERS)
        for end, count in (("OX", 40), ("ASH", 9), ("UK IL", 2))
    ]
    (folder / "mine.tsv").write_text("\n".join(["Told\tSaid\tPeople", *rows]) + "\n")
    norms = {
        "table": "mine.tsv",
        "columns": {"cue": "Told", "response": "Said", "count": "People"},
        "both_strengths": True,
        "described": DESCRIBED,
    }
    content = {
        "study": "mine",
        "dataset": {"kind": "table", "path": "data", "tr": 1.5},
        "models": {"tiny": {"source": str(ROOT / "resources" / "models" / "llama-tiny")}},
        "baselines": [],
        "associations": {
            "norms-strong": {"annotator": {"norms": norms}},
            "norms-weak": {"annotator": {"norms": {**norms, "response": "weak"}}},
        },
        "association_effect": {
            "targets": "roi",
            "controls": {
                **{"dealt": 3, "cues": 1, "shuffled": 1, "displaced": 0},
                **{"repeat": 0, "passage": 0},
            },
        },
        "chance": {"shifts": 19},
        "encoding": {"folds": 3, "inner_folds": 2, "longest_delay": 4.5},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(content))
    result = snakemake("--configfile", "study.yaml", folder=folder)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    return folder


def test_the_whole_road(study: Path) -> None:
    results = study / "results" / "mine"
    tables = {
        name: storage.read_table(results / "tables" / f"association{name}.tsv")
        for name in ("", "_coverage", "_strength", "_texts")
    }
    written = {
        name: read_associations(
            results / "associations" / f"story-one_associations-norms-{name}.tsv", 240
        )
        for name in ("strong", "weak")
    }
    assert [one.after_word for one in written["strong"]] == [
        one.after_word for one in written["weak"]
    ]
    assert {one.annotator for one in written["strong"]} == {"norms:mine"}
    assert {one.strength for one in written["strong"]} == {"40"}
    assert {one.strength for one in written["weak"]} == {"2"}
    assert all(one.text == f"{one.cue[:4]}uk il" for one in written["weak"])
    association, coverage, strength = tables[""], tables["_coverage"], tables["_strength"]
    assert set(association["written_by"]) == {f"norms:mine ({DESCRIBED})"}
    assert set(association["null"]) == {"dealt"} and (association["n_null"] == 3).all()
    assert association["F_cues"].notna().all()
    assert set(tables["_texts"]["variant"]) == {
        *("original", "associations", "shuffled-01", "cues-01"),
        *(f"dealt-0{k}" for k in (1, 2, 3)),
    }
    assert coverage["text"].tolist() == ["norms-strong", "norms-weak"]
    assert (coverage["content_words"] == 80).all() and (
        coverage["places"] == len(written["weak"])
    ).all()
    assert (strength["n_dealt"] == 3).all() and len(strength) == len(association) / 2
    f = association.pivot(index=["hemisphere", "roi"], columns="text", values="F")
    np.testing.assert_allclose(
        strength.set_index(["hemisphere", "roi"])["difference"],
        (f["norms-strong"] - f["norms-weak"]).reindex(
            pd.MultiIndex.from_frame(strength[["hemisphere", "roi"]])
        ),
        atol=2e-5,
    )
    page = (results / "report.html").read_text()
    for said in (
        f"from norms: mine ({DESCRIBED})",
        "those with associations are what people said to single words",
        "3 dealt texts",
    ):
        assert said in page, said
    assert "random text" not in page.split("Methods")[0]


def test_an_edited_table_and_a_setting_rerun_what_they_must(study: Path) -> None:
    assert jobs(snakemake("-n", "--configfile", "study.yaml", folder=study)) == {}
    table = study / "mine.tsv"
    before = table.read_text()
    table.write_text(before.replace("HARBOX\t40", "HARBOX\t41"))
    planned = jobs(snakemake("-n", "--configfile", "study.yaml", folder=study))
    table.write_text(before)
    assert (
        planned["write_norms"] == planned["association_texts"] == planned["text_activations"] == 2
    )
    assert planned["association_coverage"] == planned["association_strength"] == 1
    assert not {"story", "bold", "encoding", "activations"} & set(planned)
