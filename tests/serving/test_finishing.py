"""Whatever is typed and whatever a model writes about it: what must not change is in the answer, once, and nothing is made up.

The models here are decoders that write what a function makes of the source.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data.glossary import Glossary, Term
from data.normalize import PRIVATE_USE, normalize
from data.protect import MARKERS, TERM_KIND, Span, find_protected, mask
from serving.engine.decoding import Hypothesis
from serving.errors import ServiceError
from serving.finishing import Written, finish, most_words
from serving.models import ModelInfo
from serving.translator import Direction, Translator

LANGUAGES = ("de", "en", "es", "zh")
VALVE = Term("machinery/valve", (), {"en": {"base": "ball valve"}, "zh": {"base": "球阀(大), A型"}})


class Letters:
    """Pieces of one letter each; 0 ends a sentence, 1 asks for a language."""

    languages = LANGUAGES

    def encode(self, text: str, target: str | None = None) -> list[int]:
        return [*([1] if target else []), *map(ord, text), 0]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(map(chr, ids))


class Writer:
    """A decoder that writes what `write` makes of a source."""

    def __init__(self, write: Callable[[str], str]) -> None:
        self.write = write

    def decode(self, sources: Sequence[Sequence[int]], **_: Any) -> list[Hypothesis]:
        written = [self.write("".join(map(chr, ids[1:-1]))) for ids in sources]
        return [Hypothesis(list(map(ord, text)), -1.0) for text in written]


def translator(write: Callable[[str], str]) -> Translator:
    info = ModelInfo("all", "0123456789ab", "translation", LANGUAGES, tuple((s, t) for s in LANGUAGES for t in LANGUAGES if s != t), "int8")
    return Translator([Direction(info, Letters(), Writer(write), 600, {"machinery": Glossary("machinery", (VALVE,))})])  # type: ignore[arg-type]


def translated(text: str, write: Callable[[str], str] = str.upper, source: str = "en", target: str = "de", **options: Any) -> str:
    return translator(write).translate([text], source=source, target=target, **options)[0].text


WORDS = {
    "en": ["where", "please", "order", "machine", "shipping", "arrived", "don't"],
    "de": ["bitte", "Bestellung", "größer", "Straße", "liefern", "nicht"],
    "es": ["pedido", "máquina", "envíenos", "señor", "todavía"],
    "zh": ["订单", "请", "机器", "已经", "发货", "的"],
}
VALUES = [
    *("https://x.example/a?b=1", "me@b-c.example", "{order_id}", "<b>", "&amp;", "</s>", "<pad>", "+49 89 1234567", "USD 1,250.00"),
    *("￥99", "PO-123456", "M8x20", "IP67", "380 V/50 Hz", "±0.05 mm", "8501.52", "2027-03-14", "12.5 %", "7", "👍🏽"),
]
MADE_UP = ["20", "99.5 kg", "AB-7777", "www.made.example", "{made_up}", "\ue0ff", *MARKERS]


@st.composite
def messages(draw: Any) -> tuple[str, str]:
    """A language and a message in it: sentences with values, on one or more lines, after bullets or not."""
    language = draw(st.sampled_from(LANGUAGES))
    space, mark = ("", "。") if language == "zh" else (" ", ".")
    text = ""
    for _ in range(draw(st.integers(1, 3))):
        parts = draw(st.lists(st.tuples(st.sampled_from(WORDS[language]), st.sampled_from([*VALUES, "", "", ""])), min_size=1, max_size=6))
        sentence = space.join(word + (" " if value else "") + value for word, value in parts)
        text += draw(st.sampled_from(["", "- "])) + sentence + draw(st.sampled_from([mark, "", "!"]))
        text += draw(st.sampled_from(["\n", "\r\n\r\n", "\n  "]))
    return language, text


def bad_model(seed: int) -> Callable[[str], str]:
    """Drops, repeats, reorders, makes up, glues, loops, or writes nothing."""
    chance = random.Random(seed)

    def write(masked: str) -> str:
        pieces = re.findall(rf"{PRIVATE_USE.pattern}|[^\W\ue000-\uf8ff]+|[^\w\s\ue000-\uf8ff]", masked)
        pieces = [piece for piece in pieces if not PRIVATE_USE.match(piece) or chance.random() < 0.6]
        pieces += chance.choices([*pieces, *MADE_UP, *WORDS["de"], *WORDS["zh"]], k=chance.randrange(4))
        if chance.random() < 0.5:
            chance.shuffle(pieces)
        pieces *= chance.choice([1, 1, 1, 6, 0])
        return chance.choice([" ", ""]).join(pieces)

    return write


def values(text: str) -> Counter[str]:
    return Counter(span.text for span in find_protected(normalize(text)))


@settings(deadline=None, max_examples=400)
@given(messages(), st.sampled_from(LANGUAGES), st.integers(0, 10_000))
def test_whatever_a_model_writes_every_value_stands_once_in_its_line(message: tuple[str, str], target: str, seed: int) -> None:
    language, text = message
    answer = translated(text, bad_model(seed), language, target)
    assert re.findall(r"[\r\n]+(?:  )?(?:- )?", answer) == re.findall(r"[\r\n]+(?:  )?(?:- )?", text)
    lines = zip(re.split(r"[\r\n]+", text), re.split(r"[\r\n]+", answer), strict=True)
    assert [(line, done) for line, done in lines if values(line.strip(" -")) != values(done.strip(" -"))] == []
    assert not PRIVATE_USE.search(answer)


HOSTILE = [
    *("\ue000", "\ue013", "\ue0ff", "\uf8ff", "</s>", "<pad>", ">>de<<", "\ud800", "\udfff", "\u200b", "\u200d", "\ufeff", "\x00", "\x1f"),
    *("\u202e", "\u200f", "e\u0301", "\u0301", "x" * 700, "泵" * 400, "?!", "...", "，。", "👍", "🇩🇪", "\u2581", "\u00ad"),
    *("PO-123456", "12", "OK", "hallo", "12,5", " ", "\n", "\t", "\u3000", "ｗｉｄｅ", "１２", "ﷺ", "ก", "𠀀"),
]


HOSTILE_TEXTS = st.lists(st.sampled_from(HOSTILE), max_size=6).map("".join) | st.text(max_size=30)


@settings(deadline=None, max_examples=400)
@given(HOSTILE_TEXTS, st.sampled_from(LANGUAGES), st.integers(0, 10_000))
@example("\ud800 hello PO-123456", "de", 1)
def test_a_hostile_text_gets_an_answer_or_an_error_of_ours(text: str, target: str, seed: int) -> None:
    try:
        answer = translator(bad_model(seed)).translate([text], source=None, target=target)[0].text
    except ServiceError:
        return
    assert set(PRIVATE_USE.findall(answer)) <= set(PRIVATE_USE.findall(text))
    assert re.findall(r"[\r\n]", answer) == re.findall(r"[\r\n]", text)
    assert re.match(r"[\s]*", answer)[0] == re.match(r"[\s]*", text)[0] or not answer.strip()  # type: ignore[index]


ONE = ["OK", "ok.", "Okay!", "12", "PO-123456", "👍", "?", "12,5 %", "\ue000", "<b>"]


@pytest.mark.parametrize("text", ONE)
@pytest.mark.parametrize("target", ["de", "zh"])
def test_what_is_the_same_in_every_language_stays(text: str, target: str) -> None:
    assert translated(text, lambda _: "Hello from our bank.", target=target) == text


@pytest.mark.parametrize(
    ("source", "written", "expected"),
    [
        ("Hallo", "Hello.", "Hello"),
        ("Hallo", "Hello!", "Hello"),
        ("Hallo!", "Hello!", "Hello!"),
        ("cuánto", "¿How much?", "How much"),
        ("where is my order", "Where is my order.", "Where is my order"),
        ("where is my big order", "Where is my order.", "Where is my order."),  # a sentence gets the mark that it lacks
        ("(ja)", "(yes).", "(yes)"),
        ("ja", "yes we have sent them", "yes we have sent them"),
        ("ja", "yes we have sent them today", "ja"),  # six words for one
        ("Gracias", "我们您我们我们的银行", "Gracias"),
        ("Einfuhrumsatzsteuerbescheinigung", "进口增值税完税证明", "进口增值税完税证明"),  # long, but so is the word
        ("Pumpe PO-1", "the order of yours has been sent to {0} now", "Pumpe PO-1"),
        ("Pumpe PO-1", "pump {0}.", "pump PO-1"),
        ("泵", "\ue005", "泵"),
        ("泵", "...", "泵"),
        ("great 👍", "{0}", "great 👍"),  # the word is lost
        ("请发货", "please send the goods as soon as possible to us", "please send the goods as soon as possible to us"),
    ],
)
def test_little_stays_little(source: str, written: str, expected: str) -> None:
    spans = find_protected(source)
    assert finish(source, Written(written.replace("{0}", MARKERS[0]), mask(source, spans), spans), "en") == expected


def test_how_many_words_few_may_become() -> None:
    assert [most_words(text) for text in ("ja", "ja bitte", "泵", "请发货", "Einfuhrumsatzsteuer")] == [5, 8, 5, 11, 9]


@pytest.mark.parametrize(
    ("source", "probability", "expected"),
    [
        ("to reserve", 0.19, "to reserve"),  # what a small model wrote for it: die Preis
        ("to reserve", 0.21, "die Preis"),
        ("we would like to reserve", 0.19, "die Preis"),  # five words
    ],
)
def test_few_words_of_which_the_model_is_not_sure_stay(source: str, probability: float, expected: str) -> None:
    written = Written("die Preis", source, [], probability)
    assert finish(source, written, "de") == expected
    assert finish(source, written, "de", ["Preis"]) == "die Preis"


def test_the_probability_is_the_sentence_s_own() -> None:
    model = translator(str.upper)
    decoder: Any = model._by_pair["en", "de"].decoder
    chances = iter([-1.7, -1.5])
    decoder.decode = lambda sources, **_: [Hypothesis(list(map(ord, "JA")), next(chances)) for _ in sources]
    assert model.translate(["yes! no!"], source="en", target="de")[0].text == "JA no!"  # the shorter one is decoded first


def test_a_term_may_be_long() -> None:
    clock = "in the sense of a clock"
    assert finish("reloj", Written(clock, "reloj", []), "en", [clock]) == clock
    assert finish("reloj", Written(clock, "reloj", []), "en") == "reloj"
    assert finish("Ltd", Written("S.L.", "Ltd", []), "es", ["S.L."]) == "S.L."


def test_a_term_that_was_held_stands_whatever_the_model_wrote_around_it() -> None:
    held = [Span(TERM_KIND, "Kugelhahn", 0, 1)]
    marker = MARKERS[0]
    assert finish("ball valve", Written(marker, marker, held), "de") == "Kugelhahn"
    assert finish("ball valve", Written("", marker, held), "de") == "Kugelhahn"  # the model lost it
    assert finish("OK valve", Written(f"gut {marker}", f"OK {marker}", held, 0.01), "de") == "gut Kugelhahn"  # sure or not
    assert finish("two ball valves", Written(f"{marker}n", f"two {marker}s", held), "de") == "Kugelhahn n"  # a word of its own


def test_the_answer_has_the_target_s_punctuation() -> None:
    write = {"zh": "请确认订单" + MARKERS[0] + ", 谢谢!", "de": "Bitte bestätigen Sie" + MARKERS[0] + "，danke！"}
    for target, expected in (("zh", "请确认订单PO-1，谢谢！"), ("de", "Bitte bestätigen Sie PO-1, danke!")):
        assert translated("Please confirm the order PO-1, thanks!", lambda _, target=target: write[target], target=target) == expected  # type: ignore[misc]


def test_terms_keep_their_own_punctuation() -> None:
    text = "We need this ball valve now, please."
    held = f"我们需要{MARKERS[0]}, 谢谢."  # these pieces know no annotations
    assert translated(text, lambda _: held, target="zh", industry="machinery") == "我们需要球阀(大), A型，谢谢。"
    assert translated(text, lambda _: held, target="zh", inline=[("valve", "A型, 谢谢")]) == "我们需要A型, 谢谢，谢谢。"
    assert translated(text, lambda _: "我们需要球阀(大), A型, 谢谢.", target="zh") == "我们需要球阀（大），A型，谢谢。"
