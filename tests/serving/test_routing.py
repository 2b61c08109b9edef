from pathlib import Path
from typing import Any

import pytest
import yaml

from configs.schema import SettingsError, load_intents
from serving.answers import Classification
from serving.messages import Customer
from serving.routing import ROUTING_FILE, Route, load_routing, route

ROUTING = load_routing()


def found(**changes: Any) -> Classification:
    """An easy message, changed."""
    values: dict[str, Any] = {
        "intent": "order_status",
        "confidence": 0.95,
        "sentiment": "neutral",
        "urgency": "normal",
        "out_of_scope": False,
    }
    return Classification(language="en", alternatives=(), entities=(), **values | changes)


def routed(customer: Customer | None = None, **changes: Any) -> Route:
    return route(found(**changes), customer or Customer(), ROUTING)


def test_an_easy_message_is_answered() -> None:
    assert routed() == Route(
        "answer",
        1,
        "orders",
        480,
        (
            "intent order_status: queue orders, level 1",
            "urgency normal, tier none: reply within 480 minutes",
            "confidence 0.95 is at least 0.9",
        ),
    )


@pytest.mark.parametrize(
    ("changes", "action", "reason"),
    [
        ({"confidence": 0.9}, "answer", "confidence 0.90 is at least 0.9"),
        ({"confidence": 0.89}, "suggest", "confidence 0.89 is below 0.9: suggested only"),
        ({"confidence": 0.6}, "suggest", "confidence 0.60 is below 0.9: suggested only"),
        ({"confidence": 0.59}, "human", "confidence 0.59 is below 0.6: a person reads it first"),
        ({"confidence": float("nan")}, "human", "confidence nan is below 0.6: a person reads it first"),
        ({"intent": "quality_complaint"}, "suggest", "level 3 is above 1: suggested only"),
        ({"intent": "human_agent"}, "human", "intent human_agent: to a person"),
        ({"sentiment": "angry"}, "human", "sentiment angry: to a person"),
        ({"urgency": "critical"}, "human", "urgency critical: to a person"),
        ({"out_of_scope": True}, "human", "out of scope: to a person"),
    ],
)
def test_each_rule_decides_and_says_so(changes: dict[str, Any], action: str, reason: str) -> None:
    decided = routed(**changes)
    assert (decided.action, decided.reasons[2:]) == (action, (reason,))


def test_repeat_contacts() -> None:
    assert routed(Customer(repeat_contacts=2)).action == "answer"
    third = routed(Customer(repeat_contacts=3))
    assert (third.action, third.reasons[-1]) == ("human", "3 earlier contacts: to a person")


def test_every_rule_that_applied_is_named() -> None:
    decided = routed(Customer(repeat_contacts=5), intent="human_agent", sentiment="angry", urgency="critical", confidence=0.1)
    assert decided.reasons[2:] == (
        "intent human_agent: to a person",
        "sentiment angry: to a person",
        "urgency critical: to a person",
        "5 earlier contacts: to a person",
    )


def test_out_of_scope_has_its_own_queue_whatever_the_intent() -> None:
    decided = routed(intent="quality_complaint", out_of_scope=True)
    assert (decided.queue, decided.level) == ("general", 1)
    assert decided.reasons[0] == "out of scope: queue general, level 1"


@pytest.mark.parametrize(("tier", "minutes"), [("diamond", 30), ("gold", 60), ("silver", 90), (None, 120)])
def test_minutes_by_tier(tier: Any, minutes: int) -> None:
    assert routed(Customer(tier=tier), urgency="high").reply_within_minutes == minutes


def test_what_a_newer_model_says_goes_to_a_person_soon() -> None:
    decided = routed(Customer(tier="gold"), intent="space_travel", urgency="yesterday")
    assert (decided.action, decided.queue, decided.reply_within_minutes) == ("human", "general", 15)


def test_the_table_covers_every_label() -> None:
    labels = load_intents()
    routes = [
        route(found(intent=intent, urgency=urgency), Customer(), ROUTING) for intent in labels.intents for urgency in labels.urgencies
    ]
    assert len(routes) == 27 * 3
    assert [r.reasons[0] for r in routes if r.reasons[0].startswith("out of scope")] == []


def changed_table(tmp_path: Path, change: Any) -> Path:
    values = yaml.safe_load(ROUTING_FILE.read_text(encoding="utf-8"))
    change(values)
    path = tmp_path / "routing.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def test_labels_that_differ_from_the_table_are_all_named(tmp_path: Path) -> None:
    def change(values: dict[str, Any]) -> None:
        values["intents"]["order_plce"] = values["intents"].pop("order_place")
        del values["intents"]["thanks"]
        del values["reply_within_minutes"]["high"]
        values["to_person"] |= {"sentiments": ["furious"], "urgencies": ["critcal"], "intents": ["human"]}
        values["thresholds"] = {"answer": 0.5, "suggest": 0.7}

    path = changed_table(tmp_path, change)
    with pytest.raises(SettingsError) as caught:
        load_routing(path)
    assert [line.removeprefix(f"{path}: ") for line in str(caught.value).splitlines()] == [
        "intents.order_place is missing",
        "intents.thanks is missing",
        "reply_within_minutes.high is missing",
        "intents: order_plce is not in configs/intents.yaml; did you mean order_place?",
        "to_person.intents: human is not in configs/intents.yaml; did you mean human_agent?",
        "to_person.sentiments: furious is not in configs/intents.yaml; valid: positive, neutral, negative, angry, confused",
        "to_person.urgencies: critcal is not in configs/intents.yaml; did you mean critical?",
        "thresholds.suggest = 0.7 is above thresholds.answer = 0.5",
    ]


def test_a_table_of_the_wrong_shape(tmp_path: Path) -> None:
    def change(values: dict[str, Any]) -> None:
        values["intents"]["moq"] = {"queue": "", "level": 4}
        values["reply_within_minutes"]["high"]["gold"] = 0

    with pytest.raises(SettingsError) as caught:
        load_routing(changed_table(tmp_path, change))
    message = str(caught.value)
    assert "reply_within_minutes.high.gold = 0: input should be greater than 0" in message
    assert "intents.moq.queue = '': string should have at least 1 character" in message
    assert "intents.moq.level = 4: input should be 1, 2 or 3" in message
