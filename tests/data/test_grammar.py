import itertools
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.glossary import Glossary, GlossaryError, Term
from data.grammar import Generator, Grammar, GrammarError, Pattern, load_grammar

FORMS = {
    "en": {
        "fallback": {"pl": "base"},
        "defaults": {"article": "a"},
        "derived": {"a": {"*": "{article} {base}"}, "def": {"*": "the {base}"}},
    },
    "de": {
        "fallback": {"acc": "base", "pl": "base"},
        "defaults": {},
        "derived": {"def_acc": {"m": "den {acc}", "f": "die {acc}"}, "def_nom": {"m": "der {base}", "f": "die {base}"}},
    },
    "zh": {"fallback": {"pl": "base"}, "defaults": {"classifier": "个"}, "derived": {}},
}
SLOTS = {
    "opener_customer": [{"en": "Hello,", "de": "Guten Tag,", "zh": "您好，"}, {"en": "Hi,", "de": "Hallo,", "zh": "你好，"}],
    "opener_agent": [{"en": "Dear customer,", "de": "Guten Tag,", "zh": "尊敬的客户，"}],
    "soon": [
        {"en": "today", "de": "heute", "zh": "今天"},
        {"en": "by {weekday}", "de": "bis {weekday}", "zh": "{weekday}之前"},
        {"en": "in {days} days", "de": "in {days} Tagen", "zh": "{days}天内"},
    ],
    "weekday": [{"en": "Monday", "de": "Montag", "zh": "周一"}, {"en": "Friday", "de": "Freitag", "zh": "周五"}],
    "machine": {"glossary": "machinery", "tag": "product"},
    "fabric": [{"en": "cotton", "de": "Baumwolle", "zh": "棉"}],
    "goods": {"any": ["machine", "fabric"]},
    "order_no": {"code": "PO-######"},
    "days": {"integers": [2, 90], "step": 1},
}
TERMS = (
    Term("m/axle", ("product",), {"en": {"base": "axle", "article": "an"}, "de": {"base": "Achse", "gender": "f"}, "zh": {"base": "轴"}}),
    Term(
        "m/pump",
        ("product",),
        {"en": {"base": "pump", "pl": "pumps"}, "de": {"base": "Pumpe", "gender": "f"}, "zh": {"base": "泵", "classifier": "台"}},
    ),
    Term(
        "m/motor", ("product",), {"en": {"base": "motor"}, "de": {"base": "Motor", "gender": "m", "acc": "Motoren"}, "zh": {"base": "电机"}}
    ),
    Term("m/steel", ("material",), {"en": {"base": "steel"}, "de": {"base": "Stahl", "gender": "m"}, "zh": {"base": "钢"}}),
)
SEND = {"en": "please send {machine.a} {soon}.", "de": "bitte schicken Sie {machine.def_acc} {soon}.", "zh": "请{soon}发{machine}。"}
TWO = {"en": "{machine} or {machine2}?", "de": "{machine} oder {machine2}?", "zh": "{machine}还是{machine2}？"}
ORDER = {"en": "where is {order_no}?", "de": "wo ist {order_no}?", "zh": "{order_no}在哪？"}


def pattern(name, templates, speaker="customer", opener=True):
    return Pattern(name, speaker, None, opener, templates)


PATTERNS = [
    pattern("t.send", SEND),
    pattern("t.two", TWO),
    pattern("t.order", ORDER, opener=False),
    pattern("t.agent", ORDER, speaker="agent"),
]


def grammar(patterns=PATTERNS, slots=SLOTS, forms=FORMS, terms=TERMS):
    return Grammar(list(patterns), slots, forms, {"machinery": Glossary("machinery", terms)})


def texts(grammar, pattern, seed=7, count=60, pool="train"):
    return [grammar.render(expansion, seed, pool) for expansion in grammar.expansions(pattern, count, seed)]


def complaints(**changes):
    with pytest.raises(GrammarError) as error:
        grammar(**changes).check()
    return str(error.value).splitlines()


def test_the_grammar_of_these_tests_is_sound():
    grammar().check()
    assert grammar().languages == ("en", "de", "zh")


def test_an_expansion_says_the_same_in_every_language():
    found = texts(grammar(), pattern("t.send", SEND, opener=False))
    assert {"en": "Please send an axle today.", "de": "Bitte schicken Sie die Achse heute.", "zh": "请今天发轴。"} in found
    assert {
        "en": "Please send a motor by Friday.",
        "de": "Bitte schicken Sie den Motoren bis Freitag.",
        "zh": "请周五之前发电机。",
    } in found
    for text in found:
        assert not re.search(r"[{}]", "".join(text.values()))
        numbers = [re.findall(r"\d+", t) for t in text.values()]
        assert numbers[0] == numbers[1] == numbers[2]


def test_every_combination_comes_once():
    found = grammar().expansions(pattern("t.send", SEND, opener=False), 1_000, 7)
    assert len({expansion.key for expansion in found}) == len(found) == 3 * (1 + 2 + 1)  # machines x (today, by two weekdays, in days)


def test_a_second_draw_never_repeats_the_first():
    found = texts(grammar(), pattern("t.two", TWO, opener=False))
    assert len(found) == 6
    assert all(len(set(re.findall(r"\w+", text["en"].lower()))) == 3 for text in found)


def test_some_expansions_have_an_opener_of_the_speaker():
    found = [text for text in texts(grammar(), PATTERNS[0], count=200) if "ello" in text["en"] or "Hi" in text["en"]]
    assert 0 < len(found) < len(texts(grammar(), PATTERNS[0], count=200))
    for text in found:
        assert re.match(r"(Hello|Hi), please", text["en"])
        assert re.match(r"(Guten Tag|Hallo), bitte", text["de"])
        assert re.match(r"(您好|你好)，请", text["zh"])
    assert {re.sub("[1-9]", "#", text["en"]) for text in texts(grammar(), PATTERNS[3])} == {
        "Where is PO-######?",
        "Dear customer, where is PO-######?",
    }
    assert {re.sub("[1-9]", "#", text["en"]) for text in texts(grammar(), PATTERNS[2])} == {"Where is PO-######?"}


def test_expansions_are_independent_of_other_patterns_and_of_their_order():
    alone = {p.id: texts(grammar([p]), p) for p in PATTERNS}
    for order in itertools.permutations(PATTERNS):
        together = grammar(order)
        for p in order:
            assert texts(together, p) == alone[p.id]


def test_the_same_seed_gives_the_same_and_another_seed_another():
    long = pattern("t.long", {language: SEND[language] + ORDER[language] + TWO[language] for language in SEND})
    assert texts(grammar(), long, seed=7) == texts(grammar(), long, seed=7)
    assert texts(grammar(), long, seed=7) != texts(grammar(), long, seed=8)


def test_fewer_expansions_are_the_first_of_more():
    few, many = (grammar().expansions(PATTERNS[0], count, 7) for count in (5, 20))
    assert few == many[:5]


def test_an_expansion_names_its_terms():
    expansion = grammar().expansions(pattern("t.two", TWO, opener=False), 1, 7)[0]
    assert len(expansion.filling.terms) == 2
    assert set(expansion.filling.terms) <= {"m/axle", "m/pump", "m/motor"}  # steel is no product


def informal(templates=SEND, **wordings):
    return Pattern("t.informal", "customer", None, True, templates, wordings)


def test_the_informal_wording_differs_where_there_is_one_and_nowhere_else():
    worded = informal(de="schick mir bitte {machine.def_acc} {soon}.")
    expansions = grammar().expansions(worded, 60, 7)
    assert [e.key for e in expansions] == [e.key for e in grammar().expansions(informal(), 60, 7)]
    pairs = [(grammar().render(e, 7, "train"), grammar().render(e, 7, "train", informal=True)) for e in expansions]
    assert any("in " in formal["en"] for formal, _ in pairs)
    for formal, loose in pairs:
        assert (loose["en"], loose["zh"]) == (formal["en"], formal["zh"])
        assert loose["de"] == re.sub("^Bitte schicken Sie", "Schick mir bitte", formal["de"]).replace(
            "bitte schicken Sie", "schick mir bitte"
        )
    assert any(loose["de"].startswith("Hallo, schick mir bitte") for _, loose in pairs)
    assert any(loose["de"].startswith("Schick mir bitte") for _, loose in pairs)


def test_a_pattern_without_an_informal_wording_is_the_same_in_both():
    expansion = grammar().expansions(PATTERNS[0], 1, 7)[0]
    assert grammar().render(expansion, 7, "train", informal=True) == grammar().render(expansion, 7, "train")


def test_check_looks_at_informal_wordings():
    worded = informal(de="schick mir {machine.dat}", fr="envoyez {machine} {soon}")
    assert complaints(patterns=[worded]) == [
        "t.informal (informal): {soon} is not in every language",
        "t.informal (informal): m/axle: 'Achse' (de) has no form 'dat'",
        "t.informal (informal): m/pump: 'Pumpe' (de) has no form 'dat'",
        "t.informal (informal): m/motor: 'Motor' (de) has no form 'dat'",
        "t.informal (informal): fr is not a language of forms.yaml",
    ]
    grammar(patterns=[informal(de="schick {machine.def_acc} {soon}", zh="{soon}发{machine}")]).check()


def test_the_locales_of_a_term_fill_no_slot():
    term = Term("m/zip", ("product",), {**TERMS[0].forms, "de-AT": {"base": "Zipp"}, "zh-Hant": {"base": "軸"}})
    found = grammar(terms=(term,))
    found.check()
    rendered = texts(found, pattern("t.send", SEND, opener=False))
    assert len(rendered) > 1
    assert all(set(text) == {"en", "de", "zh"} and "die Achse" in text["de"] for text in rendered)


def test_generated_values_of_the_pools_share_nothing():
    found = {
        pool: {text["en"] for seed in range(80) for text in texts(grammar(), PATTERNS[2], seed, pool=pool)} for pool in ("train", "test")
    }
    assert len(found["train"]) > 70
    assert len(found["test"]) > 70
    assert found["train"].isdisjoint(found["test"])


@pytest.mark.parametrize(
    "generator", [Generator(low=2, high=90), Generator(low=20, high=5000, step=10), Generator(code="##%"), Generator(code="PO-####")]
)
def test_a_value_is_of_one_pool_whatever_slot_draws_it(generator):
    train, test = ({generator.draw(random.Random(seed), pool) for seed in range(300)} for pool in ("train", "test"))
    assert train.isdisjoint(test)
    assert {Generator(code=value).draw(random.Random(0), "test") for value in test} == test
    with pytest.raises(GrammarError, match="too few values for a test pool"):
        Generator(code=min(train)).draw(random.Random(0), "test")


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10**6), st.sampled_from(["train", "test"]))
def test_codes_follow_their_template(seed, pool):
    def draw(code="", **numbers):
        return Generator(code=code, **numbers).draw(random.Random(seed), pool)

    assert re.fullmatch(r"PO-[1-9]{6}", draw("PO-######"))
    assert re.fullmatch(r"[A-HJ-NP-Z]{2}-\d{3}[A-HJ-NP-Z]", draw("@@-###@"))
    assert re.fullmatch(r"2027-0[1-9]-[0-2][1-8]", draw("2027-0[1-9]-[0-2][1-8]"))
    assert re.fullmatch(r"https://www\.[a-z]{6}\.example/\d{4}", draw("https://www.[a-z]{6}.example/####"))
    assert int(draw(low=20, high=5000, step=10)) in range(20, 5001, 10)


@pytest.mark.parametrize(
    ("template", "expected"),
    [("{x} ok", "Straße ok"), ("¿{x}?", "¿Straße?"), ("5 {x}", "5 straße"), ("“{x}”", "“Straße”"), ("{order_no} {x}", None), ("……", "……")],
)
def test_the_first_letter_is_raised_unless_a_digit_comes_before(template, expected):
    slots = {"x": [{"en": "straße"}], "order_no": {"code": "#-##"}}
    text = texts(Grammar([], slots, {"en": FORMS["en"]}, {}), pattern("t.x", {"en": template}, opener=False))[0]["en"]
    assert text == expected if expected else re.fullmatch(r"\d-\d\d straße", text)


@pytest.mark.parametrize(
    ("language", "forms", "name", "expected"),
    [
        ("en", {"base": "axle", "article": "an"}, "a", "an axle"),
        ("en", {"base": "pump"}, "a", "a pump"),
        ("en", {"base": "pump"}, "pl", "pump"),
        ("de", {"base": "Motor", "gender": "m", "def_nom": "jener Motor"}, "def_nom", "jener Motor"),  # its own form wins
        ("de", {"base": "Motor", "gender": "m"}, "def_acc", "den Motor"),
        ("zh", {"base": "泵"}, "classifier", "个"),
    ],
)
def test_forms(language, forms, name, expected):
    assert grammar().form(forms, language, name) == expected


@pytest.mark.parametrize(
    ("forms", "name", "message"),
    [
        ({"base": "Motor"}, "def_acc", r"'Motor' \(de\) has no gender, which form 'def_acc' needs"),
        ({"base": "Rohr", "gender": "n"}, "def_acc", r"'Rohr' \(de\) has no gender, which form 'def_acc' needs"),
        ({"base": "Motor"}, "vocative", r"'Motor' \(de\) has no form 'vocative'"),
    ],
)
def test_a_form_that_there_is_not(forms, name, message):
    with pytest.raises(GrammarError, match=message):
        grammar().form(forms, "de", name)


def test_check_tells_all_mistakes_of_the_patterns_at_once():
    wrong = [
        pattern("t.unlike", {"en": "{machine} {soon}", "de": "{machine}", "zh": "{machine}"}),
        pattern("t.unknown", {"en": "{nothing}", "de": "{nothing}", "zh": "{nothing}"}),
        pattern("t.short", {"en": "hello", "de": "hallo"}),
        pattern("t.form", {"en": "{machine}", "de": "{machine.dat}", "zh": "{machine}"}),
        pattern("t.twice", ORDER),
        pattern("t.twice", ORDER),
    ]
    assert complaints(patterns=wrong) == [
        "t.unlike: {soon} is not in every language",
        "t.unknown: slot {nothing} is not defined",
        "t.short: no text in zh",
        "t.form: m/axle: 'Achse' (de) has no form 'dat'",
        "t.form: m/pump: 'Pumpe' (de) has no form 'dat'",
        "t.form: m/motor: 'Motor' (de) has no form 'dat'",
        "pattern id 't.twice' stands twice",
    ]


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ({"soon": [{"en": "by {weekday}", "de": "bis {weekday}", "zh": "之前"}]}, "soon.0: {weekday} is not in every language"),
        ({"soon": [{"en": "by {nothing}", "de": "bis {nothing}", "zh": "{nothing}"}]}, "soon.0: slot {nothing} is not defined"),
        ({"soon": [{"en": "{machine}", "de": "{machine.dat}", "zh": "{machine}"}]}, "soon.0: m/axle: 'Achse' (de) has no form 'dat'"),
        ({"soon": [{"en": "today", "de": "heute"}]}, "soon.0: no text in zh"),
        ({"soon": [{"en": "today", "de": "heute", "zh": "今天", "fr": "aujourd'hui"}]}, "soon.0: fr is not a language of forms.yaml"),
        ({"soon": [{"en": "{soon}", "de": "{soon}", "zh": "{soon}"}]}, "slot {soon} holds itself"),
        (
            {
                "soon": [{"en": "{weekday}", "de": "{weekday}", "zh": "{weekday}"}],
                "weekday": [{"en": "{soon}", "de": "{soon}", "zh": "{soon}"}],
            },
            "slot {weekday} holds itself",
        ),
        ({"soon": []}, "slot {soon} has no values"),
        ({"machine": {"glossary": "machinery", "tag": "produkt"}}, "slot {machine} has no values"),
        ({"opener_agent": {"code": "###"}}, "t.agent: may begin with an opener, but slot {opener_agent} is not a list of openers"),
        ({"opener_customer": [{"en": "Hi", "de": "Hallo"}]}, "opener_customer.0: no text in zh"),
        ({"days": {"integers": [2, 3], "step": 1}}, "slot {days}: the generated slot 2..3 has too few values for a"),
        ({"days": {"integers": [9, 2], "step": 1}}, "slot {days}: empty range"),
        ({"order_no": {"code": "PO-[9-0]"}}, "slot {order_no}: "),
    ],
)
def test_check_looks_into_slots_nested_slots_and_openers(slots, expected):
    assert any(line.startswith(expected) for line in complaints(slots=SLOTS | slots))


def test_a_pattern_that_allows_an_opener_needs_one():
    without = {name: slot for name, slot in SLOTS.items() if name != "opener_customer"}
    line = "t.order: may begin with an opener, but slot {opener_customer} is not a list of openers"
    assert complaints(patterns=[pattern("t.order", ORDER)], slots=without) == [line]
    grammar(patterns=[pattern("t.order", ORDER, opener=False)], slots=without).check()


def test_slots_that_cannot_be_read_are_told_at_once():
    wrong = {
        "one": {"glossary": "furniture", "tag": "product"},
        "two": {"any": ["machine", "nowhere"]},
        "three": {"codes": "###"},
        "four": [{"en": None}],
        "five": "text",
        "six": {"any": ["six"]},
    }
    with pytest.raises(GrammarError) as error:
        grammar(slots=SLOTS | wrong)
    assert str(error.value).splitlines() == [
        "slot {one}: no glossary 'furniture'; there are: machinery",
        "slot {two}: {nowhere} is not defined in slots.yaml",
        "slot {three}: not one of the kinds in data/README.md: {'codes': '###'}",
        "slot {four}: base: None is not text (quote it)",
        "slot {five}: {five} is not defined in slots.yaml",
        "slot {six}: not one of the kinds in data/README.md: {'any': ['six']}",
    ]


CORPUS = {
    "forms": "en: {fallback: {}, defaults: {}, derived: {}}\n",
    "slots": "slots:\n  opener_customer: [{en: 'Hi,'}]\n",
    "b": "patterns:\n  - {id: b.one, speaker: customer, intent: moq, en: hello}\n",
    "a": "patterns:\n  - {id: a.one, speaker: agent, opener: false, en: 'thanks'}\n",
}


def write(folder, **changes):
    (folder / "glossaries").mkdir(exist_ok=True)
    for name, text in (CORPUS | changes).items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder, folder / "glossaries"


def test_load_grammar_reads_every_file(tmp_path):
    found = load_grammar(*write(tmp_path))
    assert [(p.id, p.speaker, p.intent, p.opener) for p in found.patterns] == [
        ("a.one", "agent", None, False),
        ("b.one", "customer", "moq", True),
    ]
    assert found.languages == ("en",)
    assert [p.informal for p in found.patterns] == [{}, {}]


def test_load_grammar_reads_informal_wordings(tmp_path):
    text = "patterns:\n  - {id: b.one, speaker: customer, en: 'do you not', informal: {en: \"don't you\"}}\n"
    assert [p.informal for p in load_grammar(*write(tmp_path, b=text)).patterns] == [{}, {"en": "don't you"}]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"b": "patterns: [unclosed"}, r"b\.yaml: not readable as YAML: "),
        ({"b": "pattern: []"}, r"b\.yaml: has no 'patterns' at its top"),
        ({"slots": "- 1"}, r"slots\.yaml: has no 'slots' at its top"),
        (
            {"b": "patterns:\n  - {id: b.one, speaker: king, en: hi}"},
            r"b\.yaml: pattern 'b.one': needs id and speaker \(customer, agent\); not known: \[\]",
        ),
        ({"b": "patterns:\n  - {id: b.one, speaker: agent, fr: hi}"}, r"pattern 'b.one': .* not known: \['fr'\]"),
        ({"b": "patterns:\n  - {id: b.one, speaker: agent, en: no}"}, r"pattern 'b.one': en is not text \(quote it\)"),
        ({"b": "patterns:\n  - {id: b.one, speaker: agent, en: hi, informal: {en: no}}"}, r"pattern 'b.one': en is not text \(quote it\)"),
        (
            {"b": "patterns:\n  - {id: b.one, speaker: agent, opener: false, en: hi, informal: {fr: salut}}"},
            r"b\.one \(informal\): fr is not a language of forms\.yaml",
        ),
        ({"b": "patterns:\n  - {id: a.one, speaker: customer, en: hi}"}, "pattern id 'a.one' stands twice"),
        ({"b": "patterns:\n  - {id: b.one, speaker: customer, en: '{x}'}"}, r"b.one: slot \{x\} is not defined"),
    ],
)
def test_load_grammar_refuses_what_cannot_be_expanded(tmp_path, changes, message):
    with pytest.raises(GrammarError, match=message):
        load_grammar(*write(tmp_path, **changes))


def test_load_grammar_refuses_a_broken_glossary(tmp_path):
    folder, glossaries = write(tmp_path)
    (glossaries / "x.yaml").write_text("industry: x\n")
    with pytest.raises(GlossaryError, match=r"x\.yaml: needs an industry and a list of terms"):
        load_grammar(folder, glossaries)


def test_a_slot_takes_so_many_terms_of_a_glossary_and_a_new_term_moves_few():
    terms = [Term(f"x/{i}", ("product",), {"en": {"base": f"pump {i}"}}) for i in range(40)]
    forms = {"en": {"fallback": {}, "defaults": {}, "derived": {}}}
    slots = {"noun": {"glossary": "x", "tag": "product"}}

    def chosen(count, limit):
        grammar = Grammar([], slots, forms, {"x": Glossary("x", tuple(terms[:count]))}, limit)
        return {value.key for value in grammar._slots["noun"]}

    assert len(chosen(40, 12)) == 12
    assert len(chosen(40, None)) == 40
    assert len(chosen(5, 12)) == 5
    assert len(chosen(40, 12) - chosen(39, 12)) <= 1
