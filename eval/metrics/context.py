"""What is left of the translation when its terms are not looked at: does forcing terms damage the rest?

    chrf_context(hypotheses, references, theirs, true)    chrF with the terms masked on both sides
    masked(text, forms)                                   a text with a placeholder for each term, for intervals with `text.chrf_statistics`

Definition: chrF (sacreBLEU's, as `eval.metrics.text` sets it) after every form of the segment's terms that stands in a text as a word of
its own has become one and the same character. Scale 0..100. What was forced and what the reference has may be other words (permuted
terms): each side has its own list.

Case policy: terms are found in any case; chrF keeps the case of the rest.

The placeholder itself counts as a character, so that a term that stands in one text only costs a little; what a system writes for a term
that it misses stays, and counts as context.

Source: none; chrF, Popović 2015, https://aclanthology.org/W15-3049

Not covered: forms that are not listed, and words that belong to a term (its article): they stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from data.terms import TermMatcher, Wanted
from eval.metrics.text import CorpusScore, chrf
from eval.metrics.wanted import check_lists

Forms = Sequence[str]  # the target forms of one term

PLACEHOLDER = "\ue000"  # of Unicode's private use, so that it stands in no text; one character, so that it is worth little to chrF


def chrf_context(
    hypotheses: Sequence[str], references: Sequence[str], theirs: Sequence[Sequence[Forms]], true: Sequence[Sequence[Forms]]
) -> CorpusScore:
    """Corpus chrF of what stands around the terms.

    A segment without terms counts as it is.

    Args:
        hypotheses: translations.
        references: one per hypothesis.
        theirs: per segment, the forms of each term to be masked in the hypothesis: those that the system was asked for.
        true: per segment, the forms of each term to be masked in the reference.

    Raises:
        ValueError: the four differ in length, or are empty.
    """
    check_lists("chrF of the context", hypotheses, references=references, lists_for_the_hypotheses=theirs, lists_for_the_references=true)
    return chrf(
        [masked(text, forms) for text, forms in zip(hypotheses, theirs, strict=True)],
        [masked(text, forms) for text, forms in zip(references, true, strict=True)],
    )


def masked(text: str, terms: Iterable[Forms]) -> str:
    """`text` with a placeholder for each term in it; masking it again changes nothing.

    A placeholder is a boundary, beside which another term may come to stand alone: that is masked, too.
    """
    matcher = TermMatcher([Wanted("", tuple(form for forms in terms for form in forms), ())])
    before = None
    while text != before:
        before = text
        for match in reversed(matcher.find(before)):
            text = text[: match.start] + PLACEHOLDER + text[match.end :]
    return text
