"""One message through everything that is known about it: what it is about, and where it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data.records import Turn
from serving.messages import ClassifyRequest, ClassifyResponse, Entity, IntentGuess, ModelName, RouteAnswer, Timing
from serving.routing import Routing, route
from serving.waiting import Line

if TYPE_CHECKING:
    from serving.classifier import Classifier


async def understand(request: ClassifyRequest, classifier: Classifier, line: Line, routing: Routing, deadline_s: float) -> ClassifyResponse:
    """The whole answer to a classify request: the classification and the route that follows from it.

    Args:
        request: within the limits.
        classifier: answers in the line's thread; a message takes milliseconds, so it is not asked to stop half-way.
        line: in front of the classifier.
        routing: the table.
        deadline_s: seconds within which the classification must be there.

    Raises:
        ServiceError: the line is full, the deadline passed, or the classifier refuses the message.
    """
    history = [Turn(role=turn.role, text=turn.text) for turn in request.history]
    answered = await line.submit(lambda _: classifier.classify(request.text, history, request.language), deadline_s)
    found = answered.value
    return ClassifyResponse(
        language=found.language,
        intent=found.intent,
        confidence=found.confidence,
        alternatives=[IntentGuess.model_validate(guess) for guess in found.alternatives],
        out_of_scope=found.out_of_scope,
        sentiment=found.sentiment,
        urgency=found.urgency,
        entities=[Entity.model_validate(span) for span in found.entities],
        route=RouteAnswer.model_validate(route(found, request.customer, routing)),
        model=ModelName(name=classifier.info.name, version=classifier.info.version),
        timing_ms=Timing(queue=answered.queue_ms, compute=answered.compute_ms),
    )
