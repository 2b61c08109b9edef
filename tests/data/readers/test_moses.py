import gzip

import pytest

from data.readers.moses import moses_files, read_moses, split_name
from data.readers.row import Row
from data.records import Reject


def test_files_of_a_prefix(tmp_path):
    for name in ("train.en.gz", "train.zh_CN", "train.de.txt", "train.md", "train_small.en", "training.en", "train.csv"):
        (tmp_path / name).write_bytes(b"")
    assert {language: path.name for language, path in moses_files(tmp_path / "train").items()} == {
        "de": "train.de.txt",
        "en": "train.en.gz",
        "zh_CN": "train.zh_CN",
    }
    assert moses_files(tmp_path / "tra") == {}
    assert moses_files(tmp_path / "nowhere" / "train") == {}


def test_names_may_continue_the_prefix(tmp_path):
    for name in ("newstest2019-src.eng.txt", "newstest2019-ref.zho-CN.txt"):
        (tmp_path / name).write_bytes(b"")
    assert list(moses_files(tmp_path / "newstest2019")) == ["eng", "zho-CN"]


def test_two_files_of_one_language_are_refused(tmp_path):
    for name in ("a.en", "a.en.gz"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(ValueError, match=r"a: a\.en and a\.en\.gz are both en; one file a language is valid"):
        moses_files(tmp_path / "a")


@pytest.mark.parametrize(
    ("name", "found"), [("a.b.en", ("a.b", "en")), ("a.en.txt.gz", ("a", "en")), ("en", ("en", "")), ("a.tsv", ("a.tsv", ""))]
)
def test_split_name(name, found):
    assert split_name(name) == found


def test_lines_stand_side_by_side(tmp_path):
    (tmp_path / "a.en").write_bytes(b"Hello\n\nBye")
    (tmp_path / "a.de").write_bytes(gzip.compress(b"Hallo\n\nBis bald\n"))
    assert list(read_moses(tmp_path / "a", None)) == [
        Row(1, {"de": "Hallo", "en": "Hello"}),
        Row(2, {"de": "", "en": ""}),
        Row(3, {"de": "Bis bald", "en": "Bye"}),
    ]


def test_a_broken_line_rejects_the_row(tmp_path):
    (tmp_path / "a.en").write_bytes(b"one\ntwo\nthree\n")
    (tmp_path / "a.de").write_bytes(b"eins\nz\0wei\ndrei\n")
    found = list(read_moses(tmp_path / "a", None))
    assert found[1] == Reject(file=str(tmp_path / "a.de"), line=2, reason="holds a NUL character", text="z\\x00wei")
    assert [row.number for row in (found[0], found[2])] == [1, 3]


def test_different_numbers_of_lines_are_refused_before_the_first_row(tmp_path):
    (tmp_path / "a.en").write_bytes(b"1\n2\n")
    (tmp_path / "a.de").write_bytes(b"1\n2\n3\n")
    with pytest.raises(ValueError, match=r"a: a\.de has 3 lines and a\.en has 2 lines; they must have as many"):
        next(read_moses(tmp_path / "a", None))


def test_one_file_is_not_parallel(tmp_path):
    (tmp_path / "a.en").write_bytes(b"1\n")
    with pytest.raises(ValueError, match=r"a: Moses files need at least two languages, such as a\.en and a\.de; found: a\.en"):
        next(read_moses(tmp_path / "a", None))


def test_a_cut_gzip_file_is_refused_by_its_lines(tmp_path):
    (tmp_path / "a.en").write_bytes(b"1\n2\n")
    (tmp_path / "a.de.gz").write_bytes(gzip.compress(b"1\n2\n")[:-8])
    with pytest.raises(ValueError, match=r"a: a\.de\.gz has 3 lines and a\.en has 2 lines"):
        next(read_moses(tmp_path / "a", None))
