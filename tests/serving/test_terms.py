"""Where the terms of a request stand, how they go to the first and to a later model, and what becomes of them."""

from __future__ import annotations

from typing import Any

import pytest

from data.annotation import FEATURES, FORMS, START, TERMS, bare
from data.glossary import Glossary, Term
from data.normalize import normalize
from data.protect import MARKERS, TERM_KIND
from data.terms import Wanted
from serving.errors import NotFoundError
from serving.glossaries import Glossaries
from serving.terms import HELD, RequestTerms, Use, applied, first_leg, later_leg, spelled, with_missing

T0, T1, T2 = TERMS[:3]
F, M, N = FEATURES["f"], FEATURES["m"], FEATURES["n"]
PL = FORMS["pl"]
PUMP = Term(
    "m/pump",
    (),
    {
        "en": {"base": "pump", "pl": "pumps"},
        "de": {"base": "Pumpe", "gender": "f", "pl": "Pumpen"},
        "es": {"base": "bomba", "gender": "f", "pl": "bombas"},
        "zh": {"base": "水泵", "classifier": "台"},
    },
)
STATION = Term("m/station", (), {"en": {"base": "pump station"}, "de": {"base": "Pumpwerk", "gender": "n", "pl": "Pumpwerke"}})
VALVE = Term(
    "m/valve",
    (),
    {"en": {"base": "valve", "pl": "valves"}, "de": {"base": "Ventil", "gender": "n"}},
    synonyms={"de": ({"base": "Absperrteil", "gender": "n"},)},
)
RELAY = Term("m/relay", (), {"en": {"base": "24 V relay"}, "de": {"base": "24-V-Relais", "gender": "n"}})
MODEL = Term("m/model", (), {"en": {"base": "model x"}, "de": {"base": "Modell X", "gender": "n"}})
BRAND = Term("m/brand", (), {"en": {"base": "Aquaflux"}}, translate=False)
GLOSSARIES = Glossaries({"m": Glossary("m", (PUMP, STATION, VALVE, RELAY, MODEL, BRAND))})


def terms(*inline: tuple[str, str], industry: str | None = "m", target: str = "de") -> RequestTerms:
    return RequestTerms(GLOSSARIES, industry, inline, target)


def find(sentence: str, *inline: tuple[str, str], source: str = "en", target: str = "de", offset: int = 0) -> list[Use]:
    return terms(*inline, target=target).find(sentence, normalize(sentence), source, offset)


def names(uses: list[Use]) -> list[str]:
    return [use.term.id for use in uses]


# Found


def test_the_places_are_those_of_the_segment_as_it_was_sent() -> None:
    segment = "Hello.  Two\u00a0 PUMPS and\u200b a valve.\nA pump station?"
    sentences = ["Hello.", "Two\u00a0 PUMPS and\u200b a valve.", "A pump station?"]
    uses = [use for sentence in sentences for use in find(sentence, offset=segment.index(sentence))]
    assert names(uses) == ["m/pump", "m/valve", "m/station"]
    assert [segment[use.start : use.end] for use in uses] == ["PUMPS", "valve", "pump station"] == [use.text for use in uses]
    assert [use.place for use in uses] == [(4, 9), (16, 21), (2, 14)]
    assert [normalize(sentences[1])[slice(*use.place)] for use in uses[:2] if use.place] == ["PUMPS", "valve"]
    assert not any(use.held or use.overrides for use in uses)


def test_a_request_s_own_terms_win_over_what_they_overlap() -> None:
    [own, other] = find("The pump station has a valve", ("pump", "Förderer"))
    assert (own.text, own.term.targets, own.overrides) == ("pump", ("Förderer",), None)
    assert own.term.words == {"de": {"base": "Förderer"}}
    assert other.term.id == "m/valve"
    [longer] = find("The pump station", ("the pump station", "Das Werk"))
    assert (longer.text, longer.overrides) == ("The pump station", None)


@pytest.mark.parametrize(
    ("wanted", "overrides"),
    [("Förderer", "Ventil"), ("Ventil", None), ("VENTIL", None), ("Absperrteil", None), ("Ventile", "Ventil")],
)
def test_what_a_request_overrides_is_told_unless_the_glossary_admits_the_same(wanted: str, overrides: str | None) -> None:
    [use] = find("a valve", ("valve", wanted))
    assert (use.term.targets, use.overrides) == ((wanted,), overrides)


@pytest.mark.parametrize(
    ("sentence", "inline", "found"),
    [
        ("one 24 V relay", [], ["m/relay"]),  # the whole value is in it
        ("one 24 V relay", [("v relay", "V-Relais")], []),  # half of a value; and the glossary's, which overlaps, is gone
        ("PO-1234 pump", [], ["m/pump"]),
        ("see www.pump.example", [], []),
        ("see https://x.example/pump now", [], []),
        ("use {pump} here", [], []),
        ("model X-200 and model x", [], ["m/model"]),
    ],
)
def test_a_term_that_cuts_a_protected_span_is_none(sentence: str, inline: list[tuple[str, str]], found: list[str]) -> None:
    assert names(find(sentence, *inline)) == found


def test_without_an_industry_a_request_has_its_own_terms_alone() -> None:
    asked = RequestTerms(GLOSSARIES, None, [("valve", "Ventil")], "de")
    assert names(asked.find("a pump and a valve", "a pump and a valve", "en", 0)) == ["valve"]


def test_an_industry_without_a_glossary_is_refused_at_once() -> None:
    with pytest.raises(NotFoundError, match="no glossary for industry 'shoes'; there are: m"):
        terms(industry="shoes")


def test_a_term_that_only_one_of_the_two_texts_has_is_found_without_a_place() -> None:
    """Never put into a sentence at a place that is not its own."""
    asked = terms()
    [use] = asked.find("a pump", "nothing of it", "en", 3)
    assert (use.text, use.start, use.end, use.place) == ("pump", 5, 9, None)
    assert first_leg("nothing of it", [use], "de").text == "nothing of it"


# The first model


def leg(sentence: str, *inline: tuple[str, str], language: str = "de", target: str = "de", **options: Any) -> Any:
    uses = find(sentence, *inline, target=target)
    for use in uses:
        use.held = use.text in options.get("held", ())
    return uses, first_leg(normalize(sentence), uses, language)


def test_terms_are_annotated_with_the_grammar_of_what_they_are_to_become() -> None:
    uses, reading = leg("Are the pumps and the valve here?")
    assert reading.text == f"Are the{START} pumps{T0}{F}{PL} and the{START} valve{T1}{N} here?"
    assert (reading.spans, reading.marked) == ([], uses)
    assert bare(reading.text) == "Are the pumps and the valve here?"
    _, chinese = leg("ten pumps", language="zh", target="zh")
    assert chinese.text.startswith(f"ten{START} pumps{T0}台")


def test_what_is_held_is_a_span_between_the_protected_ones() -> None:
    uses, reading = leg("PO-1: the pumps, a valve and a pump of 5 kg", held=["pumps"])
    assert reading.text == f"PO-1: the {HELD}, a{START} valve{T0}{N} and a{START} pump{T1}{F}{PL} of 5 kg"
    assert [(span.kind, span.text, reading.text[span.start : span.end]) for span in reading.spans] == [
        ("code", "PO-1", "PO-1"),
        (TERM_KIND, "Pumpe", HELD),
        ("measure", "5 kg", "5 kg"),
    ]
    assert reading.marked == uses[1:]


def test_a_value_in_a_held_term_goes_with_it() -> None:
    _, reading = leg("one 24 V relay for 24 V", held=["24 V relay"])
    assert [(span.kind, span.text) for span in reading.spans] == [(TERM_KIND, "24-V-Relais"), ("measure", "24 V")]
    assert reading.text == f"one {HELD} for 24 V"
    _, reading = leg("one 24 V relay for 24 V")
    assert [(span.kind, reading.text[span.start : span.end]) for span in reading.spans] == [("measure", "24 V")]
    assert reading.text.endswith("for 24 V")


def test_a_term_without_a_word_in_the_language_that_is_written_is_held() -> None:
    """On a way through English a request's own terms have no English name."""
    uses, reading = leg("水泵 a pump", ("水泵", "bomba grande"), language="en", target="es")
    assert [use.held for use in uses] == [True, False]
    assert (reading.text, [span.text for span in reading.spans]) == (f"{HELD} a{START} pump{T0}{PL}", ["bomba grande"])


def test_more_terms_than_marks_are_held() -> None:
    uses, reading = leg(" ".join(["pump"] * 10))
    assert [use.held for use in uses] == [False] * 8 + [True] * 2
    assert len(reading.marked) == 8
    assert [span.text for span in reading.spans] == ["Pumpe", "Pumpe"]
    assert [mark in reading.text for mark in TERMS] == [True] * 8


def test_there_are_never_more_spans_than_markers() -> None:
    uses, reading = leg(" pump ".join(f"PO-{i}" for i in range(100, 115)), held=["pump"])
    assert len(uses) == 14
    assert len(reading.spans) == len(MARKERS) == 20
    assert [span.start for span in reading.spans] == sorted(span.start for span in reading.spans)


# The models behind it


def test_between_two_models_a_term_is_spelled_and_annotated_anew() -> None:
    marked = find("Pumpen und Bombe", source="de", target="es")
    assert later_leg(f"the {T0}{PL} are here", marked, "en", "es") == f"the{START} pumps{T0}{F}{PL} are here"
    assert later_leg(f"{T0} is", marked, "en", "es") == f"{START}Pump{T0}{F}{PL} is"
    assert later_leg(f"is {T2} here", marked, "en", "es") == "is  here"  # a mark that nobody gave


def test_the_last_model_s_terms_are_spelled_in_the_form_that_it_named() -> None:
    marked = find("the pumps and a valve")
    assert spelled(f"Die {T0}{PL} und ein {T1}{PL}.", marked, "de") == "Die Pumpen und ein Ventil."  # which has no plural of its own
    assert spelled(f"{T1} {T0}", marked, "de") == "Ventil Pumpe"
    assert spelled(f"Die {T0} {T2}.", marked, "de") == "Die Pumpe ."


def test_a_name_that_is_not_translated_is_held_on_every_way() -> None:
    """It has no word in the target language: between two models it could not be annotated."""
    for source, language, target in (("en", "de", "de"), ("de", "en", "es")):
        asked = terms(target=target)
        [use] = asked.find("Aquaflux", "Aquaflux", source, 0)
        reading = first_leg("Aquaflux", [use], language)
        assert (use.held, reading.text, [span.text for span in reading.spans]) == (True, HELD, ["Aquaflux"])


# What became of them


def use(name: str, *targets: str) -> Use:
    return Use(Wanted(name, (name,), targets), name, 0, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Die Pumpen und das Ventil", [True, True, False]),
        ("Pumpe, PUMPEN, ventil", [True, True, True]),
        ("Pumpenventil", [False, False, False]),
        ("", [False, False, False]),
    ],
)
def test_of_a_term_that_stands_oftener_in_the_source_the_first_ones_count(text: str, expected: list[bool]) -> None:
    pump, valve = ("pump", "Pumpe", "Pumpen"), ("valve", "Ventil")
    assert applied([use(*pump), use(*valve), use(*pump)], text) == expected


@pytest.mark.parametrize(
    ("text", "missing", "language", "expected"),
    [
        ("Das ist hier.", ["Pumpe"], "de", "Das ist hier (Pumpe)."),
        ("Ist es hier?!  ", ["Pumpe", "Ventil"], "de", "Ist es hier (Pumpe, Ventil)?!  "),
        ("Hier", ["Pumpe"], "de", "Hier (Pumpe)"),
        ("在这里。", ["水泵", "阀门"], "zh", "在这里（水泵、阀门）。"),
        ("Das ist hier.", [], "de", "Das ist hier."),
    ],
)
def test_what_is_missing_stands_in_brackets_before_the_final_mark(text: str, missing: list[str], language: str, expected: str) -> None:
    assert with_missing(text, missing, language) == expected
