"""What the models answer, before it becomes JSON; `messages.py` has the shapes of the wire."""

from __future__ import annotations

from dataclasses import dataclass

from data.protect import Span


@dataclass(frozen=True)
class AppliedTerm:
    """A term found in the source; offsets are code points of the source segment as it was sent, `end` exclusive.

    `overrides` is the industry's translation of it, where the request itself said another.
    """

    source: str
    target: str
    applied: bool
    start: int
    end: int
    overrides: str | None = None


@dataclass(frozen=True)
class Translation:
    """One translated segment.

    Attributes:
        text: the translation.
        source: language of the segment.
        pivot: the language it went through, if there is no direct model.
        terms: the terms of the request found in it.
        protected: how many spans were kept as they were.
        score: 0..100, geometric mean of the probabilities of the pieces written; 100 where nothing was to be translated.
    """

    text: str
    source: str
    pivot: str | None
    terms: tuple[AppliedTerm, ...]
    protected: int
    score: float


@dataclass(frozen=True)
class Alternative:
    """An intent and its calibrated probability, 0..1."""

    intent: str
    confidence: float


@dataclass(frozen=True)
class Classification:
    """What a message is about."""

    language: str
    intent: str
    confidence: float
    alternatives: tuple[Alternative, ...]
    out_of_scope: bool
    sentiment: str
    urgency: str
    entities: tuple[Span, ...]
