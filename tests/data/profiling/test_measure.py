import json

import pytest

from configs.schema import INTENTS_FILE, load_intents, load_params
from data.profiling import reading
from data.profiling.measure import rules_for
from data.profiling.opened import Options, open_data


def test_a_profile_of_parallel_text(look, pairs):
    found = look(pairs)
    assert json.loads(json.dumps(found, allow_nan=False)) == found, "JSON as it stands"
    assert (found["kind"], found["unit"], found["read"], found["rejected"]["count"]) == ("parallel text", "segments", 10, 1)
    assert found["rejected"]["percent"] == 9.091
    assert found["files"] == [{"file": "pairs.tsv", "format": "tsv", "encoding": "utf-8", "items": 10}]
    assert found["sampled"] == {"items": 10, "all": True}
    assert found["parameters"].startswith("prepare_translation.sources: [{path: ")
    assert found["limits"]["filters"]["duplicate_sides"] is False
    assert "labels" not in found


def test_a_profile_of_messages(look, messages):
    found = look(messages, language="en")
    labels = found["labels"]
    assert found["unit"] == "messages"
    assert labels["intents"] == {"refund": {"en": 7}, "invoice": {"en": 4}, "greeting": {"en": 1}}
    assert (labels["imbalance"], labels["few"], labels["unknown"]) == (7.0, {"greeting (en)": 1}, ["greeting"])
    assert labels["sentiment"] == {"angry": 7, "neutral": 5}
    assert labels["conflicting"]["count"] == 1
    assert {example["text"] for example in labels["conflicting"]["examples"]} == {"refund: I want my money", "invoice: I want my money!"}
    assert "language: en" in found["parameters"]


def test_two_looks_agree(look, pairs):
    assert look(pairs) == look(pairs)


def test_a_large_set_says_what_comes_from_a_sample(look, pairs, monkeypatch):
    monkeypatch.setattr(reading, "SAMPLED", 4)
    found = look(pairs)
    assert found["sampled"] == {"items": 4, "all": False}
    assert (found["read"], found["terms"]["sample"]) == (10, 4)


def test_moses_files_share_their_count(look, tmp_path):
    for language, text in (("en", "Yes.\nNo.\n"), ("de", "Ja.\nNein.\n")):
        (tmp_path / f"train.{language}").write_text(text, encoding="utf-8")
    assert [(file["file"], file["items"]) for file in look(tmp_path / "train")["files"]] == [("train.de", 2), ("train.en", 2)]


def test_nothing_usable_is_one_sentence(look, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "hello", "intent": ""}\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.jsonl: no line can be used; .*a\.jsonl:1: no intent$"):
        look(path)


def test_the_rules_are_those_of_the_stage(pairs, messages):
    params, intents = load_params(), load_intents(INTENTS_FILE)
    translation = rules_for(open_data(str(pairs), Options({}, {})), params, intents, {})
    assert translation.intake == params.prepare_translation.intake
    assert translation.held_out == params.prepare_translation.validation_segments + params.prepare_translation.test_segments
    labelled = rules_for(open_data(str(messages), Options({}, {}, "en")), params, intents, {})
    assert labelled.intake == params.prepare_intents.intake
    assert labelled.per_intent == params.prepare_intents.validation_per_intent + params.prepare_intents.test_per_intent + 1
    assert "out_of_scope" in labelled.intents
