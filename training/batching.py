"""Batches of samples of like length, in random order.

transformers' own `group_by_length` yields the batches of each group of fifty from long to short; at the learning rates of a short training
the model then forgets in every group what it knew of long sentences, and ends on short ones. Here the batches are shuffled.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from torch.utils.data import Sampler

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
