"""`evaluate.load("eval/metrics/modules/term_success")`: share of the wanted terms that stand in the translation, in any admitted form."""

from __future__ import annotations

from collections.abc import Sequence

import evaluate

from eval.metrics import terminology
from eval.metrics.modules.shapes import FORMS, TEXT, metric_info


class TermSuccess(evaluate.Metric):
    """predictions: translations; terms: per segment, the target forms of each term of its source."""

    def _info(self) -> evaluate.MetricInfo:
        return metric_info(terminology.term_success, str(self.__doc__), predictions=TEXT, terms=FORMS)

    def _compute(self, predictions: Sequence[str], terms: Sequence[Sequence[Sequence[str]]]) -> dict[str, float]:
        return {"term_success": terminology.term_success(predictions, terms)}
