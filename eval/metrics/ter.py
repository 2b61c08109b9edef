"""Translation edit rate in which the words of terms weigh more: TERm.

    term_weighted_ter(hypothesis, reference, terms)    0 where both are the same; 1 - TERm is the score that is published

Words are moved as long as a move, which costs one edit, brings the hypothesis nearer to the reference: the best of all moves, again and
again (Snover et al. 2006, without their limits on length and distance). What remains is a weighted edit distance.

Not covered: tokenisation and case, which are the caller's; the speed-ups of sacreBLEU's TER, which knows no weights.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from eval.stats import FloatArray, IntArray

TERM_WEIGHT = 2.0  # Alam et al. 2021


def term_weighted_ter(hypothesis: Sequence[str], reference: Sequence[str], terms: Collection[int], weight: float = TERM_WEIGHT) -> float:
    """Edits per word of the reference, those of a term's words weighing `weight`; 0 and up.

    Args:
        hypothesis: words.
        reference: words, at least one.
        terms: places of the reference's words that belong to terms.
        weight: of an edit that a term's word lacks or replaces; a word too many, and a move, weigh 1.

    Raises:
        ValueError: the reference is empty.

    Source: TERm, Alam et al. 2021, https://arxiv.org/abs/2106.11891
    """
    if not reference:
        raise ValueError("TER needs a reference with a word")
    numbers = {word: i for i, word in enumerate(dict.fromkeys([*reference, *hypothesis]))}
    wanted = np.array([numbers[word] for word in reference], dtype=np.int64)  # (R,)
    words = np.array([numbers[word] for word in hypothesis], dtype=np.int64)  # (H,)
    weights = np.where(np.isin(np.arange(len(wanted)), list(terms)), weight, 1.0)  # (R,)
    moves, distance = 0, float(_distances(words[None], wanted, weights)[0])
    while distance and len(candidates := list(_moved(words, wanted))):
        distances = _distances(np.stack(candidates), wanted, weights)
        best = int(distances.argmin())
        if distances[best] >= distance:
            break
        words, distance, moves = candidates[best], float(distances[best]), moves + 1
    return (moves + distance) / len(wanted)


def _moved(words: IntArray, wanted: IntArray) -> Iterator[IntArray]:
    """The hypothesis with a run of words, which stands in the reference elsewhere, put at that place."""
    for here, there in np.argwhere(words[:, None] == wanted[None]):  # (H, R)
        if here == there:
            continue
        longest = min(len(words) - here, len(wanted) - there)
        length = int(np.argmin([*(words[here : here + longest] == wanted[there : there + longest]), False]))
        rest = np.delete(words, slice(here, here + length))
        yield np.insert(rest, min(there, len(rest)), words[here : here + length])


def _distances(many: IntArray, wanted: IntArray, weights: FloatArray) -> FloatArray:
    """Weighted edit distance of C hypotheses of the same length: (C, H), (R,), (R,) -> (C,)."""
    passed = np.concatenate([[0.0], weights.cumsum()])  # (R + 1,) what it costs to lack the words up to each place
    row = passed[None].repeat(len(many), axis=0)  # (C, R + 1)
    for i in range(many.shape[1]):
        differs = (many[:, i, None] != wanted[None]) * weights  # (C, R)
        following = np.minimum(row[:, 1:] + 1, row[:, :-1] + differs)
        row = np.concatenate([row[:, :1] + 1, following], axis=1)
        row = np.minimum.accumulate(row - passed, axis=1) + passed  # lacking words, from any place before
    return row[:, -1]
