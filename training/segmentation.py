"""Segmentations drawn at random from a unigram vocabulary, so that a classifier sees each message cut in many ways.

The same as SentencePiece's sampling (forward filtering, backward sampling over the lattice of pieces), but a draw is a function of the
generator given: SentencePiece has one generator per thread whose seed cannot be set once it was used, and training a vocabulary uses it.

Source: Kudo 2018, subword regularization, https://aclanthology.org/P18-1007

Not covered: byte pieces, vocabularies that are no unigram models.
"""

from __future__ import annotations

import json
import math
import random
from bisect import bisect
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Tokenizer

UNKNOWN_PENALTY = 10.0  # below the least likely piece; SentencePiece's kUnkPenalty
WORDS_KEPT = 50_000  # lattices of words, which come again and again
TEXTS_KEPT = 50_000  # a text's lattices, which come again in every epoch


class Ends(NamedTuple):
    """The pieces that may end at one place of a word: where each begins, its id, and the cumulated weights to draw by."""

    starts: list[int]
    ids: list[int]
    weights: list[float]


class SampledSegmentation:
    """Text -> ids of a segmentation drawn at random.

    Args:
        file: a `tokenizer.json` with a unigram model.
        smoothness: the paper's alpha; the smaller, the more segmentations are equally likely.

    Raises:
        ValueError: the file has another kind of model.
    """

    def __init__(self, file: Path, smoothness: float) -> None:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if content["model"].get("type") != "Unigram":
            raise ValueError(f"{file}: segmentations can be drawn from a Unigram model only, not {content['model'].get('type')}")
        self._tokenizer = Tokenizer.from_file(str(file))
        self._unknown: int = content["model"]["unk_id"]
        special = {token["id"] for token in content["added_tokens"]}
        scores = {piece: (i, score) for i, (piece, score) in enumerate(content["model"]["vocab"]) if i not in special}
        floor = min(score for _, score in scores.values()) - UNKNOWN_PENALTY
        self._scores = {piece: (i, smoothness * score) for piece, (i, score) in scores.items()}
        self._unknown_score = smoothness * floor
        self._longest = max(map(len, scores))
        self._lattice = lru_cache(WORDS_KEPT)(self._build)
        self._lattices = lru_cache(TEXTS_KEPT)(self._split)

    def __call__(self, text: str, chance: random.Random) -> list[int]:
        """The ids of one segmentation of a text, special pieces left out."""
        return [i for lattice in self._lattices(text) for i in self._draw(lattice, chance)]

    def _split(self, text: str) -> list[list[Ends]]:
        """The lattices of a text's words."""
        normalizer, splitter = self._tokenizer.normalizer, self._tokenizer.pre_tokenizer
        normal = normalizer.normalize_str(text) if normalizer else text
        return [self._lattice(word) for word, _ in splitter.pre_tokenize_str(normal)]

    def _draw(self, lattice: list[Ends], chance: random.Random) -> list[int]:
        """The ids of one word, drawn from its end to its beginning; neighbouring unknown characters are one piece."""
        found, place = list[int](), len(lattice)
        while place:
            starts, ids, weights = lattice[place - 1]
            last = len(ids) - 1
            choice = bisect(weights, chance.random() * weights[last], 0, last) if last else 0
            if not (ids[choice] == self._unknown and found and found[-1] == self._unknown):
                found.append(ids[choice])
            place = starts[choice]
        return found[::-1]

    def _build(self, word: str) -> list[Ends]:
        """For each place of a word, what may end there, weighted by all that may lead to it."""
        reached = [0.0]  # logarithm of the summed weights of all segmentations up to each place
        lattice = []
        for end in range(1, len(word) + 1):
            starts = range(max(0, end - self._longest), end)
            found = [(start, *self._scores[word[start:end]]) for start in starts if word[start:end] in self._scores]
            if not any(start == end - 1 for start, _, _ in found):
                found.append((end - 1, self._unknown, self._unknown_score))
            logs = [reached[start] + score for start, _, score in found]
            highest = max(logs)
            weights, total = [], 0.0
            for log in logs:
                total += math.exp(log - highest)
                weights.append(total)
            reached.append(highest + math.log(total))
            lattice.append(Ends([start for start, _, _ in found], [i for _, i, _ in found], weights))
        return lattice
