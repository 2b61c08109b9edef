"""What the modules share: the columns that `evaluate` takes, as dictionaries, and the records of `eval.metrics` that are made of them.

    terms with words    [{id, words: [[form]]}] per segment, the base form of each word first
    marked terms        [{forms: [form], start, end, inflected}] per segment; start and end count the words of the reference

Segments of marked terms are tokenised: their words are what stands between spaces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import evaluate
from datasets import Features, List, Value

from eval.metrics.marked import MarkedSegment, MarkedTerm
from eval.metrics.wanted import TermForms

TEXT = Value("string")
FORMS = List(List(TEXT))  # per segment, the forms of each term
TERMS = List({"id": TEXT, "words": FORMS})
MARKED = List({"forms": List(TEXT), "start": Value("int32"), "end": Value("int32"), "inflected": Value("bool")})

Rows = Sequence[Sequence[Mapping[str, Any]]]


def metric_info(function: Callable[..., Any], inputs: str, **columns: Any) -> evaluate.MetricInfo:
    """What `evaluate` shows of a module: the text of the function, which names its source, and of the class that wraps it."""
    text = str(function.__doc__)
    return evaluate.MetricInfo(description=text, citation=text, inputs_description=inputs, features=Features(columns))


def terms_of(rows: Rows) -> list[list[TermForms]]:
    """The terms of each segment."""
    return [[TermForms(term["id"], tuple(map(tuple, term["words"]))) for term in row] for row in rows]


def segments_of(predictions: Sequence[str], references: Sequence[str], rows: Rows) -> list[MarkedSegment]:
    """Marked segments."""
    return [
        MarkedSegment(
            prediction.split(),
            reference.split(),
            [MarkedTerm(tuple(term["forms"]), range(term["start"], term["end"]), term["inflected"]) for term in row],
        )
        for prediction, reference, row in zip(predictions, references, rows, strict=True)
    ]
