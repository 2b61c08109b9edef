"""Inflected terms, counted by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.inflected import inflected, inflected_by_term, inflected_counts
from eval.metrics.wanted import CountedScore, TermForms

PUMP = TermForms("pump", (("Pumpe", "Pumpen"), ("Förderpumpe", "Förderpumpen")))
HOUSE = TermForms("housing", (("Gehäuse", "Gehäuses", "Gehäusen"),))


@pytest.mark.parametrize(
    ("hypothesis", "reference", "expected"),
    [
        ("Die Pumpen stehen.", "Die Pumpen laufen.", (1, 1)),
        ("Die Pumpe steht.", "Die Pumpen laufen.", (0, 1)),
        ("Die Förderpumpen stehen.", "Die Pumpen laufen.", (0, 1)),  # another word, however inflected
        ("PUMPEN LAUFEN", "die Pumpen laufen", (1, 1)),
        ("Die Pumpe.", "Die Pumpe.", (0, 0)),
        ("Die Pumpe.", "Die Förderpumpe.", (0, 0)),  # a synonym's base form
        ("Pumpen", "Pumpen und Pumpen", (1, 2)),
        ("Pumpen und Pumpen und Pumpen", "Pumpen und Pumpen", (2, 2)),
        ("", "Pumpen an Förderpumpen", (0, 2)),
        ("Hauptpumpen", "Pumpen", (0, 1)),
        ("Die Teile des Gehäuses der Pumpen", "Die Pumpen des Gehäuses", (2, 2)),
    ],
)
def test_places_of_one_segment(hypothesis: str, reference: str, expected: tuple[int, int]) -> None:
    assert inflected_counts([hypothesis], [reference], [[PUMP, HOUSE]]).tolist() == [list(expected)]


def test_the_share_is_over_all_segments() -> None:
    hypotheses, references = ["Pumpen", "Gehäuse", "Pumpe", "x"], ["Pumpen", "des Gehäuses", "Pumpe", "Pumpen"]
    assert inflected(hypotheses, references, [[PUMP], [HOUSE], [PUMP], [PUMP, PUMP]]) == CountedScore(pytest.approx(100 / 3), 3)


def test_letters_count_and_capitals_do_not() -> None:
    measure = TermForms("m", (("Maß", "Maße"),))
    assert inflected(["maße"], ["Maße"], [[measure]]).score == 100
    assert inflected(["Masse"], ["Maße"], [[measure]]).score == 0


def test_a_term_inside_another_of_the_segment_is_not_counted() -> None:
    terms = [TermForms("pump", (("pump", "pumps"),)), TermForms("hydraulic", (("hydraulic pump", "hydraulic pumps"),))]
    assert inflected_by_term("hydraulic pumps", "hydraulic pumps", terms) == {"hydraulic": (1, 1)}


def test_nothing_inflected_is_no_score() -> None:
    with pytest.raises(ValueError, match=r"^inflected forms of 2 segments: no reference has a term in another form than the base form$"):
        inflected(["Pumpen", "x"], ["Pumpe", "x"], [[PUMP], []])


def test_every_segment_needs_its_reference_and_terms() -> None:
    with pytest.raises(ValueError, match=r"inflected forms needs one of each per hypothesis, got 1 references, 0 lists of terms for 2$"):
        inflected(["a", "b"], ["a"], [])


SENTENCE = st.lists(st.sampled_from(["Pumpe", "Pumpen", "Förderpumpen", "Gehäuses", "und", "PUMPEN"]), max_size=6).map(" ".join)


@given(st.lists(st.tuples(SENTENCE, SENTENCE), min_size=1, max_size=5), st.randoms())
def test_the_reference_itself_has_them_all_and_the_order_of_segments_and_terms_says_nothing(pairs, chance) -> None:
    hypotheses, references = map(list, zip(*pairs, strict=True))
    terms = [[PUMP, HOUSE]] * len(pairs)
    counts = inflected_counts(hypotheses, references, terms)
    assert (counts[:, 0] <= counts[:, 1]).all()
    own = inflected_counts(references, references, terms)
    assert (own[:, 0] == own[:, 1]).all()
    assert (own[:, 1] == counts[:, 1]).all()
    chance.shuffle(pairs)
    mixed = inflected_counts([h for h, _ in pairs], [r for _, r in pairs], [[HOUSE, PUMP]] * len(pairs))
    assert mixed.sum(axis=0).tolist() == counts.sum(axis=0).tolist()
