import json

import pytest

from data.profiling.opened import MESSAGES, PARALLEL, Item, Options, open_data
from data.records import Reject

NOTHING = Options({}, {})


def write(path, text, encoding="utf-8"):
    path.write_text(text, encoding=encoding)
    return str(path)


def test_columns_named_by_languages_are_parallel_text(tmp_path):
    data = open_data(write(tmp_path / "a.tsv", "en\tde-DE\tnote\nYes.\tJa.\tx\n"), NOTHING)
    assert (data.kind, data.languages) == (PARALLEL, ("en", "de"))
    assert data.guess == "Taken for parallel text in en, de, by the names of its columns."
    assert list(data.items()) == [Item("a.tsv:2", {"en": "Yes.", "de": "Ja."}, {})]


def test_an_intent_column_makes_messages(tmp_path):
    line = {"text": "Wo bleibt meine Lieferung?", "intent": "delay", "language": "de", "history": [{"role": "agent", "text": "Guten Tag"}]}
    data = open_data(write(tmp_path / "a.jsonl", json.dumps(line) + "\n"), NOTHING)
    assert data.kind == MESSAGES
    assert data.guess == "Taken for labelled messages: text is text, intent is intent."
    assert list(data.items()) == [Item("a.jsonl:1", {"de": line["text"]}, {"intent": "delay"}, 1)]


def test_usual_names_and_the_language_are_guessed_and_said(tmp_path):
    rows = "".join(f"I would like to know where my parcel number {n} is,track\n" for n in range(5))
    data = open_data(write(tmp_path / "a.csv", f"utterance,label\n{rows}"), NOTHING)
    assert data.source.columns == {"text": "utterance", "intent": "label"}
    assert data.source.language == "en"
    said = "text is utterance, intent is label; no column says the language: en by the first 5 rows"
    assert data.guess == f"Taken for labelled messages: {said}."


def test_no_language_is_guessed_from_numbers(tmp_path):
    data = open_data(write(tmp_path / "a.csv", "text,intent\n123,number\n456,number\n"), NOTHING)
    assert (data.source.language, data.languages) == (None, ())
    assert "the language: none is clear by the first 2 rows" in data.guess


def test_no_language_is_guessed_for_a_folder_of_several(tmp_path):
    for code, text in (("de", "Wo bleibt denn meine Lieferung"), ("en", "where is the parcel that I sent")):
        write(tmp_path / f"{code}.csv", "text,intent\n" + f"{text},track\n" * 9)
    assert open_data(str(tmp_path), NOTHING).source.language is None


def test_columns_by_number_read_the_first_line_too(tmp_path):
    data = open_data(write(tmp_path / "a.tsv", "Yes.\tJa.\nNo.\tNein.\n"), Options({"en": 1, "de": 2}, {}))
    assert [item.texts["de"] for item in data.items()] == ["Ja.", "Nein."]


def test_rows_of_mixed_languages(tmp_path):
    path = write(tmp_path / "a.csv", "from,to,source,target\nen,de,Yes.,Ja.\nde,en,Nein.,No.\n")
    data = open_data(path, Options({}, {"source": "from", "target": "to"}))
    assert data.languages == ("en", "de")
    assert [item.texts for item in data.items()] == [{"en": "Yes.", "de": "Ja."}, {"de": "Nein.", "en": "No."}]


def test_the_encoding_is_found_or_obeyed(tmp_path):
    path = write(tmp_path / "a.tsv", "en\tzh\n" + "The price is fine.\t价格可以，请尽快发货。\n" * 20, "gb18030")
    assert open_data(path, NOTHING).files() == [{"file": "a.tsv", "format": "tsv", "encoding": "gb18030", "items": "a.tsv"}]
    named = open_data(path, Options({}, {}, encoding="gb18030"))
    assert next(named.items()).texts["zh"] == "价格可以，请尽快发货。"


def test_moses_files_are_listed_one_by_one(tmp_path):
    write(tmp_path / "train.en", "Yes.\n")
    write(tmp_path / "train.de", "Ja.\n")
    data = open_data(str(tmp_path / "train"), NOTHING)
    assert [file["file"] for file in data.files()] == ["train.de", "train.en"]


def test_broken_lines_come_as_rejects(tmp_path):
    data = open_data(write(tmp_path / "a.tsv", "en\tde\nYes.\tJa.\nNo.\n"), NOTHING)
    assert [type(item) for item in data.items()] == [Item, Reject]


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("a.csv", "id,name\n1,pump\n", NOTHING, "neither parallel text nor labelled messages by its columns: id, name; name them, "),
        ("a.csv", "en\n", NOTHING, "nothing in it can be read as csv"),
        ("a.jsonl", "no json\n", NOTHING, "nothing in it can be read as jsonl; line 1: not JSON: Expecting value at character 1"),
        ("a.doc", "en,de\n", NOTHING, "the ending of its name says no format; valid are .tsv,"),
        ("a.csv", "en,de\na,b\n", Options({}, {}, format="word"), "format 'word' is unknown; valid: tsv, csv, jsonl, tmx,"),
        ("a.csv", "a,b\na,b\n", Options({"english": "a"}, {}), "columns: english is neither a language's code nor one of text, intent,"),
        ("a.csv", "a,b\na,b\n", Options({"en": "a", "text": "b"}, {}), "columns en, text: all of text, intent,"),
    ],
)
def test_what_cannot_be_looked_at_is_one_sentence(tmp_path, name, content, options, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        open_data(write(tmp_path / name, content), options)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_names_the_nearest(tmp_path):
    write(tmp_path / "support.tsv", "en\tde\n")
    with pytest.raises(ValueError, match=r"no such file or folder; did you mean support\.tsv\?"):
        open_data(str(tmp_path / "suport.tsv"), NOTHING)
