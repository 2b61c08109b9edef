"""A data set -> its profile: one dictionary, which is what `--json` prints and what the table and the page show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from configs.schema import Intake, Intents, MessageSource, Params
from data.console import STDERR, track
from data.glossary import Glossary
from data.profiling.figures import percent
from data.profiling.findings import find
from data.profiling.opened import MESSAGES, DataSet
from data.profiling.reading import Labels, Reading
from data.profiling.sampled import conflicts, languages_told, near_texts, protected_values, same_but_for_values, term_counts
from data.readers.segments import count_lines
from data.records import OUT_OF_SCOPE


@dataclass(frozen=True)
class Rules:
    """What a data set is judged by.

    Attributes:
        intake: limits and filters.
        held_out: segments that the preparation takes out of a source.
        per_intent: messages that it needs per intent and language at least.
        intents: the labels of the shipped messages.
        glossaries: the shipped ones.
    """

    intake: Intake
    held_out: int
    per_intent: int
    intents: frozenset[str]
    glossaries: Mapping[str, Glossary]


def rules_for(data: DataSet, params: Params, intents: Intents, glossaries: Mapping[str, Glossary]) -> Rules:
    """The rules of the stage that would prepare the data set."""
    translation, messages = params.prepare_translation, params.prepare_intents
    return Rules(
        messages.intake if data.kind == MESSAGES else translation.intake,
        translation.validation_segments + translation.test_segments,
        messages.validation_per_intent + messages.test_per_intent + 1,
        frozenset({*intents.intents, OUT_OF_SCOPE}),
        glossaries,
    )


def measure(data: DataSet, rules: Rules) -> dict[str, Any]:
    """The profile of a data set.

    Raises:
        ValueError: nothing in it can be read.
    """
    reading = Reading(rules.intake.cleaning, data.kind == MESSAGES)
    lines = count_lines(data.source) or None if STDERR.is_terminal else None
    reading.take(track(data.items(), f"reading {data.source.path}", lines))
    if not reading.read:
        first = "".join(f"; {reject['where']}: {reject['reason']}" for reject in reading.rejects[:1])
        raise ValueError(f"{data.source.path}: no line can be used{first}")
    profile = _exact(data, reading, rules) | _sampled(reading, rules)
    return profile | {"findings": find(profile)}


def _exact(data: DataSet, reading: Reading, rules: Rules) -> dict[str, Any]:
    """What was counted over all lines."""
    rejected = reading.rejected.total()
    limits = {
        "rejected_percent": rules.intake.rejected_percent,
        "held_out": rules.held_out,
        "per_intent": rules.per_intent,
        "filters": _switches(rules.intake),
    }
    return {
        "path": data.source.path,
        "kind": data.kind,
        "unit": "messages" if data.kind == MESSAGES else "segments",
        "guess": data.guess,
        "parameters": _entry(data),
        "files": [file | {"items": reading.files[file["items"]]} for file in data.files()],
        "read": reading.read,
        "rejected": {
            "count": rejected,
            "percent": percent(rejected, reading.read + rejected),
            "reasons": dict(reading.rejected.most_common(10)),
            "first": reading.rejects,
        },
        "languages": {language: texts.summary() for language, texts in reading.texts.items()},
        "ratios": reading.ratio_summaries(),
        "duplicates": reading.duplicates(),
        "suspicious": reading.suspicious_summary(),
        "characters": reading.odd_summary(),
        "limits": limits,
    }


def _entry(data: DataSet) -> str:
    """The source as `configs/params.yaml` wants it, in YAML's flow style."""
    import yaml

    stage = "prepare_intents" if isinstance(data.source, MessageSource) else "prepare_translation"
    entry = yaml.safe_dump(data.source.model_dump(), default_flow_style=True, allow_unicode=True, sort_keys=False, width=10_000).strip()
    return f"{stage}.sources: [{entry}]"


def _switches(intake: Intake) -> dict[str, bool]:
    """Filter -> whether the parameters have it on."""
    return {name: value if isinstance(value, bool) else value.enabled for name, value in intake.cleaning}


def _sampled(reading: Reading, rules: Rules) -> dict[str, Any]:
    """What was measured on the sample."""
    items = reading.sample.drawn()
    found = {
        "sampled": {"items": len(items), "all": len(items) == reading.read},
        "detected": languages_told(items, rules.intake.cleaning.language),
        "near": near_texts(items, rules.intake.near_duplicate_percent),
        "but_for_values": same_but_for_values(items),
        "protected": protected_values(items),
        "terms": term_counts(items, rules.glossaries),
    }
    if reading.labels is not None:
        count, hashes = reading.labels.conflicting(reading.firsts)
        labels = _judged(reading.labels, rules)
        found["labels"] = labels | {"conflicting": {"count": count, "examples": list(conflicts(items, hashes))}}
    return found


def _judged(labels: Labels, rules: Rules) -> dict[str, Any]:
    """The labels, with what of them is out of balance or not known."""
    found = labels.summary()
    intents = found["intents"]
    sizes = {intent: sum(by_language.values()) for intent, by_language in intents.items() if intent != OUT_OF_SCOPE}
    few = {
        f"{intent} ({language})" if language else intent: count
        for intent, by_language in intents.items()
        for language, count in by_language.items()
        if count < rules.per_intent
    }
    return found | {
        "imbalance": round(max(sizes.values()) / min(sizes.values()), 2) if sizes else None,
        "few": dict(sorted(few.items(), key=lambda entry: entry[1])),
        "unknown": [intent for intent in intents if intent not in rules.intents],
    }
