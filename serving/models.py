"""What a client is told of a model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelInfo:
    """A bundle in service.

    Attributes:
        name: of the bundle.
        version: the beginning of its manifest's SHA-256.
        kind: translation or intents.
        languages: that it reads or writes.
        pairs: (source, target) that it translates directly; none for a classifier.
        precision: of the graphs that run.
    """

    name: str
    version: str
    kind: str
    languages: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    precision: str
