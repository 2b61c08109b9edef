"""TERm by hand, and against sacreBLEU's TER where no word weighs more and its shifts have no limits to meet."""

from __future__ import annotations

import random

import pytest
from sacrebleu.metrics import TER

from eval.metrics.ter import term_weighted_ter

PORT = ["the", "pump", "is", "at", "the", "port"]


@pytest.mark.parametrize(
    ("hypothesis", "terms", "expected"),
    [
        ("the pump is at the port", {1}, 0),
        ("the valve is at the port", {1}, 2 / 6),  # the term replaced
        ("the valve is at the port", {5}, 1 / 6),  # another word replaced
        ("the is at the port", {1}, 2 / 6),  # the term lacking
        ("the big pump is at the port", {1}, 1 / 6),  # a word too many
        ("pump the is at the port", {1}, 1 / 6),  # moved: cheaper than the term lacking here and too many there
        ("at the port the pump is", {1}, 1 / 6),  # three words moved at once
        ("", {1}, 7 / 6),
        ("a b c d e f g", {1}, 8 / 6),
    ],
)
def test_edits_by_hand(hypothesis: str, terms: set[int], expected: float) -> None:
    assert term_weighted_ter(hypothesis.split(), PORT, terms) == pytest.approx(expected)


def test_the_weight_is_the_caller_s() -> None:
    assert term_weighted_ter(["a", "x"], ["a", "b"], {1}, weight=5) == 2.5


def test_without_weights_it_is_sacrebleu_s() -> None:
    """On short random sentences; moves are searched in another order there, so that a few differ by a move."""
    chance, metric, same = random.Random(3), TER(), 0
    for _ in range(300):
        reference = [chance.choice("abcdefgh") for _ in range(chance.randint(1, 8))]
        hypothesis = [chance.choice("abcdefgh") for _ in range(chance.randint(1, 8))]
        theirs = metric.sentence_score(" ".join(hypothesis), [" ".join(reference)]).score / 100
        ours = term_weighted_ter(hypothesis, reference, set())
        assert abs(ours - theirs) <= 1 / len(reference) + 1e-9
        same += ours == pytest.approx(theirs)
    assert same >= 270


def test_an_empty_reference_has_no_rate() -> None:
    with pytest.raises(ValueError, match="TER needs a reference with a word"):
        term_weighted_ter(["a"], [], set())
