"""Checks that fail a stage: a test sentence that training has seen is a leak."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from data.normalize import comparable, normalize
from data.protect import MARKERS, find_protected, mask


class LeakError(ValueError):
    """Test data that stands in the training data too; the message shows examples."""


def combination_key(text: str) -> str:
    """What two expansions of one combination share: `text` without its protected values, case, spaces and punctuation."""
    text = normalize(text)
    spans = find_protected(text)[: len(MARKERS)]
    return comparable(mask(text, spans, [MARKERS[0]] * len(spans)))


def check_no_leak(train: Iterable[str], held_out: Iterable[str], name: str, key: Callable[[str], str] = combination_key) -> None:
    """Compare every text of a held-out part with every text of the training part, values masked.

    Args:
        train: the texts trained on.
        held_out: the texts of the part.
        name: what the message calls the part.
        key: `combination_key`, or a memory of it where the same texts are asked for again and again.

    Raises:
        LeakError: a text stands in both.
    """
    trained = {key(text) for text in train}
    leaks = [text for text in held_out if key(text) in trained]
    if leaks:
        shown = "; ".join(repr(text) for text in leaks[:3])
        raise LeakError(f"{name}: {len(leaks)} texts stand in the training data too (values aside), for example {shown}")
