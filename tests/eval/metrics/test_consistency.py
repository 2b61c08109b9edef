"""Consistency of terms, by hand: the share of the other occurrences that agree with each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.consistency import Consistency, consistency
from eval.metrics.wanted import TermForms

PUMP = TermForms("pump", (("Pumpe", "Pumpen"), ("Förderpumpe", "Förderpumpen")))
BELT = TermForms("belt", (("Riemen",), ("Gurt", "Gurte")))


@pytest.mark.parametrize(
    ("hypotheses", "expected"),
    [
        (["Pumpe", "Pumpen", "PUMPE"], Consistency(100, 100, 3, 0)),  # whatever the form
        (["Förderpumpe", "Förderpumpen"], Consistency(100, 100, 2, 0)),  # whichever the word
        (["Pumpe", "Förderpumpe"], Consistency(0, 0, 2, 0)),
        (["Pumpe", "Pumpen", "Förderpumpe"], Consistency(pytest.approx(100 / 3), pytest.approx(100 / 3), 3, 0)),  # 1/2, 1/2, 0
        (["Pumpe", "Pumpen", "Gerät"], Consistency(pytest.approx(100 / 3), 100, 3, 1)),
        (["Pumpe", "Gerät"], Consistency(0, None, 2, 1)),
        (["Gerät", "Gerät"], Consistency(0, None, 2, 2)),  # the same word, but none that is known
        (["Pumpe und Förderpumpe", "Pumpe"], Consistency(pytest.approx(100 / 3), pytest.approx(100 / 3), 3, 0)),
    ],
)
def test_one_term_in_one_document(hypotheses: list[str], expected: Consistency) -> None:
    assert consistency(hypotheses, ["d"] * len(hypotheses), [[PUMP]] * len(hypotheses)) == expected


def test_documents_and_terms_apart_each_occurrence_counting_the_same() -> None:
    hypotheses = ["Pumpe und Riemen", "Förderpumpe", "Pumpe und Gurt", "Förderpumpe", "Pumpe"]
    terms = [[PUMP, BELT], [PUMP], [PUMP, BELT], [PUMP], [PUMP]]
    made = consistency(hypotheses, ["a", "b", "a", "b", "c"], terms)
    assert made == Consistency(pytest.approx(100 * 4 / 6), pytest.approx(100 * 4 / 6), 6, 0)  # pump in a and b, not belt; c has one


def test_a_term_twice_in_one_segment_is_wanted_twice() -> None:
    assert consistency(["Pumpe mit Pumpe"], ["d"], [[PUMP, PUMP]]) == Consistency(100, 100, 2, 0)
    assert consistency(["Pumpe"], ["d"], [[PUMP, PUMP]]) == Consistency(0, None, 2, 1)


def test_what_is_written_twice_but_wanted_once_is_no_repeated_term() -> None:
    with pytest.raises(ValueError, match="none wants a term more than once"):
        consistency(["Pumpe, eine Förderpumpe"], ["d"], [[PUMP]])


def test_no_repeated_term_is_no_score() -> None:
    with pytest.raises(ValueError, match=r"^consistency of 2 documents: none wants a term more than once$"):
        consistency(["Pumpe", "Pumpe", "x"], ["a", "b", "b"], [[PUMP], [PUMP], [BELT]])


def test_every_segment_needs_its_document_and_terms() -> None:
    with pytest.raises(ValueError, match=r"^consistency needs one of each per hypothesis, got 1 documents, 3 lists of terms for 2$"):
        consistency(["a", "b"], ["d"], [[], [], []])


WORDS = st.sampled_from(["Pumpe", "Pumpen", "Förderpumpe", "Gerät", "Riemen", "Gurte und Pumpe"])


@given(st.lists(st.tuples(WORDS, st.sampled_from("ab")), min_size=3, max_size=12), st.randoms())
def test_the_order_of_segments_says_nothing_and_scores_are_percent(segments, chance) -> None:
    def scored():
        return consistency([text for text, _ in segments], [document for _, document in segments], [[PUMP, BELT]] * len(segments))

    before = scored()
    assert 0 <= before.score <= (before.found or 0) + 1e-9 <= 100 + 2e-9
    chance.shuffle(segments)
    after = scored()
    assert after.score == pytest.approx(before.score)
    assert after.found == (before.found if before.found is None else pytest.approx(before.found))
    assert (after.occurrences, after.missed) == (before.occurrences, before.missed)


@given(st.integers(2, 9))
def test_one_word_throughout_is_100(count: int) -> None:
    assert consistency(["Gurte"] * count, ["d"] * count, [[BELT]] * count) == Consistency(100, 100, count, 0)
