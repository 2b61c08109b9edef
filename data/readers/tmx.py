"""Units of translation memories in TMX.

Of a segment the text is kept and the code of its inline elements is not; `<hi>` holds text. A file that breaks off keeps the units before.
Entities that a file declares are refused, and nothing is fetched: the document type's DTD is not read.

Source: https://www.gala-global.org/tmx-14b

Not covered: several variants of one language (the first is taken), subflows (`<sub>`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.readers.encoding import DAMAGED, open_bytes
from data.readers.row import Row, library, rejected
from data.records import Reject

LANGUAGE = ("{http://www.w3.org/XML/1998/namespace}lang", "lang")  # of TMX 1.4, and before 1.2
CODE = frozenset({"bpt", "ept", "ph", "it", "ut", "sub"})  # inline elements that hold markup of the original format


def read_tmx(path: Path, encoding: str | None) -> Iterator[Row | Reject]:
    """The units of a TMX file, a column a language as the file writes it.

    Raises:
        ValueError: it is no TMX file, or declares entities.
    """
    etree = library("lxml.etree", path)
    number = 0
    with open_bytes(path) as file:
        try:
            for unit in _units(path, file, encoding, etree):
                number += 1
                texts = _texts(unit)
                yield Row(number, texts) if isinstance(texts, dict) else rejected(path, number, texts)
                _free(unit)
        except (etree.XMLSyntaxError, *DAMAGED) as error:
            if not number:
                raise ValueError(f"{path}: not a TMX file: {_message(error)}") from None
            yield rejected(path, number + 1, f"the file breaks off or is damaged from here on: {_message(error)}")


def _units(path: Path, file: Any, encoding: str | None, etree: Any) -> Iterator[Any]:
    """The `<tu>` elements, after a look at what stands before them.

    Raises:
        ValueError: the root is not `<tmx>`, or entities are declared.
    """
    options = {
        "resolve_entities": False,
        "no_network": True,
        "load_dtd": False,
        "huge_tree": False,
        "remove_comments": True,
        "remove_pis": True,
    }
    for event, element in etree.iterparse(file, events=("start", "end"), encoding=encoding, **options):
        if event == "start" and element.getparent() is None:
            _check_root(path, element)
        elif event == "end" and _name(element) == "tu":
            yield element


def _check_root(path: Path, root: Any) -> None:
    if _name(root) != "tmx":
        raise ValueError(f"{path}: not a TMX file: its root is <{_name(root)}>, expected <tmx>")
    declared = root.getroottree().docinfo.internalDTD
    names = [entity.name for entity in declared.iterentities()] if declared is not None else []
    if names:
        raise ValueError(
            f"{path}: declares the entities {', '.join(names[:5])}; entities are not expanded: write their text in their place"
        )


def _texts(unit: Any) -> dict[str, str] | str:
    """Language -> text, or what is wrong with the unit."""
    found: dict[str, str] = {}
    for variant in (child for child in unit if _name(child) == "tuv"):
        language = next((variant.get(name) for name in LANGUAGE if variant.get(name)), None)
        segment = next((child for child in variant if _name(child) == "seg"), None)
        if language is None:
            return "a <tuv> has no xml:lang"
        if segment is not None:
            try:
                found.setdefault(language, _text(segment))
            except LookupError as error:
                return str(error.args[0])
    return found


def _text(element: Any) -> str:
    """The text in an element, without that of inline code.

    Raises:
        LookupError: it refers to an entity that is not known.
    """
    parts = [element.text or ""]
    for child in element:
        if not isinstance(child.tag, str):
            raise LookupError(f"the entity {child.text} is not known")
        if _name(child) not in CODE:
            parts.append(_text(child))
        parts.append(child.tail or "")
    return "".join(parts)


def _name(element: Any) -> str:
    """The element's name without namespace."""
    return str(element.tag).rpartition("}")[2]


def _free(unit: Any) -> None:
    """Drop the unit and what stood before it: the tree would grow to the size of the file."""
    unit.clear()
    while unit.getprevious() is not None:
        del unit.getparent()[0]


def _message(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
