"""How good a classifier is, and how far its confidence can be believed; every score 0..100, confidences 0..1.

    accuracy, f1_by_class, macro_f1        of labels, given as text or as the numbers of `as_codes` (faster under resampling)
    out_of_scope_recall                    of messages that belong to no class
    ece, coverage_at                       of confidences

Not covered: multi-label classes, weighted F1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from eval.stats import FloatArray, IntArray

BoolArray = npt.NDArray[np.bool_]
Labels = Sequence[str] | IntArray

ECE_BINS = 15  # Guo et al. 2017, section 5
COVERAGE_PRECISION = 95.0  # what an answer without a human must reach; design.md, Results: coverage_at_95


def as_codes(*labelings: Sequence[str]) -> list[IntArray]:
    """The labelings with a number for each label, the same one in all of them."""
    numbers = {label: number for number, label in enumerate(sorted(set().union(*labelings)))}
    return [np.asarray([numbers[label] for label in labeling], dtype=np.int64) for labeling in labelings]


def accuracy(truth: Labels, predicted: Labels) -> float:
    """Share of messages with the right label.

    Raises:
        ValueError: the two differ in length, or are empty.
    """
    _check_parallel(truth, predicted)
    return 100 * float(np.mean(np.asarray(truth) == np.asarray(predicted)))


def f1_by_class(truth: Labels, predicted: Labels) -> dict[str, float]:
    """F1 of every class that stands in the truth or was predicted; 0 where no prediction of a class is right.

    Raises:
        ValueError: the two differ in length, or are empty.
    """
    _check_parallel(truth, predicted)
    labels, codes = np.unique(np.concatenate([np.asarray(truth), np.asarray(predicted)]), return_inverse=True)  # (C,), (2N,)
    true, said = codes[: len(truth)], codes[len(truth) :]
    right = np.bincount(true[true == said], minlength=len(labels))
    named = np.bincount(codes, minlength=len(labels))  # true positives twice, false positives and false negatives once
    return {str(label): 200 * float(r) / float(n) for label, r, n in zip(labels, right, named, strict=True)}


def macro_f1(truth: Labels, predicted: Labels) -> float:
    """Mean F1 over the classes that stand in the truth or were predicted, each counting the same.

    Raises:
        ValueError: the two differ in length, or are empty.
    """
    return float(np.mean(list(f1_by_class(truth, predicted).values())))


def out_of_scope_recall(outside: Sequence[bool] | BoolArray, refused: Sequence[bool] | BoolArray) -> float:
    """Share of the messages that belong to no class that were recognised as such.

    Args:
        outside: per message, whether it belongs to no class.
        refused: per message, whether the classifier said so.

    Raises:
        ValueError: the two differ in length, or no message is outside.
    """
    _check_parallel(outside, refused)
    truth = np.asarray(outside, dtype=np.bool_)
    if not truth.any():
        raise ValueError(f"out-of-scope recall needs an out-of-scope message, there is none among {len(truth)}")
    return 100 * float(np.asarray(refused, dtype=np.bool_)[truth].mean())


def ece(confidences: FloatArray, correct: BoolArray, *, bins: int = ECE_BINS) -> float:
    """Expected calibration error: how far confidence is from accuracy, averaged over bins of equal width.

    Args:
        confidences: of the label chosen, 0..1, (N,).
        correct: whether that label is right, (N,).
        bins: a confidence on an edge counts in the lower bin; 0 in the first.

    Raises:
        ValueError: the two differ in length, are empty, or a confidence is outside 0..1.

    Source: Guo et al. 2017, equation 3, https://proceedings.mlr.press/v70/guo17a.html
    """
    _check_confidences(confidences, correct)
    bin_of = np.clip(np.ceil(confidences * bins).astype(np.int64) - 1, 0, bins - 1)
    gaps = np.bincount(bin_of, weights=correct - confidences, minlength=bins)  # count * (accuracy - confidence), per bin
    return 100 * float(np.abs(gaps).sum()) / len(confidences)


def coverage_at(confidences: FloatArray, correct: BoolArray, precision: float = COVERAGE_PRECISION) -> float:
    """The largest share of messages that some confidence threshold answers with at least `precision` percent of them right; 0 if none does.

    Messages of equal confidence are answered together: no threshold parts them.

    Args:
        confidences: of the label chosen, 0..1, (N,).
        correct: whether that label is right, (N,).
        precision: 0..100.

    Raises:
        ValueError: the two differ in length, are empty, or a confidence is outside 0..1.

    Source: risk-coverage curve, El-Yaniv and Wiener 2010, https://www.jmlr.org/papers/v11/el-yaniv10a.html
    """
    _check_confidences(confidences, correct)
    order = np.argsort(-confidences, kind="stable")
    answered = np.arange(1, len(order) + 1)
    right = np.cumsum(correct[order])
    possible = np.append(np.diff(confidences[order]) != 0, True)  # a threshold can stand after this message
    good = answered[possible & (100 * right >= precision * answered)]
    return 100 * float(good.max(initial=0)) / len(order)


def _check_parallel(truth: Sequence[object] | npt.NDArray[np.generic], predicted: Sequence[object] | npt.NDArray[np.generic]) -> None:
    """Raises ValueError unless there is one prediction per message, and at least one message."""
    if len(truth) != len(predicted) or len(truth) == 0:
        raise ValueError(f"a score needs one prediction per message, got {len(predicted)} for {len(truth)}")


def _check_confidences(confidences: FloatArray, correct: BoolArray) -> None:
    """Raises ValueError unless there is one confidence of 0..1 per message, and at least one message."""
    _check_parallel(correct, confidences)
    if not bool(np.all((confidences >= 0) & (confidences <= 1))):
        raise ValueError(f"a confidence is 0..1, got {float(np.min(confidences))} to {float(np.max(confidences))}")
