"""The shipped sources themselves: what `data/README.md` and the design promise of them.

The whole preparation, with the parameters of the demo, runs once for this module.
"""

import re
import shutil
from collections import Counter, defaultdict

import pytest
import yaml

from configs.schema import PARAMS_FILE, ROOT, load_intents, load_params
from data.checks import combination_key
from data.corpus import PARTS, Sources, held_out_patterns, load_phrases, load_unseen, shipped_segments
from data.glossary import load_glossaries
from data.grammar import REFERENCE, load_grammar, load_slots
from data.language import HAN
from data.near import NearTexts
from data.normalize import comparable, normalize
from data.protect import MARKERS, find_protected
from data.records import OUT_OF_SCOPE
from data.terms import occurs
from data.translations import load_translations
from data.unknown_terms import TermFinder, held_out_terms, slot_groups
from data.utterances import load_utterances, prepare, split_utterances

SOURCES = Sources(**{name: ROOT / place for name, place in vars(Sources()).items()})
CORPORA, GLOSSARIES = SOURCES.corpora, SOURCES.glossaries
LANGUAGES = {"en", "zh", "de", "es"}
INDUSTRIES = {"machinery", "apparel", "electronics", "medical_devices", "auto_parts"}
DEMO = load_params(ROOT / "configs" / "profiles" / "demo.yaml")
WRITTEN_ALIKE = {"ok"}  # messages that customers write in every language


@pytest.fixture(scope="module")
def grammar():
    return load_grammar(CORPORA, GLOSSARIES)


@pytest.fixture(scope="module")
def messages():
    return load_utterances(SOURCES.messages, load_intents())


@pytest.fixture(scope="module")
def translations(messages):
    return load_translations(SOURCES.translations, messages)


def values(text):
    """The protected values of a text, and how often each stands there."""
    return Counter(span.text for span in find_protected(text))


# Patterns


def test_at_least_320_patterns_in_four_languages_expand(grammar):
    grammar.check()
    assert len(grammar.patterns) >= 320
    assert set(grammar.languages) == set(DEMO.prepare_translation.languages) == LANGUAGES
    assert [p.id for p in grammar.patterns if set(p.templates) != LANGUAGES] == []


def test_patterns_are_named_for_their_file_and_customers_have_an_intent():
    intents = set(load_intents().intents)
    entries = [
        (path.stem, entry) for path in CORPORA.glob("*.yaml") for entry in yaml.safe_load(path.read_text("utf-8")).get("patterns", [])
    ]
    assert len(entries) >= 320
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


@pytest.fixture(scope="module")
def worded_informally(grammar):
    """The informal wordings of some expansions: (pattern id, language -> text)."""
    expansions = [e for pattern in grammar.patterns if pattern.informal for e in grammar.expansions(pattern, 5, 7)]
    return [(expansion.pattern.id, grammar.render(expansion, 7, "train", informal=True)) for expansion in expansions]


def test_some_patterns_are_worded_informally_where_a_language_has_a_formal_you(grammar):
    counts = Counter(language for pattern in grammar.patterns for language in pattern.informal)
    assert set(counts) == LANGUAGES - {"en"}
    assert min(counts.values()) >= 10
    same = [(p.id, lang) for p in grammar.patterns for lang, text in p.informal.items() if text == p.templates[lang]]
    assert same == []


def complaints(rendered, wrong):
    return {name: texts for name, texts in rendered if wrong(texts)}


def unclean(texts):
    return any(text != normalize(text) or re.search(r"[{}]| [,.;:?!]|\.\.", text) for text in texts.values())


def test_expansions_are_clean_text(rendered, worded_informally):
    assert len({name for name, _ in rendered}) >= 320
    assert complaints(rendered, unclean) == {}
    assert len(worded_informally) > 50
    assert complaints(worded_informally, unclean) == {}


def test_expansions_are_in_their_language(rendered):
    assert (
        complaints(rendered, lambda texts: not HAN.search(texts["zh"]) or any(HAN.search(texts[lang]) for lang in ("en", "de", "es"))) == {}
    )
    assert complaints(rendered, lambda texts: re.search(r"[,;?!](?!\d)|[\u4e00-\u9fff]  ?[\u4e00-\u9fff]", texts["zh"])) == {}


def test_every_language_repeats_the_protected_values(rendered, worded_informally):
    """Otherwise the model learns to drop or to invent a marker."""

    def differ(texts):
        return any(values(text) != values(texts["en"]) for text in texts.values())

    assert complaints(rendered, differ) == {}
    assert complaints(worded_informally, differ) == {}
    assert max(values(texts["en"]).total() for _, texts in rendered) <= len(MARKERS)


# Glossaries


@pytest.fixture(scope="module")
def glossaries():
    return load_glossaries(GLOSSARIES)


def test_five_industries_of_at_least_80_terms(glossaries):
    assert set(glossaries) >= INDUSTRIES
    assert {industry: len(glossaries[industry].terms) for industry in INDUSTRIES if len(glossaries[industry].terms) < 80} == {}
    assert {industry for industry in glossaries if not (GLOSSARIES / f"{industry}.yaml").is_file()} == set()


def test_every_term_has_tags_and_is_in_four_languages_with_its_gender(glossaries):
    terms = [term for glossary in glossaries.values() for term in glossary.terms]
    assert len(terms) >= 5 * 80
    assert [term.id for term in terms if not set(term.forms) >= LANGUAGES or not term.tags] == []
    assert [term.id for term in terms if term.forms["de"].get("gender") not in {"m", "f", "n"}] == []
    assert [term.id for term in terms if term.forms["es"].get("gender") not in {"m", "f"}] == []


def test_markets_differ_and_near_synonyms_are_told_apart(glossaries):
    for industry, glossary in glossaries.items():
        locales = [name for term in glossary.terms for name in term.forms if name not in LANGUAGES]
        assert [name for name in locales if not re.fullmatch(r"(en|de|es)-[A-Z]{2}|zh-Hant", name)] == [], industry
        assert len(locales) >= 10, industry
        assert sum(bool(term.confused_with) for term in glossary.terms) >= 8, industry
        assert [term.id for term in glossary.terms if term.id in term.confused_with] == [], industry


def test_no_form_names_two_terms_of_a_glossary(glossaries):
    assert len(glossaries) > 5
    for glossary in glossaries.values():
        for language in LANGUAGES:
            owners = defaultdict(set)
            for term in glossary.terms:
                for surface in term.surfaces(language):
                    owners[surface.lower()].add(term.id)
            assert {form: terms for form, terms in owners.items() if len(terms) > 1} == {}


# Messages


def test_27_intents_with_at_least_45_messages_in_each_language(messages):
    intents = load_intents().intents
    assert len(intents) == 27
    counts = Counter((m.language, m.intent) for m in messages)
    wanted = [(language, intent) for language in LANGUAGES for intent in [*intents, OUT_OF_SCOPE]]
    assert {key: counts[key] for key in wanted if counts[key] < 45} == {}
    assert sum(counts[language, OUT_OF_SCOPE] for language in LANGUAGES) >= 400


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


# Translations of messages


def test_four_files_of_translations_name_every_language():
    files = {path.name: path.read_text("utf-8").split("\n")[0].split("\t") for path in SOURCES.translations.iterdir()}
    assert set(files) == {f"{language}.tsv" for language in LANGUAGES}
    assert {
        name: header for name, header in files.items() if [header[0], *sorted(header[1:])] != ["id", *sorted(LANGUAGES - {name[:2]})]
    } == {}


def test_every_training_message_that_stands_alone_is_translated(messages, translations):
    trained = [m for m in split_utterances(messages, DEMO.prepare_intents, DEMO.seed)["train"] if not m.history]
    assert len(trained) > 4_000
    assert {m.id for m in trained} - {translation.message.id for translation in translations} == set()


def test_translations_repeat_the_protected_values_but_for_dates_and_the_like(translations):
    """A native writes 9月30日 as 30 September and 30 % as 30%: those are no codes. Everything else stays."""
    asked = [(value, text) for found in translations for text in found.texts.values() for value in values(found.message.text)]
    kept = [value for value, text in asked if re.search(rf"(?<!\d){re.escape(value)}(?!\d)", text)]
    assert len(asked) > 5_000
    assert len(kept) / len(asked) > 0.97


def test_translations_are_in_their_language(translations):
    texts = [(found.message, language, text) for found in translations for language, text in found.texts.items()]
    assert len(texts) > 12_000
    latin = [(m.id, text) for m, lang, text in texts if lang == "zh" and re.search("[A-Za-z]{4}", text) and not HAN.search(text)]
    alike = {(m.id, m.text) for m, _, _ in texts}  # a greeting that is the same everywhere
    assert [place for place in latin if place not in alike] == []
    assert [(m.id, lang) for m, lang, text in texts if lang != "zh" and HAN.search(text)] == []


# Phrases


@pytest.fixture(scope="module")
def phrases():
    return load_phrases(SOURCES.phrases, sorted(LANGUAGES))


def test_every_phrase_is_there_in_four_languages(phrases):
    assert len(phrases) > 1_000
    assert [segment.id for segment in phrases if set(segment.texts) != LANGUAGES] == []
    assert [segment.id for segment in phrases if not all(comparable(text) for text in segment.texts.values())] == []
    assert [s.id for s in phrases if any(text != normalize(text) or REFERENCE.search(text) for text in s.texts.values())] == []


def test_no_phrase_stands_twice(phrases):
    places = defaultdict(list)
    for segment in phrases:
        places[tuple(comparable(segment.texts[language]) for language in sorted(LANGUAGES))].append(segment.id)
    assert [ids for ids in places.values() if len(ids) > 1] == []


def test_no_phrase_says_nearly_what_a_held_out_pattern_says(phrases, grammar, rendered):
    percent = DEMO.prepare_translation.held_out_patterns_percent
    held_out = {pattern.id for pattern in held_out_patterns(grammar.patterns, percent, DEMO.seed)}
    assert len(held_out) >= 32
    leaks = []
    for language in sorted(LANGUAGES):
        expansions = [texts[language] for name, texts in rendered if name in held_out]
        near = NearTexts(expansions, DEMO.prepare_translation.intake.near_duplicate_percent)
        leaks += [(s.id, language, found) for s in phrases if (found := near.find(combination_key(s.texts[language])))]
    assert leaks == []


# Test sentences written by hand


@pytest.fixture(scope="module")
def unseen():
    return load_unseen(SOURCES.unseen)


def test_at_least_80_unseen_test_sentences_in_each_language(unseen):
    assert Counter(language for segment in unseen for language in segment.texts) == dict.fromkeys(LANGUAGES, len(unseen))
    assert len(unseen) >= 80
    assert {segment.pattern for segment in unseen} == {f"unseen.{language}" for language in LANGUAGES}
    assert [i for i, times in Counter(segment.id for segment in unseen).items() if times > 1] == []


def test_marked_terms_stand_in_every_language(unseen, glossaries):
    terms = {term.id: term for glossary in glossaries.values() for term in glossary.terms}
    marked = [(segment, name) for segment in unseen for name in segment.terms]
    assert len({segment.id for segment, _ in marked}) >= 60
    assert [(segment.id, name) for segment, name in marked if name not in terms] == []
    wanting = [
        (segment.id, name, language)
        for segment, name in marked
        for language, text in segment.texts.items()
        if not occurs(text, terms[name].surfaces(language))
    ]
    assert wanting == []


def test_unseen_test_sentences_repeat_the_protected_values(unseen):
    assert [s.id for s in unseen if any(values(text) != values(s.texts["en"]) for text in s.texts.values())] == []
    assert sum(bool(values(segment.texts["en"])) for segment in unseen) >= 20


# What the parameters of the demo make of it


def masked_words(text):
    """The words of a text, any value as 0; written independently of `combination_key`."""
    text = normalize(text)
    for span in reversed(find_protected(text)):
        text = f"{text[: span.start]} 0 {text[span.end :]}"
    return tuple(re.findall(r"\w+", text.casefold()))


@pytest.fixture(scope="module")
def segments():
    glossaries = load_glossaries(SOURCES.glossaries)
    groups = slot_groups(load_slots(SOURCES.corpora), glossaries)
    unknown = held_out_terms(groups, glossaries, DEMO.prepare_translation.held_out_terms_percent)
    return shipped_segments(SOURCES, DEMO.prepare_translation, DEMO.seed, TermFinder(glossaries, unknown, sorted(LANGUAGES)))


def test_the_prepared_segments_have_the_sizes_asked_for(segments, grammar):
    wanted = DEMO.prepare_translation
    assert tuple(segments) == PARTS
    assert [len(segments[name]) for name in ("validation", "test")] == [wanted.validation_segments, wanted.test_segments]
    held_out = {segment.pattern for segment in segments["test_held_out"]}
    assert len(held_out) == round(len(grammar.patterns) * wanted.held_out_patterns_percent / 100)
    assert held_out.isdisjoint(segment.pattern for name in ("train", "validation", "test") for segment in segments[name])
    assert len(segments["test_unseen"]) >= 80
    assert len(segments["test_terms"]) == wanted.term_test_segments


def test_the_prepared_segments_have_no_leak(segments):
    for language in sorted(LANGUAGES):
        trained = {masked_words(text) for text in {segment.texts[language] for segment in segments["train"]}}
        for name in PARTS[1:]:
            assert [s.id for s in segments[name] if masked_words(s.texts[language]) in trained] == [], (name, language)


@pytest.fixture(scope="module")
def prepared(grammar, messages, translations, tmp_path_factory):
    translated = [message for found in translations for message in found.as_messages()]
    rejects = tmp_path_factory.mktemp("prepared")
    return prepare(messages, translated, grammar, load_intents(), DEMO.prepare_intents, DEMO.seed, rejects).messages


def test_the_test_part_has_12_messages_per_intent_and_language(prepared):
    counts = Counter((m.language, m.intent) for m in prepared["test"] if m.intent != OUT_OF_SCOPE)
    assert set(counts.values()) == {12}
    assert len(counts) == 27 * len(LANGUAGES)


def test_at_least_250_messages_out_of_scope_test_and_none_is_trained_on(prepared):
    counts = [sum(m.intent == OUT_OF_SCOPE for m in prepared[name]) for name in ("train", "validation", "test")]
    assert counts[0] == 0
    assert counts[1] >= 100
    assert counts[2] >= 250
    assert sum(counts) >= 400


def test_the_prepared_messages_have_no_leak(prepared):
    trained = {masked_words(m.text) for m in prepared["train"]}
    held_out = [m for name in ("validation", "test") for m in prepared[name]]
    assert len(held_out) > 2_000
    assert [m.id for m in held_out if masked_words(m.text) in trained] == []
    originals = {m.id.partition(">")[0] for m in prepared["train"]}
    assert [m.id for m in held_out if ">" in m.id or m.id in originals] == []


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


# What the README promises of one more industry


def test_one_more_industry_is_one_file_and_a_line_in_the_slots(tmp_path):
    """As data/README.md says it, without code: the patterns that speak of any goods speak of the new ones."""
    for folder in (CORPORA, GLOSSARIES):
        shutil.copytree(folder, tmp_path / folder.name)
    toy = """industry: toys
terms:
  - id: spinning_top
    tags: [product]
    en: {base: spinning top, pl: spinning tops}
    de: {base: Kreisel, gender: m, pl: Kreisel, gen: Kreisels, pl_dat: Kreiseln}
    es: {base: peonza, gender: f, pl: peonzas}
    zh: {base: 陀螺, classifier: 个}
"""
    (tmp_path / "glossaries/toys.yaml").write_text(toy, encoding="utf-8")
    slots = (tmp_path / "corpora/slots.yaml").read_text("utf-8")
    named = "  toy: {glossary: toys, tag: product}\n  goods: {any: [toy, "
    (tmp_path / "corpora/slots.yaml").write_text(slots.replace("  goods: {any: [", named), encoding="utf-8")
    grammar = load_grammar(tmp_path / "corpora", tmp_path / "glossaries")
    found = [e for pattern in grammar.patterns for e in grammar.expansions(pattern, 40, 7) if "toys/spinning_top" in e.filling.terms]
    assert len({expansion.pattern.id for expansion in found}) >= 5  # one term among some hundred goods
    for expansion in found:
        texts = grammar.render(expansion, 7, "train")
        written = {"en": "spinning top", "de": "Kreisel", "es": "peonza", "zh": "陀螺"}
        assert {language: words.lower() in texts[language].lower() for language, words in written.items()} == dict.fromkeys(LANGUAGES, True)
