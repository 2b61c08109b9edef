import numpy as np
import pytest
from scipy import stats as scipy_stats

from eval.stats import bootstrap_interval, paired_bootstrap_interval, paired_resample, percentile_interval, resample

SCORES = np.random.default_rng(1).normal(60.0, 20.0, size=200)


def test_the_interval_of_a_mean_is_scipys():
    theirs = scipy_stats.bootstrap((SCORES,), np.mean, n_resamples=5_000, method="percentile", rng=3).confidence_interval
    assert bootstrap_interval(SCORES, resamples=5_000) == pytest.approx((theirs.low, theirs.high), abs=0.25)


def test_a_seed_fixes_the_interval_and_another_changes_it():
    assert bootstrap_interval(SCORES, seed=1) == bootstrap_interval(SCORES, seed=1)
    assert bootstrap_interval(SCORES, seed=1) != bootstrap_interval(SCORES, seed=2)


def test_equal_scores_have_no_spread():
    assert bootstrap_interval(np.full(10, 40.0)) == (40.0, 40.0)


def test_one_segment_has_no_interval():
    with pytest.raises(ValueError, match="an interval needs at least 2 segments, got 1"):
        bootstrap_interval(np.array([1.0]))


def test_the_interval_of_a_percentile_is_scipys():
    def p90(values: np.ndarray, axis: int) -> np.ndarray:
        return np.percentile(values, 90, axis=axis)

    theirs = scipy_stats.bootstrap((SCORES,), p90, n_resamples=5_000, method="percentile", rng=3).confidence_interval
    assert percentile_interval(SCORES, 90, resamples=5_000) == pytest.approx((theirs.low, theirs.high), abs=0.5)


def test_pairing_removes_what_the_segments_have_in_common():
    better = SCORES + 0.5  # far less than the spread of the segments
    low, high = paired_bootstrap_interval(better, SCORES)
    assert low == pytest.approx(0.5)
    assert high == pytest.approx(0.5)


def test_a_paired_interval_has_a_sign():
    low, high = paired_bootstrap_interval(SCORES - 3.0, SCORES + np.random.default_rng(2).normal(size=200))
    assert low < -3.0 < high < -2.5


def test_a_paired_interval_needs_the_same_segments():
    with pytest.raises(ValueError, match="the same segments on both sides, got 3 and 2"):
        paired_bootstrap_interval(np.zeros(3), np.zeros(2))


def test_a_paired_resample_of_means_is_the_paired_interval():
    other = SCORES[::-1].copy()
    by_rows = paired_resample(lambda rows: (SCORES[rows].mean(), other[rows].mean()), len(SCORES), resamples=200, seed=5)
    assert by_rows == pytest.approx(paired_bootstrap_interval(SCORES, other, resamples=200, seed=5))


def test_resampling_asks_for_as_many_segments_as_there_are_and_as_often_as_told():
    asked = []
    resample(lambda rows: asked.append(rows) or float(rows.mean()), 7, resamples=50)
    assert len(asked) == 50
    assert {len(rows) for rows in asked} == {7}
    assert {row for rows in asked for row in rows} == set(range(7))
