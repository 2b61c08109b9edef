import time

import pytest

from data.readers.row import Row
from data.readers.tabular import read_csv, read_tsv
from data.records import Reject


def write(tmp_path, text, name="a.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def csv_rows(tmp_path, text, header=True):
    return list(read_csv(write(tmp_path, text), None, header))


def tsv_rows(tmp_path, text, header=True):
    return list(read_tsv(write(tmp_path, text, "a.tsv"), None, header))


def test_a_quote_in_tsv_is_text(tmp_path):
    assert tsv_rows(tmp_path, 'en\tde\n"5" pipe\t"a, b\n\nx\ty\r\n') == [
        Row(2, {"en": '"5" pipe', "de": '"a, b'}),
        Row(4, {"en": "x", "de": "y"}),
    ]


def test_a_row_with_other_fields_than_the_header_is_rejected(tmp_path):
    path = str(tmp_path / "a.tsv")
    assert tsv_rows(tmp_path, "en\tde\na\na\tb\tc\n \td\n") == [
        Reject(file=path, line=2, reason="1 fields, expected 2", text="a"),
        Reject(file=path, line=3, reason="3 fields, expected 2", text="a\tb\tc"),
        Row(4, {"en": " ", "de": "d"}),
    ]


def test_without_header_columns_are_numbered(tmp_path):
    assert tsv_rows(tmp_path, "a\tb\n", header=False) == [Row(1, {"1": "a", "2": "b"})]
    assert csv_rows(tmp_path, "a;b\n", header=False) == [Row(1, {"1": "a", "2": "b"})]


def test_columns_without_name_are_numbered_and_a_repeated_name_is_refused(tmp_path):
    assert csv_rows(tmp_path, ",en,\n0,a,\n") == [Row(2, {"1": "0", "en": "a", "3": ""})]
    with pytest.raises(ValueError, match=r"a\.csv: more than one column is called en; every column needs a name of its own"):
        csv_rows(tmp_path, "en,de,en\na,b,c\n")


def test_a_header_that_cannot_be_read_is_refused(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_bytes(b"en\t\0\na\tb\n")
    with pytest.raises(ValueError, match=r"a\.tsv:1: the header cannot be read: holds a NUL character"):
        list(read_tsv(path, None, True))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_that_of_the_header(tmp_path, delimiter):
    text = f'en{delimiter}"a,;\t,;\tb"{delimiter}de\n1,;{delimiter}x{delimiter}y\n'.replace("1,;", "1.")
    assert csv_rows(tmp_path, text) == [Row(2, {"en": "1.", "a,;\t,;\tb": "x", "de": "y"})]


def test_quotes_and_line_breaks_in_fields(tmp_path):
    text = 'en,de\n"Hello, ""friend""",b\n"two\nlines\r\n\nand more",d\n5" pipe,f\n'
    assert csv_rows(tmp_path, text) == [
        Row(2, {"en": 'Hello, "friend"', "de": "b"}),
        Row(3, {"en": "two\nlines\n\nand more", "de": "d"}),
        Row(7, {"en": '5" pipe', "de": "f"}),
    ]


def test_an_unclosed_quote_costs_one_line(tmp_path):
    good = [f"a{n},b{n}" for n in range(3000)]
    rows = csv_rows(tmp_path, "\n".join(["en,de", *good[:5], '"open,x', *good[5:]]))
    assert [row for row in rows if isinstance(row, Reject)] == [
        Reject(file=str(tmp_path / "a.csv"), line=7, reason="a quote is opened here and not closed", text='"open,x')
    ]
    assert [row.values["en"] for row in rows if isinstance(row, Row)] == [f"a{n}" for n in range(3000)]


def test_an_unclosed_quote_before_quoted_rows_costs_one_line(tmp_path):
    rows = csv_rows(tmp_path, 'en,de\n"open,x\na,b\n"c",d\ne,"f"\n')
    assert [row.values if isinstance(row, Row) else (row.line, row.reason) for row in rows] == [
        (2, "broken quoting: ',' expected after '\"'"),
        {"en": "a", "de": "b"},
        {"en": "c", "de": "d"},
        {"en": "e", "de": "f"},
    ]


def test_an_unclosed_quote_at_the_end_of_the_file_is_rejected(tmp_path):
    assert [row.reason for row in csv_rows(tmp_path, 'en,de\na,"b')] == ["a quote is opened here and not closed"]


def test_a_broken_line_within_a_record_ends_it(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("en,de\nä,ß\nö,ü\n".encode() + b'"x\n\xff\ny",z\n' + b"a,b\n")
    assert [(row[0] if isinstance(row, Row) else (row.line, row.reason)) for row in read_csv(path, None, True)] == [
        2,
        3,
        (4, "a quote is opened here and not closed"),
        (5, "not utf-8 at byte 1 of the line"),
        6,
        7,
    ]


def test_many_unclosed_quotes_do_not_take_for_ever(tmp_path):
    clean = csv_seconds(tmp_path, "en,de\n" + 'a "b",c\n' * 20_000)
    assert csv_seconds(tmp_path, "en,de\n" + '"a,b\n' * 20_000) < 20 * clean + 1


def csv_seconds(tmp_path, text):
    start = time.perf_counter()
    assert len(csv_rows(tmp_path, text)) >= 1_000
    return time.perf_counter() - start
