"""Scores of the classifier, on hand-made logits and on the small model as it would be served."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from configs.schema import EvaluateIntents
from data.augment import KINDS
from data.records import Turn, Utterance, read_jsonl
from eval.quality_intents import evaluate, head_logits, noise_scores, precision_drop, score_intents
from eval.tfidf import measure_baseline
from serving.bundle import load_classifier

SETTINGS = EvaluateIntents(batch_size=4, resamples=50)
LABELS = {"intent": ["order_place", "thanks"], "sentiment": ["neutral", "angry"], "urgency": ["normal", "high"]}


class FakeClassifier:
    """Believes a confidence of 0.6 and more."""

    labels = LABELS

    def probabilities(self, logits: Any) -> Any:
        return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)

    def out_of_scope(self, confidence: Any) -> Any:
        return confidence < 0.6


def utterance(number: int, language: str, intent: str, **labels: str) -> Utterance:
    return Utterance(id=str(number), text=f"message {number}", intent=intent, language=language, **labels)  # type: ignore[arg-type]


@pytest.fixture
def messages() -> list[Utterance]:
    return [
        utterance(0, "en", "order_place", sentiment="neutral", urgency="high"),
        utterance(1, "en", "thanks", sentiment="neutral", urgency="normal"),
        utterance(2, "de", "order_place", sentiment="angry", urgency="normal"),
        utterance(3, "de", "thanks"),
        utterance(4, "en", "out_of_scope", sentiment="angry", urgency="high"),
        utterance(5, "de", "out_of_scope"),
    ]


@pytest.fixture
def logits() -> dict[str, Any]:
    """Probabilities 0.9, 0.9, 0.8, 0.7 of which the third is wrong; out of scope once seen (0.5) and once not (0.9)."""
    odds = np.log(np.array([[0.9, 0.1], [0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.5, 0.5], [0.9, 0.1]]))
    sentiment = np.array([[1.0, 0], [1, 0], [1, 0], [0, 1], [1, 0], [1, 0]])
    urgency = np.array([[0.0, 1], [1, 0], [1, 0], [0, 1], [1, 0], [1, 0]])
    return {"intent": odds, "sentiment": sentiment, "urgency": urgency}


def test_every_number_is_what_it_says(messages: list[Utterance], logits: dict[str, Any]) -> None:
    scores = score_intents(FakeClassifier(), messages, logits, SETTINGS)  # type: ignore[arg-type]
    assert (scores["messages"], scores["accuracy"]) == (4, 75.0)
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2 * 100)  # of order_place 1 of 2 found; of thanks 2 found, 1 too many
    assert scores["macro_f1_low"] < scores["macro_f1"] < scores["macro_f1_high"] <= 100
    assert (scores["oos_recall"], scores["in_scope_kept"]) == (50.0, 100.0)
    assert scores["ece"] == pytest.approx(100 * (0.2 + 0.8 + 0.3) / 4)  # 0.9 twice right, 0.8 wrong, 0.7 right
    assert scores["coverage_at_95"] == 50.0
    assert scores["by_language"]["en"] == {"macro_f1": 100.0, "accuracy": 100.0, "messages": 2}
    assert scores["by_language"]["de"] == {"macro_f1": pytest.approx(100 / 3), "accuracy": 50.0, "messages": 2}  # 0 and 2/3
    assert scores["sentiment_macro_f1"] == pytest.approx((4 / 5 + 0) / 2 * 100)
    assert scores["urgency_macro_f1"] == 100.0


def test_what_no_message_is_labelled_for_has_no_number(messages: list[Utterance], logits: dict[str, Any]) -> None:
    bare = [m.model_copy(update={"urgency": None}) for m in messages[:4]]
    scores = score_intents(FakeClassifier(), bare, {head: rows[:4] for head, rows in logits.items()}, SETTINGS)  # type: ignore[arg-type]
    assert not {"oos_recall", "urgency_macro_f1"} & set(scores)
    assert scores["sentiment_macro_f1"] == pytest.approx((4 / 5 + 0) / 2 * 100)
    assert (scores["accuracy"], scores["in_scope_kept"]) == (75.0, 100.0)


class Reader:
    """Knows the clean messages by heart and takes every other one for the other intent; keeps what it was asked."""

    labels = LABELS

    def __init__(self, known: dict[str, str]) -> None:
        self.known = known
        self.asked: list[tuple[str, Any]] = []

    def logits(self, messages: list[tuple[str, Any]]) -> dict[str, Any]:
        self.asked += messages
        best = [LABELS["intent"].index(self.known.get(text, "thanks")) for text, _ in messages]
        return {"intent": np.eye(2)[best]}


def test_each_kind_of_noise_is_in_the_messages_and_not_in_their_history() -> None:
    history = [Turn(role="agent", text="Which Machine?")]
    clean = ["We order Twenty machines, please.", "Wir bestellen Zwanzig Maschinen, bitte.", "Thank you, Everything works."]
    intents = ["order_place", "order_place", "thanks"]
    messages = [
        Utterance(id=str(i), text=text, intent=intent, language=language, history=history)
        for i, (text, intent, language) in enumerate(zip(clean, intents, ("en", "de", "en"), strict=True))
    ]
    reader = Reader(dict(zip(clean, intents, strict=True)))
    found = noise_scores(reader, messages, 71.5, SETTINGS, seed=7)  # type: ignore[arg-type]
    assert list(found) == ["clean", *KINDS]
    assert found.pop("clean") == 71.5
    assert found == dict.fromkeys(KINDS, pytest.approx(25))  # of thanks 1 found, 2 too many; of order_place none
    texts = [text for text, _ in reader.asked]
    assert len(texts) == len(KINDS) * len(messages)
    assert not set(texts) & set(clean)
    assert all(turns == history for _, turns in reader.asked)
    again = Reader({})
    noise_scores(again, messages, 71.5, SETTINGS, seed=7)  # type: ignore[arg-type]
    assert again.asked == reader.asked
    knowing = Reader(dict(zip(texts, intents * len(KINDS), strict=True)))
    assert noise_scores(knowing, messages, 71.5, SETTINGS, seed=7) == {"clean": 71.5, **dict.fromkeys(KINDS, 100.0)}  # type: ignore[arg-type]


def test_what_a_precision_loses_is_paired(messages: list[Utterance], logits: dict[str, Any]) -> None:
    worse = {**logits, "intent": logits["intent"].copy()}
    worse["intent"][0] = [0.0, 1.0]
    models = {"fp32": FakeClassifier(), "int8": FakeClassifier()}
    both = {"fp32": logits, "int8": worse}
    found = precision_drop(models, messages, both, "int8", SETTINGS)  # type: ignore[arg-type]
    assert found["int8_macro_f1_drop"] == pytest.approx((2 / 3 + 4 / 5) / 2 * 100 - (0 + 2 / 3) / 2 * 100)
    assert found["int8_macro_f1_drop"] < found["int8_macro_f1_drop_upper"]
    same = precision_drop(models, messages, {"fp32": logits, "int8": logits}, "int8", SETTINGS)  # type: ignore[arg-type]
    assert same == {"int8_macro_f1_drop": 0.0, "int8_macro_f1_drop_upper": 0.0}


def test_logits_do_not_depend_on_the_batch_size(world: Any) -> None:
    model = load_classifier(world.bundles, 1)
    messages = read_jsonl(world.messages / "test.jsonl", Utterance)[:11]
    one, four = (head_logits(model, messages, batch) for batch in (1, 4))
    assert set(one) == {"intent", "sentiment", "urgency"}
    assert one["intent"].shape == (11, 4)
    for head in one:
        np.testing.assert_allclose(one[head], four[head], rtol=0, atol=1e-5)


@pytest.fixture
def judged(world: Any, mlflow_up: Any, tmp_path: Path) -> Any:
    """The small classifier evaluated: what was said, what was written, and where."""
    measure_baseline(world.messages, world.params.seed, tmp_path / "work/intents_baseline.json")
    said = evaluate(world.params, world.messages, world.bundles, world.parity, tmp_path / "work")
    experiment = mlflow_up.get_experiment_by_name("quayside").experiment_id
    run = mlflow_up.search_runs([experiment], order_by=["attributes.start_time DESC"], max_results=1)[0]
    return SimpleNamespace(said=said, out=tmp_path / "work", result=json.loads((tmp_path / "work/intents.json").read_text()), run=run)


def test_the_classifier_is_scored_as_it_would_be_served(judged: Any, world: Any, mlflow_up: Any) -> None:
    test = read_jsonl(world.messages / "test.jsonl", Utterance)
    known = [message for message in test if message.intent != "out_of_scope"]
    scores = judged.result["intents"]
    assert scores["messages"] == len(known) == 2 * 4 * 4
    assert set(scores["by_language"]) == {"de", "en", "es", "zh"}
    assert scores["baseline_macro_f1"] > 40, "TF-IDF tells four intents apart"
    assert 0 <= scores["macro_f1_low"] <= scores["macro_f1"] <= scores["macro_f1_high"] <= 100
    noisy = judged.result["robustness"]["intents"]
    assert list(noisy) == ["clean", *KINDS]
    assert noisy["clean"] == scores["macro_f1"]
    assert all(0 <= score <= 100 for score in noisy.values())
    assert len(set(noisy.values())) > 2, "noise shows"
    parity = judged.result["parity"]["intents"]
    assert parity["logits_max_abs"] < 1e-3
    assert parity["int8_macro_f1_drop"] <= parity["int8_macro_f1_drop_upper"]
    ours, beside = scores["macro_f1"], scores["baseline_macro_f1"]
    assert judged.said == f"{judged.out / 'intents.json'}: macro-F1 {ours:.1f} beside {beside:.1f} of TF-IDF, 32 messages"
    rows = [json.loads(line) for line in (judged.out / "messages.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(row["id"], row["intent"]) for row in rows] == [(message.id, message.intent) for message in test]
    right = [row["predicted"] == row["intent"] for row in rows if row["intent"] != "out_of_scope"]
    assert 100 * sum(right) / len(right) == scores["accuracy"]
    assert judged.run.info.status == "FINISHED"
    assert judged.run.data.tags["kind"] == "evaluate"
    assert judged.run.data.metrics["intents.macro_f1"] == scores["macro_f1"]
    assert judged.run.data.metrics["robustness.intents.typos"] == noisy["typos"]
    assert judged.run.data.metrics["parity.intents.logits_max_abs"] == parity["logits_max_abs"]
    files = {file.path for file in mlflow_up.list_artifacts(judged.run.info.run_id)}
    assert files - {"environment.txt", "git.diff"} == {"messages.jsonl"}
