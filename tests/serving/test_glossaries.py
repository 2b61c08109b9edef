"""What the service knows of its glossaries: names, refusals, matchers."""

from __future__ import annotations

import pytest

from data.glossary import Glossary, Term
from serving.errors import NotFoundError
from serving.glossaries import Glossaries

PUMP = Term("machinery/pump", (), {"en": {"base": "pump", "pl": "pumps"}, "de": {"base": "Pumpe"}, "zh": {"base": "泵"}})
NUT = Term("machinery/nut", (), {"en": {"base": "nut"}, "es": {"base": "tuerca"}})
ZIP = Term("apparel/zip", (), {"en": {"base": "zip"}, "de": {"base": "Reißverschluss"}})
MACHINERY, APPAREL = Glossary("machinery", (PUMP, NUT)), Glossary("apparel", (ZIP,))
BOTH = {"machinery": MACHINERY, "apparel": APPAREL}


def found(glossaries: Glossaries, industry: str | None, text: str, source: str = "en", target: str = "de") -> list[str]:
    return [match.term.targets[0] for match in glossaries.matcher(industry, source, target).find(text)]


def test_industries_are_named_in_order() -> None:
    assert Glossaries(BOTH).industries == ("apparel", "machinery")
    assert Glossaries(BOTH).get("machinery") is MACHINERY


@pytest.mark.parametrize("ask", [lambda g: g.get("optics"), lambda g: g.matcher("optics", "en", "de")])
def test_an_unknown_industry_is_refused_with_those_that_there_are(ask: object) -> None:
    with pytest.raises(NotFoundError, match=r"^no glossary for industry 'optics'; there are: apparel, machinery$") as caught:
        ask(Glossaries(BOTH))  # type: ignore[operator]
    assert [detail.field for detail in caught.value.details] == ["industry"]


def test_only_terms_of_both_languages_are_found() -> None:
    glossaries = Glossaries(BOTH)
    assert found(glossaries, "machinery", "Two pumps and a nut with a zip.") == ["Pumpe"]
    assert found(glossaries, "machinery", "Two pumps and a nut.", target="es") == ["tuerca"]
    assert found(glossaries, "apparel", "A pump with a zip.") == ["Reißverschluss"]
    assert found(glossaries, None, "A pump with a zip.") == []


def test_a_matcher_is_built_once() -> None:
    glossaries = Glossaries(BOTH)
    assert glossaries.matcher("machinery", "en", "de") is glossaries.matcher("machinery", "en", "de")
    assert glossaries.matcher("machinery", "en", "de") is not glossaries.matcher("machinery", "en", "zh")


def test_others_take_the_place_of_some() -> None:
    own, new = Glossaries(BOTH), Glossary("machinery", (NUT,))
    kept = own.matcher("apparel", "en", "de")
    own.matcher("machinery", "en", "es")
    over = Glossaries({"machinery": new, "optics": new}).over(own, own)
    assert over.industries == ("apparel", "machinery", "optics")
    assert (over.get("machinery"), over.find("apparel"), own.get("machinery")) == (new, APPAREL, MACHINERY)
    assert over.matcher("apparel", "en", "de") is kept
    assert found(over, "machinery", "A pump and a nut.", target="es") == ["tuerca"]
    assert found(over, "machinery", "A pump and a nut.") == []
