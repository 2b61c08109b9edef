"""Batches of samples of like length, in random order, and a whole training's batches as one stream.

transformers' own `group_by_length` yields the batches of each group of fifty from long to short; at the learning rates of a short training
the model then forgets in every group what it knew of long sentences, and ends on short ones. Here the batches are shuffled.

The batches of an epoch are a function of (seed, epoch), and the stream is one of (batches, steps): a training that goes on after it was
stopped reads on where it was, whatever the process has done before.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, cycle, islice
from typing import Protocol

from torch.utils.data import Sampler

POOL_SAMPLES = 4_000  # that are sorted together into batches of tokens
POOL_BATCHES = 50  # batches' worth of random samples that are sorted together: enough for little padding, few enough to stay mixed


class Batches(Protocol):
    """One epoch after another, cut into batches."""

    @property
    def samples(self) -> int:
        """Samples of an epoch."""

    def epoch(self, number: int) -> list[list[int]]:
        """The batches of an epoch: every sample once."""


@dataclass(frozen=True)
class LengthGroups:
    """Batches of so many samples of like length.

    Attributes:
        lengths: of each sample.
        batch_size: samples of a batch.
        seed: fixes the order of every epoch.
    """

    lengths: Sequence[int]
    batch_size: int
    seed: int

    @property
    def samples(self) -> int:
        """Samples of an epoch."""
        return len(self.lengths)

    def epoch(self, number: int) -> list[list[int]]:
        """The batches of an epoch; of each pool the last may be smaller."""
        chance = random.Random(f"{self.seed}/{number}")
        found: list[list[int]] = []
        for pool in _pools(self.samples, self.batch_size * POOL_BATCHES, chance):
            group = sorted(pool, key=lambda i: self.lengths[i])
            batches = [group[i : i + self.batch_size] for i in range(0, len(group), self.batch_size)]
            chance.shuffle(batches)
            found += batches
        return found


@dataclass(frozen=True)
class TokenBatches:
    """Batches of like length with about as many target pieces each.

    Batches of so many sentences differ a hundredfold in pieces where single words stand beside long sentences, and an optimizer that
    makes every step equally long (Muon) then spends its steps on noise.

    Attributes:
        lengths: (source pieces, target pieces) of each sample.
        tokens: target pieces of a batch, padding included, at most; a longer sample is a batch of its own.
        seed: fixes the order of every epoch.
    """

    lengths: Sequence[tuple[int, int]]
    tokens: int
    seed: int

    @property
    def samples(self) -> int:
        """Samples of an epoch."""
        return len(self.lengths)

    def epoch(self, number: int) -> list[list[int]]:
        """The batches of an epoch."""
        chance = random.Random(f"{self.seed}/{number}")
        found: list[list[int]] = []
        for pool in _pools(self.samples, POOL_SAMPLES, chance):
            batches = self._cut(sorted(pool, key=lambda i: self.lengths[i][::-1]))
            chance.shuffle(batches)
            found += batches
        return found

    def _cut(self, ordered: list[int]) -> list[list[int]]:
        batches: list[list[int]] = []
        for i in ordered:  # each is at least as long as those before
            if batches and self.lengths[i][1] * (len(batches[-1]) + 1) <= self.tokens:
                batches[-1].append(i)
            else:
                batches.append([i])
        return batches


def _pools(samples: int, size: int, chance: random.Random) -> Iterator[list[int]]:
    """All sample numbers in random order, `size` at a time."""
    order = list(range(samples))
    chance.shuffle(order)
    for start in range(0, samples, size):
        yield order[start : start + size]


class Stream(Sampler[list[int]]):
    """The batches of a whole training, one per step, or one process's share of each.

    A sample is named by its number in the training, epoch * samples + place, so that a data set can draw other noise each time.

    Args:
        batches: of an epoch.
        steps: of the training.
        rank: of this process.
        processes: that share each batch, row by row; a batch with fewer rows than processes repeats some.
    """

    def __init__(self, batches: Batches, steps: int, rank: int = 0, processes: int = 1) -> None:
        self._batches, self._steps, self._rank, self._processes = batches, steps, rank, processes

    def __len__(self) -> int:
        return self._steps

    def __iter__(self) -> Iterator[list[int]]:
        return islice(map(self._share, self._all()), self._steps)

    def _all(self) -> Iterator[list[int]]:
        for epoch in count():
            first = epoch * self._batches.samples
            yield from ([first + i for i in batch] for batch in self._batches.epoch(epoch))

    def _share(self, batch: list[int]) -> list[int]:
        enough = list(islice(cycle(batch), max(len(batch), self._processes)))
        return enough[self._rank :: self._processes]
