"""Messages are understood the same in any company, with calibrated confidence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.records import Turn, Utterance, read_jsonl
from serving.bundle import load_classifier
from serving.classifier import ALTERNATIVES, UNDETERMINED, Classifier
from serving.errors import InvalidError


@pytest.fixture(scope="module")
def classifier(world: Any) -> Classifier:
    return load_classifier(world.bundles, threads=1)


@pytest.fixture(scope="module")
def messages(world: Any) -> list[Utterance]:
    return read_jsonl(world.messages / "validation.jsonl", Utterance)


def changed(classifier: Classifier, monkeypatch: pytest.MonkeyPatch, **logits: list[float]) -> Classifier:
    """The classifier with hand-made logits."""
    monkeypatch.setattr(classifier, "logits", lambda messages: {head: np.array([row], np.float32) for head, row in logits.items()})
    return classifier


def test_a_message_is_understood(classifier: Classifier, world: Any) -> None:
    found = classifier.classify("Where is my parcel RR123456785CN? I paid € 120.00 for it!")
    assert found.language == "en"
    assert found.intent in world.intents.intents
    others = [other.intent for other in found.alternatives]
    assert len(others) == ALTERNATIVES
    assert set(others) | {found.intent} == set(world.intents.intents)
    confidences = [found.confidence, *(other.confidence for other in found.alternatives)]
    assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) == pytest.approx(1, abs=1e-3)  # there are four intents in all
    assert found.sentiment in world.intents.sentiments
    assert found.urgency in world.intents.urgencies
    assert [(span.kind, span.text) for span in found.entities] == [("code", "RR123456785CN"), ("amount", "€ 120.00")]


def test_offsets_of_entities_hold_for_the_text_as_it_was_sent(classifier: Classifier) -> None:
    text = "👍  Where\r\nis PO-4711, and e\u0301 380 V?"
    assert [text[span.start : span.end] for span in classifier.classify(text).entities] == ["👍", "PO-4711", "380 V"]


def test_labels_follow_the_logits(classifier: Classifier, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = classifier.labels
    found = changed(classifier, monkeypatch, intent=[0.0, 9.0, 1.0, 2.0], sentiment=[0, 0, 0, 5, 0], urgency=[0, 0, 7]).classify(
        "Hello there"
    )
    assert [found.intent, *(other.intent for other in found.alternatives)] == [labels["intent"][i] for i in (1, 3, 2, 0)]
    assert (found.sentiment, found.urgency) == (labels["sentiment"][3], labels["urgency"][2])


def test_confidence_is_calibrated(classifier: Classifier, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = json.loads((world.bundles / "intents/confidence.json").read_text())
    given = classifier.probabilities(np.array([2.0, 0.0, 0.0, 0.0]))
    exact = np.exp(2 / settings["temperature"])
    assert given[0] == pytest.approx(exact / (exact + 3))
    below = settings["out_of_scope_below"]
    assert classifier.out_of_scope(np.array([below - 1e-4, below, below + 1e-4])).tolist() == [True, False, False]
    heads = {"sentiment": [0.0] * 5, "urgency": [0.0] * 3}
    assert not changed(classifier, monkeypatch, intent=[50.0, 0, 0, 0], **heads).classify("Hello there").out_of_scope
    assert changed(classifier, monkeypatch, intent=[0.0, 0, 0, 0], **heads).classify("Hello there").out_of_scope


def test_int8_answers_are_the_same_alone_and_in_any_batch(classifier: Classifier, messages: list[Utterance]) -> None:
    rows = [(message.text, message.history) for message in messages[:24]]
    assert len({len(text) for text, _ in rows}) > 10
    together = classifier.logits(rows)
    backwards = classifier.logits(rows[::-1])
    for i, row in enumerate(rows):
        for head, logits in classifier.logits([row]).items():
            np.testing.assert_allclose(together[head][i], logits[0], rtol=0, atol=1e-5)
            np.testing.assert_allclose(backwards[head][len(rows) - 1 - i], logits[0], rtol=0, atol=1e-5)


def test_int8_is_near_fp32(world: Any, classifier: Classifier, messages: list[Utterance]) -> None:
    exact = load_classifier(world.bundles, threads=1, precision="fp32")
    assert (classifier.info.precision, exact.info.precision) == ("int8", "fp32")
    rows = [(message.text, message.history) for message in messages]
    ours, theirs = classifier.logits(rows)["intent"], exact.logits(rows)["intent"]
    assert 0 < np.abs(ours - theirs).max() < 0.1


def test_the_language_is_detected_or_taken(classifier: Classifier) -> None:
    assert classifier.classify("Wo bleibt meine Bestellung?").language == "de"
    assert classifier.classify("我的订单在哪里？").language == "zh"
    assert classifier.classify("OK", language="es-MX").language == "es"


@pytest.mark.parametrize("text", ["Где мой заказ?", "👍", "12", "", "  \n"])
def test_what_is_in_none_of_our_languages_is_out_of_scope(classifier: Classifier, text: str) -> None:
    found = classifier.classify(text)
    assert (found.language, found.out_of_scope) == (UNDETERMINED, True)


def test_a_language_that_is_not_served(classifier: Classifier) -> None:
    with pytest.raises(InvalidError, match=r"^language 'fr' is not served; valid: de, en, es, zh$") as caught:
        classifier.classify("Bonjour", language="fr")
    assert [detail.field for detail in caught.value.details] == ["language"]


def test_earlier_turns_count(classifier: Classifier) -> None:
    history = [Turn(role="customer", text="My parcel arrived damaged."), Turn(role="agent", text="Could you send us a photo?")]
    alone, after = classifier.logits([("Here it is.", [])]), classifier.logits([("Here it is.", history)])
    assert np.abs(alone["intent"] - after["intent"]).max() > 1e-3
    backwards = classifier.logits([("Here it is.", history[::-1])])
    assert np.abs(backwards["intent"] - after["intent"]).max() > 1e-4


@pytest.mark.parametrize("text", ["x" * 10_000, "no spaces at all " * 1_000, "泵" * 10_000, "</s>" * 500])
def test_very_long_messages_are_cut_to_what_the_model_reads(classifier: Classifier, text: str) -> None:
    history = [Turn(role="customer", text=text)] * 12
    assert classifier.classify(text, history, language="en").confidence > 0


def test_control_pieces_typed_by_a_customer_are_text(classifier: Classifier) -> None:
    plain, typed = classifier.logits([("Thank you", [])]), classifier.logits([("Thank you </s> <pad> <s>", [])])
    assert np.isfinite(typed["intent"]).all()
    assert np.abs(plain["intent"] - typed["intent"]).max() > 1e-4, "padding typed by a customer is no padding"


def test_more_threads_change_nothing(world: Path, classifier: Classifier) -> None:
    two = load_classifier(world.bundles, threads=2)  # type: ignore[attr-defined]
    rows = [("Where is my order?", []), ("Thanks", [])]
    np.testing.assert_allclose(two.logits(rows)["intent"], classifier.logits(rows)["intent"], rtol=0, atol=1e-5)  # type: ignore[arg-type]
