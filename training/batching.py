"""Batches of samples of like length, in random order.

transformers' own `group_by_length` yields the batches of each group of fifty from long to short; at the learning rates of a short training
the model then forgets in every group what it knew of long sentences, and ends on short ones. Here the batches are shuffled.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from torch.utils.data import Sampler

POOL_SAMPLES = 4_000  # that are sorted together into batches of tokens
POOL_BATCHES = 50  # batches' worth of random samples that are sorted together: enough for little padding, few enough to stay mixed


class LengthGroups(Sampler[int]):
    """The indices of every sample once, batch after batch of like length; the order is a function of (seed, epoch).

    Args:
        lengths: of each sample.
        batch_size: samples of a batch.
        seed: fixes the order of every epoch.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths, self._batch_size, self._seed = lengths, batch_size, seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self._lengths)

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        chance = random.Random(f"{self._seed}/{self.epoch}")
        order = list(range(len(self._lengths)))
        chance.shuffle(order)
        pool = self._batch_size * POOL_BATCHES
        for start in range(0, len(order), pool):
            group = sorted(order[start : start + pool], key=lambda i: self._lengths[i])
            batches = [group[i : i + self._batch_size] for i in range(0, len(group), self._batch_size)]
            whole = [batch for batch in batches if len(batch) == self._batch_size]
            chance.shuffle(whole)
            yield from (i for batch in [*whole, *batches[len(whole) :]] for i in batch)  # a smaller one in the middle would shift the rest


class TokenBatches(Sampler[list[int]]):
    """Batches of like length with about as many target pieces each; the order is a function of (seed, epoch).

    Batches of so many sentences differ a hundredfold in pieces where single words stand beside long sentences, and an optimizer that
    makes every step equally long (Muon) then spends its steps on noise.

    Args:
        lengths: (source pieces, target pieces) of each sample.
        tokens: target pieces of a batch, padding included, at most; a longer sample is a batch of its own.
        seed: fixes the order of every epoch.
    """

    def __init__(self, lengths: Sequence[tuple[int, int]], tokens: int, seed: int) -> None:
        self._lengths, self._tokens, self._seed = lengths, tokens, seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self._batches())

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self._batches())

    def _batches(self) -> list[list[int]]:
        chance = random.Random(f"{self._seed}/{self.epoch}")
        order = list(range(len(self._lengths)))
        chance.shuffle(order)
        found: list[list[int]] = []
        for start in range(0, len(order), POOL_SAMPLES):
            batches = self._cut(sorted(order[start : start + POOL_SAMPLES], key=lambda i: self._lengths[i][::-1]))
            chance.shuffle(batches)
            found += batches
        return found

    def _cut(self, ordered: list[int]) -> list[list[int]]:
        batches: list[list[int]] = []
        for i in ordered:  # each is at least as long as those before
            if batches and self._lengths[i][1] * (len(batches[-1]) + 1) <= self._tokens:
                batches[-1].append(i)
            else:
                batches.append([i])
        return batches
