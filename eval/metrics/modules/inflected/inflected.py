"""`evaluate.load("eval/metrics/modules/inflected")`: share of the inflected terms of the references that stand so in the translation."""

from __future__ import annotations

from collections.abc import Sequence

import evaluate

from eval.metrics import inflected
from eval.metrics.modules.shapes import TERMS, TEXT, Rows, metric_info, terms_of


class Inflected(evaluate.Metric):
    """predictions: translations; references: one each; terms: per segment, [{id, words: [[form]]}], the base form of each word first."""

    def _info(self) -> evaluate.MetricInfo:
        return metric_info(inflected.inflected, str(self.__doc__), predictions=TEXT, references=TEXT, terms=TERMS)

    def _compute(self, predictions: Sequence[str], references: Sequence[str], terms: Rows) -> dict[str, float]:
        made = inflected.inflected(predictions, references, terms_of(terms))
        return {"inflected": made.score, "count": made.count}
