"""The baseline that a translation model must beat: the best fuzzy match of each test source in the training sources, and its target.

It is what a translator's tool offers without any model. The similarity is the normalised indel distance on characters
(`rapidfuzz.fuzz.ratio`), 0..100, case kept; of equally similar entries the first wins.

The memory is searched once per source language; a match's number then gives the target text in any language.

Not covered: replacing numbers and codes in the match, and putting several matches together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from eval.stats import FloatArray, IntArray

BLOCK = 2_048  # entries compared at once: 240 queries take 4 MB; all of 28 661 German ones 1.4 s with 2 workers (measured)
WORKERS = 2


@dataclass(frozen=True)
class Match:
    """The entry of the memory that is most like a query: its number, and how alike they are, 0..100."""

    index: int
    score: float


def best_matches(queries: Sequence[str], memory: Sequence[str], *, workers: int = WORKERS) -> list[Match]:
    """The entry of `memory` most like each query.

    Args:
        queries: source texts of the test part.
        memory: source texts of the training part; those that stand twice are compared once.
        workers: threads; the answer does not depend on them.

    Raises:
        ValueError: the memory is empty.
    """
    first: dict[str, int] = {}
    for index, text in enumerate(memory):
        first.setdefault(text, index)
    if not first:
        raise ValueError("the translation memory is empty")
    indices = list(first.values())
    scores, places = np.full(len(queries), -1.0), np.zeros(len(queries), dtype=np.int64)
    for start, block in _blocks(list(first)):
        _keep_better(scores, places, start, _similarities(queries, block, workers))
    return [Match(indices[place], float(score)) for place, score in zip(places, scores, strict=True)]


def mean_score(matches: Sequence[Match]) -> float:
    """How alike test and training part are, 0..100: the mean over the matches."""
    return sum(match.score for match in matches) / len(matches)


def _blocks(texts: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    for start in range(0, len(texts), BLOCK):
        yield start, texts[start : start + BLOCK]


def _similarities(queries: Sequence[str], block: Sequence[str], workers: int) -> FloatArray:
    """How alike each query and each entry are, (Q, entries)."""
    from rapidfuzz import fuzz, process

    found: FloatArray = process.cdist(queries, block, scorer=fuzz.ratio, workers=workers, dtype=np.float64)
    return found


def _keep_better(scores: FloatArray, places: IntArray, start: int, found: FloatArray) -> None:
    """Update each query's best score and place with a block's, unless they are only as good."""
    column = found.argmax(axis=1)  # the first of equals
    best = found[np.arange(len(found)), column]
    better = best > scores
    scores[better], places[better] = best[better], column[better] + start
