import json

import pytest

from data.readers.jsonl import read_jsonl
from data.readers.row import Row
from data.records import Reject


def rows(tmp_path, *lines):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return list(read_jsonl(path, None))


def test_texts_come_with_those_of_inner_objects(tmp_path):
    line = {"id": "1", "translation": {"en": "a\u2028b", "de": "c"}, "n": 5, "none": None, "history": [{"role": "agent", "text": "你好"}]}
    assert rows(tmp_path, "", json.dumps(line, ensure_ascii=False), "  ") == [
        Row(2, {"id": "1", "translation.en": "a\u2028b", "translation.de": "c", "history": '[{"role": "agent", "text": "你好"}]'})
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"en": "a"', "not JSON: Expecting ',' delimiter at character 11"),
        ("en\tde", "not JSON: Expecting value at character 1"),
        ('["a", "b"]', "not a JSON object but a list"),
        ('"a"', "not a JSON object but a string"),
        ("17", "not a JSON object but a number"),
        ("null", "not a JSON object but null"),
        (r'{"en": "a\u0000b"}', "holds a NUL character or half of a surrogate pair"),
        (r'{"en": {"x": "\ud83d"}}', "holds a NUL character or half of a surrogate pair"),
    ],
)
def test_a_broken_line_is_rejected_with_a_reason(tmp_path, line, reason):
    assert rows(tmp_path, line, '{"en": "good"}') == [
        Reject(file=str(tmp_path / "a.jsonl"), line=1, reason=reason, text=line),
        Row(2, {"en": "good"}),
    ]


@pytest.mark.parametrize("line", ["[" * 200_000, '{"a":' * 200_000 + "1" + "}" * 200_000])
def test_deep_nesting_is_rejected(tmp_path, line):
    (found,) = rows(tmp_path, line)
    assert isinstance(found, Reject)
    assert found.reason.startswith("not JSON: ") or found.reason.startswith("longer than")


def test_whole_surrogate_pairs_are_text(tmp_path):
    assert rows(tmp_path, r'{"en": "\ud83d\ude00"}') == [Row(1, {"en": "😀"})]
