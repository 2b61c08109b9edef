"""Texts that are nearly equal to one of a fixed set, such as the held-out texts that no training text may repeat.

Two texts are as near as the Jaccard similarity of their sets of character trigrams, 0..100, protected values masked. The answer is
exact, not estimated: the set is small (thousands of held-out texts), so an inverted index of its rarest trigrams finds every
candidate, whatever the number of texts asked about.

Source: prefix filtering, Chaudhuri et al. 2006, https://doi.org/10.1109/ICDE.2006.9. MinHash (Broder 1997) estimates the same similarity.

Not covered: paraphrases, and the same sentence in another language.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable

from data.checks import LeakError, combination_key

ROUNDING = 1e-9  # so that exactly 55 % is 55 %
GRAM = 3  # characters; Chinese says in three what others say in a word or two


def grams(key: str) -> frozenset[str]:
    """The character trigrams of a `combination_key`; a shorter one is its own."""
    return frozenset(key[i : i + GRAM] for i in range(max(1, len(key) - GRAM + 1)))


class NearTexts:
    """Finds the text of a set that another text nearly repeats.

    Args:
        texts: the set.
        percent: from this similarity on two texts are near, above 0.
    """

    def __init__(self, texts: Iterable[str], percent: float) -> None:
        self._least = percent / 100
        self._texts: dict[frozenset[str], str] = {}
        for text in texts:
            self._texts.setdefault(grams(combination_key(text)), text)
        seen_in = Counter(gram for found in self._texts for gram in found)
        self._rank = {gram: rank for rank, gram in enumerate(sorted(seen_in, key=lambda gram: (seen_in[gram], gram)))}  # rarest first
        self._index: dict[int, list[frozenset[str]]] = defaultdict(list)
        for found in self._texts:
            for rank in self._prefix(found):
                self._index[rank].append(found)

    def _prefix(self, found: frozenset[str]) -> list[int]:
        """The ranks of a text's rarest trigrams: two near texts share at least one of theirs. Those that the set lacks are left out."""
        count = len(found) - math.ceil(self._least * len(found) - ROUNDING) + 1
        known = [self._rank[gram] for gram in found if gram in self._rank]
        wanted = count - (len(found) - len(known))
        return sorted(known)[:wanted] if wanted > 0 else []

    def _alike(self, one: int, other: int) -> bool:
        """Whether two numbers of trigrams let their texts be near at all."""
        return min(one, other) >= self._least * max(one, other) - ROUNDING

    def find(self, key: str) -> str | None:
        """A text of the set that the text of this `combination_key` nearly repeats, the nearest; `None` if there is none."""
        found = grams(key)
        candidates = {other for rank in self._prefix(found) for other in self._index.get(rank, ()) if self._alike(len(found), len(other))}
        near = [(len(found & other) / len(found | other), self._texts[other]) for other in candidates]
        best = max(near, default=(0.0, ""))
        return best[1] if near and best[0] >= self._least - ROUNDING else None


def check_no_near(trained: Iterable[str], held_out: Iterable[str], percent: float, name: str) -> None:
    """Compare every training text with a held-out part.

    Args:
        trained: `combination_key`s of the texts trained on.
        held_out: texts of the part.
        percent: from this similarity on two texts are near.
        name: what the message calls the part.

    Raises:
        LeakError: a training text is near to a held-out one.
    """
    near = NearTexts(held_out, percent)
    found = [(text, key) for key in trained if (text := near.find(key)) is not None]
    if found:
        shown = "; ".join(f"{text!r} and {key!r}" for text, key in found[:3])
        raise LeakError(f"{name}: {len(found)} training texts are nearly those of the test part, for example {shown}")
