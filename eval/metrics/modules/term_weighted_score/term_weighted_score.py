"""`evaluate.load("eval/metrics/modules/term_weighted_score")`: 1 - TERm, edits in which the words of terms weigh twice; 100 is best."""

from __future__ import annotations

from collections.abc import Sequence

import evaluate

from eval.metrics import terminology
from eval.metrics.modules.shapes import MARKED, TEXT, Rows, metric_info, segments_of


class TermWeightedScore(evaluate.Metric):
    """predictions, references: tokenised; terms: per segment, [{forms, start, end, inflected}]."""

    def _info(self) -> evaluate.MetricInfo:
        return metric_info(terminology.term_weighted_score, str(self.__doc__), predictions=TEXT, references=TEXT, terms=MARKED)

    def _compute(self, predictions: Sequence[str], references: Sequence[str], terms: Rows) -> dict[str, float]:
        return {"term_weighted_score": terminology.term_weighted_score(segments_of(predictions, references, terms))}
