import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.terms import TermMatcher, Wanted, fold, occurs, stands_alone


def wanted(*sources, term="t"):
    return Wanted(term, sources, ("X",))


def found(text, *sources):
    return [(match.text, match.start) for match in TermMatcher([wanted(s, term=s) for s in sources]).find(text)]


@pytest.mark.parametrize(
    ("text", "sources", "expected"),
    [
        ("The Hydraulic PUMP leaks.", ["hydraulic pump", "pump"], [("Hydraulic PUMP", 4)]),  # the longest at a place
        ("hydraulic pump station", ["pump station", "hydraulic pump"], [("hydraulic pump", 0)]),  # the first of two that overlap
        ("pumps and pumping", ["pump"], []),
        ("pump-set, (pump) pump", ["pump"], [("pump", 0), ("pump", 11), ("pump", 17)]),
        ("Größe M, GRÖSSE", ["Größe"], [("Größe", 0)]),
        ("Hauptwelle und Welle", ["welle"], [("Welle", 15)]),
        ("我们的液压泵坏了", ["液压泵", "泵"], [("液压泵", 3)]),
        ("泵泵", ["泵"], [("泵", 0), ("泵", 1)]),
        ("用CNC车床", ["CNC"], [("CNC", 1)]),  # next to Chinese there is always a boundary
        ("T恤和CNC2", ["T恤", "CNC"], [("T恤", 0)]),
        ("😀👩‍👩‍👧 bomba hidráulica", ["bomba hidráulica"], [("bomba hidráulica", 7)]),
        ("pump", ["pump"], [("pump", 0)]),
        ("", ["pump"], []),
        ("pump", [], []),
        ("pump", [""], []),
    ],
)
def test_find(text, sources, expected):
    assert found(text, *sources) == expected


def test_every_form_of_a_term_finds_it():
    matcher = TermMatcher([Wanted("m/pump", ("pump", "pumps"), ("泵",))])
    assert [(m.term.id, m.term.targets, m.text) for m in matcher.find("Pumps or a pump")] == [
        ("m/pump", ("泵",), "Pumps"),
        ("m/pump", ("泵",), "pump"),
    ]


def test_the_first_term_to_name_a_form_has_it():
    assert [m.term.id for m in TermMatcher([wanted("Pump", term="one"), wanted("pump", term="two")]).find("pump")] == ["one"]


TEXT = st.lists(
    st.sampled_from(["pump", "Pumpe", "泵", "液压泵", "İ", "ß", "ẞ", "😀", "e\u0301", " ", "-", "2", "，", "_"]), max_size=12
).map("".join)


@settings(deadline=None, max_examples=400)
@given(TEXT | st.text(max_size=30), st.lists(TEXT, max_size=6))
def test_offsets_slice_to_the_text_and_matches_never_overlap(text, sources):
    end = 0
    for match in TermMatcher([wanted(s, term=s) for s in sources]).find(text):
        assert text[match.start : match.end] == match.text
        assert fold(match.text) in map(fold, match.term.sources)
        assert stands_alone(text, match.start, match.end)
        assert match.start >= end
        end = match.end


@settings(deadline=None, max_examples=400)
@given(TEXT, st.lists(TEXT, max_size=4))
def test_what_is_found_occurs_and_what_occurs_is_found(text, sources):
    matches = TermMatcher([wanted(s) for s in sources]).find(text)
    assert occurs(text, sources) == bool(matches)


@settings(deadline=None, max_examples=300)
@given(st.text())
def test_folding_keeps_every_offset(text):
    assert len(fold(text)) == len(text)


def test_folding_ignores_case():
    assert fold("GRÖẞE ÑANDÚ İ 液压泵") == "größe ñandú İ 液压泵"


@pytest.mark.parametrize(
    ("text", "forms", "expected"),
    [
        ("Die Pumpen laufen", ["Pumpe", "Pumpen"], True),
        ("Die Hauptpumpen laufen", ["Pumpen"], False),
        ("Hauptpumpen, Pumpen", ["pumpen"], True),
        ("液压泵坏了", ["泵"], True),
        ("anything", [""], False),
        ("anything", [], False),
    ],
)
def test_occurs(text, forms, expected):
    assert occurs(text, forms) is expected


def test_a_large_glossary_costs_no_more_than_a_small_one():
    text = "the pump 17 of the line and the valve leak " * 500

    def seconds(terms):
        matcher = TermMatcher([wanted(f"pump {i} of", term=str(i)) for i in range(terms)])
        best = float("inf")
        for _ in range(5):
            started = time.perf_counter()
            assert len(matcher.find(text)) == 500
            best = min(best, time.perf_counter() - started)
        return best

    assert seconds(20_000) < 10 * seconds(20)  # a loop over the terms would take 1 000 times as long
