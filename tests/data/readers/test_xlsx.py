import datetime
import sys

import pytest

from data.readers.row import Row
from data.readers.xlsx import read_xlsx


@pytest.fixture
def book():
    return pytest.importorskip("openpyxl").Workbook()


def rows(book, tmp_path, header=True):
    path = tmp_path / "a.xlsx"
    book.save(path)
    return list(read_xlsx(path, header))


def test_cells_are_text(book, tmp_path):
    sheet = book.active
    sheet.append(["en", "n", "day", "time", "yes"])
    sheet.append(["价格", 5, datetime.date(2024, 1, 31), datetime.datetime(2024, 1, 31, 8, 5), True])
    sheet.append([])
    sheet.append(["b", 0.1 + 0.2])
    assert rows(book, tmp_path) == [
        Row(2, {"en": "价格", "n": "5", "day": "2024-01-31", "time": "2024-01-31 08:05:00", "yes": "TRUE"}),
        Row(4, {"en": "b", "n": "0.3", "day": "", "time": "", "yes": ""}),
    ]


def test_a_sheet_without_header_is_passed_over(book, tmp_path):
    book.active.append(["Notes of the buyer"])
    sheet = book.create_sheet("Terms")
    sheet.append(["en", "de"])
    sheet.append(["a", "b"])
    assert rows(book, tmp_path) == [Row(2, {"en": "a", "de": "b"})]


def test_without_header_columns_are_numbered(book, tmp_path):
    book.active.append(["a", "b"])
    assert rows(book, tmp_path, header=False) == [Row(1, {"1": "a", "2": "b"})]


def test_a_formula_has_the_value_saved_with_it(book, tmp_path):
    book.active.append(["en", "de"])
    book.active.append(["a", "=A2"])
    assert rows(book, tmp_path) == [Row(2, {"en": "a", "de": ""})]  # openpyxl saves none; Excel does


def test_a_workbook_of_empty_sheets_is_refused(book, tmp_path):
    with pytest.raises(ValueError, match=r"a\.xlsx: no sheet has a header of two columns or more; sheets: Sheet"):
        rows(book, tmp_path)


@pytest.mark.parametrize("data", [b"en\tde\n", b"", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_workbook_is_refused(tmp_path, data):
    pytest.importorskip("openpyxl")
    (tmp_path / "a.xlsx").write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.xlsx: not an XLSX workbook: "):
        list(read_xlsx(tmp_path / "a.xlsx", True))


def test_without_openpyxl_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ValueError, match=r"a\.xlsx: needs openpyxl: pip install quayside\[train\]"):
        list(read_xlsx(tmp_path / "a.xlsx", True))
