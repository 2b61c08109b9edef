"""`evaluate.load("eval/metrics/modules/window_overlap")`: how much of what stands around a term in the reference stands around it here."""

from __future__ import annotations

from collections.abc import Sequence

import evaluate

from eval.metrics import terminology
from eval.metrics.modules.shapes import MARKED, TEXT, Rows, metric_info, segments_of


class WindowOverlap(evaluate.Metric):
    """predictions, references: tokenised; terms: per segment, [{forms, start, end, inflected}]; window: words on each side, 2 or 3."""

    def _info(self) -> evaluate.MetricInfo:
        return metric_info(terminology.window_overlap, str(self.__doc__), predictions=TEXT, references=TEXT, terms=MARKED)

    def _compute(self, predictions: Sequence[str], references: Sequence[str], terms: Rows, window: int = 2) -> dict[str, float]:
        return {"window_overlap": terminology.window_overlap(segments_of(predictions, references, terms), window)}
