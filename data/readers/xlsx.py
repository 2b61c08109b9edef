"""Rows of Excel workbooks: of the first sheet that has a header.

Numbers come as Excel would show them in a cell of general format, dates as ISO 8601, formulas as the value that was saved with them.

Not covered: number formats of cells, other sheets, XLS.
"""

from __future__ import annotations

import datetime
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.readers.row import Row, library, named
from data.records import Reject

DAMAGED = (zipfile.BadZipFile, zlib.error, SyntaxError, EOFError)  # SyntaxError: of lxml and of the standard library's XML
Record = tuple[int, list[str]]


def read_xlsx(path: Path, header: bool) -> Iterator[Row | Reject]:
    """The rows of the first sheet with two named columns or more; empty rows are no rows.

    Raises:
        ValueError: it is no workbook, or no sheet has a header.
    """
    openpyxl = library("openpyxl", path)
    with path.open("rb") as file:
        try:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        except (*DAMAGED, KeyError, ValueError) as error:
            raise ValueError(f"{path}: not an XLSX workbook: {error}") from None
        yield from named(_even(_table(path, book)), path, header)


def _table(path: Path, book: Any) -> Iterator[Record]:
    """The rows of the first sheet that begins with two filled cells or more.

    Raises:
        ValueError: there is none.
    """
    for sheet in book.worksheets:
        records = _records(path, sheet)
        first = next(records, None)
        if first is not None and sum(map(bool, first[1])) > 1:
            yield first
            yield from records
            return
    raise ValueError(f"{path}: no sheet has a header of two columns or more; sheets: {', '.join(book.sheetnames)}")


def _records(path: Path, sheet: Any) -> Iterator[Record]:
    """The rows that hold anything, cells as text.

    Raises:
        ValueError: the sheet is damaged.
    """
    sheet.reset_dimensions()  # some programs write wrong ones, and rows would be cut to them
    number = 0
    try:
        for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
            fields = [_text(cell) for cell in cells]
            if any(fields):
                yield number, fields
    except DAMAGED as error:
        raise ValueError(f"{path}: sheet {sheet.title} is damaged after row {number}: {error}") from None


def _even(records: Iterator[Record]) -> Iterator[Record]:
    """Rows as wide as the first: Excel leaves out empty cells at the end, and keeps some that were cleared."""
    width = 0
    for number, fields in records:
        while fields and not fields[-1] and len(fields) > width:
            fields.pop()
        width = width or len(fields)
        yield number, fields + [""] * (width - len(fields))


def _text(value: Any) -> str:
    """A cell's value as text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return f"{value:.15g}"  # Excel's precision
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ", "seconds")
    return str(value)
