"""Rows of JSON Lines files: one object a line.

Objects in an object become columns of their own, `translation.de` of `{"translation": {"de": ...}}`. Lists become JSON text. Numbers,
truth values and null are no text: such a column is absent from the row.

Not covered: a JSON document over many lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from data.readers.encoding import open_text
from data.readers.row import Row, rejected
from data.records import Reject

ESCAPED = re.compile(r"\\u(?:0000|d[89a-f])", re.IGNORECASE)  # NUL, and halves of characters beyond U+FFFF
UNWRITABLE = re.compile("[\0\ud800-\udfff]")


def read_jsonl(path: Path, encoding: str | None) -> Iterator[Row | Reject]:
    """The rows of a JSON Lines file; blank lines are no rows."""
    for number, line in enumerate(open_text(path, encoding).lines(), 1):
        if isinstance(line, Reject):
            yield line
        elif line and not line.isspace():
            found = _row(line)
            yield rejected(path, number, found, line) if isinstance(found, str) else Row(number, found)


def _row(line: str) -> dict[str, str] | str:
    """The columns of a line, or what is wrong with it."""
    try:
        value = json.loads(line)
        if not isinstance(value, dict):
            return f"not a JSON object but {kind(value)}"
        found = flatten(value)
    except json.JSONDecodeError as error:
        return f"not JSON: {error.msg} at character {error.pos + 1}"
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}"
    if ESCAPED.search(line) and any(map(UNWRITABLE.search, found.values())):
        return "holds a NUL character or half of a surrogate pair"
    return found


def flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """The texts of an object, those of objects in it under dotted names; lists as JSON."""
    found: dict[str, str] = {}
    for name, item in value.items():
        if isinstance(item, str):
            found[prefix + name] = item
        elif isinstance(item, dict):
            found |= flatten(item, f"{prefix}{name}.")
        elif isinstance(item, list):
            found[prefix + name] = json.dumps(item, ensure_ascii=False, default=str)
    return found


def kind(value: Any) -> str:
    """What a JSON value is, in words."""
    names = {list: "a list", str: "a string", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")
