"""Forbidden words in translations."""

from __future__ import annotations

import pytest

from eval.metrics.forbidden import forbidden_in, forbidden_used
from eval.metrics.wanted import TermForms

LED = TermForms("led", (("LED", "LEDs"), ("LED lamp",)), forbidden=("lamp", "light"))
LAMP = TermForms("lamp", (("lamp", "lamps"),))


@pytest.mark.parametrize(
    ("hypothesis", "terms", "expected"),
    [
        ("The lamp and the LED.", [LED], ["lamp"]),
        ("Lamp, LIGHT, lamp", [LED], ["Lamp", "LIGHT", "lamp"]),
        ("The LED lamp.", [LED], []),  # inside an admitted form
        ("The lamp.", [LED, LAMP], []),  # which another term of the segment admits
        ("The lamp.", [LAMP], []),
        ("A headlamp, two lamps.", [LED], []),
        ("The lamp.", [], []),
        ("電燈", [TermForms("led", (("灯珠",),), forbidden=("电灯",))], ["電燈"]),
    ],
)
def test_forbidden_words_of_a_hypothesis(hypothesis: str, terms: list[TermForms], expected: list[str]) -> None:
    assert forbidden_in(hypothesis, terms) == expected


def test_they_are_counted_in_the_segments_of_their_term_only() -> None:
    assert forbidden_used(["lamp, light", "lamp", "LED"], [[LED], [], [LED]]) == 2


def test_each_hypothesis_needs_its_terms() -> None:
    with pytest.raises(ValueError, match=r"^the count of forbidden words needs one of each per hypothesis, got 0 lists of terms for 1$"):
        forbidden_used(["a"], [])
