import json
import re
from collections import Counter

import pytest

from configs.schema import PrepareTranslation
from data.checks import LeakError, combination_key
from data.corpus import PARTS, held_out_patterns, split_segments, write_parts
from data.grammar import Grammar, Pattern
from data.protect import find_protected
from data.records import Segment, read_jsonl

NOUNS = ["pump", "motor", "axle", "valve", "belt", "crane", "drill", "lathe"]
TIMES = ["today", "tomorrow", "soon", "now", "later"]
SLOTS = {
    "noun": [{"en": noun, "de": noun.title()} for noun in NOUNS],
    "time": [{"en": time, "de": time[::-1]} for time in TIMES],
    "order_no": {"code": "PO-####"},
}
FORMS = {language: {"fallback": {}, "defaults": {}, "derived": {}} for language in ("en", "de")}


def pattern(name, en, de):
    return Pattern(name, "customer", None, False, {"en": en, "de": de})


def patterns(count):
    verbs = [chr(ord("a") + i // 26) + chr(ord("a") + i % 26) for i in range(count)]
    return [pattern(f"t.{verb}", f"{verb} {{noun}} {{time}} {{order_no}}", f"{verb}en {{noun}} {{time}} {{order_no}}") for verb in verbs]


def grammar(many=20, *more):
    return Grammar([*patterns(many), *more], SLOTS, FORMS, {})


def wanted(**changes):
    values = {
        "languages": ["en", "de"],
        "expansions_per_pattern": 20,
        "validation_segments": 30,
        "test_segments": 40,
        "held_out_patterns_percent": 10.0,
        "expansions_per_held_out_pattern": 4,
    }
    return PrepareTranslation(**values | changes)


@pytest.fixture(scope="module")
def parts():
    return split_segments(grammar(), wanted(), seed=7)


def test_the_parts_have_the_sizes_asked_for(parts):
    assert tuple(parts) == PARTS
    assert {name: len(part) for name, part in parts.items()} == {"train": 18 * 20 - 70, "validation": 30, "test": 40, "test_unseen": 8}


def test_a_combination_is_in_one_part_only(parts):
    for language in ("en", "de"):
        keys = {name: {combination_key(segment.texts[language]) for segment in part} for name, part in parts.items()}
        assert sum(map(len, keys.values())) == len(set.union(*keys.values()))


def test_values_of_the_held_out_parts_were_never_trained_on(parts):
    values = {name: {span.text for s in part for span in find_protected(s.texts["en"])} for name, part in parts.items()}
    assert min(map(len, values.values())) > 5
    for name in ("validation", "test", "test_unseen"):
        assert values[name].isdisjoint(values["train"])


def test_held_out_patterns_are_in_their_own_part_only(parts):
    found = {name: {segment.pattern for segment in part} for name, part in parts.items()}
    assert len(found["test_unseen"]) == 2
    assert found["test_unseen"].isdisjoint(found["train"] | found["test"] | found["validation"])
    assert found["test"] | found["validation"] <= found["train"]
    assert Counter(s.pattern for s in parts["test_unseen"]).most_common()[-1][1] == 4


def test_segments_are_told_apart_by_their_id(parts):
    ids = [segment.id for part in parts.values() for segment in part]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(re.escape(segment.pattern) + r"\.[0-9a-f]{12}", segment.id) for part in parts.values() for segment in part)


def test_the_same_seed_gives_the_same_parts_and_another_seed_others(parts):
    assert split_segments(grammar(), wanted(), seed=7) == parts
    assert split_segments(grammar(), wanted(), seed=8) != parts


def test_a_text_that_two_patterns_share_is_not_trained_on_where_it_is_held_out():
    twins = [
        pattern("t.one", "{noun} {time} {order_no}", "eins {noun} {time}"),
        pattern("t.two", "the {noun} {time}!", "zwei {noun} {time}"),
    ]
    doubles = [pattern("t.double", "THE {noun}, {time}", "drei {noun} {time}")]
    settings = wanted(held_out_patterns_percent=0.0, expansions_per_pattern=38)  # of 40
    parts = split_segments(Grammar(twins + doubles, SLOTS, FORMS, {}), settings, seed=7)
    english = {name: {combination_key(s.texts["en"]) for s in part} for name, part in parts.items()}
    assert english["train"].isdisjoint(english["test"] | english["validation"])
    assert english["test"].isdisjoint(english["validation"])
    assert len(parts["test_unseen"]) == 0
    assert len(parts["train"]) < 3 * 38 - 70  # some had to go


def test_patterns_with_few_combinations_only_train():
    fixed = pattern("t.fixed", "thanks a lot", "danke sehr")
    few = pattern("t.few", "thanks {noun}", "danke {noun}")
    parts = split_segments(grammar(20, fixed, few), wanted(held_out_patterns_percent=0.0), seed=7)
    assert {"t.fixed", "t.few"} <= {s.pattern for s in parts["train"]}
    assert {"t.fixed", "t.few"}.isdisjoint(s.pattern for name in ("test", "validation") for s in parts[name])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_segments": 500}, r"too few combinations \(test: 360 of 500, validation: 0 of 30\)"),
        ({"test_segments": 300, "validation_segments": 61}, r"too few combinations \(validation: 60 of 61\)"),
        ({"test_segments": 300, "validation_segments": 60}, r"too few combinations \(none left to train on\)"),
    ],
)
def test_sizes_that_the_patterns_cannot_fill_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        split_segments(grammar(), wanted(**changes), seed=7)


def test_a_leak_is_refused_even_if_the_dealing_lets_it_through(monkeypatch):
    monkeypatch.setattr("data.corpus._without", lambda segments, *_: list(segments))
    doubles = [pattern("t.one", "{noun} {time}", "eins {noun} {time}"), pattern("t.two", "{noun}, {time}!", "zwei {noun} {time}")]
    with pytest.raises(LeakError, match=r"(test|validation) \(en\): \d+ texts stand in the training data too"):
        split_segments(
            Grammar(doubles, SLOTS, FORMS, {}), wanted(held_out_patterns_percent=0.0, test_segments=10, validation_segments=5), seed=7
        )


def test_a_new_pattern_moves_few_others_in_or_out():
    everything = patterns(200)
    before = held_out_patterns(everything, 10.0, 7)
    assert len(before) == 20
    for new in patterns(260)[200:]:
        after = held_out_patterns([*everything, new], 10.0, 7)
        assert len({p.id for p in before} ^ {p.id for p in after}) <= 2
    assert held_out_patterns(everything[::-1], 10.0, 7) == before
    assert held_out_patterns(everything, 10.0, 8) != before
    assert held_out_patterns(everything, 0.0, 7) == []


def test_the_parts_are_written_with_their_counts(parts, tmp_path):
    write_parts(parts, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*(f"{name}.jsonl" for name in PARTS), "counts.json"}
    assert {name: read_jsonl(tmp_path / f"{name}.jsonl", Segment) for name in PARTS} == parts
    counts = json.loads((tmp_path / "counts.json").read_text())
    assert counts["test_unseen"] == {"segments": 8, "patterns": 2}
    assert counts["train"] == {"segments": 290, "patterns": 18}
