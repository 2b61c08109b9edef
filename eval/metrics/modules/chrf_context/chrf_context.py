"""`evaluate.load("eval/metrics/modules/chrf_context")`: chrF of what stands around the terms."""

from __future__ import annotations

from collections.abc import Sequence

import evaluate

from eval.metrics import context
from eval.metrics.modules.shapes import FORMS, TEXT, metric_info

Lists = Sequence[Sequence[Sequence[str]]]


class ChrfContext(evaluate.Metric):
    """predictions: translations; references: one each; prediction_terms, reference_terms: per segment, the forms to be masked in either."""

    def _info(self) -> evaluate.MetricInfo:
        columns = {"predictions": TEXT, "references": TEXT, "prediction_terms": FORMS, "reference_terms": FORMS}
        return metric_info(context.chrf_context, str(self.__doc__), **columns)

    def _compute(
        self, predictions: Sequence[str], references: Sequence[str], prediction_terms: Lists, reference_terms: Lists
    ) -> dict[str, float | str]:
        made = context.chrf_context(predictions, references, prediction_terms, reference_terms)
        return {"chrf_context": made.score, "signature": made.signature}
