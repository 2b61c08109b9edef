import json

import pytest

from data.public_sets.preparing import prepare
from data.public_sets.reading import messages, parallel
from data.public_sets.registry import Input, PublicSet
from data.records import Segment, Utterance, read_jsonl

CSV = "text,label\nwhere is it,order_status\n ,order_status\nno label,\nlost,damage\n"


@pytest.fixture
def inputs(tmp_path):
    folder = tmp_path / "inputs"
    folder.mkdir()
    (folder / "a.csv").write_text(CSV, encoding="utf-8")
    (folder / "t.en").write_text("one\ntwo\n", encoding="utf-8")
    (folder / "t.de").write_text("eins\n\n", encoding="utf-8")
    return folder


def labelled_set(name="toy", measure_only=False):
    parts = {"train": (messages("a.csv", "text", "label"),)}
    return PublicSet(name, "orders", "4", "CC0", measure_only, "o/r", "abc", (Input("a.csv", "a.csv", "0" * 64),), parts, "http://host")


def test_records_and_description_are_written(inputs, tmp_path):
    out = tmp_path / "out"
    found = prepare(labelled_set(), inputs, out)
    assert sorted(path.name for path in out.iterdir()) == ["dataset.json", "train.jsonl"]
    assert read_jsonl(out / "train.jsonl", Utterance) == [
        Utterance(id="a.csv:2", text="where is it", intent="order_status", language="en"),
        Utterance(id="a.csv:5", text="lost", intent="damage", language="en"),
    ]
    assert found.counts == {"train": 2}
    assert json.loads((out / "dataset.json").read_text(encoding="utf-8")) == {
        "name": "toy",
        "what": "orders",
        "licence": "CC0",
        "measure_only": False,
        "repository": "https://github.com/o/r",
        "commit": "abc",
        "inputs": [{"file": "a.csv", "address": "http://host/o/r/abc/a.csv", "sha256": "0" * 64}],
        "counts": {"train": 2},
        "rejects": [
            {"file": "a.csv", "line": 3, "reason": "no text", "text": "order_status"},
            {"file": "a.csv", "line": 4, "reason": "no intent", "text": "no label\t"},
        ],
    }


def test_a_segment_without_one_text_is_a_reject(inputs, tmp_path):
    public = PublicSet("toy", "", "", "CC0", False, "o/r", "abc", (), {"test": (parallel("t"),)})
    found = prepare(public, inputs, tmp_path / "out")
    assert read_jsonl(tmp_path / "out/test.jsonl", Segment) == [Segment(id="t:1", pattern="t", texts={"de": "eins", "en": "one"})]
    assert [(reject.file, reject.line, reject.reason) for reject in found.rejects] == [("t", 2, "no text in de")]


def test_what_is_for_measuring_only_ignores_itself(inputs, tmp_path):
    prepare(labelled_set(measure_only=True), inputs, tmp_path / "out")
    assert (tmp_path / "out/.gitignore").read_text(encoding="utf-8") == "*\n"


def test_preparing_again_replaces_and_drops_old_parts(inputs, tmp_path):
    out = tmp_path / "out"
    prepare(labelled_set(), inputs, out)
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    (out / "test.jsonl").write_text("old", encoding="utf-8")
    prepare(labelled_set(), inputs, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first


@pytest.mark.parametrize("prepared", [False, True], ids=["the user's own", "another set's"])
def test_other_files_are_not_written_over(inputs, tmp_path, prepared):
    out = tmp_path / "out"
    out.mkdir()
    if prepared:
        prepare(labelled_set("other"), inputs, out)
    else:
        (out / "train.jsonl").write_text("mine", encoding="utf-8")
    before = (out / "train.jsonl").read_bytes()
    with pytest.raises(ValueError, match="holds") as raised:
        prepare(labelled_set(), inputs, out)
    assert str(raised.value) == f"{out}: holds train.jsonl that was not prepared from toy; name another folder with --out"
    assert (out / "train.jsonl").read_bytes() == before


def test_a_failure_leaves_the_old_data_set(inputs, tmp_path):
    out = tmp_path / "out"
    prepare(labelled_set(), inputs, out)
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    (inputs / "a.csv").write_text("x,y\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.csv: has no column text, label; its columns: x, y$"):
        prepare(labelled_set(), inputs, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first
