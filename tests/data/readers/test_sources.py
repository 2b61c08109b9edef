import gzip

import pytest

from configs.schema import Source
from data.readers.sources import count_lines, source_files


def source(path, format=None):
    return Source(path=str(path), format=format, encoding=None, columns={}, part="train")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "b.tsv").write_text("en\tde\na\tb\n")
    (tmp_path / "sub" / "a.csv.gz").write_bytes(gzip.compress(b"en,de\na,b\nc,d"))
    for name in ("notes.md", ".hidden.tsv", ".git/x.tsv"):
        (tmp_path / name).write_text("x")
    return tmp_path


def names(found, folder):
    return [path.relative_to(folder).as_posix() for path in found]


def test_a_folder_is_all_its_files_of_known_formats(folder):
    assert names(source_files(source(folder)), folder) == ["b.tsv", "sub/a.csv.gz"]
    assert names(source_files(source(folder, "csv")), folder) == ["sub/a.csv.gz"]
    assert names(source_files(source(folder / "b.tsv")), folder) == ["b.tsv"]


def test_a_prefix_is_its_files_and_a_folder_all_its_prefixes(tmp_path):
    for name in ("train.en", "train.de.gz", "val.en", "val.de"):
        (tmp_path / name).write_text("")
    assert names(source_files(source(tmp_path / "train")), tmp_path) == ["train.de.gz", "train.en"]
    assert names(source_files(source(tmp_path, "moses")), tmp_path) == ["train.de.gz", "train.en", "val.de", "val.en"]


def test_nothing_there_is_refused(folder):
    with pytest.raises(ValueError, match=r"c\.tsv: no such file or folder; did you mean b\.tsv\?"):
        source_files(source(folder / "c.tsv"))
    with pytest.raises(ValueError, match=r"b\.tvs: no such file or folder; did you mean b\.tsv\?"):
        source_files(source(folder / "b.tvs", "moses"))
    with pytest.raises(ValueError, match=r": holds no file of format tmx; there are b\.tsv, notes\.md, a\.csv\.gz"):
        source_files(source(folder, "tmx"))
    (folder / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty: holds no file of a known format; there are no files"):
        source_files(source(folder / "empty"))


def test_lines_are_counted_where_there_are_lines(folder):
    assert count_lines(source(folder)) == 5
    (folder / "t.en").write_text("1\n2\n")
    (folder / "t.de").write_text("1\n2\n")
    assert count_lines(source(folder / "t")) == 2
    (folder / "x.tmx").write_text("<tmx/>")
    assert count_lines(source(folder)) == 0
