"""Patterns into training, validation and test segments.

The splits do not flatter: a combination of words (pattern and what fills its slots) is in one part only, numbers and codes of the
held-out parts come from a pool that training never sees, and a share of the patterns is held out whole (`test_unseen`).
"""

from __future__ import annotations

import functools
import hashlib
import random
from collections.abc import Callable, Iterable
from pathlib import Path

from configs.schema import PrepareTranslation
from data.checks import check_no_leak, combination_key
from data.grammar import Expansion, Grammar, Pattern, Pool
from data.records import Segment, write_json, write_jsonl

PARTS = ("train", "validation", "test", "test_unseen")
FEWEST_TO_TEST = 10  # combinations of a pattern; with fewer, a held-out one differs from a trained one by next to nothing


def split_segments(grammar: Grammar, settings: PrepareTranslation, seed: int) -> dict[str, list[Segment]]:
    """The segments of each part of `PARTS`.

    Raises:
        LeakError: a held-out text stands in the training part.
        ValueError: too few combinations for the sizes asked for.
    """
    held_out = held_out_patterns(grammar.patterns, settings.held_out_patterns_percent, seed)
    unseen = _expand(grammar, held_out, settings.expansions_per_held_out_pattern, seed)
    seen = _expand(grammar, [p for p in grammar.patterns if p not in held_out], settings.expansions_per_pattern, seed)
    random.Random(seed).shuffle(seen)
    takers = {"test_unseen": unseen, **_deal(seen, settings)}
    parts: dict[str, list[Segment]] = {}
    key = functools.cache(combination_key)
    taken: set[tuple[str, str]] = set()
    for name in ("test_unseen", "test", "validation", "train"):
        pool: Pool = "train" if name == "train" else "test"
        segments = [_segment(grammar, expansion, seed, pool) for expansion in takers[name]]
        parts[name] = _without(segments, taken, key)
        taken.update(pair for segment in parts[name] for pair in _keys(segment, key))
    for name in ("validation", "test", "test_unseen"):
        for language in settings.languages:
            train = (segment.texts[language] for segment in parts["train"])
            check_no_leak(train, (segment.texts[language] for segment in parts[name]), f"{name} ({language})", key)
    return {name: parts[name] for name in PARTS}


def held_out_patterns(patterns: list[Pattern], percent: float, seed: int) -> list[Pattern]:
    """The patterns that training never sees: those whose hash is smallest, so that a new pattern moves few others."""
    ranked = sorted(patterns, key=lambda p: hashlib.sha256(f"{seed}/{p.id}".encode()).hexdigest())
    return ranked[: round(len(patterns) * percent / 100)]


def _expand(grammar: Grammar, patterns: Iterable[Pattern], count: int, seed: int) -> list[Expansion]:
    return [expansion for pattern in patterns for expansion in grammar.expansions(pattern, count, seed)]


def _deal(expansions: list[Expansion], settings: PrepareTranslation) -> dict[str, list[Expansion]]:
    """Test, validation and training part of shuffled expansions; patterns with few combinations only train."""
    per_pattern: dict[str, int] = {}
    for expansion in expansions:
        per_pattern[expansion.pattern.id] = per_pattern.get(expansion.pattern.id, 0) + 1
    dealt: dict[str, list[Expansion]] = {"test": [], "validation": [], "train": []}
    sizes = {"test": settings.test_segments, "validation": settings.validation_segments}
    for expansion in expansions:
        varied = per_pattern[expansion.pattern.id] >= FEWEST_TO_TEST
        part = next((name for name, size in sizes.items() if varied and len(dealt[name]) < size), "train")
        dealt[part].append(expansion)
    missing = [f"{name}: {len(dealt[name])} of {size}" for name, size in sizes.items() if len(dealt[name]) < size]
    if missing or not dealt["train"]:
        raise ValueError(f"the patterns give too few combinations ({', '.join(missing) or 'none left to train on'})")
    return dealt


def _segment(grammar: Grammar, expansion: Expansion, seed: int, pool: Pool) -> Segment:
    texts = grammar.render(expansion, seed, pool)
    name = hashlib.sha256(f"{pool}/{expansion.key}".encode()).hexdigest()[:12]
    return Segment(id=f"{expansion.pattern.id}.{name}", pattern=expansion.pattern.id, texts=texts, terms=expansion.filling.terms)


def _keys(segment: Segment, key: Callable[[str], str]) -> list[tuple[str, str]]:
    return [(language, key(text)) for language, text in segment.texts.items()]


def _without(segments: Iterable[Segment], taken: set[tuple[str, str]], key: Callable[[str], str]) -> list[Segment]:
    """The segments of which no language's text is taken by another part."""
    return [segment for segment in segments if taken.isdisjoint(_keys(segment, key))]


def write_parts(parts: dict[str, list[Segment]], folder: Path) -> None:
    """Write `PART.jsonl` per part and `counts.json`."""
    for name, segments in parts.items():
        write_jsonl(folder / f"{name}.jsonl", segments)
    counts = {name: {"segments": len(s), "patterns": len({x.pattern for x in s})} for name, s in parts.items()}
    write_json(folder / "counts.json", counts)
