import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.folding import fold
from data.terms import TermMatcher, Wanted, occurs, stands_alone


def wanted(*sources, term="t"):
    return Wanted(term, sources, ("X",))


def found(text, *sources, keep_case=False):
    matcher = TermMatcher([Wanted(s, (s,), ("X",), keep_case) for s in sources])
    return [(match.text, match.start) for match in matcher.find(text)]


@pytest.mark.parametrize(
    ("text", "sources", "expected"),
    [
        ("The Hydraulic PUMP leaks.", ["hydraulic pump", "pump"], [("Hydraulic PUMP", 4)]),  # the longest at a place
        ("hydraulic pump station", ["pump station", "hydraulic pump"], [("hydraulic pump", 0)]),  # the longer of two that overlap
        ("pumps and pumping", ["pump"], []),
        ("pump-set, (pump) pump", ["pump"], [("pump", 0), ("pump", 11), ("pump", 17)]),
        ("Größe M, GRÖSSE", ["Größe"], [("Größe", 0), ("GRÖSSE", 9)]),
        ("Hauptwelle und Welle", ["welle"], [("Welle", 15)]),
        ("我们的液压泵坏了", ["液压泵", "泵"], [("液压泵", 3)]),
        ("泵泵", ["泵"], []),  # a lone character is a term only where no other stands beside it
        ("泵, X泵。", ["泵"], [("泵", 0), ("泵", 4)]),
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


@pytest.mark.parametrize(
    ("text", "sources", "expected"),
    [
        ("pump station wagon", ["pump", "pump station", "station wagon"], [("pump", 0), ("station wagon", 5)]),  # the longest first
        ("ab cd ef", ["ab cd", "cd ef"], [("ab cd", 0)]),  # equally long: the first
        ("a b a b a", ["a b", "b a b"], [("b a b", 2)]),
        ("液压泵站点", ["液压泵", "泵站点图", "压泵站点"], [("压泵站点", 1)]),
    ],
)
def test_of_matches_that_overlap_the_longest_wins(text, sources, expected):
    assert found(text, *sources) == expected


@pytest.mark.parametrize(
    ("text", "source", "expected"),
    [
        ("Hydraulik-Pumpe", "Pumpe", ["Pumpe"]),
        ("Hydraulik-Pumpe", "Hydraulikpumpe", []),
        ("re-pump, non-pump, e-pump", "pump", ["pump"]),
        ("a non-return valve, a return valve", "return valve", ["return valve"]),
        ("nicht-pump iron-pump", "pump", ["pump"]),  # a prefix is a word, not the end of one
        ("the pump's and pump’s oil", "pump", ["pump", "pump"]),
        ("can't, the can, can’t", "can", ["can"]),
        ("the pump's S", "s", ["S"]),
        ("'pump' 'pump", "pump", ["pump", "pump"]),
        ("d'huile", "huile", ["huile"]),
    ],
)
def test_hyphens_and_apostrophes_end_a_word_but_for_those_that_join(text, source, expected):
    assert [written for written, _ in found(text, source)] == expected


@pytest.mark.parametrize(
    ("text", "source", "expected"),
    [
        ("型号X30和X3。", "X3", [6]),
        ("电压15V和5V、1.5V和5.5V", "5V", [6]),
        ("5, 5.5, 2,5; 5. 5", "5", [0, 13, 16]),
        ("Ｘ３０和Ｘ３", "X3", [4]),
        ("m² m", "m", [3]),
        ("pump_2 pump2", "pump", [0]),
    ],
)
def test_no_latin_word_and_no_number_is_cut(text, source, expected):
    assert [start for _, start in found(text, source)] == expected


@pytest.mark.parametrize(
    ("text", "source", "expected"),
    [
        ("水泵 泵坏了 (泵)", "泵", [8]),
        ("油圧ポンプの", "ポンプ", [2]),
        ("ポンプステーション", "ポンプ", []),
        ("スーポンプ", "ポンプ", []),
        ("ﾎﾟﾝﾌﾟを", "ポンプ", [0]),
        ("このねじを", "ねじ", [2]),
        ("펌프를 유압펌프 CNC를", "펌프", [0]),
        ("펌프를 유압펌프 CNC를", "CNC", [9]),
        ("насосы насос", "насос", [7]),
        ("pumpẹ ̣pump", "pump", [8]),  # a mark belongs to what stands before it
    ],
)
def test_boundaries_are_those_of_the_script(text, source, expected):
    assert [start for _, start in found(text, source)] == expected


@pytest.mark.parametrize(
    ("text", "source", "expected"),
    [
        ("die液壓泵", "液压泵", "液壓泵"),
        ("ein Hydraulik­pumpe­.", "hydraulikpumpe", "Hydraulik­pumpe"),
        ("a hydraulic 　pump", "hydraulic pump", "hydraulic 　pump"),
        ("la bomba hidráulica", "bomba hidráulica", "bomba hidráulica"),
        ("GRÖẞE", "größe", "GRÖẞE"),
        ("İSTANBUL", "Istanbul", "İSTANBUL"),
        ("pump", "  pump ", "pump"),
    ],
)
def test_a_match_is_the_text_as_it_was_given(text, source, expected):
    assert [written for written, _ in found(text, source)] == [expected]


def test_a_term_that_keeps_its_case_is_found_in_no_other():
    assert found("a PET, ＰＥＴ and a pet Pet", "PET", keep_case=True) == [("PET", 2), ("ＰＥＴ", 7)]
    assert found("IP67 ip", "IP", keep_case=True) == []


def test_of_terms_spelled_alike_the_one_that_keeps_its_case_has_it_then_the_one_with_the_same_letters():
    matcher = TermMatcher([wanted("pet", term="animal"), Wanted("plastic", ("PET",), ("X",), keep_case=True), wanted("Pet", term="other")])
    assert [m.term.id for m in matcher.find("PET pet Pet")] == ["plastic", "animal", "animal"]
    matcher = TermMatcher([wanted("Masse", term="mass"), wanted("Maße", term="measures")])
    assert [m.term.id for m in matcher.find("Masse Maße MASSE maße")] == ["mass", "measures", "mass", "measures"]


def test_a_match_that_its_case_forbids_hides_no_shorter_one():
    matcher = TermMatcher([Wanted("long", ("PUMP STATION",), ("X",), keep_case=True), wanted("station", term="short")])
    assert [m.term.id for m in matcher.find("a pump station")] == ["short"]


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
        assert fold(match.text).text in [fold(source).text.strip() for source in match.term.sources]
        assert stands_alone(text, match.start, match.end)
        assert match.start >= end
        end = match.end


@settings(deadline=None, max_examples=400)
@given(TEXT, st.lists(TEXT, max_size=4))
def test_what_is_found_occurs_and_what_occurs_is_found_but_for_lone_characters(text, sources):
    matches = TermMatcher([wanted(s) for s in sources]).find(text)
    occurring = [s for s in sources if occurs(text, [s])]
    assert occurs(text, sources) == bool(occurring) or not sources
    assert not matches or occurring
    assert matches or {fold(s).text.strip() for s in occurring} <= {"泵"}


@settings(deadline=None, max_examples=400)
@given(
    st.text(max_size=20),
    st.sampled_from(["pump", "Größe", "液压泵", "bomba hidra\u0301ulica", "İstanbul", "ﾎﾟﾝﾌﾟ", "X-3", "e\u0323"]),
    st.text(max_size=20),
)
def test_a_term_put_at_a_boundary_is_found(before, term, behind):
    text = f"{before}; {term}; {behind}"
    places = [(match.start, match.end) for match in TermMatcher([wanted(term)]).find(text)]
    assert (len(before) + 2, len(before) + 2 + len(term)) in places


@settings(deadline=None, max_examples=400)
@given(st.text(max_size=30), st.lists(st.text(max_size=4), max_size=8))
def test_no_text_and_no_terms_raise(text, sources):
    matches = TermMatcher([wanted(s, term=s) for s in sources]).find(text)
    assert [m.text for m in matches] == [text[m.start : m.end] for m in matches]
    assert isinstance(occurs(text, sources), bool)


@pytest.mark.parametrize(
    ("text", "forms", "expected"),
    [
        ("Die Pumpen laufen", ["Pumpe", "Pumpen"], True),
        ("Die Hauptpumpen laufen", ["Pumpen"], False),
        ("Hauptpumpen, Pumpen", ["pumpen"], True),
        ("液压泵坏了", ["泵"], True),
        ("LA BOMBA HIDRA\u0301ULICA", ["bomba hidráulica"], True),
        ("电压15V", ["5V"], False),
        ("電壓", ["电压"], True),
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
