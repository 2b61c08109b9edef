import json

import pytest

from configs.schema import MessageSource
from data.readers.messages import read_messages
from data.records import Turn, Utterance


def source(path, **changes):
    values = {"path": str(path), "format": None, "encoding": None, "columns": {}, "language": None, "part": "train"}
    return MessageSource(**values | changes)


def read(path, **changes):
    return list(read_messages(source(path, **changes)))


def write(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_columns_have_the_names_of_what_they_hold(tmp_path):
    text = (
        "text\tintent\tsentiment\turgency\tlanguage\thistory\n"
        + 'Wo?\t order_status\tangry\thigh\tde_DE\t[{"role": "agent", "text": "Ja?"}]\nHm\tx\t\t\t\t\n'
    )
    assert read(write(tmp_path, "a.tsv", text), language="en") == [
        Utterance(
            id="a.tsv:2",
            text="Wo?",
            intent="order_status",
            sentiment="angry",
            urgency="high",
            language="de",
            history=[Turn(role="agent", text="Ja?")],
        ),
        Utterance(id="a.tsv:3", text="Hm", intent="x", language="en"),
    ]


def test_columns_may_be_mapped_by_name_or_number(tmp_path):
    path = write(tmp_path, "a.csv", "text,category\nhello,greeting\n")
    assert read(path, columns={"intent": "category"}, language="en") == [
        Utterance(id="a.csv:2", text="hello", intent="greeting", language="en")
    ]
    assert [u.intent for u in read(path, columns={"text": 1, "intent": 2})] == ["category", "greeting"]


def test_json_lines_with_a_list_as_history(tmp_path):
    lines = [
        {"id": "1", "text": "a", "intent": "x", "history": [{"role": "customer", "text": "b"}], "language": "zh-Hans"},
        {"text": "a", "intent": "x", "history": ["b"]},
        {"text": "a", "intent": 7},
        {"intent": "x"},
        {"text": "", "intent": "x"},
    ]
    path = write(tmp_path, "a.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    first, *rejects, last = read(path)
    assert first == Utterance(id="a.jsonl:1", text="a", intent="x", history=[Turn(role="customer", text="b")], language="zh")
    assert [(item.line, item.reason) for item in rejects] == [
        (2, 'history is not a list of {"role": "customer" or "agent", "text": "..."}'),
        (3, "no intent"),
        (4, "no text"),
    ]
    assert last.text == ""


def test_a_row_without_intent_is_rejected(tmp_path):
    (found,) = read(write(tmp_path, "a.csv", "text,intent\nhello, \n"))
    assert (found.line, found.reason, found.text) == (2, "no intent", "hello\t ")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, r"a\.csv: has no column intent; its columns: text, category"),
        ({"columns": {"text": "utterance", "intent": "category"}}, r"a\.csv: has no column utterance; its columns: text, category"),
        ({"columns": {"intent": "category", "urgency": "prio"}}, r"a\.csv: has no column prio; its columns: text, category"),
        (
            {"columns": {"label": "category"}},
            r"a\.csv: columns: label is not known; valid: text, intent, sentiment, urgency, language, history",
        ),
    ],
)
def test_missing_and_unknown_columns_are_refused(tmp_path, changes, message):
    path = write(tmp_path, "a.csv", "text,category\nhello,x\n")
    with pytest.raises(ValueError, match=message):
        read(path, **changes)
