"""Term by term, which ones fail: what a glossary's owner looks at first.

    scorecard(sources, references, hypotheses, terms)    a card for each term, the worst first

The figures of the cards add up to `term_success` and `inflected`, with their definitions and case policy.

Not covered: why a term fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eval.metrics.inflected import inflected_by_term
from eval.metrics.terminology import term_hits
from eval.metrics.wanted import TermForms, check_lists


@dataclass(frozen=True)
class Miss:
    """A segment whose translation lacks the term, or has it in another form than the reference."""

    source: str
    reference: str
    hypothesis: str


@dataclass
class TermCard:
    """How one term fares.

    Attributes:
        id: the term's.
        wanted: how often a source has it.
        hits: how often it stands in the translation, in any admitted form.
        inflected_wanted: its places in the references in another form than the base form.
        inflected_hits: those that stand so in the translation.
        miss: the first segment that lacks the term; where none does, the first with the wrong form.
    """

    id: str
    wanted: int = 0
    hits: int = 0
    inflected_wanted: int = 0
    inflected_hits: int = 0
    miss: Miss | None = None

    @property
    def missed(self) -> int:
        """How often it is not there."""
        return self.wanted - self.hits

    @property
    def rank(self) -> tuple[int, int, int, str]:
        """What the cards are sorted by."""
        return -self.missed, self.wanted, self.inflected_hits - self.inflected_wanted, self.id


def scorecard(
    sources: Sequence[str], references: Sequence[str], hypotheses: Sequence[str], terms: Sequence[Sequence[TermForms]]
) -> list[TermCard]:
    """A card for each term: those that are missed most often first, of these the rarest, then those that lack most inflected forms.

    Args:
        sources: one per segment; they are only shown.
        references: one per segment.
        hypotheses: one per segment.
        terms: per segment, those found in its source, each as often as it is there.

    Raises:
        ValueError: the four differ in length.
    """
    check_lists("a scorecard", hypotheses, sources=sources, references=references, lists_of_terms=terms)
    cards: dict[str, TermCard] = {}
    second_best: dict[str, Miss] = {}
    for source, reference, hypothesis, wanted in zip(sources, references, hypotheses, terms, strict=True):
        shown = Miss(source, reference, hypothesis)
        for term, hit in zip(wanted, term_hits(hypothesis, [term.surfaces for term in wanted]), strict=True):
            card = cards.setdefault(term.id, TermCard(term.id))
            card.wanted += 1
            card.hits += hit
            card.miss = card.miss or (None if hit else shown)
        for name, (hits, places) in inflected_by_term(hypothesis, reference, wanted).items():
            cards[name].inflected_hits += hits
            cards[name].inflected_wanted += places
            if hits < places:
                second_best.setdefault(name, shown)
    for name, card in cards.items():
        card.miss = card.miss or second_best.get(name)
    return sorted(cards.values(), key=lambda card: card.rank)
