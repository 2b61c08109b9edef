"""What became of a user's data set: how many lines were read, kept and dropped, for which reason, with examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from configs.schema import Source
from data.records import Reject

EXAMPLES = 5  # shown of what a filter dropped
LONGEST_EXAMPLE = 300  # characters


class RejectedError(ValueError):
    """More of a user's lines could not be read than the parameters allow."""


@dataclass
class Tally:
    """What became of one source's segments.

    Attributes:
        read: segments that could be read.
        rejected: lines that could not.
        kept: segments left, per part.
        dropped: segments per reason, `data.cleaning.REASONS`.
        examples: some of them per reason.
    """

    read: int = 0
    rejected: int = 0
    kept: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def drop(self, reason: str, example: str) -> None:
        """Count one segment out."""
        self.dropped[reason] += 1
        if len(shown := self.examples.setdefault(reason, [])) < EXAMPLES:
            shown.append(example[:LONGEST_EXAMPLE])

    def add(self, other: Tally) -> None:
        """Count what another chunk of the same source held."""
        self.read, self.rejected = self.read + other.read, self.rejected + other.rejected
        self.kept.update(other.kept)
        self.dropped.update(other.dropped)
        for reason, examples in other.examples.items():
            shown = self.examples.setdefault(reason, [])
            shown += examples[: EXAMPLES - len(shown)]

    def as_json(self) -> dict[str, Any]:
        """As the stage's counts hold it."""
        return {
            "read": self.read,
            "rejected": self.rejected,
            "kept": dict(sorted(self.kept.items())),
            "dropped": dict(self.dropped.most_common()),
            "examples": dict(sorted(self.examples.items())),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Tally:
        """What `as_json` wrote."""
        return cls(value["read"], value["rejected"], Counter(value["kept"]), Counter(value["dropped"]), value["examples"])


def check_rejected(name: str, tally: Tally, first: Sequence[Reject], percent: float, file: Path) -> None:
    """Stop at too many lines that could not be read.

    Raises:
        RejectedError: there are more than `percent`, or nothing could be read.
    """
    lines = tally.read + tally.rejected
    if tally.read and 100 * tally.rejected <= percent * lines:
        return
    shown = "".join(f"\n{reject.file}:{reject.line}: {reject.reason}" for reject in first)
    what = f"{tally.rejected:,} of {lines:,} lines could not be read, {percent:g} % are allowed (rejected_percent)"
    raise RejectedError(f"{name}: {what}; all of them are in {file}{shown}" if lines else f"{name}: holds no lines")


def check_named_once(sources: Sequence[Source]) -> None:
    """Look for a data set that the parameters name twice.

    Raises:
        ValueError: there is one.
    """
    twice = sorted(path for path, count in Counter(source.path for source in sources).items() if count > 1)
    if twice:
        raise ValueError(f"sources: {', '.join(twice)} stands twice")
