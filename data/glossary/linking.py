"""Which candidates of two languages are translations of each other, by the segments in which they stand together.

A pair's score is twice its joint count, the segments that hold both sides, over the sum of both sides' own counts (Dice), with the root of
the joint count taken off, about what chance may have added: ten of ten is 68, a hundred of a hundred 90. What chance explains
(log-likelihood ratio, Dunning 1993) is no pair. The best pair is linked first, and neither of its sides again (competitive linking, Melamed
2000); of equals the one with the longer words.

Source: https://aclanthology.org/J93-1003, https://aclanthology.org/J00-2004

Not covered: words with several translations, of which only the best is linked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from data.glossary.candidates import Candidates, Place

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
SIGNIFICANT = 10.83  # of a log-likelihood ratio: one in 1,000 by chance (chi-squared, one degree of freedom)


@dataclass(frozen=True)
class Link:
    """Two candidates that are translations of each other.

    Attributes:
        source: number of the source candidate.
        target: of the target's.
        score: 0..100.
        source_count: segments with the source.
        target_count: with the target.
        joint: with both.
    """

    source: int
    target: int
    score: float
    source_count: int
    target_count: int
    joint: int


def link_all(source: Candidates, target: Candidates, fewest: int, min_score: float) -> list[Link]:
    """The links, the best first.

    Linked once, candidates that stand inside longer linked ones are taken out and the rest is counted again: 泵 of 液压泵 is then no
    evidence for anything, and what stood in longer terms only is gone.
    """
    first = link(source, target, fewest, min_score)
    source = without_inner(source, {found.source for found in first})
    target = without_inner(target, {found.target for found in first})
    return link(source, target, fewest, min_score)


def link(source: Candidates, target: Candidates, fewest: int, min_score: float) -> list[Link]:
    """One round of competitive linking."""
    pairs = sorted(_pairs(source, target, fewest, min_score), key=lambda pair: _rank(pair, source, target))
    sources: set[int] = set()
    targets: set[int] = set()
    found: list[Link] = []
    for pair in pairs:
        if pair.source not in sources and pair.target not in targets:
            sources.add(pair.source)
            targets.add(pair.target)
            found.append(pair)
    return found


def _rank(pair: Link, source: Candidates, target: Candidates) -> tuple[float, int, str, str]:
    one, other = source.forms[pair.source][0], target.forms[pair.target][0]
    return -pair.score, -len(one) - len(other), one, other


def _pairs(source: Candidates, target: Candidates, fewest: int, min_score: float) -> Iterator[Link]:
    """The pairs that stand together often enough, and not by chance."""
    width = max(1, len(target.forms))
    rows = [(_present(one), _present(other)) for one, other in zip(source.places, target.places, strict=True)]
    sources = _totals([one for one, _ in rows], len(source.forms))  # (S,)
    targets = _totals([other for _, other in rows], len(target.forms))  # (T,)
    codes = [np.add.outer(one * width, other).ravel() for one, other in rows]
    pairs, joint = np.unique(np.concatenate([np.zeros(0, np.int64), *codes]), return_counts=True)  # (P,), P pairs that stand together
    often = joint >= fewest
    pairs, joint = pairs[often], joint[often]
    one, other = pairs // width, pairs % width
    scores = 200 * (joint - np.sqrt(joint)) / (sources[one] + targets[other])
    ratios = log_likelihood_ratio(joint, sources[one], targets[other], len(rows))
    for place in np.flatnonzero((scores >= min_score) & (ratios >= SIGNIFICANT)):
        s, t = int(one[place]), int(other[place])
        yield Link(s, t, float(scores[place]), int(sources[s]), int(targets[t]), int(joint[place]))


def _present(places: Sequence[Place]) -> IntArray:
    return np.array(sorted({number for _, _, number in places}), np.int64)


def _totals(rows: Sequence[IntArray], size: int) -> IntArray:
    return np.bincount(np.concatenate([np.zeros(0, np.int64), *rows]), minlength=size)


def log_likelihood_ratio(joint: IntArray, sources: IntArray, targets: IntArray, segments: int) -> FloatArray:
    """How much better the counts are explained by two words that go together than by two that do not.

    Args:
        joint: segments with both, (P,).
        sources: with the source, (P,).
        targets: with the target, (P,).
        segments: of all.

    Source: Dunning 1993, https://aclanthology.org/J93-1003
    """
    cells = (joint, sources - joint, targets - joint, segments - sources - targets + joint)
    margins = (sources, segments - sources, targets, segments - targets)
    everything: FloatArray = np.full(joint.shape, segments * np.log(segments))
    return 2 * (sum(map(_weighed, cells), everything) - sum(map(_weighed, margins), np.zeros(joint.shape)))


def _weighed(counts: IntArray) -> FloatArray:
    """Counts times their logarithms; 0 for 0."""
    return counts.astype(np.float64) * np.log(np.maximum(counts, 1))


def without_inner(candidates: Candidates, linked: set[int]) -> Candidates:
    """The candidates without the places that lie inside a longer one that is linked."""
    return replace(candidates, places=[_outer(places, linked) for places in candidates.places])


def _outer(places: Sequence[Place], linked: set[int]) -> list[Place]:
    spans = [(begin, end) for begin, end, number in places if number in linked]
    return [place for place in places if not any(_inside(place, span) for span in spans)]


def _inside(place: Place, span: tuple[int, int]) -> bool:
    return span[0] <= place[0] and place[1] <= span[1] and place[:2] != span
