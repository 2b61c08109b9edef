"""Bootstrap intervals: of a mean, of a percentile, of the difference of two systems on the same segments.

All are 95 % percentile intervals (Efron 1979), resampled over segments with a fixed seed, so that two runs agree.

Not covered: significance tests, intervals over several training seeds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

INTERVAL_PERCENTS = (2.5, 97.5)
MINIMUM_SEGMENTS = 2  # one segment has no spread


def bootstrap_interval(scores: FloatArray, *, resamples: int = 1_000, seed: int = 7) -> tuple[float, float]:
    """95 % percentile-bootstrap interval of the mean score.

    Segments are resampled, so this is for metrics that average over segments (term success, accuracy). BLEU, chrF and macro-F1 are not
    averages: `paired_resample` and `resample` recompute those from each resample.

    Args:
        scores: one value per test segment, (N,).
        resamples: R; 1 000 is sacreBLEU's default.
        seed: fixes the resampling, so that two runs agree.

    Raises:
        ValueError: fewer than two segments.

    Source: Koehn 2004, https://aclanthology.org/W04-3250
    """
    return resample(lambda rows: float(scores[rows].mean()), len(scores), resamples=resamples, seed=seed)


def percentile_interval(values: FloatArray, percent: float, *, resamples: int = 1_000, seed: int = 7) -> tuple[float, float]:
    """95 % percentile-bootstrap interval of a percentile, such as the p95 of latencies.

    With few values the interval of a high percentile ends at the largest one: nothing above it was seen.

    Args:
        values: one value per request, (N,).
        percent: which percentile, 0..100.
        resamples: R.
        seed: fixes the resampling.

    Raises:
        ValueError: fewer than two values.
    """
    return resample(lambda rows: float(np.percentile(values[rows], percent)), len(values), resamples=resamples, seed=seed)


def paired_bootstrap_interval(a: FloatArray, b: FloatArray, *, resamples: int = 1_000, seed: int = 7) -> tuple[float, float]:
    """95 % interval of `mean(a) - mean(b)`, both systems measured on the same segments.

    Args:
        a: one value per segment, (N,).
        b: the other system's values of the same segments, (N,).
        resamples: R.
        seed: fixes the resampling.

    Raises:
        ValueError: the systems differ in the number of segments, or there are fewer than two.

    Source: Koehn 2004, section 5, https://aclanthology.org/W04-3250
    """
    if len(a) != len(b):
        raise ValueError(f"a paired interval needs the same segments on both sides, got {len(a)} and {len(b)}")
    return bootstrap_interval(a - b, resamples=resamples, seed=seed)


def paired_resample(
    score: Callable[[IntArray], tuple[float, float]], size: int, *, resamples: int = 1_000, seed: int = 7
) -> tuple[float, float]:
    """95 % interval of the difference of two systems in a corpus metric that is no mean (chrF, BLEU, macro-F1).

    Args:
        score: both systems' scores (first, second) on the segments whose numbers it is given, (N,) with repetitions; the interval is
            that of first - second.
        size: N, how many segments there are.
        resamples: R.
        seed: fixes the resampling.

    Raises:
        ValueError: fewer than two segments.

    Source: Koehn 2004, section 5, https://aclanthology.org/W04-3250
    """

    def difference(rows: IntArray) -> float:
        first, second = score(rows)
        return first - second

    return resample(difference, size, resamples=resamples, seed=seed)


def resample(score: Callable[[IntArray], float], size: int, *, resamples: int = 1_000, seed: int = 7) -> tuple[float, float]:
    """95 % interval of any metric of a test set; `score` and the rest as in `paired_resample`.

    Raises:
        ValueError: fewer than two segments.
    """
    if size < MINIMUM_SEGMENTS:
        raise ValueError(f"an interval needs at least {MINIMUM_SEGMENTS} segments, got {size}")
    chance = np.random.default_rng(seed)
    scores = [score(chance.integers(size, size=size)) for _ in range(resamples)]
    low, high = np.percentile(scores, INTERVAL_PERCENTS)
    return float(low), float(high)
