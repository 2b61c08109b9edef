"""Where the terms of a glossary stand in a text.

Longest match first, at word boundaries in scripts that have them, case ignored. One pass over the text (Aho and Corasick 1975),
whatever the size of the glossary.

Not covered: lemmatisation, width and Simplified/Traditional folding.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import ahocorasick


@dataclass(frozen=True)
class Wanted:
    """A term as a request wants it: how it may stand in the source, and what may stand for it in the target."""

    id: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]


@dataclass(frozen=True)
class TermMatch:
    """A term found; offsets are code points of the text as it was given, `end` exclusive."""

    term: Wanted
    text: str
    start: int
    end: int


def fold(text: str) -> str:
    """`text` in lower case with every offset kept: a letter that would become several stays as it is."""
    return "".join(lower if len(lower := c.lower()) == 1 else c for c in text)


class TermMatcher:
    """Finds the terms of one language; built once, used for every text."""

    def __init__(self, terms: Iterable[Wanted]) -> None:
        self._automaton = ahocorasick.Automaton()
        for term in terms:
            for source in term.sources:
                key = fold(source)
                if key and key not in self._automaton:  # the first to name a form has it
                    self._automaton.add_word(key, (len(key), term))
        self._empty = len(self._automaton) == 0
        if not self._empty:
            self._automaton.make_automaton()

    def find(self, text: str) -> list[TermMatch]:
        """The matches in `text`, left to right, none overlapping; of two that overlap the one that starts first, then the longer."""
        if self._empty:
            return []
        folded = fold(text)
        found = [(end - length + 1, end + 1, term) for end, (length, term) in self._automaton.iter(folded)]
        found = [match for match in found if stands_alone(folded, match[0], match[1])]
        found.sort(key=lambda match: (match[0], -match[1]))
        kept: list[TermMatch] = []
        for start, end, term in found:
            if not kept or start >= kept[-1].end:
                kept.append(TermMatch(term, text[start:end], start, end))
        return kept


def stands_alone(text: str, start: int, end: int) -> bool:
    """Whether `text[start:end]` is cut out at word boundaries; next to a Chinese character there always is one."""
    return not (_joins(text, start - 1, start) or _joins(text, end - 1, end))


def _joins(text: str, left: int, right: int) -> bool:
    """Whether the characters at `left` and `right` belong to one word."""
    if left < 0 or right >= len(text):
        return False
    return _in_word(text[left]) and _in_word(text[right])


def _in_word(character: str) -> bool:
    """Letters and digits of scripts that write spaces between words."""
    return character.isalnum() and not "\u3040" <= character <= "\u9fff"


def occurs(text: str, forms: Iterable[str]) -> bool:
    """Whether one of the forms stands in `text` at word boundaries, case ignored."""
    folded = fold(text)
    for form in forms:
        key, start = fold(form), -1
        while key and (start := folded.find(key, start + 1)) >= 0:
            if stands_alone(folded, start, start + len(key)):
                return True
    return False
