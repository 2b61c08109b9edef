"""A checked workbook as it goes back to those who sent it: every row with what is wrong in it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data.glossary.loading import Problem
from data.readers.row import library
from data.records import write_bytes

HEADER = "problems"


def annotate(path: Path, out: Path, problems: Sequence[Problem]) -> None:
    """Write the workbook with one more column on the sheet that was read; problems of the whole file stand in the header's row.

    Raises:
        OSError: it could not be written.
    """
    book = library("openpyxl", path).load_workbook(path)
    sheet, header = next((sheet, row) for sheet in book.worksheets if (row := _header(sheet)))
    column = 1 + max(cell.column for cell in sheet[header] if cell.value is not None)
    reasons: dict[int, list[str]] = {}
    for problem in problems:
        reasons.setdefault(max(problem.line, header), []).append(problem.reason)
    _write(sheet, header, column, HEADER)
    for row, texts in reasons.items():
        _write(sheet, row, column, "; ".join([HEADER, *texts] if row == header else texts))
    content = io.BytesIO()
    book.save(content)
    write_bytes(out, content.getvalue())


def _header(sheet: Any) -> int:
    """The row of a sheet's header, as data/readers/xlsx.py finds it; 0 for a sheet without."""
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        filled = sum(cell is not None and cell != "" for cell in cells)
        if filled:
            return number if filled > 1 else 0
    return 0


def _write(sheet: Any, row: int, column: int, text: str) -> None:
    cell = sheet.cell(row, column)
    cell.value = text
    cell.data_type = "s"
