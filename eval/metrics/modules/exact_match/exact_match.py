"""`evaluate.load("eval/metrics/modules/exact_match")`: terms that stand in the translation, as Alam et al. 2021 count them."""

from __future__ import annotations

from collections.abc import Sequence

import evaluate

from eval.metrics import terminology
from eval.metrics.modules.shapes import MARKED, TEXT, Rows, metric_info, segments_of


class ExactMatch(evaluate.Metric):
    """predictions, references: tokenised; terms: per segment, [{forms, start, end, inflected}]; ignore_case: False as published."""

    def _info(self) -> evaluate.MetricInfo:
        return metric_info(terminology.exact_match, str(self.__doc__), predictions=TEXT, references=TEXT, terms=MARKED)

    def _compute(self, predictions: Sequence[str], references: Sequence[str], terms: Rows, ignore_case: bool = False) -> dict[str, float]:
        hits, count = terminology.exact_match(segments_of(predictions, references, terms), ignore_case)
        if not count:
            raise ValueError(f"exact match of {len(predictions)} segments without a single term")
        return {"exact_match": 100 * hits / count, "hits": hits, "terms": count}
