"""The held-out parts of the prepared data, as the evaluation stages read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data.records import Segment, read_jsonl

Pair = tuple[str, str]


@dataclass(frozen=True)
class TestSets:
    """Held-out segments, and what was trained on.

    Attributes:
        seen: seen patterns with unseen combinations, and the test parts of users' data.
        held_out: patterns never seen.
        unseen: sentences written by hand, apart from the patterns.
        terms: sentences with terms that are in no training text.
        train: the training part.
    """

    seen: list[Segment]
    held_out: list[Segment]
    unseen: list[Segment]
    terms: list[Segment]
    train: list[Segment]

    @classmethod
    def read(cls, prepared: Path) -> TestSets:
        """The parts as the preparation stage wrote them."""
        parts = (
            read_jsonl(prepared / f"{name}.jsonl", Segment) for name in ("test", "test_held_out", "test_unseen", "test_terms", "train")
        )
        return cls(*parts)

    def having(self, pair: Pair) -> TestSets:
        """The segments of a pair: those that hold both languages, the target in wording that a model may write."""
        parts = (self.seen, self.held_out, self.unseen, self.terms, self.train)
        return TestSets(*([segment for segment in part if segment.translates(*pair)] for part in parts))

    def pairs(self, languages: Sequence[str]) -> list[Pair]:
        """The pairs of languages that there is something to test for."""
        return [(s, t) for s in languages for t in languages if s != t and self.having((s, t)).seen]
