"""How often a translation writes what the glossary forbids for a term of the segment.

    forbidden_used(hypotheses, terms)    how many forbidden words stand in the hypotheses, each place counted; 0 is best
    forbidden_in(hypothesis, terms)      those of one hypothesis, as they stand there

A count, no share: a forbidden word has no place where it is wanted. It counts only in segments of its term, and not inside an admitted
form (*lamp* in *LED lamp*), nor where another term of the segment admits it.

Case policy: ignored; what is forbidden and differs from an admitted form in case only is taken for the admitted one.

Not covered: inflected forms of forbidden words, of which glossaries list one; whether the word stands for the term or for something else.
"""

from __future__ import annotations

from collections.abc import Sequence

from data.terms import TermMatcher, Wanted
from eval.metrics.wanted import TermForms, check_lists

ADMITTED, FORBIDDEN = "admitted", "forbidden"


def forbidden_used(hypotheses: Sequence[str], terms: Sequence[Sequence[TermForms]]) -> int:
    """How many forbidden words stand in the hypotheses.

    Args:
        hypotheses: one per segment.
        terms: per segment, those found in its source.

    Raises:
        ValueError: not one list of terms per hypothesis.
    """
    check_lists("the count of forbidden words", hypotheses, lists_of_terms=terms)
    return sum(len(forbidden_in(hypothesis, wanted)) for hypothesis, wanted in zip(hypotheses, terms, strict=True))


def forbidden_in(hypothesis: str, terms: Sequence[TermForms]) -> list[str]:
    """The forbidden words of the terms in a hypothesis, from left to right."""
    admitted = Wanted(ADMITTED, tuple(form for term in terms for form in term.surfaces), ())
    forbidden = Wanted(FORBIDDEN, tuple(word for term in terms for word in term.forbidden), ())
    if not forbidden.sources:
        return []
    return [match.text for match in TermMatcher([admitted, forbidden]).find(hypothesis) if match.term.id == FORBIDDEN]
