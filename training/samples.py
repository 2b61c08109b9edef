"""Prepared segments as numbered training samples of one translation model.

A model is named for its directions: `en-xx` reads English and writes the language that a `>>lang<<` code asks for, `xx-en` reads any of
the languages and writes English.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from configs.schema import Augmentation
from data.augment import augment_pair, draw_kind
from data.normalize import calm, normalize
from data.pieces import MarianPieces
from data.protect import mask_pair
from data.records import Segment
from data.sentences import split
from training.term_samples import TermSamples


class SentencePair(NamedTuple):
    """A sentence and its translation, as a model reads and writes them.

    Attributes:
        source: normalised, protected spans masked, calm.
        target: normalised, protected spans masked.
        language: of the target.
        segment: id of the segment that it is from.
    """

    source: str
    target: str
    language: str
    segment: str


@dataclass(frozen=True)
class Sample:
    """Source and target ids of one sentence, end of sentence included, and the id of the segment that it is from."""

    source: list[int]
    target: list[int]
    segment: str = ""


def directions(model: str, languages: Sequence[str]) -> list[tuple[str, str]]:
    """The (source, target) pairs of a model.

    Raises:
        ValueError: the name is neither `LANG-xx` nor `xx-LANG`.
    """
    source, _, target = model.partition("-")
    if target == "xx" and source in languages:
        return [(source, other) for other in languages if other != source]
    if source == "xx" and target in languages:
        return [(other, target) for other in languages if other != target]
    raise ValueError(f"model {model!r}: a name like en-xx or xx-en, with a language of {', '.join(languages)}")


def sentence_pairs(
    segments: Iterable[Segment],
    pairs: Sequence[tuple[str, str]],
    seed: int,
    noise: Augmentation | None = None,
    terms: TermSamples | None = None,
) -> list[SentencePair]:
    """The pairs of every sentence and direction.

    `noise` is how often a source gets which kind of it, drawn anew for each direction; `None`: never. `terms`
    annotates terms.

    A segment whose sides split into the same number of sentences gives that many pairs, since serving translates sentence by sentence;
    any other is one pair. A segment that lacks a language gives no pairs of it; informal wording is read, never written.
    """
    found = []
    for segment in segments:
        chance = random.Random(f"{seed}/{segment.id}")
        for source, target in pairs:
            if not segment.translates(source, target):
                continue
            sides = [split(segment.texts[language]).sentences for language in (source, target)]
            if len(sides[0]) != len(sides[1]):
                sides = [[segment.texts[source]], [segment.texts[target]]]
            for left, right in zip(*sides, strict=True):
                kind = draw_kind(noise, chance) if noise else None
                noisy = augment_pair(left, right, kind, source, chance) if kind else (left, right)
                plain = normalize(noisy[0]), normalize(noisy[1])
                read, written = mask_pair(*(terms.annotate(*plain, (source, target), chance) if terms else plain), chance)
                found.append(SentencePair(calm(read), written, target, segment.id))
    return found


def number(pairs: Iterable[SentencePair], pieces: MarianPieces, max_pieces: int) -> list[Sample]:
    """The pairs as ids; a pair with a side over `max_pieces` is left out."""
    many = bool(pieces.languages)
    samples = (Sample(pieces.encode(p.source, p.language if many else None), pieces.encode_target(p.target), p.segment) for p in pairs)
    return [sample for sample in samples if max(len(sample.source), len(sample.target)) < max_pieces]


def of_industries(segments: Iterable[Segment], industries: Sequence[str]) -> list[Segment]:
    """The segments with a term of one of the industries; all of them where none is named.

    Raises:
        ValueError: there is no such segment.
    """
    if not industries:
        return list(segments)
    found = [segment for segment in segments if any(term.split("/")[0] in industries for term in segment.terms)]
    if not found:
        raise ValueError(f"train_translation.industries: no segment holds a term of {', '.join(industries)}")
    return found
