"""Where the terms of a glossary stand in a text, in whatever spelling (`data.folding`), as words of their own.

One pass over the text (Aho and Corasick 1975), whatever the size of the glossary.

Of matches that overlap the longest wins, wherever it begins: with the terms *pump*, *pump station* and *station wagon*, a *pump station
wagon* is a pump and a station wagon. The longer of two terms says more, and what stands before it in the sentence must not decide
whether it is found. Of two equally long the first wins.

A word is a run of letters and digits. A term is found where it cuts none in two, nor a number (5V is not in 1.5V), and

- a hyphen ends a word: *Pumpe* is in *Hydraulik-Pumpe*, *pump* in *pump-set*; but not in *re-pump* or *non-pump*, which are another word
  or its contrary (`PREFIXES`). *Hydraulikpumpe* is another form than *Hydraulik-Pumpe*: list both.
- an apostrophe ends a word: *pump* is in *pump's*, *huile* in *d'huile*; but *can* is not in *can't*, nor *s* in *pump's*.
- a Chinese character is a word of its own, and the boundary of what stands beside it. A term of a single one is found only where
  no other Chinese character stands beside it: 泵 is not found in 水泵, but neither in 泵坏了. List the longer word.
- Japanese: a run of katakana is a word; hiragana ends one, being mostly endings and particles.
- Korean: a term must begin a word, and may have anything behind it, for particles are written there (펌프 is in 펌프를, and in 펌프장).

Not covered: lemmatisation; words of Thai, Lao, Khmer and Burmese, which write no spaces; *Maße* where only *Masse* is a term (it is
found; where both are, each has its own).
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import ahocorasick

from data.folding import Folded, fold, unify
from data.language import HAN

if TYPE_CHECKING:
    from data.glossary.term import Term

PREFIXES = re.compile(r"\b(?:anti|de|dis|nicht|no|non|re|un)-$")  # what stands behind them is another word, or its contrary
LONGEST_PREFIX = 8  # characters that PREFIXES may take, and one before
CLITICS = re.compile(r"'(?:d|ll|m|re|s|t|ve)\b")  # English words that an apostrophe joins to the word before
NEGATION = re.compile(r"'t\b")  # the one whose apostrophe stands inside a word: can't
POINTS = ".,"  # of a number
WORD, HAN_WORD, KATAKANA, HANGUL, FREE, MARK, NONE = "word", "han", "katakana", "hangul", "free", "mark", ""
# How the names of the characters of a script begin (Unicode Character Database); FREE: a boundary on both sides.
SCRIPTS = {"IDEOGRAPHIC": HAN_WORD, "KATAKANA": KATAKANA, "HANGUL": HANGUL, "HIRAGANA": FREE, "BOPOMOFO": FREE}
NOT_BEFORE = frozenset({WORD, KATAKANA, HANGUL})  # a term does not begin between two of these
NOT_BEHIND = frozenset({WORD, KATAKANA})  # nor end


@dataclass(frozen=True)
class Wanted:
    """A term as a request wants it.

    Attributes:
        id: its name.
        sources: how it may stand in the source.
        targets: what may stand for it in the target.
        keep_case: whether it is found only in the case in which `sources` have it (PET, IP).
        words: language -> the word that it is to become, with its forms; of the target, and of a language in between.
    """

    id: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    keep_case: bool = False
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class TermMatch:
    """A term found; offsets are code points of the text as it was given, `end` exclusive."""

    term: Wanted
    text: str
    start: int
    end: int


Forms = list[tuple[str, Wanted]]  # the spellings that are folded to one text, each with its term


class TermMatcher:
    """Finds the terms of one language; built once, used for every text."""

    def __init__(self, terms: Iterable[Wanted]) -> None:
        by_key: dict[str, Forms] = {}
        for term in terms:
            for source in term.sources:
                forms = by_key.setdefault(_key(source), [])
                if all(source != other for other, _ in forms):  # the first to name a form has it
                    forms.append((source, term))
        by_key.pop("", None)
        self._automaton = ahocorasick.Automaton()
        for key, forms in by_key.items():
            self._automaton.add_word(key, (len(key), forms))
        self._empty = not by_key
        if by_key:
            self._automaton.make_automaton()

    def find(self, text: str) -> list[TermMatch]:
        """The matches in `text`, left to right, none overlapping; of those that overlap the longest, then the one that starts first."""
        if self._empty:
            return []
        folded = fold(text)
        found: list[tuple[int, int, Wanted]] = []
        for last, (length, forms) in self._automaton.iter(folded.text):
            start, end = last + 1 - length, last + 1
            if stands_alone(folded.text, start, end) and not _lone(folded.text, start, end) and _whole(folded, start, end):
                term = _meant(text[folded.starts[start] : folded.ends[last]], forms)
                if term is not None:
                    found.append((start, end, term))
        spans = [(folded.starts[start], folded.ends[end - 1], term) for start, end, term in _longest(found)]
        return [TermMatch(term, text[start:end], start, end) for start, end, term in spans]


def term_matcher(terms: Iterable[Term], language: str) -> TermMatcher:
    """What finds the terms of a glossary as a customer writes them in a language, whatever they are to become."""
    return TermMatcher(Wanted(t.id, tuple(t.read_as(language)), (), t.case == "keep") for t in terms if t.read_as(language))


def occurs(text: str, forms: Iterable[str]) -> bool:
    """Whether one of the forms stands in `text` as a word of its own, case ignored; `count` says more."""
    return count(text, forms) > 0


def count(text: str, forms: Iterable[str]) -> int:
    """How often the forms stand in `text` as words of their own, case ignored; at one place the longest counts, and only once.

    A single Chinese character may have others beside it: what is asked for is expected there.
    """
    folded = fold(text).text
    taken: list[tuple[int, int]] = []
    for key in sorted({key for key in map(_key, forms) if key and key in folded}, key=lambda key: (-len(key), key)):
        for start in _places(folded, key):
            if all(end <= start or start + len(key) <= begin for begin, end in taken):
                taken.append((start, start + len(key)))
    return len(taken)


def stands_alone(text: str, start: int, end: int) -> bool:
    """Whether `text[start:end]` cuts no word and no number of the folded `text` in two."""
    return (start == 0 or _begins(text, start)) and (end == len(text) or _ends(text, end))


def _key(form: str) -> str:
    return fold(form).text.strip()


def _places(text: str, key: str) -> Iterator[int]:
    """Where `key` stands in the folded text as a word of its own."""
    start = text.find(key)
    while start >= 0:
        if stands_alone(text, start, start + len(key)):
            yield start
        start = text.find(key, start + 1)


def _meant(written: str, forms: Forms) -> Wanted | None:
    """The term that a match is of: one that keeps its case, one with the same letters, the first; none if all keep theirs."""
    if len(forms) == 1 and not forms[0][1].keep_case:
        return forms[0][1]
    spelled = unify(written)
    kept = [term for source, term in forms if term.keep_case and unify(source).strip() == spelled]
    others = [(source, term) for source, term in forms if not term.keep_case]
    alike = [term for source, term in others if unify(source).strip().lower() == spelled.lower()]
    return next(iter([*kept, *alike, *(term for _, term in others)]), None)


def _longest(found: Sequence[tuple[int, int, Wanted]]) -> list[tuple[int, int, Wanted]]:
    """Those of the matches that overlap no longer one, from left to right."""
    if len(found) < 2:
        return list(found)
    kept: list[tuple[int, int, Wanted]] = []
    starts: list[int] = []
    for match in sorted(found, key=lambda match: (match[0] - match[1], match[0])):
        place = bisect(starts, match[0])
        clear_before = place == 0 or kept[place - 1][1] <= match[0]
        if clear_before and (place == len(kept) or starts[place] >= match[1]):
            kept.insert(place, match)
            starts.insert(place, match[0])
    return kept


def _whole(folded: Folded, start: int, end: int) -> bool:
    """Whether no character of the given text is cut in two, of those that are folded to several."""
    starts, ends = folded.starts, folded.ends
    return not ((start and starts[start] == starts[start - 1]) or (end < len(ends) and ends[end] == ends[end - 1]))


def _lone(text: str, start: int, end: int) -> bool:
    """Whether a match is a single Chinese character beside another: more often a part of a word than one."""
    if end - start > 1 or _KINDS[text[start]] != HAN_WORD:
        return False
    return (start > 0 and _KINDS[text[start - 1]] == HAN_WORD) or (end < len(text) and _KINDS[text[end]] == HAN_WORD)


def _begins(text: str, place: int) -> bool:
    """Whether a word may begin at `place`, which is not the first."""
    before, left, right = text[place - 1], _kind_before(text, place), _KINDS[text[place]]
    if right == MARK or (left == right and left in NOT_BEFORE):
        return False
    if before == "'":
        return place == 1 or _KINDS[text[place - 2]] != WORD or not CLITICS.match(text, place - 1)
    if before == "-":
        return not PREFIXES.search(text, max(0, place - LONGEST_PREFIX), place)
    return not (before in POINTS and place > 1 and text[place].isdigit() and text[place - 2].isdigit())


def _ends(text: str, place: int) -> bool:
    """Whether a word may end before `place`, which is not behind the last character."""
    behind, left, right = text[place], _kind_before(text, place), _KINDS[text[place]]
    if right == MARK or (left == right and left in NOT_BEHIND):
        return False
    if behind == "'":
        return left != WORD or not NEGATION.match(text, place)
    return not (behind in POINTS and text[place - 1].isdigit() and text[place + 1 : place + 2].isdigit())


def _kind_before(text: str, place: int) -> str:
    """What the character before `place` is; a mark is what it stands on."""
    place -= 1
    while _KINDS[text[place]] == MARK and place:
        place -= 1
    return _KINDS[text[place]]


class _Kinds(dict[str, str]):
    """Character -> what it is to a boundary; filled as characters are met."""

    def __missing__(self, character: str) -> str:
        self[character] = kind = _kind(character)
        return kind


def _kind(character: str) -> str:
    if unicodedata.category(character).startswith("M"):
        return MARK
    if not character.isalnum():
        return NONE
    if HAN.match(character):
        return HAN_WORD
    return SCRIPTS.get(re.split("[ -]", unicodedata.name(character, ""))[0], WORD)


_KINDS = _Kinds()
