"""Parallel text of users: the rows of any format as segments, broken ones as rejects.

A text counts as in a language if its column is mapped to that language, if the column's name is the language's code, or if another
column of the row says so (`languages`). Texts in languages that are not wanted are left out; whether a text is any good is for
`data/cleaning.py` to say.

Not covered: aligning texts whose sentences do not stand side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path

from configs.schema import SegmentSource
from data.readers.codes import wanted_language
from data.readers.row import Row, rejected
from data.readers.rows import read_rows
from data.readers.sources import count_lines, pieces, source_files
from data.records import Reject, Segment

__all__ = ["count_lines", "read_segments", "source_files"]

LOOKED_AT = 100  # rows from which the columns of formats without header are known
NESTED = ("texts.", "translation.")  # where our own records and Hugging Face's exports keep the texts


def read_segments(source: SegmentSource, languages: tuple[str, ...]) -> Iterator[Segment | Reject]:
    """The segments of a source, file by file, line by line.

    Args:
        source: where the data set lies and what its columns mean.
        languages: those wanted.

    Raises:
        ValueError: there is nothing to read, a file is not of its format, or has no columns in two of the languages.
    """
    numbered = any(isinstance(column, int) for column in source.columns.values()) or any(map(str.isdigit, source.languages))
    for path, kind in pieces(source):
        rows = read_rows(path, format=kind, encoding=source.encoding, header=not numbered)
        yield from _segments(path, rows, _Columns(path, source, languages))


def _segments(path: Path, rows: Iterator[Row | Reject], columns: _Columns) -> Iterator[Segment | Reject]:
    first = list(islice(rows, LOOKED_AT))
    columns.check(dict.fromkeys(name for row in first if isinstance(row, Row) for name in row.values))
    name = path.name
    for row in chain(first, rows):
        if isinstance(row, Reject):
            yield row
            continue
        texts = columns.texts(row.values)
        if len(texts) > 1:
            yield _segment(f"{name}:{row.number}", name, texts)
        else:
            yield rejected(path, row.number, columns.lack(row.values), "\t".join(row.values.values()))


def _segment(name: str, document: str, texts: dict[str, str]) -> Segment:
    """A segment of values known to be texts, which need no second look."""
    return Segment.model_construct(id=name, pattern=document, texts=texts)


class _Columns:
    """Which columns of a file hold texts, and in which language.

    Args:
        path: the file.
        source: what its columns mean.
        wanted: languages.
    """

    def __init__(self, path: Path, source: SegmentSource, wanted: tuple[str, ...]) -> None:
        self._path, self._wanted = path, wanted
        self._named = {str(column): wanted_language(language, wanted) for language, column in source.columns.items()}
        self._told = dict(source.languages)
        self._plans: dict[tuple[str, ...], list[tuple[str, str]]] = {}
        self._expected: list[str] = []

    def check(self, names: Iterable[str]) -> None:
        """Look at the columns that a file has.

        Raises:
            ValueError: one that was named is not there, or fewer than two are in the languages wanted.
        """
        there = list(names)
        if not there:
            return
        absent = [name for name in (*self._named, *self._told, *self._told.values()) if name not in there]
        if absent:
            raise ValueError(f"{self._path}: has no column {', '.join(absent)}; its columns: {', '.join(there)}")
        self._expected = [language for _, language in self._plan(there)]
        if not self._told and len(self._expected) < 2:
            raise ValueError(
                f"{self._path}: fewer than two columns hold text in {', '.join(self._wanted)}; its columns: {', '.join(there)}"
            )

    def texts(self, values: Mapping[str, str]) -> dict[str, str]:
        """Language -> text of one row."""
        names = tuple(values)
        plan = self._plans.get(names)
        if plan is None:
            plan = self._plans[names] = self._plan(names)
        found = {language: values[column] for column, language in plan}
        for column, told in self._told.items():
            language = wanted_language(values.get(told, ""), self._wanted)
            if language and column in values:
                found.setdefault(language, values[column])
        return found

    def _plan(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """(column, language), the first column of each language."""
        found: dict[str, str] = {}
        for name in names:
            language = self._named.get(name, "") if self._named or self._told else wanted_language(_innermost(name), self._wanted)
            if language:
                found.setdefault(language, name)
        return [(column, language) for language, column in found.items()]

    def lack(self, values: Mapping[str, str]) -> str:
        """Why a row has fewer than two texts."""
        if self._told:
            codes = ", ".join(dict.fromkeys(values.get(told) or "no language" for told in self._told.values()))
            return f"texts in {codes}, but two of {', '.join(self._wanted)} are needed"
        found = self.texts(values)
        return f"no text in {', '.join(language for language in self._expected or self._wanted if language not in found)}"


def _innermost(name: str) -> str:
    for prefix in NESTED:
        name = name.removeprefix(prefix)
    return name
