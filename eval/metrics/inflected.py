"""Whether terms stand in the translation in the form that the sentence wants.

    inflected(hypotheses, references, terms)           share of the inflected terms of the references that stand so in the translation
    inflected_counts(hypotheses, references, terms)    the two counts of each segment, for intervals

Definition: of the places in the references where a term stands in a listed form that is not the base form of one of its words, the share
that the hypothesis of the segment has, too: the very same form, each as often as it is there. A synonym's base form is no inflected form.
Scale 0..100.

Case policy: ignored, as in `term_success`: a term that begins a sentence has its capital for another reason than its inflection. ß and
ss, and letters with and without accent, are different forms.

Source: none with this definition; lemmas and surface forms apart is how Alam et al. 2021 count hits, https://arxiv.org/abs/2106.11891

Not covered: whether another form would be right as well, where the sentence around it differs from the reference; forms that the glossary
does not list; Chinese, which has no forms and so no score.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from eval.metrics.wanted import CountedScore, TermForms, check_lists, find_forms
from eval.stats import IntArray


def inflected(hypotheses: Sequence[str], references: Sequence[str], terms: Sequence[Sequence[TermForms]]) -> CountedScore:
    """Share of the inflected terms of the references that stand in the hypotheses in the same form, and how many there are.

    Args:
        hypotheses: one per segment.
        references: one per segment.
        terms: per segment, those found in its source; twice the same counts once, its places are counted in the reference.

    Raises:
        ValueError: the three differ in length, or no reference has an inflected term.
    """
    hits, wanted = (int(count) for count in inflected_counts(hypotheses, references, terms).sum(axis=0))
    if not wanted:
        raise ValueError(f"inflected forms of {len(hypotheses)} segments: no reference has a term in another form than the base form")
    return CountedScore(100 * hits / wanted, wanted)


def inflected_counts(hypotheses: Sequence[str], references: Sequence[str], terms: Sequence[Sequence[TermForms]]) -> IntArray:
    """Inflected terms of each segment that stand in the hypothesis, and that stand in the reference, (N, 2).

    Raises:
        ValueError: the three differ in length.
    """
    check_lists("the share of inflected forms", hypotheses, references=references, lists_of_terms=terms)
    counts = np.zeros((len(hypotheses), 2), dtype=np.int64)
    for row, (hypothesis, reference, wanted) in enumerate(zip(hypotheses, references, terms, strict=True)):
        for pair in inflected_by_term(hypothesis, reference, wanted).values():
            counts[row] += pair
    return counts


def inflected_by_term(hypothesis: str, reference: str, terms: Sequence[TermForms]) -> dict[str, tuple[int, int]]:
    """Id of each term that is inflected in the reference -> its places that the hypothesis has, its places in the reference."""
    distinct = list({term.id: term for term in terms}.values())
    there = Counter((found.term, found.spelled) for found in find_forms(reference, distinct) if not found.base)
    here = Counter((found.term, found.spelled) for found in find_forms(hypothesis, distinct)) if there else there
    counts: dict[str, tuple[int, int]] = {}
    for (term, spelled), wanted in there.items():
        hits, before = counts.get(distinct[term].id, (0, 0))
        counts[distinct[term].id] = (hits + min(wanted, here[term, spelled]), before + wanted)
    return counts
