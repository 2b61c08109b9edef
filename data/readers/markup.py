"""Elements of XML files one by one, with nothing fetched and no entity expanded.

Entities that a file declares are refused; the document type's DTD is not read. A file that breaks off keeps the elements before.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from data.readers.encoding import DAMAGED, open_bytes
from data.readers.row import library

LANGUAGE = ("{http://www.w3.org/XML/1998/namespace}lang", "lang")  # of XML, and of TMX before 1.2
CODE = frozenset({"bpt", "ept", "ph", "it", "ut", "sub", "sc", "ec"})  # inline elements that hold markup of the original format


class Torn(NamedTuple):
    """Where a file breaks off."""

    line: int
    reason: str


def elements(path: Path, encoding: str | None, kind: str, roots: tuple[str, ...], names: frozenset[str]) -> Iterator[Any]:
    """The elements of these names, each freed after its turn; at last a `Torn` if the file breaks off behind the first.

    Raises:
        ValueError: its root is none of `roots`, it declares entities, or no element can be read.
    """
    etree = library("lxml.etree", path)
    found = False
    with open_bytes(path) as file:
        try:
            for element in _parsed(path, file, encoding, etree, kind, roots):
                if local_name(element) in names:
                    found = True
                    yield element
                    _free(element)
        except (etree.XMLSyntaxError, *DAMAGED) as error:
            line, message = _place(error)
            if not found:
                raise ValueError(f"{path}: not a {kind} file: {message}") from None
            yield Torn(line, f"the file breaks off or is damaged from here on: {message}")


def _parsed(path: Path, file: Any, encoding: str | None, etree: Any, kind: str, roots: tuple[str, ...]) -> Iterator[Any]:
    """The elements at their ends, after a look at what stands before them.

    Raises:
        ValueError: the root is another, or entities are declared.
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
            _check_root(path, element, kind, roots)
        elif event == "end":
            yield element


def _check_root(path: Path, root: Any, kind: str, roots: tuple[str, ...]) -> None:
    if local_name(root) not in roots:
        expected = " or ".join(f"<{name}>" for name in roots)
        raise ValueError(f"{path}: not a {kind} file: its root is <{local_name(root)}>, expected {expected}")
    declared = root.getroottree().docinfo.internalDTD
    names = [entity.name for entity in declared.iterentities()] if declared is not None else []
    if names:
        raise ValueError(
            f"{path}: declares the entities {', '.join(names[:5])}; entities are not expanded: write their text in their place"
        )


def language_of(element: Any) -> str | None:
    """The code that the element itself names."""
    return next((element.get(name) for name in LANGUAGE if element.get(name)), None)


def text_of(element: Any) -> str:
    """The text in an element, without that of inline code.

    Raises:
        LookupError: it refers to an entity that is not known.
    """
    parts = [element.text or ""]
    for child in element:
        if not isinstance(child.tag, str):
            raise LookupError(f"the entity {child.text} is not known")
        if local_name(child) not in CODE:
            parts.append(text_of(child))
        parts.append(child.tail or "")
    return "".join(parts)


def local_name(element: Any) -> str:
    """The element's name without namespace."""
    return str(element.tag).rpartition("}")[2]


def _free(element: Any) -> None:
    """Drop the element and what stood before it: the tree would grow to the size of the file."""
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]


def _place(error: BaseException) -> tuple[int, str]:
    """Line and message; of an entity that is not known libxml2 says so in its log only, and elsewhere that no element was found."""
    logged = list(getattr(error, "error_log", None) or ())
    line = getattr(error, "lineno", None) or 0
    if logged and not line:
        return logged[-1].line, f"{logged[-1].message}, line {logged[-1].line}"
    return line, " ".join(str(error).split()) or type(error).__name__
