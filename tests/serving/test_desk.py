import asyncio
from typing import Any

import pytest

from data.records import Turn
from serving.desk import understand
from serving.errors import DeadlineError
from serving.messages import ClassifyRequest, Timing
from serving.routing import load_routing
from serving.waiting import Line


def test_classification_and_route_in_one_answer(models: Any) -> None:
    request = ClassifyRequest.model_validate(
        {"text": "wo AB12?", "history": [{"role": "agent", "text": "sent"}], "language": "en", "customer": {"tier": "gold"}}
    )
    line = Line("classify", 1)
    answer = asyncio.run(understand(request, models.classifier, line, load_routing(), 5.0))
    line.close()
    assert models.classifier.asked == [("wo AB12?", [Turn(role="agent", text="sent")], "en")]
    assert isinstance(answer.timing_ms, Timing)
    assert answer.model_dump(exclude={"timing_ms"}) == {
        "language": "en",
        "intent": "logistics_tracking",
        "confidence": 0.95,
        "alternatives": [{"intent": "delivery_delay", "confidence": 0.03}],
        "out_of_scope": False,
        "sentiment": "neutral",
        "urgency": "high",
        "entities": [{"kind": "code", "text": "AB12", "start": 3, "end": 7}],
        "route": {
            "action": "answer",
            "level": 1,
            "queue": "logistics",
            "reply_within_minutes": 60,
            "reasons": [
                "intent logistics_tracking: queue logistics, level 1",
                "urgency high, tier gold: reply within 60 minutes",
                "confidence 0.95 is at least 0.9",
            ],
        },
        "model": {"name": "intents", "version": "ba9876543210"},
    }


def test_a_refusal_of_the_classifier_passes(models: Any) -> None:
    def refuse() -> None:
        raise DeadlineError("late")

    models.classifier.act = refuse
    line = Line("classify", 1)
    with pytest.raises(DeadlineError, match=r"^late$"):
        asyncio.run(understand(ClassifyRequest(text="a"), models.classifier, line, load_routing(), 5.0))
    line.close()
