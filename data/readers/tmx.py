"""Units of translation memories in TMX.

Of a segment the text is kept and the code of its inline elements is not; `<hi>` holds text. A file that breaks off keeps the units before.
Entities that a file declares are refused, and nothing is fetched: the document type's DTD is not read.

Source: https://www.gala-global.org/tmx-14b

Not covered: several variants of one language (the first is taken; data/glossary/tmx.py takes all), subflows (`<sub>`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.readers.markup import Torn, elements, language_of, local_name, text_of
from data.readers.row import Row, rejected
from data.records import Reject


def read_tmx(path: Path, encoding: str | None) -> Iterator[Row | Reject]:
    """The units of a TMX file, a column a language as the file writes it.

    Raises:
        ValueError: it is no TMX file, or declares entities.
    """
    for number, unit in enumerate(elements(path, encoding, "TMX", ("tmx",), frozenset({"tu"})), 1):
        if isinstance(unit, Torn):
            yield rejected(path, number, unit.reason)
            return
        texts = _texts(unit)
        yield Row(number, texts) if isinstance(texts, dict) else rejected(path, number, texts)


def _texts(unit: Any) -> dict[str, str] | str:
    """Language -> text, or what is wrong with the unit."""
    found: dict[str, str] = {}
    for variant in (child for child in unit if local_name(child) == "tuv"):
        language = language_of(variant)
        segment = next((child for child in variant if local_name(child) == "seg"), None)
        if language is None:
            return "a <tuv> has no xml:lang"
        if segment is not None:
            try:
                found.setdefault(language, text_of(segment))
            except LookupError as error:
                return str(error.args[0])
    return found
