import pytest

from data.readers.parquet import read_parquet
from data.readers.row import Row
from data.records import Reject

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def write(path, table, **options):
    pq.write_table(table, path, **options)
    return path


def test_columns_structs_and_lists(tmp_path):
    table = pa.table(
        {
            "id": [1, 2],
            "translation": [{"en": "a", "de": "b"}, {"en": "c", "de": None}],
            "history": [[{"role": "agent", "text": "x"}], []],
            "label": pa.array(["p", "q"]).dictionary_encode(),
        }
    )
    assert list(read_parquet(write(tmp_path / "a.parquet", table))) == [
        Row(1, {"translation.en": "a", "translation.de": "b", "history": '[{"role": "agent", "text": "x"}]', "label": "p"}),
        Row(2, {"translation.en": "c", "history": "[]", "label": "q"}),
    ]


def test_row_groups_are_counted_through(tmp_path):
    path = write(tmp_path / "a.parquet", pa.table({"en": [str(n) for n in range(25_000)]}), row_group_size=3_000)
    found = list(read_parquet(path))
    assert len(found) == 25_000
    assert found[-1] == Row(25_000, {"en": "24999"})


def test_broken_texts(tmp_path):
    broken = pa.array([b"good", b"caf\xe9", b"a\0b"], pa.binary()).view(pa.string())
    path = write(tmp_path / "a.parquet", pa.table({"en": broken, "de": ["1", "2", "3"]}))
    found = list(read_parquet(path))
    assert found[:2] == [Row(1, {"en": "good", "de": "1"}), Row(2, {"de": "2"})]
    assert isinstance(found[2], Reject)
    assert (found[2].line, found[2].reason) == (3, "holds a NUL character")


def test_what_is_no_parquet_is_refused(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"en\tde\n")
    with pytest.raises(ValueError, match=r"a\.parquet: not a Parquet file: "):
        next(read_parquet(tmp_path / "a.parquet"))
