"""Temperature and threshold on values small enough to check by hand."""

from __future__ import annotations

import numpy as np
import pytest

from training.confidence import TEMPERATURES, fit_temperature, out_of_scope_threshold, softmax

STEP = TEMPERATURES[1] / TEMPERATURES[0]  # the grid is that coarse


def test_softmax_of_large_logits_is_finite() -> None:
    np.testing.assert_allclose(softmax(np.array([[1000.0, 1000.0], [0.0, -1000.0]])), [[0.5, 0.5], [1.0, 0.0]])


def test_a_model_that_is_too_sure_is_cooled() -> None:
    """Right in three of four cases with logits 4 apart: the likeliest probability is 3/4, so 4 / T = ln 3."""
    logits = np.array([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
    assert fit_temperature(logits, np.array([0, 0, 0, 0])) == pytest.approx(4 / np.log(3), rel=STEP - 1)


def test_a_model_that_is_not_sure_enough_is_sharpened() -> None:
    """Right in 99 of 100 cases with logits 1 apart: 1 / T = ln 99."""
    logits = np.tile([1.0, 0.0], (100, 1))
    labels = np.array([0] * 99 + [1])
    assert fit_temperature(logits, labels) == pytest.approx(1 / np.log(99), rel=STEP - 1)


def test_a_model_that_is_always_right_takes_the_lowest_temperature() -> None:
    assert fit_temperature(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 1])) == TEMPERATURES[0] == 0.2


def test_the_threshold_parts_what_can_be_parted() -> None:
    assert out_of_scope_threshold(np.array([0.9, 0.6]), np.array([0.2, 0.4])) == 0.6


def test_the_threshold_weighs_both_mistakes_as_shares() -> None:
    """At 0.7 all three stay and two of four are caught (1.5); at 0.9 one of three stays and all are caught (1.33)."""
    assert out_of_scope_threshold(np.array([0.9, 0.8, 0.7]), np.array([0.1, 0.3, 0.85, 0.85])) == 0.7


def test_without_out_of_scope_messages_nothing_is_out_of_scope() -> None:
    assert out_of_scope_threshold(np.array([0.9, 0.1]), np.array([])) == 0.0
