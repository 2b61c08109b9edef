import json
import pickle
import time

import pytest

from configs.schema import SegmentSource
from data.readers.segments import read_segments
from data.records import Reject, Segment

OURS = ("en", "zh", "de", "es")


def source(path, **changes):
    values = {"path": str(path), "format": None, "encoding": None, "columns": {}, "languages": {}, "part": "train"}
    return SegmentSource(**values | changes)


def read(path, wanted=OURS, **changes):
    return list(read_segments(source(path, **changes), wanted))


def write(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_header_names_the_languages(tmp_path):
    path = write(tmp_path, "a.tsv", "id\tDE\tzh_CN\tfr\tes-419\n1\tHallo \t你好\tSalut\t\n")
    (found,) = read(path)
    assert found == Segment(id="a.tsv:2", pattern="a.tsv", texts={"de": "Hallo ", "zh": "你好", "es": ""})


def test_segments_are_as_good_as_validated_ones(tmp_path):
    (found,) = read(write(tmp_path, "a.tsv", "en\tde\na\tb\n"))
    checked = Segment.model_validate({"id": "a.tsv:2", "pattern": "a.tsv", "texts": {"en": "a", "de": "b"}})
    assert found == checked
    assert pickle.loads(pickle.dumps(found)) == checked  # noqa: S301
    assert found.model_copy(update={"id": "x"}) == checked.model_copy(update={"id": "x"})
    assert found.model_dump_json(exclude_defaults=True) == checked.model_dump_json(exclude_defaults=True)
    assert found.model_fields_set == checked.model_fields_set


def test_columns_by_name_and_by_number(tmp_path):
    path = write(tmp_path, "a.csv", "source,target\na,b\n")
    assert read(path, columns={"en": "source", "zh-CN": "target"})[0].texts == {"en": "a", "zh": "b"}
    found = read(path, columns={"en": 2, "de": 1})
    assert [(s.id, s.texts) for s in found] == [("a.csv:1", {"en": "target", "de": "source"}), ("a.csv:2", {"en": "b", "de": "a"})]


def test_rows_of_mixed_languages(tmp_path):
    path = write(tmp_path, "a.csv", "sl,tl,source,reference\nen,de_DE,a,b\nde,en,c,d\nen,fr,e,f\n,en,g,h\nen,en,i,j\n")
    found = read(path, languages={"source": "sl", "reference": "tl"})
    assert [item.texts if isinstance(item, Segment) else (item.line, item.reason) for item in found] == [
        {"en": "a", "de": "b"},
        {"de": "c", "en": "d"},
        (4, "texts in en, fr, but two of en, zh, de, es are needed"),
        (5, "texts in no language, en, but two of en, zh, de, es are needed"),
        (6, "texts in en, but two of en, zh, de, es are needed"),
    ]
    bare = write(tmp_path, "b.tsv", "en\tde\ta\tb\n")
    assert read(bare, languages={"3": "1", "4": "2"})[0].texts == {"en": "a", "de": "b"}


@pytest.mark.parametrize("wrap", [lambda texts: texts, lambda texts: {"texts": texts}, lambda texts: {"id": "x", "translation": texts}])
def test_json_keys_alone_or_nested(tmp_path, wrap):
    lines = [{"en": "a", "de": "b"}, {"en": "c"}, {"en": "d", "de": 5}, {"en": "e", "de": "f", "zh": "g"}]
    found = read(write(tmp_path, "a.jsonl", "".join(json.dumps(wrap(line)) + "\n" for line in lines)))
    assert [item.texts if isinstance(item, Segment) else (item.line, item.reason) for item in found] == [
        {"en": "a", "de": "b"},
        (2, "no text in de, zh"),
        (3, "no text in de, zh"),
        {"en": "e", "de": "f", "zh": "g"},
    ]


def test_our_own_records_are_read(tmp_path):
    record = Segment(id="1", pattern="p", texts={"en": "a", "zh": "b"}, terms=["m/x"])
    assert read(write(tmp_path, "a.jsonl", record.model_dump_json() + "\n"))[0].texts == record.texts


def test_tmx_and_moses(tmp_path):
    body = '<tu><tuv xml:lang="{}"><seg>a</seg></tuv><tuv xml:lang="de-AT"><seg>b</seg></tuv></tu>'
    path = write(tmp_path, "a.tmx", f"<tmx><body>{body.format('EN-us')}{body.format('en-GB')}{body.format('fr')}</body></tmx>")
    found = read(path)
    assert [s.texts for s in found[:2]] == [{"en": "a", "de": "b"}] * 2
    assert (found[2].line, found[2].reason) == (3, "no text in en")
    write(tmp_path, "m.eng.txt", "a\n")
    write(tmp_path, "m.zho-CN.txt", "b\n")
    assert read(tmp_path / "m") == [Segment(id="m:1", pattern="m", texts={"en": "a", "zh": "b"})]


def test_parquet_with_a_struct(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"translation": [{"en": "a", "de": "b"}]}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet") == [Segment(id="a.parquet:1", pattern="a.parquet", texts={"en": "a", "de": "b"})]


def test_a_folder_is_read_file_by_file(tmp_path):
    write(tmp_path, "b.tsv", "en\tde\na\tb\n")
    write(tmp_path, "a.csv", "en,zh\nc,d\n")
    assert [s.id for s in read(tmp_path)] == ["a.csv:2", "b.tsv:2"]


def test_broken_lines_are_rejects_among_good_ones(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_bytes("en\tzh\na\t价\nb\t格\n".encode() + b"c\t\xff\nd\n" + "e\t好\n".encode())
    assert [item.id if isinstance(item, Segment) else (item.file, item.line, item.reason) for item in read(path)] == [
        "a.tsv:2",
        "a.tsv:3",
        (str(path), 4, "not utf-8 at byte 3 of the line"),
        (str(path), 5, "1 fields, expected 2"),
        "a.tsv:6",
    ]


def test_a_file_of_rejects_alone_gives_them(tmp_path):
    found = read(write(tmp_path, "a.jsonl", "x\n" * 150 + '{"en": "a", "de": "b"}\n{"en": "c"}\n'))
    assert [type(item) for item in found] == [Reject] * 150 + [Segment, Reject]
    assert found[-1].reason == "no text in zh, de, es"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, r"a\.csv: fewer than two columns hold text in en, zh, de, es; its columns: source, en, fr"),
        ({"columns": {"en": "en", "de": "german"}}, r"a\.csv: has no column german; its columns: source, en, fr"),
        ({"columns": {"en": 1, "de": 4}}, r"a\.csv: has no column 4; its columns: 1, 2, 3"),
        ({"columns": {"en": "en", "fr": "fr"}}, r"a\.csv: fewer than two columns hold text in en, zh, de, es"),
        ({"languages": {"source": "sl"}}, r"a\.csv: has no column sl; its columns: source, en, fr"),
    ],
)
def test_a_file_without_usable_columns_is_refused(tmp_path, changes, message):
    path = write(tmp_path, "a.csv", "source,en,fr\na,b,c\n")
    with pytest.raises(ValueError, match=message):
        read(path, **changes)


def test_an_empty_file_has_no_segments(tmp_path):
    assert read(write(tmp_path, "a.tsv", "")) == []
    assert read(write(tmp_path, "b.tsv", "en\tde\n")) == []


def test_reading_is_a_small_multiple_of_splitting(tmp_path):
    """150,000 rows a second were asked for; a ratio in the same run holds on any machine."""
    path = write(
        tmp_path, "a.tsv", "en\tde\n" + "Could you quote us your best price?\tKönnten Sie uns Ihren besten Preis nennen?\n" * 50_000
    )
    reading = min(seconds(lambda: sum(1 for _ in read_segments(source(path), OURS))) for _ in range(3))
    splitting = min(
        seconds(lambda: [dict(zip(("en", "de"), line.split("\t"), strict=True)) for line in path.read_text("utf-8").split("\n")[:-1]])
        for _ in range(3)
    )
    assert reading < 20 * splitting


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
