"""Which terms no training sees, how their segments are found, and what training gets in place of the glossaries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from data.glossary import Glossary, Term, load_glossaries
from data.glossary.term import ranked
from data.records import Segment
from data.unknown_terms import TermFinder, held_out_terms, slot_groups, write_training_terms

MANY = [Term(f"m/part{i}", ("part",), {"en": {"base": f"part{i}x"}, "de": {"base": f"Teil{i}x"}}) for i in range(40)]
PUMP = Term("m/pump", ("part",), {"en": {"base": "pump", "pl": "pumps"}, "de": {"base": "Pumpe", "pl": "Pumpen"}, "zh": {"base": "水泵"}})
STATION = Term("m/station", ("part",), {"en": {"base": "pump station"}, "de": {"base": "Pumpwerk"}, "zh": {"base": "水泵站"}})
LANGUAGES = ("en", "de", "zh")


def glossaries(*terms: Term, **others: Sequence[Term]) -> dict[str, Glossary]:
    return {"m": Glossary("m", terms)} | {name: Glossary(name, tuple(found)) for name, found in others.items()}


def segment(**texts: str) -> Segment:
    return Segment(id="1", pattern="p", texts=texts)


# Which


@pytest.mark.parametrize(("percent", "count"), [(0.0, 0), (10.0, 4), (20.0, 8), (21.0, 8), (100.0, 40)])
def test_so_many_of_each_group_are_held_out(percent: float, count: int) -> None:
    """And always the same, whatever the order of the terms: those with the greatest hashes."""
    found = held_out_terms([MANY], glossaries(*MANY), percent)
    assert len(found) == count
    assert found == held_out_terms([MANY[::-1]], glossaries(*MANY[::-1]), percent)
    assert found == {term.id for term in ranked(MANY)[40 - count :]}


def test_more_percent_hold_out_the_same_terms_and_others() -> None:
    few, more = (held_out_terms([MANY], glossaries(*MANY), percent) for percent in (10.0, 30.0))
    assert few < more


def test_every_group_has_its_share() -> None:
    groups = [MANY[:10], MANY[10:30], MANY[30:]]
    found = held_out_terms(groups, glossaries(*MANY), 20.0)
    assert [len(found & {term.id for term in group}) for group in groups] == [2, 4, 2]


def other(language: str, form: str, name: str = "o/other", **more: Any) -> Term:
    return Term(name, (), {"en": {"base": "something else"}, language: {"base": form}}, **more)


@pytest.mark.parametrize(
    "shares",
    [
        other("en", "part7x"),
        other("de", "Teil7x"),
        other("de", "TEIL7X"),
        Term("o/other", (), {"de": {"base": "Gerät", "pl": "Teil7x"}}),
        other("de", "Gerät", synonyms={"de": ({"base": "Zeug"}, {"base": "Teil7x"})}),
    ],
    ids=["in English", "in German", "in other capitals", "in the plural", "as a synonym"],
)
def test_a_term_of_which_another_shares_a_form_is_not_held_out(shares: Term) -> None:
    """For training could show it under the other's name; the other may be of another industry, and in no group."""
    assert "m/part7" in held_out_terms([MANY], glossaries(*MANY), 100.0)
    found = held_out_terms([MANY], glossaries(*MANY, o=[shares]), 100.0)
    assert {term.id for term in MANY} - found == {"m/part7"}


def test_the_same_word_in_another_language_is_no_shared_form() -> None:
    alike = other("es", "Teil7x")
    assert "m/part7" in held_out_terms([MANY], glossaries(*MANY, o=[alike]), 100.0)


def test_what_cannot_be_held_out_gives_its_place_to_the_next() -> None:
    best = ranked(MANY)[-1]
    found = held_out_terms([MANY], glossaries(*MANY, o=[other("en", best.forms["en"]["base"])]), 20.0)
    assert len(found) == 8
    assert found == {term.id for term in ranked(MANY)[-9:-1]}


def test_the_groups_are_what_fills_the_slots() -> None:
    tool = Term("n/saw", ("tool", "part"), {"en": {"base": "saw"}})
    slots = {
        "part": {"glossary": "m", "tag": "part"},
        "tool": {"glossary": "n", "tag": "tool"},
        "none": {"glossary": "n", "tag": "fruit"},
        "noun": [{"en": "thing"}],
        "either": {"any": ["part", "tool"]},
        "order_no": {"code": "PO-####"},
    }
    assert slot_groups(slots, glossaries(*MANY, n=[tool])) == [MANY, [tool], []]


# Where


def finder(wanted: Sequence[str], *terms: Term, languages: Sequence[str] = LANGUAGES) -> TermFinder:
    return TermFinder(glossaries(*terms), wanted, languages)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"en": "The pump leaks", "de": "Sie leckt"}, True),
        ({"en": "It leaks", "de": "Die Pumpen lecken"}, True),
        ({"en": "It leaks", "zh": "水泵漏水"}, True),
        ({"en": "PUMPS!"}, True),
        ({"en": "the pump of the pump station"}, True),
        ({"en": "The pump station leaks", "de": "Das Pumpwerk leckt", "zh": "水泵站漏水"}, False),  # another term, a longer one
        ({"en": "The pumpkin", "de": "Die Pumpenden"}, False),
        ({"es": "The pump"}, False),  # no language of the finder
        ({}, False),
    ],
)
def test_a_term_is_found_in_any_language_but_not_inside_a_longer_one(texts: dict[str, str], expected: bool) -> None:
    assert finder(["m/pump"], PUMP, STATION).finds(segment(**texts)) is expected


def test_without_the_longer_term_its_words_are_those_of_the_shorter() -> None:
    assert finder(["m/pump"], PUMP).finds(segment(en="The pump station leaks"))


def test_the_longer_one_is_found_where_it_is_wanted() -> None:
    wanted = finder(["m/station"], PUMP, STATION)
    assert wanted.wanted == {"m/station"}
    assert wanted.finds(segment(en="The pump station leaks"))
    assert not wanted.finds(segment(en="The pump leaks"))


def test_where_none_is_wanted_none_is_found() -> None:
    assert not finder([], PUMP, STATION).finds(segment(en="The pump leaks"))
    assert not TermFinder({}, (), ()).finds(segment(en="The pump leaks"))


# What training gets


def test_training_gets_the_other_terms_with_nothing_that_names_those(tmp_path: Path) -> None:
    saw = Term("n/saw", (), {"en": {"base": "saw"}}, confused_with=("n/axe", "n/plane"))
    axe, plane = (Term(f"n/{name}", (), {"en": {"base": name}}, confused_with=("n/saw",)) for name in ("axe", "plane"))
    given = glossaries(PUMP, STATION, n=[saw, axe, plane])
    write_training_terms(given, {"m/pump", "n/axe"}, tmp_path)
    found = load_glossaries(tmp_path)
    assert found["m"] == Glossary("m", (STATION,))
    assert [(term.id, term.confused_with) for term in found["n"].terms] == [("n/saw", ("n/plane",)), ("n/plane", ("n/saw",))]


def test_a_glossary_of_which_all_is_held_out_is_empty(tmp_path: Path) -> None:
    write_training_terms(glossaries(PUMP), {"m/pump"}, tmp_path)
    assert load_glossaries(tmp_path) == {"m": Glossary("m", ())}


def test_where_nothing_is_held_out_training_gets_everything(tmp_path: Path) -> None:
    write_training_terms(glossaries(PUMP, STATION), (), tmp_path)
    assert load_glossaries(tmp_path) == glossaries(PUMP, STATION)
