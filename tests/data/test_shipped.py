"""The shipped sources themselves: what `data/README.md` and the design promise of them."""

import re
from collections import Counter, defaultdict

import pytest
import yaml

from configs.schema import PARAMS_FILE, ROOT, load_intents, load_params
from data.corpus import split_segments
from data.glossary import load_glossaries
from data.grammar import REFERENCE, load_grammar
from data.language import HAN
from data.normalize import comparable, normalize
from data.protect import MARKERS, find_protected
from data.utterances import OUT_OF_SCOPE, load_utterances, prepare

CORPORA, GLOSSARIES, UTTERANCES = (ROOT / "data" / name for name in ("corpora", "glossaries", "utterances"))
LANGUAGES = {"en", "zh", "de", "es"}
WRITTEN_ALIKE = {"ok"}  # messages that customers write in every language


@pytest.fixture(scope="module")
def grammar():
    return load_grammar(CORPORA, GLOSSARIES)


@pytest.fixture(scope="module")
def messages():
    return load_utterances(UTTERANCES, load_intents())


# Patterns


def test_at_least_80_patterns_in_four_languages_expand(grammar):
    grammar.check()
    assert len(grammar.patterns) >= 80
    assert set(grammar.languages) == set(load_params().prepare_translation.languages) == LANGUAGES
    assert [p.id for p in grammar.patterns if set(p.templates) != LANGUAGES] == []


def test_patterns_are_named_for_their_file_and_customers_have_an_intent():
    intents = set(load_intents().intents)
    entries = [
        (path.stem, entry) for path in CORPORA.glob("*.yaml") for entry in yaml.safe_load(path.read_text("utf-8")).get("patterns", [])
    ]
    assert len(entries) >= 80
    assert [entry["id"] for topic, entry in entries if not re.fullmatch(rf"{topic}\.[a-z0-9_]+", entry["id"])] == []
    assert [entry["id"] for _, entry in entries if (entry["speaker"] == "customer") != (entry.get("intent") in intents)] == []
    assert [entry["id"] for _, entry in entries if entry["speaker"] == "agent" and "intent" in entry] == []


def test_no_two_patterns_say_the_same(grammar):
    for language in LANGUAGES:
        said = Counter(comparable(REFERENCE.sub("0", pattern.templates[language])) for pattern in grammar.patterns)
        said_twice = [text for text, times in said.items() if times > 1]
        assert said_twice == [], language


def test_every_slot_is_used(grammar):
    slots = yaml.safe_load((CORPORA / "slots.yaml").read_text("utf-8"))["slots"]
    texts = " ".join(path.read_text("utf-8") for path in CORPORA.glob("*.yaml"))
    used = {match["name"] for match in REFERENCE.finditer(texts)}
    used |= {part for slot in slots.values() if isinstance(slot, dict) for part in slot.get("any", [])}
    assert set(slots) - used == {"opener_customer", "opener_agent"}


@pytest.fixture(scope="module")
def rendered(grammar):
    """Some expansions of every pattern: (pattern id, language -> text)."""
    expansions = [expansion for pattern in grammar.patterns for expansion in grammar.expansions(pattern, 25, 7)]
    return [(expansion.pattern.id, grammar.render(expansion, 7, "train")) for expansion in expansions]


def complaints(rendered, wrong):
    return {name: texts for name, texts in rendered if wrong(texts)}


def test_expansions_are_clean_text(rendered):
    assert len(rendered) > 80
    assert (
        complaints(
            rendered, lambda texts: any(text != normalize(text) or re.search(r"[{}]| [,.;:?!]|\.\.", text) for text in texts.values())
        )
        == {}
    )


def test_expansions_are_in_their_language(rendered):
    assert (
        complaints(rendered, lambda texts: not HAN.search(texts["zh"]) or any(HAN.search(texts[lang]) for lang in ("en", "de", "es"))) == {}
    )
    assert complaints(rendered, lambda texts: re.search(r"[,;?!](?!\d)|[\u4e00-\u9fff]  ?[\u4e00-\u9fff]", texts["zh"])) == {}


def test_every_language_repeats_the_protected_values(rendered):
    """Otherwise the model learns to drop or to invent a marker."""

    def values(text):
        return Counter(span.text for span in find_protected(text))

    assert complaints(rendered, lambda texts: any(values(text) != values(texts["en"]) for text in texts.values())) == {}
    assert max(values(texts["en"]).total() for _, texts in rendered) <= len(MARKERS)


# Glossaries


def test_two_industries_of_40_terms_in_four_languages():
    glossaries = load_glossaries(GLOSSARIES)
    assert len(glossaries) >= 2
    for industry, glossary in glossaries.items():
        assert (GLOSSARIES / f"{industry}.yaml").is_file()
        assert len(glossary.terms) >= 40
        assert [term.id for term in glossary.terms if set(term.forms) != LANGUAGES or not term.tags] == []
        assert [term.id for term in glossary.terms if term.forms["de"].get("gender") not in {"m", "f", "n"}] == []
        assert [term.id for term in glossary.terms if term.forms["es"].get("gender") not in {"m", "f"}] == []


def test_no_form_names_two_terms_of_a_glossary():
    for glossary in load_glossaries(GLOSSARIES).values():
        for language in LANGUAGES:
            owners = defaultdict(set)
            for term in glossary.terms:
                for surface in term.surfaces(language):
                    owners[surface.lower()].add(term.id)
            assert {form: terms for form, terms in owners.items() if len(terms) > 1} == {}


# Messages


def test_27_intents_with_at_least_12_messages_in_each_language(messages):
    intents = load_intents().intents
    assert len(intents) == 27
    counts = Counter((m.language, m.intent) for m in messages)
    wanted = [(language, intent) for language in LANGUAGES for intent in [*intents, OUT_OF_SCOPE]]
    assert {key: counts[key] for key in wanted if counts[key] < 12} == {}


def test_every_sentiment_and_urgency_stands_in_every_language(messages):
    labels = load_intents()
    for language in LANGUAGES:
        own = [m for m in messages if m.language == language]
        assert {m.sentiment for m in own} == set(labels.sentiments)
        assert {m.urgency for m in own} == set(labels.urgencies)
        assert any(m.history for m in own)


def test_messages_are_named_for_their_language_and_intent(messages):
    assert [m.id for m in messages if not re.fullmatch(rf"{m.language}\.{m.intent}\.\d{{2,}}", m.id)] == []


def test_no_message_stands_twice(messages):
    places = defaultdict(list)
    for message in messages:
        if message.text.lower() not in WRITTEN_ALIKE:
            places[comparable(message.text) or message.text].append(message.id)
    assert {text: ids for text, ids in places.items() if len(ids) > 1} == {}
    per_language = Counter((m.language, comparable(m.text) or m.text) for m in messages)
    assert [key for key, times in per_language.items() if times > 1] == []


def test_no_message_is_an_expansion_of_a_pattern(messages, rendered):
    said = {comparable(text) for _, texts in rendered for text in texts.values()}
    assert [m.id for m in messages if comparable(m.text) in said] == []


def test_messages_are_in_their_language(messages):
    chinese = [m for m in messages if m.language == "zh" and m.text.lower() not in WRITTEN_ALIKE]
    assert [m.id for m in chinese if re.search("[A-Za-z]", m.text) and not HAN.search(m.text)] == []
    assert [m.id for m in messages if m.language != "zh" and len(HAN.findall(m.text)) > len(m.text) / 4] == []


# What the active parameters make of it


def masked_words(text):
    """The words of a text, any value as 0; written independently of `combination_key`."""
    text = normalize(text)
    for span in reversed(find_protected(text)):
        text = f"{text[: span.start]} 0 {text[span.end :]}"
    return tuple(re.findall(r"\w+", text.casefold()))


def test_the_prepared_segments_have_no_leak_and_the_sizes_asked_for(grammar):
    params = load_params()
    wanted = params.prepare_translation
    parts = split_segments(grammar, wanted, params.seed)
    assert [len(parts[name]) for name in ("validation", "test")] == [wanted.validation_segments, wanted.test_segments]
    assert len({segment.pattern for segment in parts["test_unseen"]}) == round(
        len(grammar.patterns) * wanted.held_out_patterns_percent / 100
    )
    for language in LANGUAGES:
        trained = {masked_words(segment.texts[language]) for segment in parts["train"]}
        for name in ("validation", "test", "test_unseen"):
            assert [s.texts[language] for s in parts[name] if masked_words(s.texts[language]) in trained] == []


def test_the_prepared_messages_have_no_leak(grammar, messages):
    params = load_params()
    parts = prepare(messages, grammar, params.prepare_intents, params.seed)
    trained = {masked_words(m.text) for m in parts["train"]}
    held_out = [m for name in ("validation", "test") for m in parts[name]]
    assert [m.id for m in held_out if masked_words(m.text) in trained] == []
    counts = Counter((m.language, m.intent) for m in parts["test"] if m.intent != OUT_OF_SCOPE)
    assert set(counts.values()) == {params.prepare_intents.test_per_intent}
    assert len(counts) == 27 * len(LANGUAGES)


# Parameters


def test_every_parameter_has_a_comment():
    """On its line or the one above; keys that open a section excepted."""
    lines = PARAMS_FILE.read_text("utf-8").splitlines()
    keys = [i for i, line in enumerate(lines) if re.match(r"\s*\w+:\s*[^\s#]", line)]
    assert len(keys) > 50
    without = [lines[i].strip() for i in keys if " #" not in lines[i] and not lines[i - 1].lstrip().startswith("#")]
    assert without == []


def test_the_active_parameters_are_their_profile_byte_for_byte():
    profile = ROOT / "configs" / "profiles" / f"{load_params(PARAMS_FILE).profile}.yaml"
    assert PARAMS_FILE.read_bytes() == profile.read_bytes()
