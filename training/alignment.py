"""Which source piece each target piece translates, found in the training pairs themselves.

IBM Model 1 with a prior that prefers the diagonal, by expectation maximisation on a dense table of pieces, so it is for vocabularies of a
demo's size. The alignments guide a head of the decoder's cross-attention: trained from scratch on little data, attention finds out late by
itself what translates what.

Source: Dyer et al. 2013 (fast_align), https://aclanthology.org/N13-1073; Chen et al. 2016 (guided alignment),
https://aclanthology.org/2016.amta-researchers.10

B pairs of a block, S source pieces, T target pieces, V vocabulary.

Not covered: several source pieces for one target piece, symmetrisation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from configs.schema import GuidedAlignment
from training.samples import Sample

Table = npt.NDArray[np.float32]  # (V * V,): how likely a source piece is translated by a target piece, row by row
Block = tuple[list[int], npt.NDArray[np.int64], npt.NDArray[np.float32], npt.NDArray[np.bool_]]

NONE = -1  # of a target piece that translates nothing
BLOCK_CELLS = 2_000_000  # of (B, T, S) at once: tens of MB
LARGEST_VOCABULARY = 16_000  # its table takes 1 GB
NOTHING = 0.08  # prior of a target piece that translates nothing; fast_align's p0


def align(samples: Sequence[Sample], vocabulary: int, codes: Sequence[int], settings: GuidedAlignment) -> list[list[int]]:
    """For each sample, the place of the source piece that each target piece translates, or `NONE`.

    Args:
        samples: the training pairs.
        vocabulary: pieces, V.
        codes: source pieces that nothing translates: those that ask for a language.
        settings: iterations, tension of the diagonal, pairs that the table is learned from.

    Raises:
        ValueError: the vocabulary is too large for a dense table.
    """
    if vocabulary > LARGEST_VOCABULARY:
        raise ValueError(
            f"guided alignment is for vocabularies of at most {LARGEST_VOCABULARY:,} pieces, not {vocabulary:,}: set its weight to 0"
        )
    table = learn(samples[:: max(1, len(samples) // settings.pairs)], vocabulary, codes, settings)
    found: list[list[int]] = [[] for _ in samples]
    for numbers, cells, prior, targets in _blocks(samples, vocabulary, codes, settings.tension):
        likely = table[cells] * prior  # (B, T, S)
        best = np.where(likely.max(axis=-1) > NOTHING / vocabulary, likely.argmax(axis=-1), NONE)  # (B, T)
        for row, number in enumerate(numbers):
            found[number] = best[row, targets[row]].tolist()
    return found


def learn(samples: Sequence[Sample], vocabulary: int, codes: Sequence[int], settings: GuidedAlignment) -> Table:
    """The translation table of the pairs."""
    table: Table = np.full(vocabulary * vocabulary, 1 / vocabulary, dtype=np.float32)
    for _ in range(settings.iterations):
        counts = np.zeros(vocabulary * vocabulary)
        for _, cells, prior, targets in _blocks(samples, vocabulary, codes, settings.tension):
            share = table[cells] * prior  # (B, T, S)
            share /= share.sum(axis=-1, keepdims=True) + NOTHING / vocabulary
            share *= targets[..., None]
            counts += np.bincount(cells.ravel(), weights=share.ravel(), minlength=len(counts))
        rows = counts.reshape(vocabulary, vocabulary)
        table = (rows / np.maximum(rows.sum(axis=1, keepdims=True), 1e-9)).astype(np.float32).ravel()
    return table


def _blocks(samples: Sequence[Sample], vocabulary: int, codes: Sequence[int], tension: float) -> Iterator[Block]:
    """Pairs of like length: their numbers, the table's cell and the prior of every two pieces (B, T, S), which targets are there (B, T)."""
    order = sorted(range(len(samples)), key=lambda i: (len(samples[i].source), len(samples[i].target)))
    block: list[int] = []
    longest_source = longest_target = 0
    for i in order:
        source, target = max(longest_source, len(samples[i].source)), max(longest_target, len(samples[i].target))
        if block and (len(block) + 1) * source * target > BLOCK_CELLS:
            yield _block(block, samples, vocabulary, codes, tension)
            block, source, target = [], len(samples[i].source), len(samples[i].target)
        block.append(i)
        longest_source, longest_target = source, target
    if block:
        yield _block(block, samples, vocabulary, codes, tension)


def _block(numbers: list[int], samples: Sequence[Sample], vocabulary: int, codes: Sequence[int], tension: float) -> Block:
    sources, source_there = _padded([samples[i].source for i in numbers])  # (B, S)
    targets, target_there = _padded([samples[i].target for i in numbers])  # (B, T)
    cells = sources[:, None, :] * vocabulary + targets[:, :, None]
    prior = np.exp(-tension * np.abs(_places(source_there)[:, None, :] - _places(target_there)[:, :, None])).astype(np.float32)
    prior *= (source_there & ~np.isin(sources, codes))[:, None, :]
    return numbers, cells, prior / prior.sum(axis=-1, keepdims=True), target_there


def _padded(rows: Sequence[Sequence[int]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Rows of ids as one array, and where they are."""
    longest = max(map(len, rows))
    there = np.arange(longest) < np.array([[len(row)] for row in rows])
    ids = np.zeros((len(rows), longest), dtype=np.int64)
    ids[there] = [i for row in rows for i in row]
    return ids, there


def _places(there: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Where each piece stands in its sentence, 0..1; padding stands at its end."""
    places: npt.NDArray[np.float64] = (np.arange(there.shape[1]) + 0.5) / there.sum(axis=1, keepdims=True)
    return np.minimum(places, 1.0)
