import gzip

import pytest

from data.readers.rows import Row, file_format, read_rows


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.tsv", "tsv"),
        ("a.TAB", "tsv"),
        ("a.csv.gz", "csv"),
        ("a.jsonl", "jsonl"),
        ("a.json", "jsonl"),
        ("a.b.tmx.gz", "tmx"),
        ("a.parquet", "parquet"),
        ("a.xlsx", "xlsx"),
    ],
)
def test_the_ending_says_the_format(tmp_path, name, format):
    (tmp_path / name).write_bytes(b"")
    assert file_format(tmp_path / name) == format


def test_moses_files_are_known_by_their_prefix(tmp_path):
    (tmp_path / "a.en").write_text("x\n")
    (tmp_path / "a.de").write_text("y\n")
    assert list(read_rows(tmp_path / "a")) == [Row(1, {"de": "y", "en": "x"})]


def test_an_ending_that_says_nothing_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("en\tde\nx\ty\n")
    with pytest.raises(
        ValueError, match=r"a\.txt: the ending of its name says no format; valid are \.tsv, \.tab, \.csv, .*, or name the format"
    ):
        read_rows(tmp_path / "a.txt")
    assert list(read_rows(tmp_path / "a.txt", format="tsv")) == [Row(2, {"en": "x", "de": "y"})]


def test_an_unknown_format_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ValueError, match=r"a\.txt: format 'tbx' is unknown; valid: tsv, csv, jsonl, tmx, parquet, xlsx, moses"):
        read_rows(tmp_path / "a.txt", format="tbx")


def test_encoding_and_header_are_passed_on(tmp_path):
    (tmp_path / "a.csv").write_bytes(gzip.compress("价格,Preis\n".encode("gb18030")))
    assert list(read_rows(tmp_path / "a.csv", encoding="gb18030", header=False)) == [Row(1, {"1": "价格", "2": "Preis"})]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("orders.tvs", r"orders\.tvs: no such file or folder; did you mean orders\.tsv\?"),
        ("trian", r"trian: no such file or folder; did you mean train\?"),
        ("zzz", r"zzz: no such file or folder; .* holds orders\.tsv, train\.de, train\.en"),
        ("nowhere/a/b.tsv", r"nowhere: no such file or folder; .* holds orders\.tsv"),
    ],
)
def test_a_missing_file_is_named_with_the_nearest_that_is_there(tmp_path, wrong, message):
    for name in ("orders.tsv", "train.en", "train.de"):
        (tmp_path / name).write_text("")
    with pytest.raises(ValueError, match=message):
        read_rows(tmp_path / wrong)
