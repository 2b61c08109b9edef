"""Batches of so many tokens."""

from __future__ import annotations

import random

from training.batching import TokenBatches

LENGTHS = [(length, length + 2) for length in range(1, 60)] * 20


def batches(tokens: int = 300, seed: int = 7, epoch: int = 0) -> list[list[int]]:
    sampler = TokenBatches(LENGTHS, tokens, seed)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_every_sample_is_in_one_batch() -> None:
    assert sorted(i for batch in batches() for i in batch) == list(range(len(LENGTHS)))
    assert len(TokenBatches(LENGTHS, 300, 7)) == len(batches())


def test_no_batch_has_more_tokens_than_asked_for_padding_included() -> None:
    padded = [max(LENGTHS[i][1] for i in batch) * len(batch) for batch in batches()]
    assert max(padded) <= 300
    assert sum(padded) / len(padded) > 240  # and few are much smaller


def test_a_sample_longer_than_a_batch_is_one_of_its_own() -> None:
    assert [3] in list(TokenBatches([(5, 5), (6, 6), (7, 7), (80, 90)], 20, 7))


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    assert batches() == batches()
    assert batches(seed=8) != batches() != batches(epoch=1)


def test_long_and_short_batches_are_mixed() -> None:
    longest = [max(LENGTHS[i][1] for i in batch) for batch in batches()]
    assert longest != sorted(longest)
    half = len(longest) // 2
    first, second = sum(longest[:half]) / half, sum(longest[half:]) / (len(longest) - half)
    assert abs(first - second) < 15


def test_padding_is_little() -> None:
    lengths = [(n, n) for n in random.Random(1).choices(range(3, 60), k=5_000)]
    found = list(TokenBatches(lengths, 1_100, 7))
    padded = sum(max(lengths[i][1] for i in batch) * len(batch) for batch in found)
    assert padded / sum(target for _, target in lengths) < 1.02
