"""Where a message goes once it is understood: a pure function over the table `configs/routing.yaml`.

Not covered: opening hours, agents' load and skills; the platform knows those.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from configs.schema import INTENTS_FILE, ROOT, Intents, Positive, Section, SettingsError, load_intents, read_settings
from serving.answers import Classification
from serving.messages import Action, Customer, Level

ROUTING_FILE = ROOT / "configs" / "routing.yaml"

Confidence = Annotated[float, Field(ge=0, le=1)]


class Thresholds(Section):
    """The confidence from which the platform answers, or suggests."""

    answer: Confidence
    suggest: Confidence


class ToPerson(Section):
    """What sends a message to a person, whatever the confidence."""

    intents: list[str]
    sentiments: list[str]
    urgencies: list[str]
    repeat_contacts: Positive


class Assignment(Section):
    """Who deals with an intent."""

    queue: Annotated[str, Field(min_length=1)]
    level: Level


class TierMinutes(Section):
    """Minutes until a reply, by the customer's tier; `none` for a customer without one."""

    diamond: Positive
    gold: Positive
    silver: Positive
    none: Positive


class Routing(Section):
    """`configs/routing.yaml`."""

    thresholds: Thresholds
    highest_answer_level: Level
    to_person: ToPerson
    out_of_scope: Assignment
    reply_within_minutes: dict[str, TierMinutes]
    intents: dict[str, Assignment]


@dataclass(frozen=True)
class Route:
    """What to do with a message; `reasons` has a sentence for every rule that applied."""

    action: Action
    level: Level
    queue: str
    reply_within_minutes: int
    reasons: tuple[str, ...]


def load_routing(path: Path = ROUTING_FILE, intents: Path = INTENTS_FILE) -> Routing:
    """The table, complete for the labels of `intents`.

    Raises:
        SettingsError: the file breaks the schema, or a label is missing or unknown; all mistakes of a kind at once.
    """
    routing = read_settings(path, Routing)
    if mistakes := _mistakes(routing, load_intents(intents)):
        raise SettingsError("\n".join(f"{path}: {mistake}" for mistake in mistakes))
    return routing


def _mistakes(routing: Routing, labels: Intents) -> list[str]:
    """Everything in which the table and the labels differ."""
    person, thresholds = routing.to_person, routing.thresholds
    found = [f"intents.{name} is missing" for name in labels.intents if name not in routing.intents]
    found += [f"reply_within_minutes.{name} is missing" for name in labels.urgencies if name not in routing.reply_within_minutes]
    found += _unknown("intents", routing.intents, list(labels.intents))
    found += _unknown("reply_within_minutes", routing.reply_within_minutes, labels.urgencies)
    found += _unknown("to_person.intents", person.intents, list(labels.intents))
    found += _unknown("to_person.sentiments", person.sentiments, labels.sentiments)
    found += _unknown("to_person.urgencies", person.urgencies, labels.urgencies)
    if thresholds.suggest > thresholds.answer:
        found.append(f"thresholds.suggest = {thresholds.suggest} is above thresholds.answer = {thresholds.answer}")
    return found


def _unknown(key: str, names: Iterable[str], valid: list[str]) -> list[str]:
    """A sentence for each name that is no label."""
    sentences = []
    for name in names:
        if name not in valid:
            nearest = difflib.get_close_matches(name, valid, n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"valid: {', '.join(valid)}"
            sentences.append(f"{key}: {name} is not in configs/intents.yaml; {hint}")
    return sentences


def route(found: Classification, customer: Customer, routing: Routing) -> Route:
    """What to do with a message that was understood as `found`.

    An intent or urgency that the table does not know (a newer model) goes to a person of the general queue, with the shortest time
    that the tier has.
    """
    assignment, why_there = _assign(found, routing)
    tier = customer.tier or "none"
    minutes = _minutes(found.urgency, tier, routing)
    action, why_so = _act(found, customer, assignment.level, routing)
    reasons = (why_there, f"urgency {found.urgency}, tier {tier}: reply within {minutes} minutes", *why_so)
    return Route(action, assignment.level, assignment.queue, minutes, reasons)


def _assign(found: Classification, routing: Routing) -> tuple[Assignment, str]:
    """Who deals with it, and why."""
    if found.out_of_scope or found.intent not in routing.intents:
        assignment, what = routing.out_of_scope, "out of scope"
    else:
        assignment, what = routing.intents[found.intent], f"intent {found.intent}"
    return assignment, f"{what}: queue {assignment.queue}, level {assignment.level}"


def _minutes(urgency: str, tier: str, routing: Routing) -> int:
    """How soon someone has to have replied."""
    rows = routing.reply_within_minutes
    return min(int(getattr(row, tier)) for name, row in rows.items() if name == urgency or urgency not in rows)


def _act(found: Classification, customer: Customer, level: int, routing: Routing) -> tuple[Action, list[str]]:
    """Who replies, and why. Written so that a confidence that is no number goes to a person."""
    if reasons := _person_reasons(found, customer, routing):
        return "human", reasons
    confidence, thresholds = f"confidence {found.confidence:.2f}", routing.thresholds
    if not found.confidence >= thresholds.suggest:
        return "human", [f"{confidence} is below {thresholds.suggest}: a person reads it first"]
    if not found.confidence >= thresholds.answer:
        return "suggest", [f"{confidence} is below {thresholds.answer}: suggested only"]
    if level > routing.highest_answer_level:
        return "suggest", [f"level {level} is above {routing.highest_answer_level}: suggested only"]
    return "answer", [f"{confidence} is at least {thresholds.answer}"]


def _person_reasons(found: Classification, customer: Customer, routing: Routing) -> list[str]:
    """Why a person must see it, whatever the confidence."""
    rules = routing.to_person
    applied = {
        "out of scope: to a person": found.out_of_scope or found.intent not in routing.intents,
        f"intent {found.intent}: to a person": found.intent in rules.intents,
        f"sentiment {found.sentiment}: to a person": found.sentiment in rules.sentiments,
        f"urgency {found.urgency}: to a person": found.urgency in rules.urgencies or found.urgency not in routing.reply_within_minutes,
        f"{customer.repeat_contacts} earlier contacts: to a person": customer.repeat_contacts >= rules.repeat_contacts,
    }
    return [reason for reason, applies in applied.items() if applies]
