"""Batches of so many samples or tokens, and a whole training's batches as one stream."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import islice, pairwise
from typing import Any

import pytest
from accelerate import skip_first_batches
from torch.utils.data import DataLoader

from training.batching import POOL_BATCHES, Batches, LengthGroups, Stream, TokenBatches

LENGTHS = [(length, length + 2) for length in range(1, 60)] * 20
SOURCES = [source for source, _ in LENGTHS]
MAKERS: list[Any] = [lambda seed: LengthGroups(SOURCES, 8, seed), lambda seed: TokenBatches(LENGTHS, 300, seed)]


def batches(tokens: int = 300, seed: int = 7, epoch: int = 0) -> list[list[int]]:
    return TokenBatches(LENGTHS, tokens, seed).epoch(epoch)


def groups(size: int = 8, seed: int = 7, epoch: int = 0, lengths: Sequence[int] = SOURCES) -> list[list[int]]:
    return LengthGroups(lengths, size, seed).epoch(epoch)


@pytest.mark.parametrize("make", MAKERS)
def test_every_sample_is_in_one_batch(make: Any) -> None:
    made = make(7)
    assert made.samples == len(LENGTHS)
    for epoch in range(2):
        assert sorted(i for batch in made.epoch(epoch) for i in batch) == list(range(len(LENGTHS)))


@pytest.mark.parametrize("make", MAKERS)
def test_the_order_is_a_function_of_seed_and_epoch(make: Any) -> None:
    assert make(7).epoch(0) == make(7).epoch(0)
    assert make(8).epoch(0) != make(7).epoch(0) != make(7).epoch(1)
    read = make(7)
    later = read.epoch(5)
    assert (read.epoch(0), read.epoch(5)) == (make(7).epoch(0), later), "whatever was asked for before"


@pytest.mark.parametrize("make", MAKERS)
def test_samples_meet_others_in_each_epoch(make: Any) -> None:
    first, second = ({frozenset(batch) for batch in make(7).epoch(epoch)} for epoch in (0, 1))
    assert len(first & second) < len(first) / 10


@pytest.mark.parametrize("make", MAKERS)
def test_long_and_short_batches_are_mixed(make: Any) -> None:
    longest = [max(LENGTHS[i][1] for i in batch) for batch in make(7).epoch(0)]
    rises = sum(b > a for a, b in pairwise(longest))
    assert 0.3 < rises / len(longest) < 0.7, "as often to longer ones as to shorter ones"
    half = len(longest) // 2
    first, second = sum(longest[:half]) / half, sum(longest[half:]) / (len(longest) - half)
    assert abs(first - second) < 15


def test_no_batch_has_more_tokens_than_asked_for_padding_included() -> None:
    padded = [max(LENGTHS[i][1] for i in batch) * len(batch) for batch in batches()]
    assert max(padded) <= 300
    assert sum(padded) / len(padded) > 240  # and few are much smaller


def test_a_sample_longer_than_a_batch_is_one_of_its_own() -> None:
    assert [3] in TokenBatches([(5, 5), (6, 6), (7, 7), (80, 90)], 20, 7).epoch(0)


def test_padding_is_little() -> None:
    lengths = [(n, n) for n in random.Random(1).choices(range(3, 60), k=5_000)]
    found = TokenBatches(lengths, 1_100, 7).epoch(0)
    padded = sum(max(lengths[i][1] for i in batch) * len(batch) for batch in found)
    assert padded / sum(target for _, target in lengths) < 1.02


def test_groups_have_the_size_asked_for_but_for_the_last_of_each_pool() -> None:
    sizes = [len(batch) for batch in groups(7)]
    pools = -(-len(SOURCES) // (7 * POOL_BATCHES))
    assert pools == 4
    assert set(sizes) == {7, len(SOURCES) % 7}
    assert sum(size < 7 for size in sizes) == 1  # pools but the last are a multiple of the size


def test_few_samples_are_one_small_group() -> None:
    assert [sorted(batch) for batch in groups(8, lengths=[3, 1, 2])] == [[0, 1, 2]]


def test_groups_are_of_like_length() -> None:
    """Padding beside what random batches have: 2 % at most to their half and more."""

    def padded(found: list[list[int]]) -> float:
        return sum(max(SOURCES[i] for i in batch) * len(batch) for batch in found) / sum(SOURCES)

    order = random.Random(1).sample(range(len(SOURCES)), len(SOURCES))
    assert padded(groups()) < 1.04
    assert padded([order[i : i + 8] for i in range(0, len(order), 8)]) > 1.5


TINY = TokenBatches([(n, n) for n in (3, 4, 5, 6, 7, 8, 9)], 14, 7)  # of 7 samples


def read(stream: Stream) -> list[list[int]]:
    found = list(stream)
    assert len(stream) == len(found)
    return found


@pytest.mark.parametrize("steps", [0, 1, 5, 23])
def test_a_stream_has_a_batch_for_each_step(steps: int) -> None:
    assert len(read(Stream(TINY, steps))) == steps


def test_a_sample_is_named_by_its_number_in_the_training() -> None:
    expected = [[epoch * 7 + place for place in batch] for epoch in range(4) for batch in TINY.epoch(epoch)]
    assert read(Stream(TINY, len(expected))) == expected
    assert sorted(number for batch in expected for number in batch) == list(range(28))
    assert len({tuple(map(len, TINY.epoch(epoch))) for epoch in range(4)}) > 1, "epochs differ"


def test_a_stream_begins_anew_each_time_it_is_read() -> None:
    stream = Stream(TINY, 9)
    begun = iter(stream)
    assert [next(begun), next(begun)] == read(stream)[:2]
    assert read(stream) == read(Stream(TINY, 9))


@pytest.mark.parametrize("done", [1, 4, 11])
def test_going_on_is_skipping_what_was_done(done: int) -> None:
    """transformers' trainer goes on with accelerate's `skip_first_batches`."""
    whole = read(Stream(TINY, 12))
    loader = DataLoader(range(10_000), batch_sampler=Stream(TINY, 12), collate_fn=list)  # type: ignore[arg-type]
    assert list(loader) == whole
    assert list(skip_first_batches(loader, done)) == whole[done:] == list(islice(Stream(TINY, 12), done, None))


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_processes_share_each_batch(processes: int) -> None:
    many: Batches = LengthGroups(SOURCES, 7, 7)
    shares = [read(Stream(many, 200, rank, processes)) for rank in range(processes)]
    for batch, *parts in zip(read(Stream(many, 200)), *shares, strict=True):
        assert sorted(number for part in parts for number in part) == sorted(batch)
        sizes = [len(part) for part in parts]
        assert max(sizes) - min(sizes) <= 1
    assert len(shares[0]) == 200


def test_no_process_is_without_a_sample() -> None:
    """They exchange gradients at every step, so each must have some; a batch of one sample is read by all."""
    single = TokenBatches([(5, 5)], 5, 7)
    assert [read(Stream(single, 3, rank, 4)) for rank in range(4)] == [[[0], [1], [2]]] * 4
    three = LengthGroups([1, 2, 3], 3, 7)
    [batch] = read(Stream(three, 1))
    assert [read(Stream(three, 1, rank, 4))[0] for rank in range(4)] == [[batch[0]], [batch[1]], [batch[2]], [batch[0]]]
