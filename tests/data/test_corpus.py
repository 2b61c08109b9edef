import json
import random
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from configs.schema import PARAMS_FILE, SegmentSource, load_params
from data.checks import LeakError, combination_key
from data.cleaning import DUPLICATES, HELD_OUT, HELD_OUT_TERM
from data.corpus import (
    PARTS,
    Sources,
    check_leaks,
    check_patterns,
    expansions_with,
    held_out_patterns,
    load_messages,
    load_phrases,
    load_unseen,
    prepare,
    shipped_segments,
    split_segments,
    term_tests,
)
from data.glossary import Glossary, Term, load_glossaries
from data.glossary.yaml_files import write_yaml
from data.grammar import Grammar, Pattern, load_slots
from data.protect import find_protected
from data.records import RecordError, Reject, Segment, read_jsonl
from data.tally import RejectedError
from data.unknown_terms import TermFinder, held_out_terms, slot_groups

NOUNS = ["pump", "motor", "axle", "valve", "belt", "crane", "drill", "lathe"]
TIMES = ["today", "tomorrow", "soon", "now", "later"]
SLOTS = {
    "noun": [{"en": noun, "de": noun.title()} for noun in NOUNS],
    "time": [{"en": time, "de": time[::-1]} for time in TIMES],
    "order_no": {"code": "PO-####"},
}
FORMS = {language: {"fallback": {}, "defaults": {}, "derived": {}} for language in ("en", "de")}
ACTIVE = load_params(PARAMS_FILE).prepare_translation
NO_LANGUAGE = ACTIVE.intake.cleaning.language.model_copy(update={"enabled": False})  # our sentences are in none
INTAKE = ACTIVE.intake.model_copy(update={"cleaning": ACTIVE.intake.cleaning.model_copy(update={"language": NO_LANGUAGE})})
NOTHING_UNKNOWN = TermFinder({}, (), ())
SPLIT = ("test_held_out", "test", "validation", "train")  # in the order in which they take their texts


def pattern(name, en, de, informal=None):
    return Pattern(name, "customer", None, False, {"en": en, "de": de}, informal or {})


def patterns(count):
    verbs = [chr(ord("a") + i // 26) + chr(ord("a") + i % 26) for i in range(count)]
    return [pattern(f"t.{verb}", f"{verb} {{noun}} {{time}} {{order_no}}", f"{verb}en {{noun}} {{time}} {{order_no}}") for verb in verbs]


def grammar(many=20, *more):
    return Grammar([*patterns(many), *more], SLOTS, FORMS, {})


def wanted(**changes):
    values = {
        "languages": ["en", "de"],
        "expansions_per_pattern": 20,
        "phrase_repeats": 3,
        "message_repeats": 2,
        "informal_percent": 20.0,
        "validation_segments": 30,
        "test_segments": 40,
        "held_out_patterns_percent": 10.0,
        "expansions_per_held_out_pattern": 4,
        "sources": [],
        "intake": INTAKE,
    }
    return ACTIVE.model_copy(update=values | changes)


def split(grammar, seed=7, **changes):
    return split_segments(grammar, wanted(**changes), seed, combination_key)


@pytest.fixture(scope="module")
def parts():
    return split(grammar())


def test_the_parts_have_the_sizes_asked_for(parts):
    assert tuple(parts) == SPLIT
    assert {name: len(part) for name, part in parts.items()} == {"test_held_out": 8, "test": 40, "validation": 30, "train": 18 * 20 - 70}


def test_a_combination_is_in_one_part_only(parts):
    for language in ("en", "de"):
        keys = {name: {combination_key(segment.texts[language]) for segment in part} for name, part in parts.items()}
        assert sum(map(len, keys.values())) == len(set.union(*keys.values()))


def test_values_of_the_held_out_parts_were_never_trained_on(parts):
    values = {name: {span.text for s in part for span in find_protected(s.texts["en"])} for name, part in parts.items()}
    assert min(map(len, values.values())) > 5
    for name in ("validation", "test", "test_held_out"):
        assert values[name].isdisjoint(values["train"])


def test_held_out_patterns_are_in_their_own_part_only(parts):
    found = {name: {segment.pattern for segment in part} for name, part in parts.items()}
    assert len(found["test_held_out"]) == 2
    assert found["test_held_out"].isdisjoint(found["train"] | found["test"] | found["validation"])
    assert found["test"] | found["validation"] <= found["train"]
    assert Counter(s.pattern for s in parts["test_held_out"]).most_common()[-1][1] == 4


def test_segments_are_told_apart_by_their_id(parts):
    ids = [segment.id for part in parts.values() for segment in part]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(re.escape(segment.pattern) + r"\.[0-9a-f]{12}", segment.id) for part in parts.values() for segment in part)


def test_the_same_seed_gives_the_same_parts_and_another_seed_others(parts):
    assert split(grammar()) == parts
    assert split(grammar(), seed=8) != parts


def test_a_text_that_two_patterns_share_is_not_trained_on_where_it_is_held_out():
    twins = [
        pattern("t.one", "{noun} {time} {order_no}", "eins {noun} {time}"),
        pattern("t.two", "the {noun} {time}!", "zwei {noun} {time}"),
    ]
    doubles = [pattern("t.double", "THE {noun}, {time}", "drei {noun} {time}")]
    everything = Grammar(twins + doubles, SLOTS, FORMS, {})
    parts = split(everything, held_out_patterns_percent=0.0, expansions_per_pattern=38)  # of 40
    english = {name: {combination_key(s.texts["en"]) for s in part} for name, part in parts.items()}
    assert english["train"].isdisjoint(english["test"] | english["validation"])
    assert english["test"].isdisjoint(english["validation"])
    assert len(parts["test_held_out"]) == 0
    assert len(parts["train"]) < 3 * 38 - 70  # some had to go


def test_patterns_with_few_combinations_only_train():
    fixed = pattern("t.fixed", "thanks a lot", "danke sehr")
    few = pattern("t.few", "thanks {noun}", "danke {noun}")
    parts = split(grammar(20, fixed, few), held_out_patterns_percent=0.0)
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
        split(grammar(), **changes)


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


# Informal wordings


@pytest.mark.parametrize(("percent", "fewest", "most"), [(0.0, 0, 0), (50.0, 1, 19), (100.0, 20, 20)])
def test_some_expansions_are_trained_on_in_their_informal_wording_too(percent, fewest, most):
    worded = pattern("t.worded", "please send {noun} {time}", "bitte schicken Sie {noun} {time}", {"de": "schick mal {noun} {time}"})
    parts = split(grammar(20, worded), informal_percent=percent, test_segments=1, validation_segments=1, held_out_patterns_percent=0.0)
    loose = [segment for segment in parts["train"] if segment.source_only]
    assert fewest <= len(loose) <= most
    formal = {s.texts["en"]: s.texts["de"] for s in parts["train"] if s.pattern == "t.worded" and not s.source_only}
    for segment in loose:
        assert segment.source_only == ["de"]
        assert re.fullmatch(r"t\.worded\.informal\.[0-9a-f]{12}", segment.id)
        assert segment.texts["de"] == formal[segment.texts["en"]].replace("Bitte schicken Sie", "Schick mal")
    assert len({segment.id for segment in parts["train"]}) == len(parts["train"])


def test_the_held_out_parts_have_no_informal_wording():
    worded = [
        pattern(f"t.{verb}", f"{verb} {{noun}} {{time}}", f"{verb}en Sie {{noun}} {{time}}", {"de": f"{verb} mal {{noun}} {{time}}"})
        for verb in "abcdefghij"
    ]
    parts = split(Grammar(worded, SLOTS, FORMS, {}), informal_percent=100.0)
    assert all(segment.source_only == [] and " Sie " in segment.texts["de"] for name in SPLIT[:3] for segment in parts[name])
    assert any(segment.source_only for segment in parts["train"])


# Leaks


ASKED = "please tell us when {noun} leaves the port"


def test_a_held_out_pattern_that_nearly_repeats_a_trained_one_is_refused():
    held_out = [pattern("t.out", ASKED, "Wann geht {noun} ab?"), pattern("t.fine", "thanks a lot", "danke sehr")]
    trained = [pattern("t.in", ASKED.replace("{noun}", "{order_no}") + ", ok", "{noun} geht wann ab Hafen?")]
    shown = re.escape("'please tell us when  leaves the port' and 'pleasetelluswhenleavestheportok'")
    said = f"^held-out patterns \\(en\\): 1 training texts are nearly those of the test part, for example {shown}$"
    with pytest.raises(LeakError, match=said):
        check_patterns(held_out, trained, 80.0)
    check_patterns(held_out, trained, 100.0)
    check_patterns(held_out[1:], trained, 80.0)


def segments(*texts):
    return [Segment(id=str(i), pattern="p", texts={"en": en, "de": de}) for i, (en, de) in enumerate(texts)]


FINE = ("The crane is bent", "Der Kran ist krumm")


def leaky(name, *texts):
    """Parts of which one, beside the training part, holds these texts."""
    trained = segments(("Where is PO-11?", "Wo ist PO-11?"), ("Please tell us when it leaves", "Bitte sagen Sie, wann es abgeht"))
    return {part: segments(FINE) for part in PARTS} | {"train": trained, name: segments(*texts)}


@pytest.mark.parametrize("name", PARTS[1:])
def test_a_held_out_text_that_is_trained_on_is_refused(name):
    check_leaks(leaky(name, FINE), wanted(), combination_key)
    said = rf"^{name} \(de\): 1 texts stand in the training data too \(values aside\), for example 'wo ist PO-22'$"
    with pytest.raises(LeakError, match=said):
        check_leaks(leaky(name, FINE, ("Where's PO-22 now?", "wo ist PO-22")), wanted(), combination_key)


def test_an_unseen_test_sentence_may_not_come_near_either():
    near = ("Please tell us when it leaves it", "Wann geht das los?")
    with pytest.raises(LeakError, match=r"^test_unseen \(en\): 1 training texts are nearly those of the test part"):
        check_leaks(leaky("test_unseen", near), wanted(), combination_key)
    check_leaks(leaky("test", near), wanted(), combination_key)


# Everything that is shipped


UNSEEN = {"id": "unseen.en.01", "pattern": "unseen.en", "texts": {"en": "The lid cracked in the cold", "de": "Der Deckel riss bei Kälte"}}
MESSAGES = {"en.moq.01": "whats ur minimum", "en.moq.02": "the lid cracked, in the COLD!", "en.moq.03": "50 pls"}
TRANSLATIONS = [
    "id\tde",
    "en.moq.01\tWie hoch ist die Mindestmenge?",
    "en.moq.02\tDas Gehäuse brach im Frost",
]
PHRASES = ["en\tde\tes\tzh", "size\tdie Größe\tel tamaño\t尺寸", "Good morning.\tGuten Morgen.\tBuenos días.\t早上好。"]


def write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def message(name, text):
    labels = {"intent": "moq", "sentiment": "neutral", "urgency": "normal"}
    return json.dumps({"id": name, "text": text, **labels})


def dump(path, value):
    write(path, yaml.safe_dump(value, allow_unicode=True).splitlines())


@pytest.fixture
def sources(tmp_path):
    """A shipped data set in little."""
    found = Sources(**{name: tmp_path / name for name in Sources.__dataclass_fields__})
    entries = [{"id": p.id, "speaker": "customer", "opener": False, **p.templates} for p in patterns(20)]
    dump(found.corpora / "t.yaml", {"patterns": entries})
    dump(found.corpora / "slots.yaml", {"slots": SLOTS})
    dump(found.corpora / "forms.yaml", FORMS)
    write(found.phrases / "field.tsv", PHRASES)
    write(found.messages / "en.jsonl", [message(name, text) for name, text in MESSAGES.items()])
    write(found.translations / "en.tsv", TRANSLATIONS)
    write(found.unseen / "en.jsonl", [json.dumps(UNSEEN)])
    return found


def test_everything_shipped_has_its_part(sources):
    parts = shipped_segments(sources, wanted(), 7, NOTHING_UNKNOWN)
    assert tuple(parts) == PARTS
    assert parts["test_unseen"] == [Segment(**UNSEEN)]
    sizes = {name: len(part) for name, part in parts.items()}
    assert sizes == {"train": 290 + 2 * 3 + 1 * 2, "validation": 30, "test": 40, "test_held_out": 8, "test_unseen": 1, "test_terms": 0}
    phrases = [segment for segment in parts["train"] if segment.pattern == "field.tsv"]
    assert [segment.id for segment in phrases] == [f"field.tsv:{line}#{n}" for line in (2, 3) for n in (1, 2, 3)]
    assert phrases[0].texts == {"en": "size", "de": "die Größe"}
    messages = [segment for segment in parts["train"] if segment.pattern == "message"]
    assert [segment.id for segment in messages] == ["message.en.moq.01#1", "message.en.moq.01#2"]
    assert {tuple(segment.source_only) for segment in messages} == {("en",)}


def test_what_a_held_out_part_says_in_any_language_is_not_trained_on(sources):
    write(sources.phrases / "more.tsv", [PHRASES[0], "a cover\tDER DECKEL riss bei Kälte!\tla tapa\t盖子"])
    trained = shipped_segments(sources, wanted(), 7, NOTHING_UNKNOWN)["train"]
    assert {"size", "Whats ur minimum".lower()} <= {segment.texts["en"].lower() for segment in trained}
    assert {"a cover", MESSAGES["en.moq.02"]}.isdisjoint(segment.texts["en"] for segment in trained)


def test_a_phrase_near_to_an_unseen_test_sentence_is_refused(sources):
    write(sources.phrases / "more.tsv", [PHRASES[0], "The lid cracked in the cold, ok\tDer Deckel ist hin\tla tapa\t盖子"])
    with pytest.raises(
        LeakError, match=r"^test_unseen \(en\): 1 training texts are nearly .* 'The lid cracked in the cold' and 'thelidcrackedinthecoldok'"
    ):
        shipped_segments(sources, wanted(), 7, NOTHING_UNKNOWN)


def test_repeats_may_be_none(sources):
    trained = shipped_segments(sources, wanted(phrase_repeats=0, message_repeats=0), 7, NOTHING_UNKNOWN)["train"]
    assert len(trained) == 290


def test_the_messages_that_have_translations_are_parallel_text(sources):
    assert [segment.id for segment in load_messages(sources)] == ["message.en.moq.01", "message.en.moq.02"]
    write(sources.translations / "en.tsv", [*TRANSLATIONS, "en.moq.04\tx"])
    with pytest.raises(RecordError, match=r"en\.tsv:4: 'en\.moq\.04' is no en message, or stands twice$"):
        load_messages(sources)


def test_unseen_test_sentences_are_read_or_refused(tmp_path):
    with pytest.raises(RecordError, match=r"unseen: holds no test sentences$"):
        load_unseen(tmp_path / "unseen")
    write(tmp_path / "b.jsonl", [json.dumps(UNSEEN | {"id": "b"})])
    write(tmp_path / "a.jsonl", [json.dumps(UNSEEN | {"id": "a", "terms": ["t/x"], "source_only": ["de"]})])
    assert [(s.id, s.terms, s.source_only) for s in load_unseen(tmp_path)] == [("a", ["t/x"], ["de"]), ("b", [], [])]
    write(tmp_path / "c.jsonl", ["{}"])
    with pytest.raises(RecordError, match=r"c\.jsonl:1: id: Field required; pattern: Field required; texts: Field required"):
        load_unseen(tmp_path)


def test_broken_phrases_are_told_at_once(tmp_path):
    write(tmp_path / "a.tsv", [*PHRASES, "lonely"])
    write(tmp_path / "b.tsv", [*PHRASES, "too\tmany\tfields\tof\ttext"])
    with pytest.raises(RecordError) as error:
        load_phrases(tmp_path, ["en", "de"])
    assert str(error.value).splitlines() == [
        f"{tmp_path}/a.tsv:4: 1 fields, expected 4",
        f"{tmp_path}/b.tsv:4: 5 fields, expected 4",
    ]


# With users' data


def given(path, part):
    return SegmentSource(path=str(path), format=None, encoding=None, columns={}, languages={}, part=part)


@pytest.fixture
def in_threads(monkeypatch):
    """The pools as threads: a process takes a second to start."""

    def pool(workers, mp_context=None, initializer=None, initargs=()):
        return ThreadPoolExecutor(workers, initializer=initializer, initargs=initargs)

    monkeypatch.setattr("data.intake.ProcessPoolExecutor", pool)


def read_parts(out):
    return {name: read_jsonl(out / f"{name}.jsonl", Segment) for name in PARTS}


def test_the_parts_are_written_with_their_counts(sources, tmp_path):
    sizes = prepare(sources, wanted(), 7, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*(f"{name}.jsonl" for name in PARTS), "counts.json"}
    assert read_parts(tmp_path / "out") == shipped_segments(sources, wanted(), 7, NOTHING_UNKNOWN)
    counts = json.loads((tmp_path / "out" / "counts.json").read_text())
    assert counts["parts"]["test_held_out"] == {"segments": 8, "patterns": 2}
    assert counts["parts"]["train"] == {"segments": 298, "patterns": 18 + 2}
    assert counts["sources"] == {}
    assert sizes == {name: found["segments"] for name, found in counts["parts"].items()}


USERS = [
    ("the flange is loose", "Der Flansch ist lose"),
    ("size!", "die Größe"),
    ("The lid cracked in the cold", "Neuer Text von uns"),
    ("the lid cracked in the cold, ok", "Noch ein Text von uns"),
    ("the flange is loose", "Der Flansch ist lose"),
]


def test_users_data_joins_what_is_shipped(sources, tmp_path, in_threads):
    path = write(tmp_path / "a.tsv", ["en\tde", *map("\t".join, USERS)])
    sizes = prepare(sources, wanted(sources=[given(path, "train")]), 7, tmp_path / "out")
    parts = read_parts(tmp_path / "out")
    shipped = shipped_segments(sources, wanted(), 7, NOTHING_UNKNOWN)
    assert [parts[name] for name in PARTS[1:]] == [shipped[name] for name in PARTS[1:]]
    assert parts["train"][:298] == shipped["train"]
    assert [(s.id, s.texts["en"]) for s in parts["train"][298:]] == [("a.tsv:2", "the flange is loose"), ("a.tsv:3", "size!")]
    counts = json.loads((tmp_path / "out" / "counts.json").read_text())
    tally = counts["sources"][str(path)]
    assert (tally["read"], tally["rejected"], tally["kept"]) == (5, 0, {"train": 2})
    assert tally["dropped"] == {HELD_OUT: 2, DUPLICATES: 1}
    assert sizes["train"] == counts["parts"]["train"]["segments"] == 300
    assert (tmp_path / "out" / "rejects" / "1.jsonl").read_text() == ""


def distinct(count):
    """Sentences of which no two are near."""
    chance = random.Random(7)
    stems = ["".join(chance.choices("abcdefghiklmnoprstuw", k=24)) for _ in range(count)]
    return [(f"{stem} please", f"{stem[::-1]} bitte") for stem in stems]


def test_users_data_alone(sources, tmp_path, in_threads):
    path = write(tmp_path / "a.tsv", ["en\tde", *map("\t".join, distinct(50))])
    alone = wanted(shipped=False, sources=[given(path, "split")], test_segments=5, validation_segments=4)
    sizes = prepare(sources, alone, 7, tmp_path / "out")
    assert sizes == {"train": 41, "validation": 4, "test": 5, "test_held_out": 0, "test_unseen": 0, "test_terms": 0}
    assert {s.pattern for part in read_parts(tmp_path / "out").values() for s in part} == {"a.tsv"}


def test_what_is_trained_on_as_shipped_is_not_held_out_of_users_data(sources, tmp_path, in_threads):
    known = [("Good morning!", "Guten Morgen zusammen"), ("a size", "Die Größe")]
    path = write(tmp_path / "a.tsv", ["en\tde", *map("\t".join, [*known, *distinct(6)])])
    some = wanted(sources=[given(path, "split")], test_segments=3, validation_segments=2)
    prepare(sources, some, 7, tmp_path / "out")
    parts = read_parts(tmp_path / "out")
    users = {name: {s.texts["en"] for s in part if s.pattern == "a.tsv"} for name, part in parts.items()}
    assert {name: len(texts) for name, texts in users.items() if texts} == {"train": 3, "validation": 2, "test": 3}
    assert {"Good morning!", "a size"} <= users["train"]


def test_what_a_users_test_text_says_is_not_trained_on_as_shipped(sources, tmp_path, in_threads):
    prepare(sources, wanted(), 7, tmp_path / "before")
    chosen = read_jsonl(tmp_path / "before/train.jsonl", Segment)[0].texts
    path = write(tmp_path / "a.tsv", ["en\tde", f"{chosen['en']}!!\t{chosen['de']}"])
    prepare(sources, wanted(sources=[given(path, "test")]), 7, tmp_path / "out")
    assert chosen["en"] not in {s.texts["en"] for s in read_jsonl(tmp_path / "out/train.jsonl", Segment)}
    assert f"{chosen['en']}!!" in {s.texts["en"] for s in read_jsonl(tmp_path / "out/test.jsonl", Segment)}


def test_too_many_rejects_are_refused_and_no_part_is_written(sources, tmp_path, in_threads):
    path = write(tmp_path / "a.tsv", ["en\tde", "lonely", "a\tb"])
    with pytest.raises(RejectedError, match=r"a\.tsv: 1 of 2 lines could not be read, 1 % are allowed \(rejected_percent\)"):
        prepare(sources, wanted(sources=[given(path, "train")]), 7, tmp_path / "out")
    assert [str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*") if p.is_file()] == ["rejects/1.jsonl"]
    rejects = read_jsonl(tmp_path / "out/rejects/1.jsonl", Reject)
    assert rejects == [Reject(file=str(path), line=2, reason="1 fields, expected 2", text="lonely")]


# Terms that no training text has


STEMS = ["Krax", "Mubo", "Zinfel", "Torpi", "Wexun", "Ligrad", "Sopfel", "Nadrux", "Pilvom", "Gurzek"]
MADE_UP = [f"{stem}{end}" for stem in STEMS for end in ("el", "on", "ik")]
TERMS = [Term(f"m/{name.lower()}", ("part",), {"en": {"base": f"{name.lower()}s"}, "de": {"base": f"{name}en"}}) for name in MADE_UP]
PAIRED = [Term(f"m/{name}", ("tool",), {"en": {"base": name}, "de": {"base": f"{name}er"}}) for name in ("quolt", "vornix")]


@pytest.fixture
def with_terms(sources):
    """The same with a glossary of thirty parts, two tools and patterns for them; three of the parts stand in phrases and messages."""
    worded = [("aq", "{part}"), ("bq", "{part}"), ("cq", "{part}"), ("dq", "{part} {part2}"), ("eq", "{tool}"), ("fq", "{tool} {part}")]
    entries = [
        {
            "id": f"u.{verb}",
            "speaker": "customer",
            "opener": False,
            **dict.fromkeys(("en", "de"), f"{verb} {slots} {{time}} {{order_no}}"),
        }
        for verb, slots in worded
    ]
    dump(sources.corpora / "u.yaml", {"patterns": entries})
    slots = {"part": {"glossary": "m", "tag": "part"}, "tool": {"glossary": "m", "tag": "tool"}}
    dump(sources.corpora / "slots.yaml", {"slots": SLOTS | slots})
    write_yaml(sources.glossaries / "m.yaml", Glossary("m", (*TERMS, *PAIRED)))
    return sources


def unknown_of(sources, percent=20.0):
    glossaries = load_glossaries(sources.glossaries)
    return TermFinder(glossaries, held_out_terms(slot_groups(load_slots(sources.corpora), glossaries), glossaries, percent), ["en", "de"])


def holding(segments, unknown):
    """The segments that have a form of an unknown term in any language, found letter by letter."""
    forms = [
        form.lower() for term in (*TERMS, *PAIRED) if term.id in unknown.wanted for lang in ("en", "de") for form in term.surfaces(lang)
    ]
    return [s for s in segments if any(form in text.lower() for text in s.texts.values() for form in forms)]


def test_no_term_that_is_held_out_is_trained_or_validated_on_in_any_language(with_terms):
    unknown = unknown_of(with_terms)
    assert len(unknown.wanted) == 6
    one, two = [term for term in TERMS if term.id in unknown.wanted][:2]
    known = next(term for term in TERMS if term.id not in unknown.wanted)
    phrases = [
        ("the new one", one.forms["de"]["base"]),
        (f"two {two.forms['en']['base'].upper()}", "zwei davon"),
        ("it", known.forms["de"]["base"]),
    ]
    write(with_terms.phrases / "more.tsv", [PHRASES[0], *(f"{en}\t{de}\tnada\t没有" for en, de in phrases)])
    write(with_terms.translations / "en.tsv", [*TRANSLATIONS[:2], f"en.moq.03\t50 Stück {one.forms['de']['base']}"])
    parts = shipped_segments(with_terms, wanted(), 7, unknown)
    assert {name: len(holding(part, unknown)) for name, part in parts.items() if name != "test_terms"} == dict.fromkeys(PARTS[:-1], 0)
    english = {segment.texts["en"] for segment in parts["train"]}
    assert {"it", MESSAGES["en.moq.01"]} <= english
    assert {phrases[0][0], phrases[1][0], MESSAGES["en.moq.03"]}.isdisjoint(english)
    trained = {term for segment in parts["train"] for term in segment.terms}
    assert len(trained & {term.id for term in TERMS}) >= 12  # `terms_per_slot` of the others
    assert trained.isdisjoint(unknown.wanted)


def test_the_sentences_with_held_out_terms_are_a_part_of_their_own(with_terms):
    unknown = unknown_of(with_terms)
    found = shipped_segments(with_terms, wanted(term_test_segments=8), 7, unknown)["test_terms"]
    assert len(found) == 8 == len(holding(found, unknown))
    assert all(unknown.wanted & set(segment.terms) for segment in found)
    assert shipped_segments(with_terms, wanted(term_test_segments=8), 7, unknown)["test_terms"] == found
    assert term_tests(with_terms, wanted(term_test_segments=8), 8, unknown.wanted) != found


def test_a_slot_of_which_no_term_is_held_out_keeps_its_terms(with_terms):
    """Of two tools, 20 % are none; the sentence with a tool and a part holds a known tool."""
    unknown = unknown_of(with_terms)
    found = term_tests(with_terms, wanted(term_test_segments=100), 7, unknown.wanted)
    assert {segment.pattern for segment in found} == {"u.aq", "u.bq", "u.cq", "u.dq", "u.fq"}
    both = [segment for segment in found if segment.pattern == "u.fq"]
    assert both
    assert all(set(segment.terms) & {term.id for term in PAIRED} for segment in both)


@pytest.mark.parametrize(("percent", "count"), [(20.0, 0), (0.0, 50)])
def test_where_no_terms_are_held_out_or_no_sentences_wanted_there_are_none(with_terms, percent, count):
    assert term_tests(with_terms, wanted(term_test_segments=count), 7, unknown_of(with_terms, percent).wanted) == []


def test_the_terms_and_the_patterns_take_turns():
    names = [f"term{i}" for i in range(4)]
    slots = SLOTS | {"part": {"glossary": "m", "tag": "part"}}
    found = [Term(f"m/{name}", ("part",), {"en": {"base": name}, "de": {"base": name}}) for name in names]
    worded = [pattern(f"t.{i}", f"w{i} {{part}} {{noun}}", f"v{i} {{part}} {{noun}}") for i in range(30)]
    asked = Grammar([*worded, *patterns(5)], slots, FORMS, {"m": Glossary("m", tuple(found))})
    chosen = expansions_with(asked, {"m/term0", "m/term1", "m/term2"}, 24, 7)
    assert len(chosen) == 24
    uses = Counter(term for expansion in chosen for term in expansion.filling.terms)
    assert set(uses) == {"m/term0", "m/term1", "m/term2"}
    assert max(uses.values()) - min(uses.values()) <= 2
    assert max(Counter(expansion.pattern.id for expansion in chosen).values()) == 1  # of 30 patterns, 24 times another
    assert len(expansions_with(asked, {"m/term0", "m/term1", "m/term2"}, 10_000, 7)) < 2 * 30 + 1
    assert expansions_with(asked, {"m/other"}, 24, 7) == []


def test_training_gets_the_glossaries_without_the_terms_that_are_held_out(with_terms, tmp_path):
    sizes = prepare(with_terms, wanted(term_test_segments=8), 7, tmp_path / "out")
    unknown = unknown_of(with_terms).wanted
    [glossary] = load_glossaries(tmp_path / "out/glossaries").values()
    assert {term.id for term in glossary.terms} == {term.id for term in (*TERMS, *PAIRED)} - unknown
    assert sizes["test_terms"] == len(read_jsonl(tmp_path / "out/test_terms.jsonl", Segment)) == 8


def test_of_users_segments_with_a_held_out_term_the_first_fill_the_test(with_terms, tmp_path, in_threads):
    forms = [term.forms["en"]["base"] for term in TERMS if term.id in unknown_of(with_terms).wanted]
    rows = [(f"{en} {forms[i % len(forms)]}", de) for i, (en, de) in enumerate(distinct(60))]
    path = write(tmp_path / "a.tsv", ["en\tde", *map("\t".join, rows)])
    shipped = len(term_tests(with_terms, wanted(), 7, unknown_of(with_terms).wanted))
    assert 0 < shipped < 60
    prepare(with_terms, wanted(sources=[given(path, "train")], term_test_segments=shipped + 7), 7, tmp_path / "out")
    parts = read_parts(tmp_path / "out")
    assert [s.texts["en"] for s in parts["test_terms"][shipped:]] == [en for en, _ in rows[:7]]
    assert not any(s.pattern == "a.tsv" for s in parts["train"])
    counts = json.loads((tmp_path / "out/counts.json").read_text())
    assert counts["sources"][str(path)]["dropped"] == {HELD_OUT_TERM: 53}
    assert counts["parts"]["test_terms"]["segments"] == shipped + 7


def test_users_data_alone_hold_out_terms_industry_by_industry(with_terms, tmp_path, in_threads):
    rows = [(f"{en} {TERMS[i % 30].forms['en']['base']}", de) for i, (en, de) in enumerate(distinct(60))]
    path = write(tmp_path / "a.tsv", ["en\tde", *map("\t".join, rows)])
    alone = wanted(shipped=False, sources=[given(path, "train")], term_test_segments=4)
    sizes = prepare(with_terms, alone, 7, tmp_path / "out")
    [glossary] = load_glossaries(tmp_path / "out/glossaries").values()
    held_out = {term.id for term in (*TERMS, *PAIRED)} - {term.id for term in glossary.terms}
    assert len(held_out) == 6  # 20 % of 32
    with_one = 2 * len(held_out & {term.id for term in TERMS})
    assert (sizes["test_terms"], sizes["train"]) == (4, 60 - with_one)
