"""`evaluate.load("eval/metrics/modules/consistency")`: whether a document calls the same thing by the same word throughout."""

from __future__ import annotations

from collections.abc import Sequence

import evaluate

from eval.metrics import consistency
from eval.metrics.modules.shapes import TERMS, TEXT, Rows, metric_info, terms_of


class Consistency(evaluate.Metric):
    """predictions: translations; documents: the document of each; terms: per segment, [{id, words: [[form]]}]."""

    def _info(self) -> evaluate.MetricInfo:
        return metric_info(consistency.consistency, str(self.__doc__), predictions=TEXT, documents=TEXT, terms=TERMS)

    def _compute(self, predictions: Sequence[str], documents: Sequence[str], terms: Rows) -> dict[str, float | None]:
        made = consistency.consistency(predictions, documents, terms_of(terms))
        return {"consistency": made.score, "found": made.found, "occurrences": made.occurrences, "missed": made.missed}
