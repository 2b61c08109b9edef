"""The small arithmetic of a profile: shares, distributions, samples, and texts made fit to be shown.

Everything here takes one value at a time and keeps a bounded number of them, so that a data set may be larger than the memory.
"""

from __future__ import annotations

import random
from array import array
from collections import Counter
from collections.abc import Collection, Iterator
from itertools import accumulate
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

Item = TypeVar("Item")
Hashes = npt.NDArray[np.int64]

SEED = 7  # of the samples, so that two looks at a file agree
MOST_BARS = 20  # of a histogram: told apart at a glance
LONGEST_SHOWN = 160  # characters of an example: two lines of a table
SHORTEST_SHOWN = 70  # of an example's texts where there are several
BUCKET = 100_000  # texts between two tidyings of `Frequent`; what makes up more than one in so many is always found


def percent(part: float, whole: float) -> float:
    """What share `part` is of `whole`, 0..100; 0 of nothing."""
    return round(100 * part / whole, 3) if whole else 0.0


def percent_text(value: float) -> str:
    """A share for people: `3.1 %`; what is not nothing does not look like nothing, nor what is not all like all."""
    if 0 < value < 0.1:
        return "< 0.1 %"
    if 99.9 < value < 100:
        return "> 99.9 %"
    return f"{value:.0f} %" if value in {0.0, 100.0} else f"{value:.1f} %"


def visible(text: str, longest: int = LONGEST_SHOWN) -> str:
    r"""`text` cut to `longest` characters, those that do not show or that steer a terminal written out (`\u200b`)."""
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in cut)


def visible_texts(texts: Collection[str]) -> str:
    """The texts of one item side by side, each cut so that all have room."""
    each = max(LONGEST_SHOWN // max(1, len(texts)), SHORTEST_SHOWN)
    return " | ".join(visible(text, each) for text in texts)


class Distribution:
    """Whole numbers, counted: exact whatever their number, as there are few different ones.

    Args:
        scale: the numbers are so many times the values that the summary speaks of.
    """

    def __init__(self, scale: int = 1) -> None:
        self._counts: Counter[int] = Counter()
        self._scale = scale

    def add(self, value: int) -> None:
        """Count one value."""
        self._counts[value] += 1

    def summary(self) -> dict[str, Any]:
        """Count, smallest, median, 95th percentile (nearest rank), largest, mean and a histogram; empty without values."""
        if not self._counts:
            return {}
        total = self._counts.total()
        values = sorted(self._counts)
        reached = list(accumulate(self._counts[value] for value in values))
        ranks = {share: values[next(i for i, n in enumerate(reached) if n >= share * total)] for share in (0.5, 0.95, 0.99)}
        found = {"min": values[0], "median": ranks[0.5], "p95": ranks[0.95], "max": values[-1]}
        mean = sum(value * count for value, count in self._counts.items()) / total
        return {
            "count": total,
            **{name: self._value(value) for name, value in found.items()},
            "mean": round(mean / self._scale, 2),
            "histogram": self._histogram(ranks[0.99], values[-1]),
        }

    def _value(self, value: int) -> float:
        return value if self._scale == 1 else value / self._scale

    def _histogram(self, usual: int, largest: int) -> list[dict[str, Any]]:
        """Bars of one width up to the 99th percentile, and one for all above, which has no end."""
        step = next(s for s in _steps() if s * MOST_BARS > usual)
        bars = usual // step + 1
        counts: Counter[int] = Counter()
        for value, count in self._counts.items():
            counts[min(value // step, bars)] += count
        found = [{"from": self._value(i * step), "to": self._value((i + 1) * step), "count": counts[i]} for i in range(bars)]
        return found + ([{"from": self._value(bars * step), "to": None, "count": counts[bars]}] if largest >= bars * step else [])


def _steps() -> Iterator[int]:
    """1, 2, 5, 10, 20, 50, ..."""
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


class Sample(Generic[Item]):
    """So many of all items, each with the same chance.

    Source: algorithm R, Vitter 1985, https://doi.org/10.1145/3147.3165
    """

    def __init__(self, size: int, seed: int = SEED) -> None:
        self._size, self._chance = size, random.Random(seed)
        self._items: list[Item] = []
        self.seen = 0

    def add(self, item: Item) -> None:
        """Take the item, leave it, or put it in another's place."""
        self.seen += 1
        if len(self._items) < self._size:
            self._items.append(item)
        elif (place := self._chance.randrange(self.seen)) < self._size:
            self._items[place] = item

    def drawn(self) -> list[Item]:
        """The sample in random order, so that its beginning is a sample too."""
        return self._chance.sample(self._items, len(self._items))


class Keys:
    """A 64-bit hash a text, in order: 8 bytes each, and equal texts can be counted at the end."""

    def __init__(self) -> None:
        self._hashes = array("q")

    def add(self, key: int) -> None:
        """Append a hash."""
        self._hashes.append(key)

    def values(self) -> Hashes:
        """All of them, (texts,)."""
        return np.array(self._hashes, dtype=np.int64)

    def repeated(self) -> int:
        """How many texts stood there before."""
        return len(self._hashes) - len(np.unique(self.values()))

    def count(self, wanted: list[int]) -> list[int]:
        """How often each of the wanted hashes stands there."""
        found, counts = np.unique(self.values(), return_counts=True)
        places = np.searchsorted(found, wanted)
        return [int(counts[place]) for place in places]


class Frequent:
    """The texts that stand there most often.

    Source: lossy counting, Manku and Motwani 2002, https://doi.org/10.1016/B978-155860869-6/50038-X
    """

    def __init__(self) -> None:
        self._bounds: dict[int, int] = {}
        self._texts: dict[int, tuple[str, ...]] = {}
        self._added = 0

    def add(self, key: int, *texts: str) -> None:
        """Count texts by their hash."""
        bound = self._bounds.get(key)
        if bound is None:
            bound = self._added // BUCKET
            self._texts[key] = texts
        self._bounds[key] = bound + 1
        self._added += 1
        if self._added % BUCKET == 0:
            self._tidy()

    def _tidy(self) -> None:
        """Forget what cannot be frequent."""
        least = self._added // BUCKET
        self._bounds = {key: bound for key, bound in self._bounds.items() if bound > least}
        self._texts = {key: self._texts[key] for key in self._bounds}

    def most(self, count: int, keys: Keys) -> list[dict[str, Any]]:
        """The most frequent that stand there more than once, with their exact number out of `keys`."""
        best = sorted(self._bounds, key=lambda key: -self._bounds[key])[: 10 * count]
        if not best:
            return []
        exact = sorted(zip(keys.count(best), best, strict=True), key=lambda pair: -pair[0])[:count]
        return [{"text": visible_texts(self._texts[key]), "count": number} for number, key in exact if number > 1]
