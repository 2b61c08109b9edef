"""Words that do not exist, with all their forms: training copies and inflects them, because it cannot know them by heart.

A word keeps its end, and with it its inflection, gender and classifier; its beginning becomes another word's, or nobody's.

Not covered: umlauts and other changes inside a word's stem are kept as they are, wherever they fall.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from itertools import takewhile

from data.glossary.term import FEATURES, Word
from data.language import HAN

LEAST_KEPT = 2  # letters of the stem, before the ending
LONGEST_BEGINNING = 9  # letters
STIRRED = 0.15  # share of a beginning's letters that become others; a choice
VOWELS = frozenset("aeiouáéíóúäöü")
LETTERS = {"vowel": "aeiou", "consonant": "bcdfghjklmnprstvwz"}


class Inventor:
    """Invents words of one language out of the beginnings of others.

    Args:
        words: of that language.
    """

    def __init__(self, words: Iterable[Word]) -> None:
        texts = sorted({word["base"] for word in words})
        self._characters = sorted({c for text in texts for c in text if HAN.match(c)})
        self._beginnings: dict[bool, list[str]] = {True: [], False: []}
        for text in texts:
            if text[:1].isalpha() and not HAN.match(text):
                self._beginnings[_vowel(text)].append(text.split(" ")[0].lower())

    def invent(self, word: Word, chance: random.Random) -> Word:
        """`word` with another beginning, in all its forms."""
        written = {name: text for name, text in word.items() if name not in FEATURES}
        stem = _shared_beginning([text.lower() for text in written.values()])
        if HAN.match(word["base"]):
            taken = chance.randint(1, len(stem)) if stem else 0
            beginning = "".join(chance.choice(self._characters) for _ in range(chance.randint(1, 3)))
        else:
            first = stem.split(" ")[0]
            taken = chance.randint(1, len(first) - LEAST_KEPT) if len(first) > LEAST_KEPT else 0
            beginning = self._beginning(_vowel(word["base"]), chance)
        return {**word, **{name: _joined(beginning, text, taken) for name, text in written.items()}}

    def _beginning(self, vowel: bool, chance: random.Random) -> str:
        """The beginning of a word: of one that there is, with its middle sometimes stirred."""
        found = self._beginnings[vowel]
        if not found:
            return chance.choice(LETTERS["vowel" if vowel else "consonant"])
        word = chance.choice(found)
        letters = list(word[: chance.randint(1, min(len(word), LONGEST_BEGINNING))])
        for place in range(1, len(letters)):
            if chance.random() < STIRRED:
                letters[place] = chance.choice(LETTERS["vowel" if _vowel(letters[place]) else "consonant"])
        return "".join(letters).rstrip("-'/.")


def _vowel(text: str) -> bool:
    return text[:1].lower() in VOWELS


def _joined(beginning: str, text: str, taken: int) -> str:
    """`beginning` and the rest of `text`, in its capitals."""
    rest = text[taken:] if taken else text[:1].lower() + text[1:]
    joined = beginning + rest
    return joined[:1].upper() + joined[1:] if text[:1].isupper() else joined


def _shared_beginning(texts: Sequence[str]) -> str:
    return "".join(letters[0] for letters in takewhile(lambda letters: len(set(letters)) == 1, zip(*texts, strict=False)))
