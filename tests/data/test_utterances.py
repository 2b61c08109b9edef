import itertools
import json
from collections import Counter

import pytest

from configs.schema import PARAMS_FILE, Intents, MessageSource, load_params
from data.checks import LeakError
from data.cleaning import DUPLICATES, HELD_OUT
from data.grammar import Grammar, Pattern
from data.records import OUT_OF_SCOPE, RecordError, Reject, Turn, Utterance, read_jsonl
from data.tally import RejectedError
from data.utterances import (
    PARTS,
    Parts,
    check_labels,
    found_labels,
    head_labels,
    load_utterances,
    pattern_messages,
    prepare,
    read_source,
    split_utterances,
    write_parts,
)

LABELS = Intents(intents={"moq": "asks", "thanks": "thanks"}, sentiments=["neutral", "angry"], urgencies=["normal"])
ACTIVE = load_params(PARAMS_FILE).prepare_intents
SIZES = {"validation_per_intent": 2, "test_per_intent": 3, "out_of_scope_test": 3, "pattern_messages": 5, "sources": []}
SETTINGS = ACTIVE.model_copy(update=SIZES)
EXACT = ACTIVE.intake.model_copy(update={"near_duplicate_percent": 100.0})  # the short messages of these tests are near


@pytest.fixture
def made(tmp_path):
    """`prepare` with a default for everything but the shipped messages."""

    def make(shipped, source=None, translated=(), settings=SETTINGS, seed=7):
        return prepare(shipped, list(translated), source, LABELS, settings, seed, tmp_path / "rejects")

    return make


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


WORDS = ["flange", "gearbox", "spindle", "hopper", "conveyor", "nozzle", "bearing", "winch", "clutch", "piston"]


def messages(count=8, oos=5, languages=("en", "de")):
    """Messages of which no two are near."""
    found = []
    for language in languages:
        for intent, number in (("moq", count), ("thanks", count), (OUT_OF_SCOPE, oos)):
            found += [
                Utterance(id=f"{language}.{intent}.{w}", text=f"{language} {intent} {w}", intent=intent, language=language)
                for w in WORDS[:number]
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


def test_nothing_out_of_scope_is_trained_on_whatever_there_is_more():
    parts = split_utterances(messages(oos=9), SETTINGS, 7)
    counts = [Counter(m.language for m in parts[name] if m.intent == OUT_OF_SCOPE) for name in PARTS]
    assert counts == [{}, {"en": 6, "de": 6}, {"en": 3, "de": 3}]


def test_too_few_messages_out_of_scope_are_refused():
    with pytest.raises(ValueError, match="de: out_of_scope has 4 messages, the split needs more than 4"):
        split_utterances(messages(oos=4), SETTINGS, 7)


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


def test_patterns_join_the_training_part_only(made):
    source = grammar(pattern("t.a", "how few {noun} can we order"))
    parts = made(messages(), source).messages
    by_hand = split_utterances(messages(), SETTINGS, 7)
    assert parts["test"] == by_hand["test"]
    assert parts["validation"] == by_hand["validation"]
    assert parts["train"][: len(by_hand["train"])] == by_hand["train"]
    assert {m.id for m in parts["train"][len(by_hand["train"]) :]} == {f"{lang}.pattern.t.a.{i}" for lang in ("en", "de") for i in range(3)}


def held_out_text():
    return next(m.text for m in split_utterances(messages(), SETTINGS, 7)["test"] if m.language == "en" and m.intent == "moq")


@pytest.mark.parametrize("end", ["!", " 5", "s"])
def test_a_pattern_that_says_nearly_what_a_held_out_message_says_is_left_out(made, end):
    parts = made(messages(), grammar(pattern("t.copy", f"{held_out_text().upper()}{end}"), pattern("t.other", "fine {noun}"))).messages
    assert "en.pattern.t.copy.0" not in {m.id for m in parts["train"]}
    assert "en.pattern.t.other.0" in {m.id for m in parts["train"]}


def repeated(texts):
    """Messages of which two say these texts, and a seed whose split trains on one and tests on the other."""
    of = dict(zip(["en.moq.flange", "en.thanks.gearbox"], texts, strict=True))
    found = [m.model_copy(update={"text": of.get(m.id, m.text)}) for m in messages(languages=("en",))]
    for seed in range(100):
        parts = split_utterances(found, SETTINGS, seed)
        where = {m.text: name for name, part in parts.items() for m in part if m.text in texts}
        if where == dict(zip(texts, ["train", "test"], strict=True)):
            return found, seed
    raise AssertionError("no such seed")


def test_what_a_held_out_message_says_is_not_trained_on(made):
    found, seed = repeated(["OK!", "ok"])
    parts = made(found, grammar(), seed=seed).messages
    assert "ok" in {m.text for m in parts["test"]}
    assert "OK!" not in {m.text for m in parts["train"]}
    assert len(parts["train"]) == len(split_utterances(found, SETTINGS, seed)["train"]) - 1


def test_a_hand_written_message_near_to_a_held_out_one_is_refused(made):
    found, seed = repeated(["please tell us when it leaves the port, ok", "Please tell us when it leaves the port."])
    with pytest.raises(LeakError, match=r"^test: 1 training texts are nearly those of the test part, for example 'Please tell us when"):
        made(found, grammar(), seed=seed)


def test_a_leak_is_refused_even_if_it_was_not_left_out(made, monkeypatch):
    found, seed = repeated(["OK!", "ok"])
    numbers = itertools.count()
    monkeypatch.setattr("data.utterances.combination_key", lambda text: str(next(numbers)))
    with pytest.raises(LeakError, match=r"^test: 1 texts stand in the training data too .*, for example 'ok'"):
        made(found, grammar(), seed=seed)


def test_a_pattern_with_an_intent_that_is_not_trained_is_refused(made):
    patterns = [pattern("t.a", "a {noun}", intent="mog"), pattern("t.b", "b"), pattern("t.c", "c", intent="x")]
    said = r"^2 intents of messages are not among those trained: 'mog' \(de\.pattern\.t\.a\.\d\); 'x' \(de\.pattern\.t\.c\.0\)$"
    with pytest.raises(ValueError, match=said):
        made(messages(), grammar(*patterns))


# Translations


def translations(of, text="{} auf Chinesisch"):
    return [m.model_copy(update={"id": f"{m.id}>zh", "language": "zh", "text": text.format(m.text[::-1])}) for m in of]


def test_the_translations_of_what_is_trained_on_are_trained_on(made):
    by_hand = split_utterances(messages(), SETTINGS, 7)
    parts = made(messages(), translated=translations(messages())).messages
    new = [m for m in parts["train"] if m.language == "zh"]
    assert {m.id for m in new} == {f"{m.id}>zh" for m in by_hand["train"]}
    assert all(m.language != "zh" for name in ("validation", "test") for m in parts[name])


def test_a_translation_that_says_nearly_what_a_held_out_message_says_is_left_out(made):
    trained = split_utterances(messages(), SETTINGS, 7)["train"]
    copies = translations(trained[:1], held_out_text()) + translations(trained[1:2], f"{held_out_text()}s")
    parts = made(messages(), translated=[*copies, *translations(trained[2:3])]).messages
    assert [m.id for m in parts["train"] if ">" in m.id] == [f"{trained[2].id}>zh"]


# Labels


def test_the_labels_of_the_shipped_messages_are_those_of_the_settings(made):
    assert (
        made(messages()).labels
        == head_labels(LABELS)
        == {
            "intent": ["moq", "thanks"],
            "sentiment": ["neutral", "angry"],
            "urgency": ["normal"],
        }
    )


def test_the_labels_of_users_data_alone_are_those_found_in_it():
    some = [
        Utterance(id="1", text="a", intent="refund", sentiment="sad"),
        Utterance(id="2", text="b", intent=OUT_OF_SCOPE, sentiment="glad"),
        Utterance(id="3", text="c", intent="alarm", sentiment="sad"),
    ]
    assert found_labels(some) == {"intent": ["alarm", "refund"], "sentiment": ["glad", "sad"]}
    assert found_labels([]) == {}


def test_intents_without_an_output_are_told_at_once():
    some = [Utterance(id=str(i), text="a", intent=intent) for i, intent in enumerate(["moq", OUT_OF_SCOPE, "x", "mog", "x"])]
    check_labels({"train": some[:2], "validation": [], "test": []}, ["moq"])
    with pytest.raises(ValueError, match=r"^2 intents of messages are not among those trained: 'mog' \(3\); 'x' \(4\)$"):
        check_labels({"train": some[:2], "validation": some[3:4], "test": some[2:]}, ["moq"])


# Users' data


def given(path, part="train", **changes):
    values = {"path": str(path), "format": None, "encoding": None, "columns": {}, "language": "en", "part": part}
    return MessageSource(**values | changes)


def table(path, rows):
    path.write_text("".join("\t".join(row) + "\n" for row in [("text", "intent"), *rows]), encoding="utf-8")
    return path


def with_sources(*sources, **changes):
    return SETTINGS.model_copy(update={"sources": list(sources), **changes})


def test_a_source_is_read_cleaned_and_counted(tmp_path):
    rows = [("  How\u00a0many? ", "moq"), ("Сколько?", "moq"), ("HOW MANY!", "moq"), ("thx", "thanks"), ("…", "moq"), ("lonely",)]
    path = table(tmp_path / "a.tsv", rows)
    taken = {"thx"}
    settings = ACTIVE.intake.model_copy(update={"rejected_percent": 20.0})
    found, tally = read_source(given(path), settings, taken, tmp_path / "rejects" / "1.jsonl")
    assert found == [Utterance(id=f"{path}:a.tsv:2", text="How many?", intent="moq", language="en")]
    assert (tally.read, tally.rejected, dict(tally.dropped)) == (5, 1, {"script": 1, DUPLICATES: 2, "empty": 1})
    assert tally.examples[DUPLICATES] == ["HOW MANY!", "thx"]
    assert taken == {"thx", "howmany"}
    rejects = read_jsonl(tmp_path / "rejects" / "1.jsonl", Reject)
    assert rejects == [Reject(file=str(path), line=7, reason="1 fields, expected 2", text="lonely")]


def test_too_many_rejects_are_refused_and_all_of_them_written(made, tmp_path):
    path = table(tmp_path / "a.tsv", [("How many?", "moq"), ("lonely",), ("a", "b", "c")])
    with pytest.raises(RejectedError) as error:
        made(messages(), settings=with_sources(given(path)))
    rejects = tmp_path / "rejects" / "1.jsonl"
    assert str(error.value).splitlines() == [
        f"{path}: 2 of 3 lines could not be read, 1 % are allowed (rejected_percent); all of them are in {rejects}",
        f"{path}:3: 1 fields, expected 2",
        f"{path}:4: 3 fields, expected 2",
    ]
    assert [reject.line for reject in read_jsonl(rejects, Reject)] == [3, 4]


def test_users_messages_join_the_part_that_they_say(made, tmp_path):
    rows = {
        "train": [("how many turbines", "moq"), ("my tooth hurts", OUT_OF_SCOPE)],
        "test": [("many thanks to you", "thanks"), ("how is the weather", OUT_OF_SCOPE)],
        "validation": [("least quantity?", "moq")],
    }
    sources = [given(table(tmp_path / f"{part}.tsv", some), part) for part, some in rows.items()]
    found = made(messages(), settings=with_sources(*sources))
    users = {name: [m.text for m in found.messages[name] if m.id.startswith(str(tmp_path))] for name in PARTS}
    assert users == {
        "train": ["how many turbines"],
        "validation": ["my tooth hurts", "least quantity?"],
        "test": ["many thanks to you", "how is the weather"],
    }
    kept = {source.part: dict(found.tallies[source.path].kept) for source in sources}
    assert kept == {"train": {"train": 1, "validation": 1}, "test": {"test": 2}, "validation": {"validation": 1}}
    assert {name: dict(tally.dropped) for name, tally in found.tallies.items()} == {source.path: {} for source in sources}


def test_users_messages_are_split_like_the_shipped_ones(made, tmp_path):
    rows = [(f"{stem} {w * 2} now", intent) for intent, stem in (("moq", "fewest"), ("thanks", "grateful for")) for w in WORDS]
    source = given(table(tmp_path / "a.tsv", rows), "split", language="es")
    found = made(messages(), settings=with_sources(source, intake=EXACT))
    counts = {name: Counter(m.intent for m in found.messages[name] if m.language == "es") for name in PARTS}
    assert counts == {"train": {"moq": 5, "thanks": 5}, "validation": {"moq": 2, "thanks": 2}, "test": {"moq": 3, "thanks": 3}}
    assert dict(found.tallies[source.path].kept) == {"test": 6, "validation": 4, "train": 10}


def test_what_repeats_a_held_out_message_is_not_trained_on(made, tmp_path):
    texts = ["Please tell us when it leaves the port", "tell me the port"]
    trained = [("please tell us when it leaves the port, ok", "moq"), ("Tell me the PORT!", "moq"), ("how many turbines", "moq")]
    first = given(table(tmp_path / "a.tsv", [*trained, (held_out_text().upper(), "moq"), (f"{held_out_text()}s", "moq")]))
    second = given(table(tmp_path / "b.tsv", [(text, "moq") for text in texts]), "test")
    found = made(messages(), settings=with_sources(first, second))
    assert [m.text for m in found.messages["train"] if m.id.startswith(str(tmp_path))] == ["Tell me the PORT!", "how many turbines"]
    assert texts[0] in {m.text for m in found.messages["test"]}
    tally, other = found.tallies[first.path], found.tallies[second.path]
    assert dict(tally.dropped) == {DUPLICATES: 1, HELD_OUT: 2}
    assert tally.examples[HELD_OUT] == [trained[0][0], f"{held_out_text()}s"]
    assert (dict(tally.kept), dict(other.kept), dict(other.dropped)) == ({"train": 2}, {"test": 1}, {DUPLICATES: 1})


def test_users_intents_that_are_not_trained_are_refused(made, tmp_path):
    path = table(tmp_path / "a.tsv", [("how many turbines", "moq"), ("my money back", "refund")])
    with pytest.raises(ValueError, match=r"^1 intents of messages are not among those trained: 'refund' \(.*a\.tsv:a\.tsv:3\)$"):
        made(messages(), settings=with_sources(given(path)))


def alone(path, part="split"):
    return with_sources(given(path, part), shipped=False, intake=EXACT)


def test_users_data_alone_brings_its_own_labels(made, tmp_path):
    rows = [(f"{stem} {w * 2} now", intent) for intent, stem in (("refund", "money back for"), ("alarm", "beeping")) for w in WORDS]
    found = made([], settings=alone(table(tmp_path / "a.tsv", rows)))
    assert found.labels == {"intent": ["alarm", "refund"]}
    assert {name: len(part) for name, part in found.messages.items()} == {"train": 10, "validation": 4, "test": 6}


def test_users_data_alone_without_anything_to_train_on_is_refused(made, tmp_path):
    path = table(tmp_path / "a.tsv", [("my money back", "refund")])
    with pytest.raises(ValueError, match=r"^1 intents of messages are not among those trained: 'refund'"):
        made([], settings=alone(path, "test"))


def test_the_parts_are_written_with_their_labels_and_counts(made, tmp_path):
    path = table(tmp_path / "a.tsv", [("how many turbines", "moq"), ("…", "moq")])
    parts = made(messages(), grammar(pattern("t.a", "how few {noun}")), settings=with_sources(given(path)))
    write_parts(parts, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*(f"{name}.jsonl" for name in PARTS), "labels.json", "counts.json"}
    assert {name: read_jsonl(tmp_path / "out" / f"{name}.jsonl", Utterance) for name in PARTS} == parts.messages
    assert json.loads((tmp_path / "out" / "labels.json").read_text()) == parts.labels
    counts = json.loads((tmp_path / "out" / "counts.json").read_text())
    assert counts["parts"] == {"train": {"de": 9, "en": 10}, "validation": {"de": 6, "en": 6}, "test": {"de": 9, "en": 9}}
    assert counts["sources"] == {str(path): parts.tallies[str(path)].as_json()}


def test_parts_without_users_data_name_no_source(tmp_path):
    write_parts(Parts({name: [] for name in PARTS}, {"intent": ["a"]}), tmp_path)
    assert json.loads((tmp_path / "counts.json").read_text())["sources"] == {}
