"""Whether the terms of a glossary stand in a translation.

A term succeeds when one of the target forms that the glossary lists for it stands in the hypothesis, at word boundaries
(`data.terms.occurs`; Chinese has none).

Case policy: case is ignored on both sides. `HYDRAULIKPUMPE` and `hydraulikpumpe` are both the term: whether a noun has its capital is
a matter of spelling that chrF sees, and a term that begins a sentence must not fail.

Not covered: how often a term stands there (twice in the source, once in the translation: both succeed), its place, and inflected forms
that the glossary does not list.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from data.terms import occurs

Forms = Sequence[str]  # the target forms of one term, any of which will do


def term_hits(hypothesis: str, terms: Iterable[Forms]) -> list[bool]:
    """For each term of the source, whether one of its target forms stands in the hypothesis."""
    return [occurs(hypothesis, forms) for forms in terms]


def term_success(hypotheses: Sequence[str], terms: Sequence[Sequence[Forms]]) -> float:
    """Share of the source's terms that stand in the translation, 0..100.

    Args:
        hypotheses: one per segment.
        terms: per segment, the target forms of each term found in its source.

    Raises:
        ValueError: not one list of terms per hypothesis, or not one term in all of them.

    Source: exact-match accuracy, Alam et al. 2021, https://arxiv.org/abs/2106.11891
    """
    if len(hypotheses) != len(terms):
        raise ValueError(f"term success needs the terms of each hypothesis, got {len(terms)} lists for {len(hypotheses)}")
    hits = [hit for hypothesis, wanted in zip(hypotheses, terms, strict=True) for hit in term_hits(hypothesis, wanted)]
    if not hits:
        raise ValueError(f"term success of {len(hypotheses)} segments without a single term")
    return 100 * sum(hits) / len(hits)
