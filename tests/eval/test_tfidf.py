"""The baseline of the intents: it learns, and its figures are those of its answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.records import Utterance, write_jsonl
from eval.tfidf import measure_baseline, tfidf_baseline


def test_the_baseline_learns_words_and_characters() -> None:
    train = [
        Utterance(id="1", text="where is my parcel", intent="logistics_tracking"),
        Utterance(id="2", text="track my parcel", intent="logistics_tracking"),
        Utterance(id="3", text="thank you so much", intent="thanks"),
        Utterance(id="4", text="thanks a lot", intent="thanks"),
        Utterance(id="5", text="谢谢你们", intent="thanks"),
        Utterance(id="6", text="what is the weather", intent="out_of_scope"),
    ]
    texts = ["my parcel please", "many thanks", "谢谢", "the weather is what it is"]
    found = tfidf_baseline(train, [Utterance(id=text, text=text, intent="thanks") for text in texts], seed=7)
    assert found[:3] == ["logistics_tracking", "thanks", "thanks"]
    assert found[3] != "out_of_scope", "there is no such class to learn"


def test_its_figures_are_of_the_messages_with_an_intent(tmp_path: Path) -> None:
    train = [
        Utterance(id=str(i), text=text, intent=intent)
        for i, (text, intent) in enumerate([("my parcel", "track"), ("many thanks", "thanks")])
    ]
    asked = [("the parcel", "track"), ("thanks", "thanks"), ("a parcel", "thanks"), ("the weather", "out_of_scope")]
    write_jsonl(tmp_path / "train.jsonl", train)
    write_jsonl(tmp_path / "test.jsonl", [Utterance(id=text, text=text, intent=intent) for text, intent in asked])
    out = tmp_path / "work/baseline.json"
    assert measure_baseline(tmp_path, 7, out) == f"{out}: macro-F1 66.7, 3 messages"
    assert json.loads(out.read_text()) == {"baseline_macro_f1": pytest.approx(200 / 3), "baseline_accuracy": pytest.approx(200 / 3)}
