import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from eval.metrics.classification import accuracy, as_codes, coverage_at, ece, f1_by_class, macro_f1, out_of_scope_recall

LABELS = ("moq", "thanks", "warranty", "refund_status")
CHANCE = np.random.default_rng(4)
TRUTH = [str(label) for label in CHANCE.choice(LABELS, 200, p=(0.5, 0.3, 0.15, 0.05))]
PREDICTED = [label if CHANCE.random() < 0.7 else str(CHANCE.choice([*LABELS, "greeting"])) for label in TRUTH]


def test_scores_of_labels_are_scikit_learns():
    assert accuracy(TRUTH, PREDICTED) == pytest.approx(100 * sklearn_metrics.accuracy_score(TRUTH, PREDICTED))
    theirs = sklearn_metrics.f1_score(TRUTH, PREDICTED, average="macro", zero_division=0)
    assert macro_f1(TRUTH, PREDICTED) == pytest.approx(100 * theirs)
    names = sorted({*TRUTH, *PREDICTED})
    each = 100 * sklearn_metrics.f1_score(TRUTH, PREDICTED, average=None, labels=names, zero_division=0)
    assert f1_by_class(TRUTH, PREDICTED) == pytest.approx(dict(zip(names, each, strict=True)))


def test_a_class_only_predicted_counts_as_zero():
    assert f1_by_class(["moq", "moq"], ["moq", "thanks"]) == pytest.approx({"moq": 200 / 3, "thanks": 0.0})
    assert macro_f1(["moq", "moq"], ["moq", "thanks"]) == pytest.approx(100 / 3)


def test_codes_score_as_the_labels_do():
    true, said = as_codes(TRUTH, PREDICTED)
    assert set(true) <= set(range(5))
    assert macro_f1(true, said) == pytest.approx(macro_f1(TRUTH, PREDICTED))
    assert accuracy(true, said) == pytest.approx(accuracy(TRUTH, PREDICTED))


@pytest.mark.parametrize("score", [accuracy, f1_by_class, macro_f1, out_of_scope_recall])
def test_a_missing_prediction_is_no_score(score):
    with pytest.raises(ValueError, match="one prediction per message, got 1 for 2"):
        score(["moq", "moq"], ["moq"])
    with pytest.raises(ValueError, match="got 0 for 0"):
        score([], [])


def test_out_of_scope_recall_is_scikit_learns():
    outside = [True, True, True, False, False]
    refused = [True, False, True, True, False]
    assert out_of_scope_recall(outside, refused) == pytest.approx(100 * sklearn_metrics.recall_score(outside, refused))


def test_out_of_scope_recall_needs_an_out_of_scope_message():
    with pytest.raises(ValueError, match="there is none among 2"):
        out_of_scope_recall([False, False], [True, False])


def test_ece_by_hand():
    # Two bins of ten: 0.3 (one of two right, gap 0.2) and 0.9 (one of two right, gap 0.4), so (2 * 0.2 + 2 * 0.4) / 4.
    confidences = np.array([0.3, 0.3, 0.9, 0.9])
    correct = np.array([True, False, True, False])
    assert ece(confidences, correct, bins=10) == pytest.approx(30.0)


def test_ece_of_perfect_confidence_is_zero_and_of_blind_confidence_one_hundred():
    assert ece(np.array([1.0, 1.0, 0.0]), np.array([True, True, False])) == 0.0
    assert ece(np.array([1.0, 1.0]), np.array([False, False])) == 100.0


def test_ece_bins_end_at_their_upper_edge():
    # In bins of a half, 0.5 counts below and 0.6 above; in one bin the two errors would cancel.
    confidences, correct = np.array([0.5, 0.6]), np.array([True, False])
    assert ece(confidences, correct, bins=2) == pytest.approx(55.0)
    assert ece(confidences, correct, bins=1) == pytest.approx(5.0)


def test_a_confidence_is_a_probability():
    for score in (ece, coverage_at):
        with pytest.raises(ValueError, match=r"a confidence is 0..1, got 0.5 to 95.0"):
            score(np.array([0.5, 95.0]), np.array([True, True]))


def test_coverage_by_hand():
    confidences = np.array([0.9, 0.8, 0.7, 0.6])
    assert coverage_at(confidences, np.array([True, True, False, True]), precision=75.0) == 100.0
    assert coverage_at(confidences, np.array([True, True, False, True]), precision=95.0) == 50.0
    assert coverage_at(confidences, np.array([False, True, True, True]), precision=95.0) == 0.0


def test_coverage_does_not_part_equal_confidences():
    confidences = np.array([0.9, 0.9, 0.5])
    assert coverage_at(confidences, np.array([True, False, True]), precision=100.0) == 0.0
    assert coverage_at(confidences, np.array([True, True, False]), precision=100.0) == pytest.approx(200 / 3)


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.4, 0.5, 0.7, 0.9]), st.booleans()), min_size=1, max_size=12))
def test_coverage_is_the_best_of_all_thresholds(answers):
    confidences = np.array([confidence for confidence, _ in answers])
    correct = np.array([right for _, right in answers])
    best = 0.0
    for threshold in confidences:
        answered = confidences >= threshold
        if correct[answered].mean() >= 0.6:
            best = max(best, 100 * answered.mean())
    assert coverage_at(confidences, correct, precision=60.0) == pytest.approx(best)
