"""Labelled messages into training, validation and test parts.

The test part is written by hand only. Customer patterns of the corpora carry an intent; their expansions join the training part,
without sentiment and urgency labels.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from pathlib import Path

from configs.schema import Intents, PrepareIntents
from data.checks import check_no_leak, combination_key
from data.grammar import Grammar
from data.records import RecordError, Utterance, read_jsonl, write_json, write_jsonl

OUT_OF_SCOPE = "out_of_scope"
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


def split_utterances(messages: list[Utterance], settings: PrepareIntents, seed: int) -> dict[str, list[Utterance]]:
    """The messages of each part, the same number per intent and language in validation and test.

    Out of scope is halved between the two: there is none to train on.

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
            test, validation = len(ranked) - len(ranked) // 2, len(ranked) // 2
        elif len(ranked) <= test + validation:
            raise ValueError(f"{language}: {intent} has {len(ranked)} messages, the split needs more than {test + validation}")
        parts["test"] += ranked[:test]
        parts["validation"] += ranked[test : test + validation]
        parts["train"] += ranked[test + validation :]
    return parts


def pattern_messages(grammar: Grammar, count: int, seed: int) -> list[Utterance]:
    """At most `count` expansions per customer pattern and language, as labelled messages."""
    found = []
    for pattern in (p for p in grammar.patterns if p.intent):
        for number, expansion in enumerate(grammar.expansions(pattern, count, seed) if count else []):
            for language, text in grammar.render(expansion, seed, "train").items():
                name = f"{language}.pattern.{pattern.id}.{number}"
                found.append(Utterance(id=name, text=text, intent=str(pattern.intent), language=language))
    return found


def prepare(messages: list[Utterance], grammar: Grammar, settings: PrepareIntents, seed: int) -> dict[str, list[Utterance]]:
    """The three parts, the patterns' messages in the training part, checked for leaks.

    Raises:
        LeakError: a held-out message stands in the training part.
        ValueError: too few messages, or a pattern with an intent that no message has.
    """
    known = {message.intent for message in messages}
    unknown = [f"{p.id}: intent {p.intent!r} has no hand-written message" for p in grammar.patterns if p.intent and p.intent not in known]
    if unknown:
        raise ValueError("\n".join(unknown))
    parts = split_utterances(messages, settings, seed)
    held_out = {combination_key(m.text) for name in ("validation", "test") for m in parts[name]}
    candidates = parts["train"] + pattern_messages(grammar, settings.pattern_messages, seed)
    parts["train"] = [m for m in candidates if combination_key(m.text) not in held_out]  # "ok" is written in every language
    for name in ("validation", "test"):
        check_no_leak((m.text for m in parts["train"]), (m.text for m in parts[name]), name)
    return parts


def write_parts(parts: dict[str, list[Utterance]], folder: Path) -> None:
    """Write `PART.jsonl` per part and `counts.json`."""
    for name, messages in parts.items():
        write_jsonl(folder / f"{name}.jsonl", messages)
    counts = {name: dict(sorted(Counter(m.language for m in messages).items())) for name, messages in parts.items()}
    write_json(folder / "counts.json", counts)
