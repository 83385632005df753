"""What is refused beside a story in another language, before the first job."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from engram.errors import EngramError
from engram.study.association_plan import check_languages


def study(associations: Any = None, **spaces: Any) -> Any:
    return SimpleNamespace(associations=associations or {}, features=spaces)


def test_spaces_are_of_the_language_of_the_stories() -> None:
    frequency = SimpleNamespace(language="en")
    check_languages(study(zipf=frequency), {"tale": "en-gb"})
    with pytest.raises(EngramError, match=r"features.zipf: .*'en', and that of conte is 'fr'"):
        check_languages(study(zipf=frequency), {"tale": "en", "conte": "fr"})
    check_languages(study(zipf=SimpleNamespace(language="FR")), {"conte": "fr-ca"})
    check_languages(study(own=SimpleNamespace(language="en", source="column")), {"conte": "fr"})
    check_languages(study(rate=SimpleNamespace()), {"conte": "fr"})


def test_associations_from_norms_are_english() -> None:
    norms = SimpleNamespace(annotator=SimpleNamespace(norms=object()))
    check_languages(study({"text": norms}), {"tale": "en"})
    with pytest.raises(EngramError, match="associations.text: norms are of English words"):
        check_languages(study({"text": norms}), {"conte": "fr"})
