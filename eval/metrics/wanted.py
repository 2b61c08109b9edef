"""The terms that a translation should hold, as the metrics take them, and where they stand in it.

    TermForms                        a term of the target language: its admitted words with their forms, and the forbidden ones
    find_forms(text, terms)          every form that stands in a text, with the term and the word that it is of

What is found is what `data.terms.TermMatcher` finds: words of their own, in whatever spelling (`data.folding`: case, width, Traditional
characters), of forms that overlap the longest.

Not covered: a single Chinese character beside another, which is not found (`data.terms`); forms that no glossary lists.
"""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass, replace

from data.folding import fold, unify
from data.glossary.term import Term, written
from data.terms import TermMatcher, Wanted


@dataclass(frozen=True)
class CountedScore:
    """A score, 0..100, and how many things it is the share of."""

    score: float
    count: int


@dataclass(frozen=True)
class TermForms:
    """A term as the target language writes it.

    Attributes:
        id: the same one in all segments.
        words: the admitted words, each with its forms, the base form first; the preferred word first.
        forbidden: what must not be written for the term.
    """

    id: str
    words: tuple[tuple[str, ...], ...]
    forbidden: tuple[str, ...] = ()

    @property
    def surfaces(self) -> list[str]:
        """Every form of every admitted word, none twice."""
        return list(dict.fromkeys(form for word in self.words for form in word))

    @classmethod
    def of(cls, term: Term, language: str) -> TermForms:
        """A glossary's term in a language; without words where the glossary has none."""
        own = language if term.translate or language in term.forms else min(term.forms)  # as Term.surfaces
        words = tuple(tuple(written(word)) for word in term.words(own))
        return cls(term.id, words, term.forbidden.get(language, ()))


@dataclass(frozen=True)
class TermForm:
    """A form as a term lists it, or as it stands in a text.

    Attributes:
        term: the place of its term among those that are looked for.
        word: the place of its word in the term.
        base: whether it is the base form of a word.
        spelled: its letters in lower case, widths and scripts unified.
    """

    term: int
    word: int
    base: bool
    spelled: str


def find_forms(text: str, terms: Sequence[TermForms]) -> list[TermForm]:
    """The forms that stand in `text`, from left to right; a form that several terms list is found for each of them."""
    listed: dict[str, list[TermForm]] = {}
    for place, term in enumerate(terms):
        for number, word in enumerate(term.words):
            for form in word:
                listed.setdefault(_key(form), []).append(TermForm(place, number, form == word[0], _spelled(form)))
    matcher = TermMatcher(Wanted(key, (key,), ()) for key in listed)
    return [found for match in matcher.find(text) for found in _owned(_spelled(match.text), listed[match.term.id])]


def _owned(spelled: str, listed: Sequence[TermForm]) -> list[TermForm]:
    """What was found, once for each term that lists it: as the form with the same letters, then as a base form, then the first."""
    best: dict[int, TermForm] = {}
    for form in sorted(listed, key=lambda form: (form.spelled != spelled, not form.base)):
        best.setdefault(form.term, replace(form, spelled=spelled))
    return [form for _, form in sorted(best.items())]


def _key(form: str) -> str:
    return fold(form).text.strip()


def _spelled(form: str) -> str:
    return unify(form).strip().lower()


def check_lists(metric: str, hypotheses: Sized, **others: Sized) -> None:
    """Look whether there is one of everything per hypothesis.

    Raises:
        ValueError: there is not; all that is wrong at once.
    """
    wrong = [f"{len(items)} {name.replace('_', ' ')}" for name, items in others.items() if len(items) != len(hypotheses)]
    if wrong:
        raise ValueError(f"{metric} needs one of each per hypothesis, got {', '.join(wrong)} for {len(hypotheses)}")
