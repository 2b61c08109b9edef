"""Cards of terms: what they count, and which comes first."""

from __future__ import annotations

import pytest

from eval.metrics.inflected import inflected
from eval.metrics.scorecard import Miss, TermCard, scorecard
from eval.metrics.terminology import term_success
from eval.metrics.wanted import TermForms

PUMP = TermForms("pump", (("Pumpe", "Pumpen"),))
BELT = TermForms("belt", (("Riemen",), ("Gurt", "Gurte")))
VALVE = TermForms("valve", (("Ventil", "Ventile"),))
SEAL = TermForms("seal", (("Dichtung", "Dichtungen"),))

SOURCES = ["pumps and a belt", "pump and valves", "a belt", "belt, seal", "seals"]
REFERENCES = ["Pumpen und ein Riemen", "Pumpe und Ventile", "ein Gurt", "Gurt, Dichtung", "Dichtungen"]
HYPOTHESES = ["Pumpen und ein Band", "Pumpe und Ventil", "ein Band", "Gurt, Dichtung", "Siegel"]
TERMS = [[PUMP, BELT], [PUMP, VALVE], [BELT], [BELT, SEAL], [SEAL]]


def misses(row: int) -> Miss:
    return Miss(SOURCES[row], REFERENCES[row], HYPOTHESES[row])


def test_a_card_counts_and_shows_the_first_miss_and_the_worst_term_comes_first() -> None:
    assert scorecard(SOURCES, REFERENCES, HYPOTHESES, TERMS) == [
        TermCard("belt", 3, 1, 0, 0, misses(0)),
        TermCard("seal", 2, 1, 1, 0, misses(4)),
        TermCard("valve", 1, 1, 1, 0, misses(1)),  # there, but in another form
        TermCard("pump", 2, 2, 1, 1, None),
    ]


def test_of_terms_missed_as_often_the_rarest_comes_first() -> None:
    cards = scorecard(["s"] * 3, ["r"] * 3, ["Pumpe", "x", "x"], [[PUMP], [PUMP], [VALVE]])
    assert [(card.id, card.missed, card.wanted) for card in cards] == [("valve", 1, 1), ("pump", 1, 2)]


def test_the_cards_add_up_to_the_scores() -> None:
    cards = scorecard(SOURCES, REFERENCES, HYPOTHESES, TERMS)
    success = term_success(HYPOTHESES, [[term.surfaces for term in wanted] for wanted in TERMS])
    assert 100 * sum(card.hits for card in cards) / sum(card.wanted for card in cards) == success
    shares = inflected(HYPOTHESES, REFERENCES, TERMS)
    assert sum(card.inflected_wanted for card in cards) == shares.count == 3
    assert 100 * sum(card.inflected_hits for card in cards) / shares.count == shares.score


def test_the_references_miss_nothing() -> None:
    assert all(card.miss is None and card.hits == card.wanted for card in scorecard(SOURCES, REFERENCES, REFERENCES, TERMS))


def test_no_terms_are_no_cards() -> None:
    assert scorecard(["s"], ["r"], ["h"], [[]]) == scorecard([], [], [], []) == []


def test_every_segment_needs_all_of_it() -> None:
    with pytest.raises(ValueError, match=r"^a scorecard needs one of each per hypothesis, got 2 sources, 0 references for 1$"):
        scorecard(["a", "b"], [], ["a"], [[]])
