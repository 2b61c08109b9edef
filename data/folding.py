"""Text reduced to what two spellings of one term share, and the way back to the text as it was given.

    fold(text)     for searching: case folded too; keeps where every character stood
    unify(text)    for comparing two spellings whose case matters; keeps no offsets

Folded: case (ß is ss, İ is i), composed and decomposed accents, full- and half-width forms, Traditional characters that have one
Simplified form (`data.han`), typographic apostrophes and hyphens, white space of any kind and length, characters that are not seen (soft
hyphens, variation selectors).

Kept apart: letters with and without accent, superscripts and other signs that only look alike (m² is not m2), a hyphen and a space.

Not covered: the Turkish ı; Traditional characters with two Simplified forms (乾, 畫); the forms of one Han character in Japan.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from data.han import simplified
from data.normalize import INVISIBLE, SPACES

IGNORED = re.compile(f"{INVISIBLE.pattern}|[\u034f\ufe00-\ufe0f\U000e0100-\U000e01ef]")  # the last: a joiner and variation selectors
ALIKE = {0x2019: "'", 0x02BC: "'", 0x2010: "-", 0x2011: "-"}  # ’ ʼ and the hyphens that Unicode has beside the keyboard's
WIDTH_FORMS = range(0xFF01, 0xFFEF)  # the block of full- and half-width forms
HALF_WIDTH_MARKS = "\uff9e\uff9f"  # of voiced kana: characters of their own that belong to the one before
CONJOINING = re.compile("[\u1160-\u11ff\ud7b0-\ud7ff]")  # the vowels and finals of a Hangul syllable that is written in parts
DOTTED = "i\u0307"  # what the case folding of İ leaves
SPECIAL = "\ufdd0"  # a code point that is no character: stands for what does not fold to one character, whatever stands beside it
SPECIALS = re.compile(f"(?:  |{SPECIAL})[ {SPECIAL}]*")  # and white space that is folded to one; what they belong to stands before
CLUSTERS = 4_096  # remembered; the letters of a language with each of their accents are a few hundred


class Folded(NamedTuple):
    """A folded text.

    Attributes:
        text: what it is folded to.
        starts: for each character of `text`, where in the given text that begins which it stands for.
        ends: where that ends, exclusive; what is folded to two characters has one start and one end.
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]


def fold(text: str) -> Folded:
    """`text` folded, with the offsets that lead back to it."""
    size = len(text)
    if text.isascii() and text.isprintable() and "  " not in text:
        return Folded(text.lower(), range(size), range(1, size + 1))
    plain = text.translate(_CHARACTERS)
    if SPECIAL in plain or "  " in plain:
        return _fold_specials(text, plain)
    return Folded(plain, range(size), range(1, size + 1))


def unify(text: str) -> str:
    """`text` with everything folded but its case."""
    text = unicodedata.normalize("NFC", IGNORED.sub("", text))
    return SPACES.sub(" ", unicodedata.normalize("NFC", text.translate(_equivalents())))


@functools.cache
def _equivalents() -> dict[int, str]:
    """Code point -> the character that stands for it, case aside."""
    decompositions = {code: unicodedata.decomposition(chr(code)).split() for code in WIDTH_FORMS}
    widths = {code: chr(int(parts[1], 16)) for code, parts in decompositions.items() if parts}
    return simplified() | widths | ALIKE


@functools.lru_cache(CLUSTERS)
def _fold_cluster(cluster: str) -> str:
    """A character and what belongs to it, folded until nothing changes."""
    folded, before = unify(cluster), ""
    while folded != before:
        before = folded
        folded = unify(unicodedata.normalize("NFD", folded).casefold()).replace(DOTTED, "i")
    return folded


class _Characters(dict[int, str]):
    """Code point -> the one character it is folded to, or `SPECIAL`; filled as characters are met."""

    def __missing__(self, code: int) -> str:
        folded = _fold_cluster(chr(code))
        self[code] = folded if len(folded) == 1 and not _continues(chr(code)) else SPECIAL
        return self[code]


_CHARACTERS = _Characters()


@functools.cache
def _continues(character: str) -> bool:
    """Whether a character belongs to the one before it."""
    return (
        unicodedata.category(character).startswith("M")
        or character in HALF_WIDTH_MARKS
        or CONJOINING.match(character) is not None
        or IGNORED.match(character) is not None
    )


def _fold_specials(text: str, plain: str) -> Folded:
    """`text` folded where `plain`, its characters folded one by one, does not do."""
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    done = 0
    for found in SPECIALS.finditer(plain):
        begin = found.start() - (plain[found.start()] == SPECIAL and found.start() > 0)
        parts.append(plain[done:begin])
        starts += range(done, begin)
        ends += range(done + 1, begin + 1)
        done = found.end()
        for folded, start, end in _clusters(text, begin, done):
            if folded.startswith(" ") and parts[-1] == " ":
                parts.pop()
                ends.pop()
                start = starts.pop()
            parts.append(folded)
            starts += [start] * len(folded)
            ends += [end] * len(folded)
    parts.append(plain[done:])
    starts += range(done, len(text))
    ends += range(done + 1, len(text) + 1)
    return Folded("".join(parts), starts, ends)


def _clusters(text: str, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """What each cluster of a stretch of `text` is folded to, with its start and end there; what is not seen ends none."""
    bounds = [place for place in range(start, end) if place == start or not _continues(text[place])]
    for begin, stop in pairwise([*bounds, end]):
        seen = stop
        while seen > begin and IGNORED.match(text[seen - 1]):
            seen -= 1
        if seen > begin:
            yield _fold_cluster(text[begin:stop]), begin, seen
