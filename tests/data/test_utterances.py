import json
from collections import Counter

import pytest

from configs.schema import Intents, PrepareIntents
from data.checks import LeakError
from data.grammar import Grammar, Pattern
from data.records import RecordError, Turn, Utterance, read_jsonl
from data.utterances import OUT_OF_SCOPE, PARTS, load_utterances, pattern_messages, prepare, split_utterances, write_parts

LABELS = Intents(intents={"moq": "asks", "thanks": "thanks"}, sentiments=["neutral", "angry"], urgencies=["normal"])
SETTINGS = PrepareIntents(validation_per_intent=2, test_per_intent=3, pattern_messages=5)


def line(**changes):
    return json.dumps({"id": "en.moq.01", "text": "hi", "intent": "moq", "sentiment": "neutral", "urgency": "normal"} | changes)


def write(folder, **files):
    for name, lines in files.items():
        (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_messages_take_their_language_from_the_file(tmp_path):
    turns = [{"role": "agent", "text": "你要多少？"}]
    write(tmp_path, zh=[line(id="zh.1", text="好", history=turns), "", line(id="zh.2", intent=OUT_OF_SCOPE)], en=[line()])
    found = load_utterances(tmp_path, LABELS)
    assert [(m.language, m.id) for m in found] == [("en", "en.moq.01"), ("zh", "zh.1"), ("zh", "zh.2")]
    assert found[1].history == [Turn(role="agent", text="你要多少？")]


def problems(folder):
    with pytest.raises(RecordError) as error:
        load_utterances(folder, LABELS)
    return str(error.value).splitlines()


def test_broken_lines_of_all_files_are_told_at_once(tmp_path):
    write(tmp_path, de=["{"], en=[line(), line(role="x")])
    lines = problems(tmp_path)
    assert len(lines) == 2
    assert lines[0].startswith(f"{tmp_path}/de.jsonl:1: line: Invalid JSON")
    assert lines[1] == f"{tmp_path}/en.jsonl:2: role: Extra inputs are not permitted"


def test_wrong_labels_and_ids_are_told_at_once(tmp_path):
    wrong = [line(id="a", intent="mog"), line(id="b", sentiment="happy"), line(id="c", urgency=None), line(id="d"), line(id="d")]
    assert problems(write(tmp_path, en=wrong)) == [
        "a: intent 'mog' is not in configs/intents.yaml",
        "b: sentiment 'happy' is not known",
        "c: urgency None is not known",
        "d: the id stands twice",
    ]


def test_a_folder_without_messages_is_refused(tmp_path):
    assert problems(tmp_path) == [f"{tmp_path}: holds no messages"]


def messages(count=8, oos=5, languages=("en", "de")):
    found = []
    for language in languages:
        for intent, number in (("moq", count), ("thanks", count), (OUT_OF_SCOPE, oos)):
            words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"][:number]
            found += [
                Utterance(id=f"{language}.{intent}.{w}", text=f"{language} {intent} {w}", intent=intent, language=language) for w in words
            ]
    return found


def test_each_intent_and_language_gives_the_same_number_to_test_and_validation():
    parts = split_utterances(messages(), SETTINGS, 7)
    assert tuple(parts) == PARTS
    counts = {name: Counter((m.language, m.intent) for m in part) for name, part in parts.items()}
    for language in ("en", "de"):
        for intent in ("moq", "thanks"):
            assert [counts[name][language, intent] for name in PARTS] == [3, 2, 3]
        assert [counts[name][language, OUT_OF_SCOPE] for name in PARTS] == [0, 2, 3]


def test_each_message_is_in_one_part():
    parts = split_utterances(messages(), SETTINGS, 7)
    ids = [m.id for part in parts.values() for m in part]
    assert sorted(ids) == sorted(m.id for m in messages())


def test_the_split_depends_on_the_seed_and_not_on_the_order():
    def as_sets(parts):
        return {name: {m.id for m in part} for name, part in parts.items()}

    parts = split_utterances(messages(), SETTINGS, 7)
    assert split_utterances(messages(), SETTINGS, 7) == parts
    assert as_sets(split_utterances(messages()[::-1], SETTINGS, 7)) == as_sets(parts)
    assert as_sets(split_utterances(messages(), SETTINGS, 8)) != as_sets(parts)


def test_a_new_message_moves_no_other_intent():
    more = [*messages(), Utterance(id="en.moq.new", text="new", intent="moq", language="en")]
    one, other = split_utterances(messages(), SETTINGS, 7), split_utterances(more, SETTINGS, 7)
    for name in PARTS:
        assert [m for m in one[name] if (m.language, m.intent) != ("en", "moq")] == [
            m for m in other[name] if (m.language, m.intent) != ("en", "moq")
        ]


def test_too_few_messages_are_refused():
    with pytest.raises(ValueError, match="de: moq has 5 messages, the split needs more than 5"):
        split_utterances(messages(count=5), SETTINGS, 7)


def pattern(name, text, intent="moq", speaker="customer"):
    return Pattern(name, speaker, intent, False, {"en": text, "de": f"{text} bitte"})


def grammar(*patterns):
    forms = {language: {"fallback": {}, "defaults": {}, "derived": {}} for language in ("en", "de")}
    slots = {"noun": [{"en": w, "de": w.title()} for w in ("pump", "motor", "axle")], "qty": {"integers": [2, 90], "step": 1}}
    return Grammar(list(patterns), slots, forms, {})


def test_customer_patterns_become_messages_without_sentiment_and_urgency():
    found = pattern_messages(grammar(pattern("t.a", "{qty} {noun}"), pattern("t.agent", "your {noun}", intent=None, speaker="agent")), 2, 7)
    assert sorted(m.id for m in found) == ["de.pattern.t.a.0", "de.pattern.t.a.1", "en.pattern.t.a.0", "en.pattern.t.a.1"]
    assert {(m.intent, m.sentiment, m.urgency, m.history == []) for m in found} == {("moq", None, None, True)}
    assert all(m.text.endswith(" bitte") == (m.language == "de") for m in found)
    assert pattern_messages(grammar(pattern("t.a", "{qty} {noun}")), 0, 7) == []


def test_patterns_join_the_training_part_only():
    source = grammar(pattern("t.a", "how few {noun} can we order"))
    parts = prepare(messages(), source, SETTINGS, 7)
    by_hand = split_utterances(messages(), SETTINGS, 7)
    assert parts["test"] == by_hand["test"]
    assert parts["validation"] == by_hand["validation"]
    assert parts["train"][: len(by_hand["train"])] == by_hand["train"]
    assert {m.id for m in parts["train"][len(by_hand["train"]) :]} == {f"{lang}.pattern.t.a.{i}" for lang in ("en", "de") for i in range(3)}


def test_a_pattern_that_says_what_a_held_out_message_says_is_left_out():
    held_out = split_utterances(messages(), SETTINGS, 7)["test"]
    text = next(m.text for m in held_out if m.language == "en" and m.intent == "moq")
    parts = prepare(messages(), grammar(pattern("t.copy", text.upper() + "!"), pattern("t.other", "fine {noun}")), SETTINGS, 7)
    assert "en.pattern.t.copy.0" not in {m.id for m in parts["train"]}
    assert "en.pattern.t.other.0" in {m.id for m in parts["train"]}


def repeated():
    """Messages of which two say the same, and a seed whose split trains on one and tests on the other."""
    texts = {"en.moq.one": "OK!", "en.thanks.two": "ok"}
    found = [m.model_copy(update={"text": texts.get(m.id, m.text)}) for m in messages(languages=("en",))]
    for seed in range(100):
        parts = split_utterances(found, SETTINGS, seed)
        where = {m.text: name for name, part in parts.items() for m in part if m.text in texts.values()}
        if where == {"OK!": "train", "ok": "test"}:
            return found, seed
    raise AssertionError("no such seed")


def test_what_a_held_out_message_says_is_not_trained_on():
    found, seed = repeated()
    parts = prepare(found, grammar(), SETTINGS, seed)
    assert "ok" in {m.text for m in parts["test"]}
    assert "OK!" not in {m.text for m in parts["train"]}
    assert len(parts["train"]) == len(split_utterances(found, SETTINGS, seed)["train"]) - 1


def test_a_leak_is_refused_even_if_it_was_not_left_out(monkeypatch):
    found, seed = repeated()
    monkeypatch.setattr("data.utterances.combination_key", lambda text: object())
    with pytest.raises(LeakError, match=r"^test: 1 texts stand in the training data too .*, for example 'ok'"):
        prepare(found, grammar(), SETTINGS, seed)


def test_a_pattern_with_an_intent_that_no_message_has_is_refused():
    patterns = [pattern("t.a", "a {noun}", intent="mog"), pattern("t.b", "b"), pattern("t.c", "c", intent="x")]
    with pytest.raises(ValueError, match=r"^t\.a: intent 'mog' has no hand-written message\nt\.c: intent 'x' has no hand-written message$"):
        prepare(messages(), grammar(*patterns), SETTINGS, 7)


def test_the_parts_are_written_with_their_counts(tmp_path):
    parts = prepare(messages(), grammar(pattern("t.a", "how few {noun}")), SETTINGS, 7)
    write_parts(parts, tmp_path)
    assert {name: read_jsonl(tmp_path / f"{name}.jsonl", Utterance) for name in PARTS} == parts
    counts = json.loads((tmp_path / "counts.json").read_text())
    assert counts == {"train": {"de": 9, "en": 9}, "validation": {"de": 6, "en": 6}, "test": {"de": 9, "en": 9}}
