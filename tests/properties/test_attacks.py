"""Attacks and slips in configurations and addresses.

Each is refused, with a bound on time, and no secret is repeated.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import pytest
from conftest import MODELS

from engram.errors import EngramError
from engram.fetch.addresses import secret_in
from engram.study.config.fields import LONGEST_NAME, Section
from engram.study.config.read import read_study
from engram.study.config.study import Study
from engram.study.config_files import check_files

STUDY: dict[str, Any] = {
    "study": "mine",
    "dataset": {"kind": "table", "path": "data", "tr": 1.5},
    "models": {"tiny": {"source": str(MODELS / "llama-tiny")}},
}
SECRETS = [
    "HTTPS://me:s3cret@host/v1", "  https://s3cret@host", "s3://AKID:s3cret@bucket/data",
    "https%3A%2F%2Fme%3As3cret%40host", "https://me%3As3cret%40host/v1",
    "//me:s3cret@host/x", "me:s3cret@host/x", "ria+https://me:s3cret@host",
    "https:\\\\me:s3cret@host", "https://host/v1?token=s3cret",
    "https://host/v1?X-Amz-Signature=s3cret", "https://host/v1?a=1;api_key=s3cret",
    "https://host/#access_token=s3cret", "https://host/hf_s3cretS3cretS3cret",
    "https%253A%252F%252Fme%253As3cret%2540host", "https:/me:s3cret@host",
    "https:///me:s3cret@host", "git::https://me:s3cret@host/x", "hTTps ://me:s3cret@host",
    *(f"https://host/x?{name}=s3cret" for name in ("pass", "pw", "code", "sas", "pat",
        "PASSPHRASE")),
    "https://host/x;token=s3cret", "www.host.org/x?token=s3cret",
    "https://host/eyJhbGciOis3cret.eyJzdWIiOis3cret.abc", "https://host/AIzaSyS3cretS3cret",
]  # fmt: skip


@pytest.mark.parametrize("address", SECRETS)
def test_secrets_in_addresses_in_any_spelling(address: str) -> None:
    narratives = {"kind": "narratives", "stories": ["pieman"]}
    for change in (
        {"associations": {"a": {"annotator": {"model": "m", "address": address}}}},
        {"dataset": {**narratives, "source": address}},
        {"dataset": {**narratives, "path": address}},
        {"models": {"m": {"source": address}}},
        {"models": {"m": {"source": "gpt2", "revision": address}}},
        {"tunings": {"t": {"licence": f"CC BY 4.0 ({''.join(address.split())} )"}}},
        {"mirror": address},
        {"pathvars": {"results": address}},
    ):
        with pytest.raises(
            EngramError, match="must not hold a user name, a password or a token"
        ) as error:
            read_study({**STUDY, **change})
        assert "s3cret" not in str(error.value).lower()


@pytest.mark.parametrize(
    "address",
    ["gpt2", "me/model", "./mine", "/data/me@lab:x/y", "https://host:8000/v1",
        "https://host/v1?api-version=2024-10-21", "ria+ssh://host/store#~alias",
     "git@github.com:me/data.git",
     "C:/me@lab/x", "file:///me@lab/x", "https://host/x?passage=2&decode=1", "data.v2/what?/key",
     "/data/run;key=3",
     "eyJournal-2024", "resources/models/gpt2-tiny", "/data/what?/key#1"],
)  # fmt: skip
def test_addresses_without_secrets_pass(address: str) -> None:
    assert secret_in(address) == ""


def test_a_hostile_address_costs_no_time() -> None:
    start = time.process_time()
    for address in (
        "a:" * 100_000,
        "https://" + "a" * 200_000 + "?" + "a=1;" * 1000,
        "hf_" * 60_000,
        "%25" * 60_000,
        "-eyJaaaa" * 20_000,
        "a." * 100_000,
        "ab:" * 60_000,
    ):
        secret_in(address)
    assert time.process_time() - start < 5


TWICE = {
    "at the top": ("study: a\nseed: 1\nstudy: b\n", r"'study' stands twice \(lines 1 and 3\)"),
    "in a section": (
        "study: a\nmodels:\n  m: {source: x}\n  n: {source: y}\n  m: {source: z}\n",
        r"'m' stands twice under 'models' \(lines 3 and 5\)",
    ),
    "in a flow mapping": (
        "study: a\nencoding: {folds: 4, alphas: [1], folds: 5}\n",
        "'folds' stands twice under 'encoding'",
    ),
    "in a list": ("a:\n  - {b: 1, b: 2}\n", "'b' stands twice under 'a'"),
    "a merge key": (
        "a: &a {b: 1}\nc: &c {d: 1}\ne:\n  <<: *a\n  <<: *c\n",
        r"'<<' stands twice under 'e'.*Write one, '<<: \[\*one, \*other\]'",
    ),
    "quoted": ("study: a\n'study': b\n", "'study' stands twice"),
}


@pytest.mark.parametrize("name", TWICE)
def test_keys_that_stand_twice(name: str, tmp_path: Path) -> None:
    text, message = TWICE[name]
    (tmp_path / "study.yaml").write_text(text)
    with pytest.raises(EngramError, match=message):
        check_files([tmp_path / "study.yaml"])


@pytest.mark.slow
def test_files_that_are_no_configuration(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
    )
    start = time.process_time()
    for text, message in (
        ("- study\n- dataset\n", "no 'key: value' lines"),
        ("study: [\n", "no valid YAML"),
        ("study:\tmine\n\tdataset: x\n", "no valid YAML"),
        (laughs, "unfolds to more than"),
        ("a: " + "[" * 2000 + "]" * 2000, "nested too deeply"),
    ):
        path.write_text(text)
        with pytest.raises(EngramError, match=message):
            check_files([path])
    path.write_bytes("study: caf\u00e9\n".encode("latin-1"))
    with pytest.raises(EngramError, match="not UTF-8"):
        check_files([path])
    path.write_text("\ufeffstudy: mine\nmodels:\n  m: &m {source: x}\n  n: {<<: *m, revision: y}\n")
    check_files([path])  # a byte order mark and merge keys are fine
    assert time.process_time() - start < 20


#: Stands in the place of a list's index.
LIST = "0"


def _numbers_inside(annotation: Any) -> bool:
    """Tell whether an annotation is a list of numbers, with or without bounds or null."""
    if get_origin(annotation) is list:
        inner = get_args(annotation)[0]
        return (get_args(inner)[0] if get_origin(inner) is Annotated else inner) in (int, float)
    return any(_numbers_inside(one) for one in get_args(annotation))


def _numbers(section: type[Section], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return where a section of the configuration takes a number, or a list of numbers.

    Sections inside it count too.
    """
    found = []
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            found += _numbers(field.annotation, (*path, name))
        elif field.annotation in (int, float, int | None, float | None):
            found.append((*path, name))
        elif _numbers_inside(field.annotation):
            found.append((*path, name, LIST))
    return found


@pytest.mark.parametrize("value", [1e16, float("nan"), float("inf"), 10**30, "1e400"])
def test_every_number_has_a_limit(value: object) -> None:
    places = _numbers(Study)
    assert (
        len(places) > 20
        and ("encoding", "inner_folds") in places
        and ("association_effect", "controls", "random") in places
    )
    assert {("encoding", "alphas", LIST), ("encoding", "delays", LIST)} <= set(places)
    for path in [*places, ("encoding", "folds")]:  # folds by number are one of several forms
        change: Any = value
        for part in reversed(path):
            change = [change] if part == LIST else {part: change}
        with pytest.raises(EngramError, match=path[-1]):
            read_study({**STUDY, **change})
    for key in ("tr", "start"):
        with pytest.raises(EngramError, match=f"dataset.{key}"):
            read_study({**STUDY, "dataset": {**STUDY["dataset"], key: value}})


@pytest.mark.parametrize("path", ["da{ta}", "{x}", "a<b>", "a\tb", "a\nb", "a\x00b", ""])
def test_paths_that_cannot_be_handed_on(path: str) -> None:
    for change in (
        {"dataset": {**STUDY["dataset"], "path": path}},
        {"pathvars": {"results": path}},
        {"associations": {"a": {"folder": path}}},
    ):
        with pytest.raises(
            EngramError, match="(wildcards|control characters|at least 1 character)"
        ):
            read_study({**STUDY, **change})


def test_names_have_a_longest_length() -> None:
    for name in ("a" * (LONGEST_NAME + 1), "a" * 100_000):
        with pytest.raises(EngramError, match="60 characters at most") as error:
            read_study({**STUDY, "study": name})
        assert len(str(error.value)) < 1000


@pytest.mark.parametrize(
    "number", ["010", "01", "12:30", "1_5", "0x10", "0b11", "1:30.5", "-010", "1_0.5"]
)
def test_numbers_that_yaml_reads_otherwise_than_they_look(number: str, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    for text in (
        f"dataset:\n  subjects: [{number}]\n",
        f"dataset:\n  exclude: {{{number}: moved}}\n",
        f"dataset:\n  start: {number}\n",
    ):
        path.write_text(text)
        with pytest.raises(EngramError, match=rf"line 2: {number} \(in 'dataset"):
            check_files([path])
    path.write_text(
        f"dataset: {{listeners: ['{number}', 1, 08, 10, -3, 1.5, .5, 1.0e-3, "
        "1e-3, +2, 0, 0.0, .inf]}\n"
    )
    check_files([path])


def test_a_truth_value_is_no_number_and_a_number_with_a_point_no_name() -> None:
    for change, message in (
        ({"dataset": {**STUDY["dataset"], "tr": True}}, "tr: a number is needed"),
        ({"dataset": {**STUDY["dataset"], "start": {"a": True}}}, "start: a number is needed"),
        ({"seed": False}, "seed: a number is needed"),
        ({"encoding": {"alphas": [1, True]}}, "alphas: a number is needed"),
        ({"encoding": {"delays": [True]}}, "delays: a number is needed"),
        (
            {"dataset": {**STUDY["dataset"], "listeners": [1.10]}},
            "listeners.0: a name that looks like a number with a point stands in quotes",
        ),
        (
            {"dataset": {**STUDY["dataset"], "exclude": {1.10: "moved"}}},
            "a name that looks like a number with a point stands in quotes",
        ),
    ):
        with pytest.raises(EngramError, match=message):
            read_study({**STUDY, **change})
