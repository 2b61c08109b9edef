"""Labelled messages, shipped and brought by users, into training, validation and test parts.

The shipped test part is written by hand only. Customer patterns of the corpora carry an intent; their expansions join the training
part, without sentiment and urgency labels. Nothing out of scope is trained on: it chooses the threshold, or tests it.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from configs.schema import Intake, Intents, MessageSource, PrepareIntents
from data.checks import check_no_leak, combination_key
from data.cleaning import DUPLICATES, HELD_OUT, problem
from data.grammar import Grammar
from data.near import NearTexts, check_no_near
from data.normalize import comparable, normalize
from data.records import OUT_OF_SCOPE, RecordError, Reject, Utterance, read_jsonl, write_json, write_jsonl
from data.tally import Tally, check_named_once, check_rejected

PARTS = ("train", "validation", "test")


def load_utterances(folder: Path, labels: Intents) -> list[Utterance]:
    """Every message of `LANGUAGE.jsonl` files, in file order.

    Raises:
        RecordError: no messages, broken lines, unknown labels or ids that stand twice; all of a kind at once.
    """
    found, broken = [], []
    for path in sorted(folder.glob("*.jsonl")):
        try:
            found += [message.model_copy(update={"language": path.stem}) for message in read_jsonl(path, Utterance)]
        except RecordError as error:
            broken.append(str(error))
    if broken or not found:
        raise RecordError("\n".join(broken) or f"{folder}: holds no messages")
    intents = {*labels.intents, OUT_OF_SCOPE}
    problems = [f"{m.id}: intent {m.intent!r} is not in configs/intents.yaml" for m in found if m.intent not in intents]
    problems += [f"{m.id}: sentiment {m.sentiment!r} is not known" for m in found if m.sentiment not in labels.sentiments]
    problems += [f"{m.id}: urgency {m.urgency!r} is not known" for m in found if m.urgency not in labels.urgencies]
    problems += [f"{i}: the id stands twice" for i, n in Counter(m.id for m in found).items() if n > 1]
    if problems:
        raise RecordError("\n".join(problems))
    return found


@dataclass
class Parts:
    """Messages per part, and what became of each user's data set.

    Attributes:
        messages: part -> messages.
        labels: head -> its labels, in the order of its outputs.
        tallies: path of a source -> its tally.
    """

    messages: dict[str, list[Utterance]]
    labels: dict[str, list[str]]
    tallies: dict[str, Tally] = field(default_factory=dict)


def prepare(
    shipped: list[Utterance],
    translated: list[Utterance],
    grammar: Grammar | None,
    labels: Intents,
    settings: PrepareIntents,
    seed: int,
    rejects: Path,
) -> Parts:
    """All parts, checked for leaks.

    Where users bring test messages, theirs win: a training message that nearly repeats one is left out.

    Args:
        shipped: the hand-written messages; none where the settings want users' data alone.
        translated: their translations, `ID>LANGUAGE`; those of messages that are trained on join the training part.
        grammar: the patterns, whose messages join the training part; `None`: none.
        labels: of the shipped messages; with users' data alone the labels are those found there.
        settings: sizes, sources, filters.
        seed: of every draw.
        rejects: folder for the rejected lines of each source.

    Raises:
        LeakError: a held-out message stands, or nearly stands, in the training part.
        RejectedError: too many unreadable lines of a user's data set.
        ValueError: too few messages, or intents that are not known.
    """
    parts = split_utterances(shipped, settings, seed) if shipped else {name: [] for name in PARTS}
    tallies = _take_in(settings, seed, parts, rejects)
    trained = {message.id for message in parts["train"]}
    parts["train"] += [m for m in translated if m.id.rpartition(">")[0] in trained]
    heads = head_labels(labels) if shipped else found_labels(parts["train"])
    held_out = [m.text for name in ("validation", "test") for m in parts[name]]
    keys = set(map(combination_key, held_out))
    parts["train"] = [m for m in parts["train"] if combination_key(m.text) not in keys]  # "ok" is written in every language
    if grammar is not None:
        parts["train"] += pattern_messages(grammar, settings.pattern_messages, seed)
    check_labels(parts, heads.get("intent", []))
    parts["train"] = _without_near(parts, {m.id for m in shipped}, settings.intake.near_duplicate_percent)
    for name in ("validation", "test"):
        texts = [m.text for m in parts[name]]
        check_no_leak((m.text for m in parts["train"]), texts, name)
        check_no_near((combination_key(m.text) for m in parts["train"]), texts, settings.intake.near_duplicate_percent, name)
    return Parts(parts, heads, tallies)


def _without_near(parts: dict[str, list[Utterance]], by_hand: set[str], percent: float) -> list[Utterance]:
    """The training messages that are not near to a held-out one; shipped ones by hand that are near are left for the check to refuse."""
    held_out = [m for name in ("validation", "test") for m in parts[name]]
    near = NearTexts((m.text for m in held_out), percent)
    theirs = NearTexts((m.text for m in held_out if m.id not in by_hand), percent)
    return [m for m in parts["train"] if (theirs if m.id in by_hand else near).find(combination_key(m.text)) is None]


def split_utterances(messages: list[Utterance], settings: PrepareIntents, seed: int) -> dict[str, list[Utterance]]:
    """The messages of each part, the same number per intent and language in validation and test.

    Raises:
        ValueError: an intent has too few messages in a language.
    """
    groups: dict[tuple[str, str], list[Utterance]] = defaultdict(list)
    for message in messages:
        groups[message.language, message.intent].append(message)
    parts: dict[str, list[Utterance]] = {name: [] for name in PARTS}
    for (language, intent), group in sorted(groups.items()):
        ranked = sorted(group, key=lambda m: hashlib.sha256(f"{seed}/{m.id}".encode()).hexdigest())
        test, validation = settings.test_per_intent, settings.validation_per_intent
        if intent == OUT_OF_SCOPE:
            test, validation = settings.out_of_scope_test, len(ranked) - settings.out_of_scope_test - 1
        if len(ranked) <= test + validation or validation <= 0:
            raise ValueError(f"{language}: {intent} has {len(ranked)} messages, the split needs more than {test + max(validation, 1)}")
        end = len(ranked) if intent == OUT_OF_SCOPE else test + validation
        parts["test"] += ranked[:test]
        parts["validation"] += ranked[test:end]
        parts["train"] += ranked[end:]
    return parts


def _take_in(settings: PrepareIntents, seed: int, parts: dict[str, list[Utterance]], rejects: Path) -> dict[str, Tally]:
    """Add the users' messages to the parts; what repeats a held-out message is not trained on."""
    check_named_once(settings.sources)
    taken = {comparable(m.text) for found in parts.values() for m in found}
    tallies: dict[str, Tally] = {}
    found: list[Utterance] = []
    for number, source in enumerate(settings.sources, 1):
        messages, tally = read_source(source, settings.intake, taken, rejects / f"{number}.jsonl")
        tallies[source.path] = tally
        dealt = split_utterances(messages, settings, seed) if source.part == "split" else {source.part: messages}
        for part, some in dealt.items():
            for message in some:  # nothing out of scope is trained on
                taker = "validation" if part == "train" and message.intent == OUT_OF_SCOPE else part
                parts[taker].append(message)
                tally.kept[taker] += 1
                if taker == "train":
                    found.append(message)
    if found:
        near = NearTexts((m.text for name in ("validation", "test") for m in parts[name]), settings.intake.near_duplicate_percent)
        leaks = {m.id for m in found if near.find(combination_key(m.text)) is not None}
        parts["train"] = [m for m in parts["train"] if m.id not in leaks]
        for source in settings.sources:
            _count_leaks(tallies[source.path], [m for m in found if m.id in leaks and m.id.startswith(f"{source.path}:")])
    return tallies


def _count_leaks(tally: Tally, leaks: Iterable[Utterance]) -> None:
    for message in leaks:
        tally.drop(HELD_OUT, message.text)
        tally.kept["train"] -= 1


def read_source(source: MessageSource, settings: Intake, taken: set[str], rejects: Path) -> tuple[list[Utterance], Tally]:
    """The messages of one source that pass the filters, normalised, and what became of its lines; `taken` grows by their texts.

    Raises:
        RejectedError: too many unreadable lines.
        ValueError: the source cannot be read at all.
    """
    from data.readers.messages import read_messages

    tally = Tally()
    kept: list[Utterance] = []
    refused: list[Reject] = []
    for item in read_messages(source):
        if isinstance(item, Reject):
            refused.append(item)
            continue
        tally.read += 1
        text = normalize(item.text)
        reason = problem({item.language: text}, settings.cleaning)
        if reason is None and settings.cleaning.duplicates and comparable(text) in taken:
            reason = DUPLICATES
        if reason:
            tally.drop(reason, text)
            continue
        taken.add(comparable(text))
        kept.append(item.model_copy(update={"text": text, "id": f"{source.path}:{item.id}"}))
    tally.rejected = len(refused)
    write_jsonl(rejects, refused)
    check_rejected(source.path, tally, refused[:3], settings.rejected_percent, rejects)
    return kept, tally


def head_labels(intents: Intents) -> dict[str, list[str]]:
    """Head -> its labels, of the shipped messages."""
    return {"intent": list(intents.intents), "sentiment": intents.sentiments, "urgency": intents.urgencies}


def found_labels(messages: Iterable[Utterance]) -> dict[str, list[str]]:
    """Head -> the labels found in messages, sorted; a head that nothing is labelled for is left out."""
    messages = list(messages)
    found = {
        "intent": {m.intent for m in messages} - {OUT_OF_SCOPE},
        "sentiment": {m.sentiment for m in messages if m.sentiment},
        "urgency": {m.urgency for m in messages if m.urgency},
    }
    return {head: sorted(labels) for head, labels in found.items() if labels}


def check_labels(parts: dict[str, list[Utterance]], intents: list[str]) -> None:
    """Look for intents that the classifier has no output for.

    Raises:
        ValueError: there are some; all of them at once, with an example each.
    """
    known = {*intents, OUT_OF_SCOPE}
    strange = {m.intent: m.id for name in PARTS for m in parts[name] if m.intent not in known}
    if strange:
        shown = "; ".join(f"{intent!r} ({example})" for intent, example in sorted(strange.items())[:10])
        raise ValueError(f"{len(strange)} intents of messages are not among those trained: {shown}")


def pattern_messages(grammar: Grammar, count: int, seed: int) -> list[Utterance]:
    """At most `count` expansions per customer pattern and language, as labelled messages."""
    found = []
    for pattern in (p for p in grammar.patterns if p.intent):
        for number, expansion in enumerate(grammar.expansions(pattern, count, seed) if count else []):
            for language, text in grammar.render(expansion, seed, "train").items():
                name = f"{language}.pattern.{pattern.id}.{number}"
                found.append(Utterance(id=name, text=text, intent=str(pattern.intent), language=language))
    return found


def write_parts(parts: Parts, folder: Path) -> None:
    """Write `PART.jsonl` per part, `labels.json` and `counts.json`."""
    for name, messages in parts.messages.items():
        write_jsonl(folder / f"{name}.jsonl", messages)
    counts = {name: dict(sorted(Counter(m.language for m in messages).items())) for name, messages in parts.messages.items()}
    write_json(folder / "labels.json", parts.labels)
    write_json(folder / "counts.json", {"parts": counts, "sources": {path: tally.as_json() for path, tally in parts.tallies.items()}})
