"""The report: a page that stands alone, and is whole for every kind of study.

It says what is missing.
"""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import report_sample as sample

from engram.report import html_report, methods, sentences

VOID = {"br", "col", "hr", "img", "input", "link", "meta"}


class Page(HTMLParser):
    """The elements of a page, and its text; complains of tags that do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open.pop() == tag, f"</{tag}> at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self._open):
            self.text += f" {data}"

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def full() -> Page:
    """The page of a study that has everything but a surface."""
    made = sample.config(
        {**sample.ALICE, "associations": {"word-judged": {}}, "tunings": {"lora": {}}}
    )
    return Page(
        sample.page(
            made=made,
            association=sample.association(),
            tuning=sample.tuning(),
            chance=sample.chance(),
            claims=sample.claims(),
        )
    )


def test_a_wrong_clock_stands_at_the_top(full: Page) -> None:
    assert "Clocks to look at" not in full.text and "confirmed for alice" in full.text
    wrong = sample.scans().assign(clock="other TR", clock_tr=2.0)
    text = Page(sample.page(scans=wrong)).text
    assert (
        text.index("Clocks to look at") < text.index("Verdict on the published claims")
        and "With a TR of 2 s" in text
    )


def test_the_page_stands_alone(full: Page) -> None:
    for tag, name in (
        ("img", "src"),
        ("a", "href"),
        ("link", "href"),
        ("script", "src"),
        ("iframe", "src"),
    ):
        for attributes in full.all(tag):
            target = attributes.get(name) or "#"
            assert target.startswith(("#", "data:")), (tag, target[:80])
    policies = [
        attributes["content"] or ""
        for attributes in full.all("meta")
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert len(policies) == 1 and "default-src 'none'" in policies[0] and "http" not in policies[0]


def test_the_page_can_be_read_by_everybody(full: Page) -> None:
    ids = [attributes["id"] for _, attributes in full.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(attributes.get("alt") for attributes in full.all("img")) and full.all("img")
    for link in full.all("a"):
        target = link.get("href") or ""
        assert not target.startswith("#") or target[1:] in ids, target
    assert full.all("html") == [{"lang": "en"}]
    headings = [int(tag[1]) for tag, _ in full.elements if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1 and headings.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(headings))
    assert all(attributes.get("scope") for attributes in full.all("th"))
    assert all(
        attributes.get("tabindex") == "0" and attributes.get("aria-label")
        for attributes in full.all("div")
        if "scroll" in (attributes.get("class") or "")
    )
    # The verdict is the first section.
    assert full.all("section")[0]["id"] == "verdict"


def test_claims_are_shown_with_their_reasons(full: Page) -> None:
    assert (
        "Of 3 published claims: 1 reproduced, 1 not reproduced and 1 not testable here."
        in full.text
    )
    assert "no text was written by people" in full.text and "n/a to n/a" not in full.text


def test_without_claims_the_page_says_so() -> None:
    assert "Published claims were not compared" in Page(sample.page()).text


def test_the_same_study_gives_the_same_page() -> None:
    assert sample.page() == sample.page()


def test_texts_of_users_stay_texts() -> None:
    bad = "<script>alert(1)</script><img src=x onerror=alert(1)>&\"'"
    table = sample.scores()
    table["roi"] = table["roi"] + bad
    claims = sample.claims().assign(why=bad, statement=bad)
    made = sample.config(told=[bad])
    html = sample.page(
        made=made,
        scores=table,
        scans=sample.scans(reason=bad),
        claims=claims,
        best_layer=pd.DataFrame({bad: [bad]}),
    )
    whole = Page(html)
    assert "<script>alert" not in html and 'onerror=alert(1)>&"' not in html
    assert html.count("<script") == 1 and len(whole.all("img")) == 1
    assert whole.text.count("<script>alert(1)</script>") >= 5  # shown as text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("read /data/lab/x.tsv, see 'C'", "read …/x.tsv, see 'C'"),
        ("~/secret/y/z.nc; /home/jane", "…/z.nc; ~"),
        ("file:///home/jane/x.nii", "file://~/x.nii"),
        ("R/L 1/2 https://a.org/b/c and/or", "R/L 1/2 https://a.org/b/c and/or"),
        ("https://jane:word@a.org/b", "https://a.org/b"),
    ],
)
def test_paths_and_passwords_are_taken_out(text: str, expected: str) -> None:
    assert html_report.public(text) == expected


def test_paths_of_the_machine_are_not_shown() -> None:
    raw = {
        "study": "mine",
        "dataset": {"kind": "table", "path": "/home/jane/data", "tr": 1.5},
        "models": {},
        "baselines": ["word-rate"],
    }
    made = sample.config(raw)
    made["models"] = {
        "small": {
            "source": "/home/jane/models/tiny",
            "revision": None,
            "base": None,
            "reinitialised": False,
            "only": None,
        }
    }
    made["scored"] = ["small", "small-reinitialised", "word-rate"]
    html = sample.page(
        made={**made, "shown": ["small"]}, scans=sample.scans(reason="in /home/jane/bad/scan.nii")
    )
    downloads = [
        base64.b64decode(link["href"].split(",")[1]).decode()  # type: ignore[union-attr]
        for link in Page(html).all("a")
        if (link["href"] or "").startswith("data:")
    ]
    assert len(downloads) == 2 and "…/scan.nii" in "".join(downloads)
    assert "jane" not in html + "".join(downloads) and "small (tiny)" in html


# ---------------------------------------------------------------- tables


def test_large_tables_are_summed_up_by_column_and_small_ones_shown() -> None:
    small = sample.as_tables(small=pd.DataFrame({"x": [0.123456, np.nan], "word": ["null", "b"]}))[
        "small"
    ]
    assert not small.is_large and small.rows() == [["0.1235", "null"], ["n/a", "b"]]
    rows = html_report.MOST_ROWS + 1
    large = sample.as_tables(
        large=pd.DataFrame(
            {"x": np.arange(rows, dtype=float), "kind": ["a", "b"] * (rows // 2) + [np.nan]}
        )
    )["large"]
    assert large.is_large
    assert large.summary() == [
        ["x", "Meaning of x.", "0 to 150, median 75", "0"],
        ["kind", "Meaning of kind.", "a, b", "1"],
    ]
    whole = Page(sample.page(large=large.data, small=small.data)).text
    assert "0 to 150, median 75" in whole and "null" in whole


def test_tables_can_be_downloaded_whole_unless_they_are_very_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.tsv"
    path.write_text("x\n1.5\n")
    assert base64.b64decode(html_report.read_tables([path])["t"].link.split(",")[1]) == b"x\n1.5\n"
    monkeypatch.setattr(html_report, "MOST_BYTES", 3)
    table = html_report.read_tables([path])["t"]
    assert (table.link, table.size) == ("", "0.1 kB")
    assert (
        "The whole table (0.1 kB) is in the study's results: t.tsv."
        in Page(sample.page(t=table.data)).text
    )


def test_tables_come_with_the_words_of_their_sidecars(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("roi\tx\n01\tn/a\n")
    (tmp_path / "a.json").write_text(
        json.dumps(
            {"Description": "All.", "x": {"Description": "Ex."}, "Provenance": {"Rule": "r"}}
        )
    )
    table = html_report.read_tables([tmp_path / "a.tsv"])["a"]
    assert (table.description, table.columns, table.data["roi"][0]) == ("All.", {"x": "Ex."}, "01")


# ---------------------------------------------------------------- figures and surfaces


def test_figures_are_drawn_unless_that_is_large_and_have_the_words_of_their_sidecar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html_report, "_LARGE", 250)
    for name, svg, png in (("a", 210, 200), ("b", 300, 200)):
        (tmp_path / f"{name}.svg").write_bytes(b'<svg width="241pt" height="1pt">' + b" " * svg)
        (tmp_path / f"{name}.png").write_bytes(b"p" * png)
    (tmp_path / "a.json").write_text(json.dumps({"Title": "T", "Caption": "C", "Alt": "A"}))
    one, other = html_report.read_figures(
        [tmp_path / "a.svg", tmp_path / "b.svg"], [tmp_path / "a.png", tmp_path / "b.png"]
    )
    assert (one.title, one.caption, one.alt, one.suffix) == (
        "T",
        "C",
        "A",
        "svg",
    ) and one.uri.startswith("data:image/svg+xml;base64,")
    assert (other.title, other.caption, other.alt, other.suffix) == (
        "b",
        "",
        "b",
        "png",
    ) and other.uri.startswith("data:image/png;base64,")
    assert one.width == round(241 * html_report._SCALE)


@pytest.mark.slow
def test_the_surface_is_nilearns_view_once_and_its_colours_for_each_map() -> None:
    first = sample.surface()
    second = html_report.SurfaceMap("ceiling", first.values, 0.5, diverging=False)
    packed = html_report.surface_data([first, second])
    assert packed == html_report.surface_data([first, second])
    content = json.loads(gzip.decompress(base64.b64decode(packed)))
    assert [one["label"] for one in content["maps"]] == [first.label, "ceiling"]
    assert all(len(one["vertexcolor_both"]) == 2 * 10242 for one in content["maps"])
    assert content["maps"][0]["vertexcolor_both"] != content["maps"][1]["vertexcolor_both"]
    assert (content["maps"][0]["cmin"], content["maps"][0]["cmax"]) == pytest.approx(
        (-0.2, 0.2), abs=0.1
    )
    assert (content["maps"][1]["cmin"], content["maps"][1]["cmax"]) == (0.0, 0.5)
    frame = (
        content["head"] + json.dumps({**content["mesh"], **content["maps"][0]}) + content["tail"]
    )
    assert (
        "Plotly" in frame
        and "surfaceMapInfo" in frame
        and not re.search(r"<(script|link|img)[^>]* (src|href)=", frame)
    )
    assert len(packed) < 2_000_000


@pytest.mark.slow
def test_maps_beyond_the_most_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "maps are here" not in sample.page(with_surface=True)
    monkeypatch.setattr(html_report, "MOST_MAPS", 1)
    html = sample.page(with_surface=True)
    assert "The first 1 of 2 maps are here" in html and html.count("<option") == 1


def test_a_study_without_a_surface_has_none() -> None:
    html = sample.page()
    assert 'id="surface"' not in html and "unsafe-eval" not in html
    assert "these targets are not on a cortical surface" in html


# ---------------------------------------------------------------- how it was made


def provenance(folder: Path, name: str, rule: str, inputs: list[str], **more: Any) -> str:
    content = {
        "Rule": rule,
        "Wildcards": {"story": name},
        "Inputs": dict.fromkeys(inputs, "0"),
        "Seconds": 2.0,
        "PeakMemoryMB": 100,
        "Device": "cpu",
        **more,
    }
    (folder / f"{name}.json").write_text(
        json.dumps({"Provenance": {"Versions": {"numpy": "2.4"}, **content}})
    )
    return str(folder / f"{name}.nc")


def test_jobs_are_those_behind_the_results_each_once(tmp_path: Path) -> None:
    (tmp_path / "raw.json").write_text("no JSON")
    (tmp_path / "list.json").write_text("[1]")
    deep = provenance(
        tmp_path,
        "deep",
        "bold",
        [str(tmp_path / "raw.nii"), str(tmp_path / "list.nii"), str(tmp_path / "absent.nii")],
        Seconds=7.0,
        PeakMemoryMB=50,
    )
    left = provenance(
        tmp_path,
        "left",
        "encoding",
        [deep],
        Warnings=["odd scan /data/me/x.nii", "odd scan /data/me/x.nii"],
        Versions={"numpy": "2.5"},
    )
    right = provenance(tmp_path, "right", "encoding", [deep, str(tmp_path / "tuned")])
    provenance(tmp_path, "stale", "encoding", [deep])
    jobs = html_report.jobs_behind([left, right, left])
    assert [(job["Rule"], job["Wildcards"]["story"]) for job in jobs] == [
        ("bold", "deep"),
        ("encoding", "left"),
        ("encoding", "right"),
    ]
    assert html_report.run_times(jobs) == [
        ["bold", "1", "7.0", "7.0", "50"],
        ["encoding", "2", "4.0", "2.0", "100"],
    ]
    assert html_report.versions(jobs) == [["numpy", "2.4, 2.5"]]
    assert html_report.warnings_of(jobs) == ["encoding: odd scan …/x.nii"]


def test_scans_left_out_are_listed_with_their_reasons() -> None:
    whole = Page(sample.page()).text
    assert (
        "5 of 6 scans are in use. Left out:" in whole
        and "listener 06, alice: moved too much" in whole
    )
    assert "None was left out." in Page(sample.page(scans=sample.scans().iloc[:5])).text


# ---------------------------------------------------------------- the answer


def test_how_well_names_models_layers_baselines_and_ceilings() -> None:
    said = " ".join(sentences.how_well(sample.scores(), sample.config()))
    assert "over 3 regions of 5 listeners: small 0.200." in said and "small 2 of 3" in said
    assert (
        "Baselines: small-reinitialised 0.100 and word-rate 0.050." in said
        and "The average listener: small 0.400." in said
    )
    assert "A perfect model would reach 0.250" in said and "this is 80 % of it" in said
    assert (
        "95 % intervals over listeners: small 0.1" in said
        and "not tested against chance here" in said
    )


def test_a_baseline_that_is_not_exceeded_is_named() -> None:
    table = sample.scores()
    assert "is not above" not in " ".join(sentences.how_well(table, sample.config()))
    table.loc[table["model"] == "word-rate", "score"] += 0.2
    assert "In the mean small is not above word-rate." in sentences.how_well(table, sample.config())


def test_how_well_names_the_range_of_many_models() -> None:
    models = tuple(f"m{number}" for number in range(5))
    table = pd.concat(
        [
            sample.scores(models=(name,)).assign(score=0.1 + 0.01 * number)
            for number, name in enumerate(models)
        ]
    )
    said = " ".join(
        sentences.how_well(
            table, {**sample.config(), "scored": list(models), "shown": list(models)}
        )
    )
    assert "5 models 0.100 to 0.140" in said and "Baselines" not in said


@pytest.mark.parametrize(
    ("chance", "expected"),
    [
        (None, "not tested against chance here"),
        (sample.chance(), "small in 3 of 3 regions"),
        (sample.chance(0.2), "small in 0 of 3 regions"),
        (sample.chance(0.4, smallest=0.1), "no p below 0.100 can be reached"),
        (sample.chance(np.nan), "too short to be shifted"),
    ],
)
def test_chance_is_said(chance: pd.DataFrame | None, expected: str) -> None:
    assert expected in " ".join(sentences.how_well(sample.scores(), sample.config(), chance))


def test_what_only_the_language_model_predicts_is_said() -> None:
    nuisance = pd.DataFrame(
        {
            "model": "small",
            "beyond": ["word-rate", "word-rate", "all", "all"],
            "unique": [0.01, 0.03, -0.002, 0.001],
        }
    )
    said = " ".join(sentences.how_well(sample.scores(), sample.config(), nuisance=nuisance))
    assert (
        "What small alone predicts beyond word-rate: +0.010 to +0.030; beyond all: "
        "−0.002 to +0.001, by region."
    ) in said
    data = {"scores": sample.scores(), "scans": sample.scans(), "nuisance": nuisance}
    assert (
        "a penalty for each band" in methods.methods(sample.config(), data, "0.1.0")[0]["Nuisance"]
    )


def test_what_only_associations_predict_is_said() -> None:
    unique = pd.DataFrame(
        {
            "unique_minus_random": [-0.002, 0.013],
            "p_texts_fdr": [0.9, 0.04],
            "n_random": 39,
            "beyond": "word-rate, since-insertion",
        }
    )
    for table in (sample.association(), sample.association(0.01), sample.association(n_random=9)):
        said = sentences.what_association_adds(table, unique)[-1]
        assert (
            "−0.002 to +0.013 more than random texts do" in said
            and "over 39 random texts" in said
            and "in 1 of 2 (smallest 0.040)" in said
        )
    data = {
        "scores": sample.scores(),
        "scans": sample.scans(),
        "nuisance": pd.DataFrame({"beyond": ["word-rate"]}),
        "association_unique": unique,
    }
    paragraphs = methods.methods(sample.config(), data, "0.1.0")[0]
    assert "Nuisance features there: word-rate, since-insertion." in paragraphs["Nuisance"]
    assert "the unique contribution of associations over texts" in paragraphs["Statistics"]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (None, "was not measured"),
        (sample.association(0.6), "No gain from association is shown"),
        (
            sample.association(0.01),
            (
                "Association adds to R beyond random texts of the same shape: word-judged, "
                "read by small, in 1 of 3 regions (most in left area0: F +0.030"
            ),
        ),
        (
            sample.association(0.01, n_random=9),
            "cannot be told: with 9 random texts no p below 0.100 can be reached",
        ),
    ],
)
def test_what_association_adds_is_said_with_care(table: pd.DataFrame | None, expected: str) -> None:
    first, *_ = sentences.what_association_adds(table)
    assert expected in first


def test_an_effect_that_was_not_found_comes_with_what_would_have_been() -> None:
    said = " ".join(sentences.what_association_adds(sample.association()))
    assert (
        "An F of 0.007 above" in said
        and "written by a language model" in said
        and "smaller effects cannot be excluded" in said
    )
    assert "people" in " ".join(
        sentences.what_association_adds(sample.association(written_by="manual"))
    )
    # With 39 random texts p is 0.025 at best: corrected over 30 regions it is below
    # 0.05 only if 15 have it.
    assert "and 15 regions would have to reach that at once" in " ".join(
        sentences.what_association_adds(sample.association(regions=30))
    )
    assert "at once" not in " ".join(sentences.what_association_adds(sample.association(regions=2)))


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (None, "was not measured"),
        (sample.tuning(), "No gain from tuning is shown"),
        (
            sample.tuning(0.02),
            (
                "beats control tunings in 1 of 3 cases, by the most in left area0 (lora, small): "
                "R_sft − R +0.010, M +5 %, corrected p 0.020"
            ),
        ),
        (
            sample.tuning(seeds=1),
            (
                "cannot be told: a test over seeds needs four of each condition, and there are 1 "
                "to associate, 1 shuffled and 1 generic"
            ),
        ),
    ],
)
def test_what_tuning_adds_is_said_with_care(table: pd.DataFrame | None, expected: str) -> None:
    first, *_ = sentences.what_tuning_adds(table)
    assert expected in first


def test_falling_less_than_controls_is_not_called_a_gain() -> None:
    lower = sample.association(0.01)
    lower[["F", "F_random"]] -= 0.05
    first, *_ = sentences.what_association_adds(lower)
    assert (
        first.startswith("Association takes less from R than random texts") and "F −0.020" in first
    )
    tuned = sample.tuning(0.02)
    tuned["difference"] -= 0.05
    assert "R itself falls in some of these." in sentences.what_tuning_adds(tuned)[0]
    assert "falls" not in sentences.what_tuning_adds(sample.tuning(0.02))[0]


def test_a_tuning_is_a_gain_only_against_both_controls() -> None:
    table = sample.tuning(0.02)
    table["p_generic_fdr"] = 0.4
    assert "No gain from tuning is shown" in sentences.what_tuning_adds(table)[0]


def test_m_is_not_said_where_r_is_not_above_0() -> None:
    said = " ".join(sentences.what_tuning_adds(sample.tuning(original=-0.1)))
    assert "M without meaning" in said and "M −" not in said


# ---------------------------------------------------------------- what is missing


def test_one_listener_one_region_no_ceiling_no_association_no_tuning() -> None:
    table = sample.scores(listeners=1, regions=1).assign(ceiling=np.nan)
    whole = Page(sample.page(scores=table, scans=sample.scans(1))).text
    for expected in (
        "One listener: no interval, no average listener",
        "No ceilings: they need 4 listeners",
        "One region: nothing can be said of where",
        "1 story: no test over stories",
        "No texts with associations: F is not measured.",
        "No tunings: M is not measured.",
        "over 1 region of 1 listener: small 0.200.",
        "There are none: they need four listeners of a story.",
        "is not known for every listener",
        "One listener says nothing about others.",
        "There are no intervals: they need three listeners. No test was made.",
    ):
        assert expected in whole, expected
    for wrong in (
        "The average listener",
        "95 % intervals over listeners",
        "A perfect model",
        "1 listeners",
        "1 regions",
    ):
        assert wrong not in whole, wrong


def test_a_whole_study_misses_little() -> None:
    made = sample.config(
        {**sample.ALICE, "associations": {"word-manual": {}}, "tunings": {"lora": {}}},
        brain="surface",
        told=list("abcdef"),
    )
    data = {"scores": sample.scores(), "association": sample.association(written_by="manual")}
    assert sentences.missing(data, made) == []
    made["told"] = ["pieman", "piemanpni", *"abcd"]  # one story in two tellings
    assert [said[:28] for said in sentences.missing(data, made)] == ["5 stories: no test over stor"]


def test_models_that_this_run_leaves_out_are_named() -> None:
    assert "Left out of this run by their `only` key: big." in sentences.missing(
        {"scores": sample.scores()}, sample.config(left_out_models=["big"])
    )


def test_simulated_listeners_are_called_so() -> None:
    made = sample.config(
        {
            "study": "demo",
            "dataset": {"kind": "simulated"},
            "models": {"small": {"source": "gpt2"}},
        },
        brain="surface",
    )
    truth = pd.DataFrame({"found": ["yes", "yes", "not required"]})
    whole = Page(
        sample.page(
            made=made,
            scores=sample.scores(models=("small", "word-rate")),
            truth=truth,
            claims=sample.claims(),
        )
    ).text
    assert (
        "They say nothing about brains." in whole
        and "Of 2 checks of what was planted in these listeners 2 came out" in whole
    )
    assert (
        "5 simulated listeners" in whole
        and "about simulated listeners, and not about the claims" in whole
    )
    assert "Nothing in it was measured in people." in whole


# ---------------------------------------------------------------- methods

NARRATIVES = {
    "study": "n",
    "dataset": {"kind": "narratives", "stories": ["pieman"]},
    "models": {"small": {"source": "gpt2"}},
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"encoding": {"alpha_by": "mse"}}, "the lowest mean squared error"),
        ({"encoding": {"delays": [1, 2, 3]}}, "delays of 1, 2 and 3 rows"),
        ({"encoding": {"alphas": [10.0]}}, "of 10 alone"),
        ({"encoding": {"words_to_trs": "lanczos"}}, "Lanczos"),
        ({"encoding": {"folds": 7, "inner_folds": 3, "trim": 6}}, "7 contiguous test blocks"),
        ({"encoding": {"trim": 6}}, "the first 6 rows of a scan were dropped"),
        ({"activations": {"mode": "exact"}}, "each word in a window of its own"),
        (
            {"activations": {"context": 512, "stride": 128}},
            "windows of 512 tokens, 128 tokens apart",
        ),
        ({"activations": {"pooling": "mean"}}, "the mean of its sub-tokens'"),
        ({"bold": {"high_pass": None, "confounds": False}}, "Nothing was regressed out."),
        ({"bold": {"targets": "roi"}}, "the mean time courses of regions"),
        ({"figures": {"layer": 3}}, "it is layer 3, or the last"),
        ({"ceiling": {"halves": 7, "floor": 0.1}}, "7 random splits"),
        ({"seed": 5}, "drawn with seed 5"),
        (
            {
                "associations": {"word-judged": {}},
                "associating": {"alignment": "anchor", "targets": "roi"},
            },
            "(alignment: anchor); the mean time course",
        ),
        ({"associations": {"word-judged": {}}}, "word-judged (written by a language model)"),
        (
            {"tunings": {"up": {"method": "frozen", "train_layers": [1, 2]}}},
            "up trains blocks 1 and 2",
        ),
        ({"tunings": {"up": {"method": "full", "patience": 2}}}, "stopped after 2 validations"),
        ({"tunings": {"low": {"rank": 4}}}, "of rank 4, scale 16"),
        (NARRATIVES, "Narratives (Nastase et al. 2021), fetched by DataLad"),
        (
            {**NARRATIVES, "dataset": {**NARRATIVES["dataset"], "path": "/data/n"}},  # type: ignore[dict-item]
            "read from a folder",
        ),
        (
            {**NARRATIVES, "dataset": {**NARRATIVES["dataset"], "runs": "first"}},  # type: ignore[dict-item]
            "of two runs the first counts",
        ),
        (NARRATIVES, "Destrieux et al. 2010"),
    ],
)
def test_methods_say_what_was_done(changes: dict[str, Any], expected: str) -> None:
    made = sample.config({**sample.ALICE, **changes})
    made["brain"] = "surface" if made["dataset"]["kind"] == "narratives" else None
    data = {
        "scores": sample.scores(),
        "scans": sample.scans(),
        "association": sample.association(),
        "tuning": sample.tuning(),
    }
    paragraphs, sources = methods.methods(made, data, "0.1.0")
    text = " ".join(paragraphs.values())
    assert expected in text
    assert "[@" not in text and len(sources) == len(set(sources)) >= 8
    assert expected not in " ".join(
        methods.methods(
            sample.config(), {name: data[name] for name in ("scores", "scans")}, "0.1.0"
        )[0].values()
    )


def test_sources_are_those_of_what_was_used() -> None:
    data = {"scores": sample.scores(), "scans": sample.scans()}
    _, sources = methods.methods(sample.config(), data, "0.1.0")
    text = " ".join(sources)
    assert "Brennan" in text and "Radford" in text and "himalaya" in text
    assert "Narratives" not in text and "LoRA" not in text and "DataLad" not in text
