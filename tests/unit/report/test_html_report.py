"""The report: a page that stands alone, and is whole for every kind of study.

It says what is missing.
"""

from __future__ import annotations

import base64
import itertools
import re

import pandas as pd
import pytest
import report_sample as sample
from html_page import Page

from engram.paths import TEMPLATES
from engram.report import embedding


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
    assert "Check these clocks" not in full.text and "confirmed for alice" in full.text
    wrong = sample.scans().assign(clock="other TR", clock_tr=2.0)
    text = Page(sample.page(scans=wrong)).text
    assert text.index("Check these clocks") < text.index("how well BOLD that a model predicts")
    assert "With a TR of 2 s" in text


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
    # What was found is the first section, claims of the paper are the last.
    sections = [attributes["id"] for attributes in full.all("section")]
    assert sections[0] == "found" and sections[-1] == "claims"


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour of CSS, as WCAG 2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(scheme: str) -> None:
    css = (TEMPLATES / "report.css").read_text()
    light, dark, _ = re.findall(r":root \{([^}]*)\}", css)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", light if scheme == "light" else dark))
    pairs = [
        *itertools.product(("ink", "quiet", "link", "good"), ("page", "card")),
        *((name, f"{name}-back") for name in ("good", "bad", "open")),
    ]
    for front, back in pairs:
        one, other = sorted((luminance(colours[front]), luminance(colours[back])))
        assert (other + 0.05) / (one + 0.05) >= 4.5, (front, back)


def test_claims_are_shown_with_their_reasons(full: Page) -> None:
    assert (
        "Of 3 published claims: 1 reproduced, 1 not reproduced and 1 not testable here."
        in full.text
    )
    assert "no text was written by people" in full.text and "n/a to n/a" not in full.text


def test_claims_are_left_out_where_none_can_be_tested() -> None:
    untestable = sample.claims().assign(verdict="not testable here")
    for whole in (Page(sample.page()), Page(sample.page(claims=untestable))):
        assert "Claims of the paper" not in whole.text
        assert "claims" not in [attributes["id"] for attributes in whole.all("section")]


def test_the_same_study_gives_the_same_page() -> None:
    assert sample.page() == sample.page()


def test_texts_of_users_stay_texts() -> None:
    bad = "<script>alert(1)</script><img src=x onerror=alert(1)>&\"'"
    table = sample.scores()
    table["roi"] = table["roi"] + bad
    claims = sample.claims().assign(why=bad, statement=bad)
    made = sample.config(story_names=[bad])
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
    assert embedding.public(text) == expected


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
            "layers_together": None,
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
