"""Alignments of made-up languages whose word for word translation is known."""

from __future__ import annotations

import random

import pytest

from configs.schema import GuidedAlignment
from training import alignment
from training.alignment import NONE, align
from training.samples import Sample

WORDS = 40
SETTINGS = GuidedAlignment(weight=0.5, heads=1, iterations=5, tension=1.0, pairs=10_000)


def translated(order: str, count: int = 400, code: int | None = None) -> list[Sample]:
    """Sentences of distinct words w and their translations w + WORDS, in the same or the opposite order; every word is frequent."""
    chance = random.Random(1)
    found = []
    for _ in range(count):
        source = chance.sample(range(WORDS), chance.randint(2, 7))
        target = [word + WORDS for word in (source if order == "same" else source[::-1])]
        found.append(Sample([*([] if code is None else [code]), *source], target))
    return found


def share_right(samples: list[Sample], found: list[list[int]]) -> float:
    right = [
        s.source[place] == target - WORDS
        for s, places in zip(samples, found, strict=True)
        for target, place in zip(s.target, places, strict=True)
    ]
    return sum(right) / len(right)


@pytest.mark.parametrize("order", ["same", "opposite"])
def test_words_are_aligned_with_their_translations(order: str) -> None:
    samples = translated(order)
    assert share_right(samples, align(samples, 2 * WORDS, [], SETTINGS)) > 0.97


def test_every_target_piece_gets_one_place_or_none() -> None:
    samples = [*translated("same", 50), Sample([1], [WORDS + 1, WORDS + 2, WORDS + 3])]
    found = align(samples, 2 * WORDS, [], SETTINGS)
    assert [len(places) for places in found] == [len(s.target) for s in samples]
    assert all(place == NONE or 0 <= place < len(s.source) for s, places in zip(samples, found, strict=True) for place in places)


def test_language_codes_are_aligned_with_nothing() -> None:
    code = 2 * WORDS
    samples = translated("opposite", code=code)
    found = align(samples, code + 1, [code], SETTINGS)
    assert {places.count(0) for places in found} == {0}
    assert share_right(samples, found) > 0.97


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = translated("opposite", 100)
    whole = align(samples, 2 * WORDS, [], SETTINGS)
    monkeypatch.setattr(alignment, "BLOCK_CELLS", 60)
    assert align(samples, 2 * WORDS, [], SETTINGS) == whole


def test_no_block_is_larger_than_allowed_whatever_the_lengths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignment, "BLOCK_CELLS", 500)
    samples = [Sample([1] * n, [WORDS + 1] * n) for n in [*range(1, 20)] * 5]
    blocks = list(alignment._blocks(samples, 2 * WORDS, [], 1.0))
    assert sum(len(numbers) for numbers, *_ in blocks) == len(samples) == 95
    assert max(cells.size for _, cells, *_ in blocks) <= 500


def test_a_table_from_some_pairs_aligns_all() -> None:
    samples = translated("same", 600)
    settings = SETTINGS.model_copy(update={"pairs": 300})
    assert share_right(samples, align(samples, 2 * WORDS, [], settings)) > 0.95


def test_a_vocabulary_too_large_for_the_table_is_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"of at most 16,000 pieces, not 58,101: set its weight to 0$"):
        align([Sample([1], [2])], 58_101, [], SETTINGS)
