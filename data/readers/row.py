"""What every reader gives: a row of named texts, or a reject; and how a reader gets at a library that not every installation has."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from data.records import Reject

SHOWN = 200  # characters of a rejected line, as `Reject.text` promises


class Row(NamedTuple):
    """One line, row or unit of a file.

    Attributes:
        number: of its first line, from 1; the unit's in TMX, the row's in Parquet and XLSX.
        values: column -> text as it stands. Columns of a file without header are called `1`, `2`, ...
    """

    number: int
    values: dict[str, str]


def rejected(path: Path, number: int, reason: str, text: str = "") -> Reject:
    """A reject, its text cut to the length that is shown."""
    return Reject(file=str(path), line=number, reason=reason, text=text[:SHOWN])


def named(records: Iterable[tuple[int, list[str]] | Reject], path: Path, header: bool) -> Iterator[Row | Reject]:
    """The rows of a table: the first record names the columns, or counts them where there is no header.

    Raises:
        ValueError: the header cannot be read, or names two columns alike.
    """
    names: list[str] = []
    for record in records:
        if isinstance(record, Reject):
            if header and not names:
                raise ValueError(f"{path}:{record.line}: the header cannot be read: {record.reason}")
            yield record
            continue
        number, fields = record
        if not names:
            names = _header(path, fields) if header else [str(n) for n in range(1, len(fields) + 1)]
            if header:
                continue
        if len(fields) == len(names):
            yield Row(number, dict(zip(names, fields, strict=True)))
        else:
            yield rejected(path, number, f"{len(fields)} fields, expected {len(names)}", "\t".join(fields))


def _header(path: Path, fields: list[str]) -> list[str]:
    """The columns' names; one without a name is called by its number.

    Raises:
        ValueError: two have the same name.
    """
    names = [field.strip() or str(number) for number, field in enumerate(fields, 1)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{path}: more than one column is called {', '.join(twice)}; every column needs a name of its own")
    return names


def library(name: str, path: Path) -> Any:
    """An imported library that only some formats need.

    Raises:
        ValueError: it is not installed; the message says what installs it.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        package = name.split(".")[0].replace("_", "-")
        raise ValueError(f"{path}: needs {package}: pip install quayside[train]") from None
