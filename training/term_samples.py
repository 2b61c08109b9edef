"""Training sentences with their terms annotated (`data.annotation`), for a model to learn where they go and in which form.

A term is annotated only where the translation has it, in any of its forms. Some sources get words that do not exist in the place of their
terms: what a term is called must not matter, for the ones that a customer brings are not known now.

Not covered: a term twice in the source and once in the translation.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from configs.schema import TermTraining
from data.annotation import FORMS, TERMS, Annotation, annotate, grammar
from data.glossary import Glossary
from data.glossary.term import Word
from data.protect import find_protected
from data.terms import TermMatch, term_matcher
from training.inventing import Inventor

Pair = tuple[str, str]


@dataclass(frozen=True)
class Use:
    """A term where both sides of a pair have it; `word` is the admitted one that the translation uses, `form` its form's name."""

    source: TermMatch
    target: TermMatch
    word: Word
    form: str


class TermSamples:
    """Annotates training pairs.

    Args:
        glossaries: the terms; those that are held out of training are not among them.
        languages: of the pairs.
        settings: how many sentences are annotated, how many words invented.
    """

    def __init__(self, glossaries: Iterable[Glossary], languages: Sequence[str], settings: TermTraining) -> None:
        self._terms = {term.id: term for glossary in glossaries for term in glossary.terms}
        self._settings = settings
        self._matchers = {language: term_matcher(self._terms.values(), language) for language in languages}
        words = {language: [w for t in self._terms.values() for w in t.words(language)] for language in languages}
        self._inventors = {language: Inventor(found) for language, found in words.items()}

    def annotate(self, source: str, target: str, pair: Pair, chance: random.Random) -> tuple[str, str]:
        """The two sides as training is to see them: in some pairs the terms are annotated, each with a great probability."""
        if chance.random() >= self._settings.sentences:
            return source, target
        uses = [use for use in self._uses(source, target, pair) if chance.random() < self._settings.terms]
        uses = uses[: len(TERMS)]
        marks = sorted(chance.sample(TERMS, len(uses)))
        changes, annotations, shift = [], [], 0
        for use in uses:
            text = use.source.text
            if chance.random() < self._settings.invented:
                text = self._invented(use, pair[0], chance)
            start = use.source.start + shift
            annotations.append(Annotation(start, start + len(text), grammar(use.word)))
            changes.append((use.source, text))
            shift += len(text) - len(use.source.text)
        written = [(use.target, mark + FORMS.get(use.form, "")) for use, mark in zip(uses, marks, strict=True)]
        return annotate(_replaced(source, changes), annotations, marks), _replaced(target, written)

    def _uses(self, source: str, target: str, pair: Pair) -> list[Use]:
        """The terms that both sides have, in the order of the source; the n-th in one is the n-th in the other."""
        waiting: dict[str, list[TermMatch]] = defaultdict(list)
        for match in self._matchers[pair[1]].find(target):
            waiting[match.term.id].append(match)
        spans = find_protected(source)
        found = []
        for match in self._matchers[pair[0]].find(source):
            if waiting[match.term.id] and not any(span.cut_by(match.start, match.end) for span in spans):
                other = waiting[match.term.id].pop(0)
                words = self._terms[match.term.id].words(pair[1])
                found += [Use(match, other, word, form) for word in words if (form := _form(word, other.text))][:1]
        return found

    def _invented(self, use: Use, language: str, chance: random.Random) -> str:
        """A word that does not exist in the form that the source has."""
        text = use.source.text
        for word in self._terms[use.source.term.id].words(language):
            form = _form(word, text)
            if form:
                invented = self._inventors[language].invent(word, chance)[form]
                return invented[:1].upper() + invented[1:] if text[:1].isupper() else invented
        return text


def _form(word: Word, text: str) -> str:
    """The name of the form of a word that is written like `text`, the base form first; empty if there is none."""
    return next((name for name in ("base", *FORMS) if name in word and word[name].casefold() == text.casefold()), "")


def _replaced(text: str, changes: Sequence[tuple[TermMatch, str]]) -> str:
    """`text` with other words in the place of matches."""
    for match, other in sorted(changes, key=lambda change: -change[0].start):
        text = text[: match.start] + other + text[match.end :]
    return text
