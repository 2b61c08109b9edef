"""chrF around the terms: what is masked, and what that changes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.metrics.context import PLACEHOLDER, chrf_context, masked
from eval.metrics.text import chrf

PUMP, VALVE = ["Pumpe", "Pumpen"], ["Ventil", "Ventile"]


@pytest.mark.parametrize(
    ("text", "terms", "expected"),
    [
        ("Die Pumpen laufen.", [PUMP], "Die _ laufen."),
        ("PUMPE und Ventile, Pumpe", [PUMP, VALVE], "_ und _, _"),
        ("Hauptpumpen", [PUMP], "Hauptpumpen"),
        ("Hydraulik-Pumpe", [PUMP], "Hydraulik-_"),
        ("Pumpe Süd", [PUMP, ["Pumpe Süd"]], "_"),  # the longest
        ("200台液壓泵的價格", [["液压泵"]], "200台_的價格"),
        ("İ die Ｐｕｍｐｅ ß", [PUMP], "İ die _ ß"),  # folded to more and to fewer characters: places are those of the text
        ("泵液压泵", [["液压泵"], ["泵"]], "__"),  # the second stands alone once the first is masked
        ("Pumpe", [], "Pumpe"),
        ("Pumpe", [[]], "Pumpe"),
        ("", [PUMP], ""),
    ],
)
def test_masked(text: str, terms: list[list[str]], expected: str) -> None:
    assert masked(text, terms) == expected.replace("_", PLACEHOLDER)


def test_a_permuted_term_in_the_right_surroundings_does_no_damage() -> None:
    hypotheses, references = ["Die Ventile laufen seit Montag."], ["Die Pumpen laufen seit Montag."]
    assert chrf_context(hypotheses, references, [[VALVE]], [[PUMP]]).score == pytest.approx(100)
    assert chrf_context(hypotheses, references, [[PUMP]], [[PUMP]]).score < 90
    assert chrf(hypotheses, references).score < 90


def test_damage_is_what_chrf_sees_of_the_rest() -> None:
    hypotheses, references = ["Ventile Ventile läuft Montag."], ["Die Pumpen laufen seit Montag."]
    by_hand = chrf([f"{PLACEHOLDER} {PLACEHOLDER} läuft Montag."], [f"Die {PLACEHOLDER} laufen seit Montag."])
    assert chrf_context(hypotheses, references, [[VALVE]], [[PUMP]]) == by_hand
    assert 20 < by_hand.score < 60


def test_without_terms_it_is_chrf() -> None:
    hypotheses, references = ["Die Pumpe läuft.", "Danke."], ["Die Pumpen laufen.", "Vielen Dank."]
    assert chrf_context(hypotheses, references, [[], []], [[], []]) == chrf(hypotheses, references)


def test_each_side_needs_its_lists() -> None:
    message = r"^chrF of the context needs one of each per hypothesis, got 0 references, 2 lists for the references for 1$"
    with pytest.raises(ValueError, match=message):
        chrf_context(["a"], [], [[]], [[], []])
    with pytest.raises(ValueError, match="a corpus score needs one hypothesis per reference, got 0 for 0"):
        chrf_context([], [], [], [])


PIECES = ["Pumpe", "泵", "液压泵", "站", "펌프", "장", "non-", "5", ".", "V", " ", "'t", "ß", PLACEHOLDER]
TEXT = st.lists(st.sampled_from(PIECES), max_size=10)
FORM = TEXT.map("".join)


@settings(deadline=None, max_examples=400)
@given(FORM, st.lists(st.lists(FORM, max_size=3), max_size=4))
def test_masking_twice_is_masking_once(text: str, terms: list[list[str]]) -> None:
    once = masked(text, terms)
    assert masked(once, terms) == once
    assert masked(text, terms[::-1]) == once


@settings(deadline=None)
@given(st.lists(FORM.filter(str.strip), min_size=1, max_size=4), st.lists(FORM, max_size=4))
def test_a_hypothesis_equal_to_its_reference_scores_100(texts: list[str], forms: list[str]) -> None:
    assert chrf_context(texts, texts, [[forms]] * len(texts), [[forms]] * len(texts)).score == pytest.approx(100)
