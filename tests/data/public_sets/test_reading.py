import json

import pytest

from data.public_sets.reading import HELD_OUT_PERCENT, blank, chat, conversations, dialogues, labelled, messages, parallel
from data.records import Reject, Segment, Utterance

HEADER = "source_language,target_language,source,reference,doc_id,client_id,sender\n"


def write(folder, **files):
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return folder


def test_chat_keeps_conversation_sender_and_direction(tmp_path):
    rows = 'pt-br,en,Olá!,Hello!,d1,c,customer\nen,pt-br,"Hi, yes",Oi,d1,c,agent\nen,xx,a,b,d2,c,agent\nen,pt-br,a,b,d2\n'
    found = list(chat("train.csv")(write(tmp_path, train__csv=HEADER + rows)))
    assert found[:2] == [
        Segment(id="train.csv:2:customer", pattern="d1", texts={"pt": "Olá!", "en": "Hello!"}),
        Segment(id="train.csv:3:agent", pattern="d1", texts={"en": "Hi, yes", "pt": "Oi"}),
    ]
    assert [list(item.texts) for item in found[:2]] == [["pt", "en"], ["en", "pt"]]
    assert [(item.line, item.reason) for item in found[2:]] == [
        (4, "texts in en, xx, but two of en, zh, de, es, fr, ja, ko, nl, pt, cs are needed"),
        (5, "5 fields, expected 7"),
    ]


def test_a_conversation_is_in_one_part_whole_and_by_its_name(tmp_path):
    # The names' hashes modulo 100, by sha256sum and bc: d13 11, d120 12, d31 15; below 12 is test, below 15 validation.
    rows = "".join(f"en,de,{name} {turn},{name},{name},c,agent\n" for name in ("d31", "d120", "d13") for turn in (1, 2))
    folder = write(tmp_path, train__csv=HEADER + rows + "en,xx,a,b,d13,c,agent\n")
    found = {part: list(conversations(chat("train.csv"), part)(folder)) for part in ("train", "validation", "test")}
    assert {part: [item.texts["en"] for item in items if isinstance(item, Segment)] for part, items in found.items()} == {
        "train": ["d31 1", "d31 2"],
        "validation": ["d120 1", "d120 2"],
        "test": ["d13 1", "d13 2"],
    }
    assert [(part, item.line) for part, items in found.items() for item in items if isinstance(item, Reject)] == [("train", 8)]


def test_parts_have_about_the_shares_asked_for(tmp_path):
    rows = "".join(f"en,de,a,b,conversation {n},c,agent\n" for n in range(2_000))
    folder = write(tmp_path, train__csv=HEADER + rows)
    sizes = {part: len(list(conversations(chat("train.csv"), part)(folder))) for part in ("train", *HELD_OUT_PERCENT)}
    assert sum(sizes.values()) == 2_000
    assert all(abs(sizes[part] / 20 - percent) < 2 for part, percent in HELD_OUT_PERCENT.items())  # three standard deviations


def test_dialogues_are_german_and_english_by_speaker(tmp_path):
    turns = {
        "dlg-a": [
            {"utteranceID": 0, "speaker": "customer", "source": "Hallo", "target": "Hello"},
            {"utteranceID": 1, "speaker": "agent", "source": "Hi", "target": "Guten Tag"},
        ],
        "dlg-b": [{"utteranceID": 0, "speaker": "customer", "source": "Ja", "target": "Yes"}],
    }
    found = list(dialogues("dev.json")(write(tmp_path, dev__json=json.dumps(turns))))
    assert found == [
        Segment(id="dev.json:1:customer", pattern="dlg-a", texts={"de": "Hallo", "en": "Hello"}),
        Segment(id="dev.json:2:agent", pattern="dlg-a", texts={"en": "Hi", "de": "Guten Tag"}),
        Segment(id="dev.json:3:customer", pattern="dlg-b", texts={"de": "Ja", "en": "Yes"}),
    ]


def test_moses_files_of_many_languages_are_one_segment_a_line(tmp_path):
    folder = write(tmp_path)
    for name, text in {"news-src.eng": "A\nB\n", "news-ref.zho-CN": "甲\n乙\n", "news-ref.jpn": "ア\nイ\n"}.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    found = list(parallel("news")(folder))
    assert [(item.id, item.texts) for item in found] == [
        ("news:1", {"en": "A", "zh": "甲", "ja": "ア"}),
        ("news:2", {"en": "B", "zh": "乙", "ja": "イ"}),
    ]


def test_a_translation_memory_has_base_languages(tmp_path):
    unit = '<tu><tuv xml:lang="en"><seg>fever</seg></tuv><tuv xml:lang="es-419"><seg>fiebre</seg></tuv></tu>'
    folder = write(tmp_path, all__tmx=f'<tmx version="1.4"><header/><body>{unit}</body></tmx>')
    assert list(parallel("all.tmx")(folder)) == [Segment(id="all.tmx:1", pattern="all.tmx", texts={"en": "fever", "es": "fiebre"})]


def test_messages_have_text_intent_and_language(tmp_path):
    folder = write(tmp_path, train__csv='text,category\n"Where, please?",card\nlost,\n')
    found = list(messages("train.csv", "text", "category")(folder))
    assert found[0] == Utterance(id="train.csv:2", text="Where, please?", intent="card", language="en")
    assert (found[1].line, found[1].reason) == (3, "no intent")


def test_oos_becomes_out_of_scope(tmp_path):
    folder = write(tmp_path, data__json=json.dumps({"val": [["hi", "greeting"]], "oos_val": [["a", "oos"], ["b", "oos"]]}))
    found = [*labelled("data.json", "val")(folder), *labelled("data.json", "oos_val")(folder)]
    assert [(item.id, item.text, item.intent, item.language) for item in found] == [
        ("data.json:1:val", "hi", "greeting", "en"),
        ("data.json:1:oos_val", "a", "out_of_scope", "en"),
        ("data.json:2:oos_val", "b", "out_of_scope", "en"),
    ]


@pytest.mark.parametrize(
    ("item", "reason", "text"),
    [
        (Segment(id="a.csv:7:agent", pattern="d", texts={"en": "Hi", "ko": " ", "de": ""}), "no text in ko, de", "Hi |   | "),
        (Utterance(id="a.csv:7", text="\t", intent="card"), "no text", "card"),
    ],
)
def test_a_blank_text_is_named(item, reason, text):
    assert blank(item) == Reject(file="a.csv", line=7, reason=reason, text=text)


def test_a_record_with_all_texts_is_no_reject():
    assert blank(Segment(id="a:1", pattern="a", texts={"en": "x", "de": "y"})) is None
    assert blank(Utterance(id="a:1", text="x", intent="y")) is None
