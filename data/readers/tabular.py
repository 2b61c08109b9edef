"""Rows of TSV and CSV files.

TSV has no quoting: a quote is text. CSV is quoted as RFC 4180 says; its delimiter is the one of `DELIMITERS` that the first line holds
most of. A quote that is opened and not closed costs its own line, not the rest of the file.

Source: https://www.rfc-editor.org/rfc/rfc4180

Not covered: backslashes as escapes, comment lines.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from data.readers.encoding import open_text
from data.readers.row import Row, named, rejected
from data.records import Reject

DELIMITERS = ",;\t"
MOST_LINES = 1_000  # of one record: longer than any message, short enough to look ahead for a quote's end
LONGEST_RECORD = 1_000_000  # characters, as for lines
Record = tuple[int, list[str]]


def read_tsv(path: Path, encoding: str | None, header: bool) -> Iterator[Row | Reject]:
    """The rows of a TSV file; blank lines are no rows.

    Raises:
        ValueError: the header cannot be read, or names two columns alike.
    """
    yield from named(_tab_separated(path, encoding), path, header)


def _tab_separated(path: Path, encoding: str | None) -> Iterator[Record | Reject]:
    for number, line in enumerate(open_text(path, encoding).lines(), 1):
        if isinstance(line, Reject):
            yield line
        elif line:
            yield number, line.split("\t")


def read_csv(path: Path, encoding: str | None, header: bool) -> Iterator[Row | Reject]:
    """The rows of a CSV file; a row's number is that of its first line, blank lines are no rows.

    Raises:
        ValueError: the header cannot be read, or names two columns alike.
    """
    yield from named(_Records(path, open_text(path, encoding).lines()), path, header)


class _Records:
    """The records of a CSV file, each of one line or more.

    Args:
        path: for the rejects.
        lines: of the file.
    """

    def __init__(self, path: Path, lines: Iterator[str | Reject]) -> None:
        self._path = path
        self._lines = enumerate(lines, 1)
        self._returned: deque[tuple[int, str | Reject]] = deque()
        self._delimiter = ""

    def __iter__(self) -> Iterator[Record | Reject]:
        while (item := self._next()) is not None:
            number, line = item
            if isinstance(line, Reject):
                yield line
            elif line:
                self._delimiter = self._delimiter or max(DELIMITERS, key=_unquoted(line).count)
                yield self._record(number, line) if '"' in line else (number, line.split(self._delimiter))

    def _next(self) -> tuple[int, str | Reject] | None:
        return self._returned.popleft() if self._returned else next(self._lines, None)

    def _record(self, number: int, line: str) -> Record | Reject:
        """The record that begins with `line`; of one that is broken, all lines but the first are read again."""
        more: list[tuple[int, str | Reject]] = []
        text = line
        while isinstance(found := self._parse(text), str):
            text = self._longer(text, more) if found == "" else ""
            if not text:
                self._returned.extendleft(reversed(more))
                return rejected(self._path, number, found or "a quote is opened here and not closed", line)
        return number, found

    def _parse(self, text: str) -> list[str] | str:
        """The fields; else what is wrong with them, an empty string if a quote is still open."""
        try:
            return next(csv.reader([text], delimiter=self._delimiter, strict=True))
        except csv.Error as error:
            return "" if "unexpected end" in str(error) else f"broken quoting: {error}"

    def _longer(self, text: str, more: list[tuple[int, str | Reject]]) -> str:
        """`text` with the lines up to the next one with a quote; nothing if there is none near enough."""
        lines = [text]
        size = len(text)
        while len(more) < MOST_LINES and size < LONGEST_RECORD and (item := self._next()) is not None:
            more.append(item)
            if isinstance(item[1], Reject):
                break
            lines.append(item[1])
            size += len(item[1])
            if '"' in item[1]:
                return "\n".join(lines)
        return ""


def _unquoted(line: str) -> str:
    """A line without what stands in quotes."""
    return "".join(line.split('"')[::2])
