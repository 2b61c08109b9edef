"""Segments of any shape come back translated, in the same shape, with everything that must not change.

Most tests use a model that writes what it reads in capitals, so that the answer is known to the letter; the last ones use real, small ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data.annotation import FEATURES, FORMS, START, TERMS, bare
from data.glossary import Glossary, Term
from data.protect import MARKERS
from serving.answers import AppliedTerm
from serving.bundle import load_translator
from serving.engine.decoding import Hypothesis, never
from serving.errors import DeadlineError, InvalidError, NotFoundError
from serving.glossaries import Glossaries
from serving.models import ModelInfo
from serving.translator import BATCH_ROWS, Direction, Translator, sentence_ids

T0, T1, F, PL = *TERMS[:2], FEATURES["f"], FORMS["pl"]
LANGUAGES = ("de", "en", "es", "zh")
END, CODE = 0, 1
PUMP = Term(
    "machinery/hydraulic_pump",
    (),
    {
        "en": {"base": "hydraulic pump", "pl": "hydraulic pumps"},
        "de": {"base": "Hydraulikpumpe", "gender": "f", "pl": "Hydraulikpumpen"},
        "zh": {"base": "液压泵"},
    },
)
VALVE = Term("machinery/valve", (), {"en": {"base": "valve"}, "de": {"base": "Ventil"}})


class Letters:
    """Pieces of one letter each."""

    languages = LANGUAGES

    def encode(self, text: str, target: str | None = None) -> list[int]:
        return [*([CODE] if target else []), *map(ord, text), END]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(map(chr, ids))


class Typist:
    """A decoder that writes what `write` makes of the source, each piece with the probability one half."""

    def __init__(self, write: Callable[[str], str]) -> None:
        self.write = write
        self.asked: list[list[str]] = []
        self.options: list[dict[str, Any]] = []

    def decode(self, sources: Sequence[Sequence[int]], *, should_stop: Callable[[], bool], **options: Any) -> list[Hypothesis]:
        if should_stop():
            raise DeadlineError("the translation was not ready in time")
        texts = ["".join(chr(i) for i in ids if i not in {END, CODE}) for ids in sources]
        self.asked.append(texts)
        self.options.append(options)
        return [Hypothesis([ord(c) for c in self.write(text)], math.log(0.5)) for text in texts]


def direction(
    name: str,
    pairs: Sequence[tuple[str, str]],
    write: Callable[[str], str] = str.upper,
    max_pieces: int = 30_000,
    *,
    annotates: bool = True,
) -> Direction:
    info = ModelInfo(name, "0123456789ab", "translation", LANGUAGES, tuple(pairs), "int8")
    glossaries = {"machinery": Glossary("machinery", (PUMP, VALVE))}
    return Direction(info, Letters(), Typist(write), max_pieces, glossaries, annotates)  # type: ignore[arg-type]


def make(write: Callable[[str], str] = str.upper, max_pieces: int = 30_000, *, annotates: bool = True) -> Translator:
    """From English and into English, as the shipped models do."""
    others = [language for language in LANGUAGES if language != "en"]
    forth = direction("en-xx", [("en", other) for other in others], write, max_pieces, annotates=annotates)
    return Translator([forth, direction("xx-en", [(other, "en") for other in others], write, max_pieces, annotates=annotates)])


def obeying(text: str) -> str:
    """What a model writes that repeats its source, terms obeyed."""
    return re.sub(f"{START}( ?)[^{START}]*?([{TERMS[0]}-{TERMS[-1]}])[{''.join([*FORMS.values(), *FEATURES.values()])}]*", r"\1\2", text)


def translated(text: str, write: Callable[[str], str] = str.upper, source: str = "en", target: str = "de") -> str:
    return make(write).translate([text], source=source, target=target)[0].text


SHAPES = [
    "Hello.",
    "Hello. How are you?  I am fine!",
    "Hello",
    "  Hello there. \n",
    "Dear team,\n\n\nthe pump is broken.\n\n  Regards",
    "Hello.\r\nSecond line.\r\n\r\nFourth line.\rFifth",
    "We need:\n- two pumps\n  * one belt\n\t• grease\n1. now\n2) later\n(3) never",
    "\n\n",
    "",
    " \t \r\n ",
    "👍",
    "👍👍 🎉",
    "Great 👍 thanks!",
    "Is it ready?! Yes... No.",
    "\u3000Hello.\u00a0Bye.",
    "12 - 14",
    "?",
]


@pytest.mark.parametrize("text", SHAPES)
def test_the_shape_is_kept(text: str) -> None:
    assert translated(text) == text.upper()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello. Bye. See you.", "HELLO.BYE.SEE YOU."),
        ("Hello.  Bye.\n- one. two.", "HELLO.  BYE.\n- ONE.TWO."),
        ("12! 13! 👍", "12! 13! 👍"),
    ],
)
def test_chinese_has_no_space_between_sentences(text: str, expected: str) -> None:
    assert translated(text, target="zh") == expected


def test_other_languages_have_one() -> None:
    assert translated("你好。再见。\n谢谢！", source="zh", target="en") == "你好。 再见。\n谢谢！"


def test_a_segment_with_nothing_to_translate_asks_no_model() -> None:
    translator = make()
    [answer] = translator.translate(["👍 PO-4711, 380 V. 12!"], source=None, target="zh")
    assert (answer.text, answer.source, answer.protected, answer.score) == ("👍 PO-4711, 380 V. 12!", "en", 4, 100.0)
    assert all(not d.decoder.asked for d in translator._by_pair.values())


def test_what_must_not_change_does_not() -> None:
    text = (
        "Order PO-4711 of 380 V/50 Hz pumps (±0.05 mm, IP67): see https://a.example/b?c=d, mail me@b.example, {name}, <b>now</b>, € 12.50!"
    )
    kept = ("PO-4711", "380 V/50 Hz", "±0.05 mm", "IP67", "https://a.example/b?c=d", "me@b.example", "{name}", "<b>", "</b>", "€ 12.50")
    [answer] = make().translate([text], source="en", target="de")
    expected = text.upper()
    for value in kept:
        expected = expected.replace(value.upper(), value)
    assert answer.text == expected
    assert answer.protected == len(kept)


@pytest.mark.parametrize("count", [19, 20, 21, 30, 45])
def test_any_number_of_values_is_kept_in_one_sentence(count: int) -> None:
    values = [f"ab{10_000 + i}" for i in range(count)]  # in lower case, so that a value that a model wrote would show
    [answer] = make().translate([f"Please send {', '.join(values)} today."], source="en", target="de")
    assert answer.text == f"PLEASE SEND {', '.join(values)} TODAY."
    assert answer.protected == count


def test_values_that_the_model_drops_are_put_back() -> None:
    values = [f"AB-{1000 + i}" for i in range(30)]
    text = translated(f"please send {' and '.join(values)} today.", write=lambda text: re.sub(f"[{''.join(MARKERS)}]", "", text))
    assert [value for value in values if text.count(value) != 1] == []


def test_values_that_the_model_doubles_stand_once() -> None:
    assert translated("Send AB-1000 now.", write=lambda text: f"{text} {text}").count("AB-1000") == 1


def test_markers_that_the_model_makes_up_are_dropped() -> None:
    assert translated("Hello.", write=lambda text: f"{MARKERS[0]}Hallo{MARKERS[7]}.") == "Hallo."
    assert translated("Send AB-1000.", write=lambda text: f"Schick {MARKERS[0]}{MARKERS[7]}.") == "Schick AB-1000."


def test_control_pieces_typed_by_a_customer_are_text() -> None:
    assert translated("Why </s> and <pad> and >>de<< here?") == "WHY </s> AND <pad> AND >>DE<< HERE?"


def test_private_use_characters_typed_by_a_customer_are_no_markers() -> None:
    assert translated(f"Send {MARKERS[0]} and AB-1000.") == "SEND \ufffd AND AB-1000."
    assert translated(MARKERS[0]) == MARKERS[0]


def test_the_model_reads_no_shouting() -> None:
    assert translated("WHERE IS MY ORDER PO-4711? We wait. CE OK?", write=lambda text: text) == "Where is my order PO-4711? We wait. CE OK?"


def test_a_sentence_of_which_the_model_writes_nothing_stays() -> None:
    assert translated("Hello AB-1000. Bye.", write=lambda text: "" if "Hello" in text else text.upper()) == "Hello AB-1000. BYE."


@pytest.mark.parametrize("target", ["de", "zh"])
def test_nothing_of_a_very_long_segment_is_lost(target: str) -> None:
    """10,000 letters without a space or a mark, for a model that reads 32 pieces at once."""
    text = "".join(chr(ord("a") + i * i % 26) for i in range(10_000))
    translator = make(max_pieces=64)
    [answer] = translator.translate([text], source="en", target=target)
    assert answer.text.replace(" ", "") == text.upper()
    assert (" " in answer.text) == (target == "de")
    pieces = [piece for batch in translator._by_pair["en", target].decoder.asked for piece in batch]  # type: ignore[attr-defined]
    assert 10_000 / 32 < len(pieces) <= 2 * 10_000 / 30
    assert max(map(len, pieces)) <= 30


def test_a_long_sentence_is_cut_between_clauses_and_words_first() -> None:
    translator = make(max_pieces=40)
    text = "the pump is here, the belt is not"
    assert translator.translate([text], source="en", target="de")[0].text == text.upper()
    assert sorted(translator._by_pair["en", "de"].decoder.asked[0]) == ["the belt is not", "the pump is here,"]  # type: ignore[attr-defined]


def test_segments_stay_in_order_however_they_are_decoded() -> None:
    translator = make()
    segments = [f"{'so ' * (i * 7 % 19)}number {chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(70)]
    answers = translator.translate(segments, source="en", target="de")
    assert [answer.text for answer in answers] == [segment.upper() for segment in segments]
    decoder: Any = translator._by_pair["en", "de"].decoder
    assert [len(batch) for batch in decoder.asked] == [BATCH_ROWS, BATCH_ROWS, 70 - 2 * BATCH_ROWS]


def test_how_much_a_sentence_may_grow_depends_on_itself_alone() -> None:
    translator = make()
    translator.translate(["Hi", "Good morning"], source="en", target="de", beams=3)
    decoder: Any = translator._by_pair["en", "de"].decoder
    assert decoder.options == [{"beams": 3, "max_pieces": [3 * 4 + 10, 3 * 14 + 10], "once": ()}]


def test_the_marks_of_a_model_are_written_once() -> None:
    marks = tuple((ord(mark), ord(mark)) for mark in (MARKERS[0], T0))
    forth = replace(direction("en-xx", [("en", "de")]), marks=marks)
    Translator([forth]).translate(["Hi", "Good morning. PO-1"], source="en", target="de")
    decoder: Any = forth.decoder
    assert [options["once"] for options in decoder.options] == [marks]


def test_the_search_is_as_wide_as_the_call_says_else_as_the_translator_s() -> None:
    translator = Translator([direction("en-xx", [("en", "de")])], beams=4)
    for asked in (None, 1):
        translator.translate(["Hi"], source="en", target="de", beams=asked)
    decoder: Any = translator._by_pair["en", "de"].decoder
    assert [options["beams"] for options in decoder.options] == [4, 1]


def test_the_score_is_the_mean_probability_of_a_piece() -> None:
    [one, two] = make().translate(["Hello", "Hello. Good morning to you."], source="en", target="de")
    assert one.score == two.score == 50.0


def test_no_segments_no_translations() -> None:
    assert make().translate([], source=None, target="de") == []


@pytest.mark.parametrize("language", ["en", "EN", "en-GB", "en_US"])
def test_the_same_language_gives_the_text_as_it_was(language: str) -> None:
    text = " Hello  there.\r\n</s> AB-1000 \ue000 "
    [answer] = make().translate([text], source="en", target=language)
    assert (answer.text, answer.source, answer.pivot, answer.score) == (text, "en", None, 100.0)


def test_a_detected_language_that_is_the_target_is_left_alone() -> None:
    answers = make().translate(
        ["Could you send us the invoice, please?", "Können Sie uns bitte die Rechnung senden?"], source=None, target="de"
    )
    assert [(answer.source, answer.text) for answer in answers] == [
        ("en", "COULD YOU SEND US THE INVOICE, PLEASE?"),
        ("de", "Können Sie uns bitte die Rechnung senden?"),
    ]


def test_each_segment_has_its_own_language_and_way() -> None:
    segments = ["Where is my order?", "Wo bleibt meine Bestellung?", "¿Dónde está mi pedido?", "我的订单在哪里？", "👍"]
    answers = make().translate(segments, source=None, target="zh")
    assert [answer.source for answer in answers] == ["en", "de", "es", "zh", "en"]
    assert [answer.pivot for answer in answers] == [None, "en", "en", None, None]


def test_a_pair_without_a_model_goes_through_english() -> None:
    translator = make()
    [answer] = translator.translate(["Hallo. PO-4711 fehlt."], source="de", target="zh")
    assert (answer.pivot, answer.text, answer.protected) == ("en", "HALLO.PO-4711 FEHLT.", 1)
    first, second = (translator._by_pair[pair].decoder.asked for pair in (("de", "en"), ("en", "zh")))  # type: ignore[attr-defined]
    assert sorted(first[0]) == ["Hallo.", f"{MARKERS[0]} fehlt."]
    assert sorted(second[0]) == ["HALLO.", f"{MARKERS[0]} FEHLT."]
    assert answer.score == 50.0


def test_a_direct_pair_names_no_pivot() -> None:
    assert make().translate(["Hallo."], source="de", target="en")[0].pivot is None


def test_the_model_named_makes_the_last_step() -> None:
    translator = make()
    assert translator.model_for("de", "zh").name == "en-xx"
    assert translator.model_for("de", "en").name == "xx-en"
    assert translator.model_for(None, "en").name == translator.model_for("en", "en").name == "en-xx"


def test_a_language_that_is_not_served() -> None:
    for options, field, code in (
        ({"source": "en", "target": "fr"}, "target", "fr"),
        ({"source": "zh-TW", "target": "en"}, "source", "zh-TW"),
    ):
        with pytest.raises(InvalidError, match=rf"^language '{code}' is not served; valid: de, en, es, zh$") as caught:
            make().translate(["Hello"], **options)  # type: ignore[arg-type]
        assert [detail.field for detail in caught.value.details] == [field]


def test_a_language_that_cannot_be_told() -> None:
    with pytest.raises(InvalidError, match=r"^segment 1: the text is in none of the languages served: de, en, es, zh$") as caught:
        make().translate(["Hello there", "Где мой заказ?"], source=None, target="de")
    assert [detail.field for detail in caught.value.details] == ["segments.1"]


def test_no_way_between_two_languages() -> None:
    translator = Translator([direction("one", [("en", "de"), ("es", "en")])])
    assert translator.path("es", "de") == [("es", "en"), ("en", "de")]
    with pytest.raises(InvalidError, match=r"^no model translates de to es$") as caught:
        translator.translate(["Hallo"], source="de", target="es")
    assert [(detail.field, detail.problem) for detail in caught.value.details] == [("target", "valid languages: de, en, es")]


def test_an_industry_without_a_glossary() -> None:
    with pytest.raises(NotFoundError, match=r"^no glossary for industry 'optics'; there are: machinery$") as caught:
        make().translate(["Hello"], source="en", target="de", industry="optics")
    assert [detail.field for detail in caught.value.details] == ["industry"]


def test_terms_are_found_where_they_stand_and_applied_if_the_translation_has_them() -> None:
    text = "👍 Hydraulic pumps\r\nand a VALVE for\tthe hydraulic pump"
    german = {
        "👍 Hydraulic pumps": "👍 Hydraulikpumpen",
        "and a VALVE for the hydraulic pump": "und ein Absperrteil für die HYDRAULIKPUMPE",
    }
    [answer] = make(lambda text: german[bare(text).replace(MARKERS[0], "👍")]).translate(
        [text], source="en", target="de", industry="machinery"
    )
    assert [(term.source, term.target, term.applied) for term in answer.terms] == [
        ("Hydraulic pumps", "Hydraulikpumpe", True),
        ("VALVE", "Ventil", False),
        ("hydraulic pump", "Hydraulikpumpe", True),
    ]
    assert [text[term.start : term.end] for term in answer.terms] == [term.source for term in answer.terms]


def test_terms_of_the_request_win_over_the_glossary_s() -> None:
    text = "A hydraulic pump and a valve."
    translator = make(lambda text: "Eine Hydropumpe und ein Ventil.")
    inline = [("Hydraulic Pump", "Hydropumpe"), ("absent", "abwesend")]
    [answer] = translator.translate([text], source="en", target="de", industry="machinery", inline=inline)
    assert sorted(answer.terms, key=lambda term: term.start) == [
        AppliedTerm("hydraulic pump", "Hydropumpe", True, 2, 16, overrides="Hydraulikpumpe"),
        AppliedTerm("valve", "Ventil", True, 23, 28),
    ]
    overlapping = translator.translate([text], source="en", target="de", industry="machinery", inline=[("pump", "Pumpe")])[0].terms
    assert sorted(term.source for term in overlapping) == ["pump", "valve"]


def test_without_an_industry_there_are_only_the_request_s_terms() -> None:
    answers = make().translate(["A hydraulic pump."], source="en", target="de", inline=[("a", "eine")])
    assert [term.source for term in answers[0].terms] == ["A"]
    assert make().translate(["A hydraulic pump."], source="en", target="de")[0].terms == ()


def test_a_term_without_a_form_in_the_target_is_not_reported() -> None:
    assert make().translate(["A valve."], source="en", target="zh", industry="machinery")[0].terms == ()


def asked(translator: Translator, source: str, target: str) -> list[str]:
    """What the model of a pair was given to read, calls in order."""
    decoder: Any = translator._by_pair[source, target].decoder
    return [text for batch in decoder.asked for text in batch]


def test_terms_are_annotated_with_what_they_are_to_become() -> None:
    translator = make()
    translator.translate(["The hydraulic pumps of PO-4711 need a valve."], source="en", target="de", industry="machinery")
    [read] = asked(translator, "en", "de")
    assert read == (f"The{START} hydraulic pumps{T0}{F}{PL} of {MARKERS[0]} need a{START} valve{T1}.")


def test_a_term_with_a_number_in_it_is_a_term_and_what_holds_a_term_is_kept() -> None:
    translator, inline = make(obeying), [("5 V adapter", "5-V-Netzteil"), ("pump", "Pumpe")]
    [answer] = translator.translate(["A 5 V adapter, see https://a.example/pump now"], source="en", target="de", inline=inline)
    assert asked(translator, "en", "de") == [f"A{START} 5 V adapter{T0}, see {MARKERS[0]} now"]
    assert [(term.source, term.applied) for term in answer.terms] == [("5 V adapter", True)]


def test_without_a_glossary_nothing_is_annotated() -> None:
    translator = make()
    translator.translate(["The hydraulic pump."], source="en", target="de")
    assert asked(translator, "en", "de") == ["The hydraulic pump."]


def test_a_model_that_knows_no_annotations_gets_markers() -> None:
    translator = make(annotates=False)
    [answer] = translator.translate(["The hydraulic pump 12 and a valve."], source="en", target="de", industry="machinery")
    assert asked(translator, "en", "de") == [f"The {MARKERS[0]} {MARKERS[1]} and a {MARKERS[2]}."]
    assert answer.text == "THE Hydraulikpumpe 12 AND A Ventil."
    assert ([term.applied for term in answer.terms], answer.protected) == ([True, True], 1)


def test_a_term_goes_by_way_of_english_under_its_english_name() -> None:
    said = {"液压泵坏了": f"The {T0}{PL} are broken", "The hydraulic pumps are broken": f"Die {T0}{PL} sind kaputt"}
    translator = make(lambda text: said[bare(text)])
    [answer] = translator.translate(["液压泵坏了"], source="zh", target="de", industry="machinery")
    assert asked(translator, "zh", "en") == [f"{START}液压泵{T0}{PL}坏了"]
    assert asked(translator, "en", "de") == [f"The{START} hydraulic pumps{T0}{F}{PL} are broken"]
    assert answer.text == "Die Hydraulikpumpen sind kaputt"
    assert [(term.source, term.target, term.applied) for term in answer.terms] == [("液压泵", "Hydraulikpumpe", True)]


def test_a_term_without_an_english_name_is_held() -> None:
    translator = make()
    [answer] = translator.translate(["液压泵坏了"], source="zh", target="de", inline=[("液压泵", "Hydropumpe")])
    assert asked(translator, "zh", "en") == asked(translator, "en", "de") == [f"{MARKERS[0]}坏了"]
    assert answer.terms[0].applied


def test_a_name_that_is_not_translated_stays_by_way_of_english_too() -> None:
    brand = Term("machinery/brand", (), {"en": {"base": "Aquaflux"}}, translate=False)
    mine = Glossaries({"machinery": Glossary("machinery", (brand,))})
    [answer] = make(obeying).translate(["Die Aquaflux leckt."], source="de", target="es", industry="machinery", glossaries=mine)
    assert (answer.text, [term.applied for term in answer.terms]) == ("Die Aquaflux leckt.", [True])


def test_strict_terms_hold_what_the_model_missed_and_only_that() -> None:
    translator = make(lambda text: bare(text).replace("valve", "Absperrteil").replace("hydraulic pump", "Hydraulikpumpe"))
    asking: Any = {"source": "en", "target": "de", "industry": "machinery"}
    text = "A hydraulic pump. A hydraulic pump and a valve, and 12 valve kits."
    [missed] = translator.translate([text], **asking)
    assert [term.applied for term in missed.terms] == [True, True, False, False]
    [answer] = translator.translate([text], **asking, strict_terms=True)
    assert answer.text == "A Hydraulikpumpe. A Hydraulikpumpe and a Ventil, and 12 Ventil kits."
    assert [term.applied for term in answer.terms] == [True, True, True, True]
    assert len(asked(translator, "en", "de")) == 2 + 2 + 1


@pytest.mark.parametrize(
    ("write", "target", "expected"),
    [
        (lambda _: "Nichts.", "de", "Hydraulikpumpe Nichts Ventil."),
        (lambda _: "没有。", "zh", "液压泵没有。"),
        (lambda _: "", "de", "A Hydraulikpumpe and a Ventil."),
        (lambda _: "Hydraulikpumpenventil", "de", "Hydraulikpumpe Hydraulikpumpenventil Ventil"),
    ],
)
def test_strict_terms_are_kept_whatever_the_model_does(write: Callable[[str], str], target: str, expected: str) -> None:
    [answer] = make(write).translate(["A hydraulic pump and a valve."], source="en", target=target, industry="machinery", strict_terms=True)
    assert answer.text == expected
    assert all(term.applied for term in answer.terms)


def test_more_held_terms_than_markers() -> None:
    text = " ".join(["hydraulic pump"] * 30)
    [answer] = make(lambda text: bare(text).upper()).translate([text], source="en", target="de", industry="machinery", strict_terms=True)
    assert answer.text.count("Hydraulikpumpe") == 30
    assert len(answer.terms) == 30
    assert all(term.applied for term in answer.terms)


def test_a_term_is_applied_as_often_as_it_stands_there() -> None:
    [answer] = make(lambda _: "Die Hydraulikpumpe!").translate(
        ["A hydraulic pump, hydraulic pump!"], source="en", target="de", industry="machinery"
    )
    assert [term.applied for term in answer.terms] == [True, False]


def test_a_term_that_keeps_its_case() -> None:
    led = Term("machinery/led", (), {"en": {"base": "LED"}, "de": {"base": "Leuchtdiode"}}, case="keep")
    glossaries = Glossaries({"machinery": Glossary("machinery", (led,))})
    [answer] = make().translate(["The LED led us."], source="en", target="de", industry="machinery", glossaries=glossaries)
    assert [(term.source, term.start) for term in answer.terms] == [("LED", 4)]


def test_a_long_sentence_is_not_cut_in_a_term() -> None:
    translator = make(max_pieces=80)
    translator.translate(
        ["We have the hydraulic pump here and there and a hydraulic pump too."], source="en", target="de", industry="machinery"
    )
    read = asked(translator, "en", "de")
    assert len(read) > 1
    assert all(text.count(START) == sum(text.count(mark) for mark in TERMS) for text in read)
    assert sum(text.count(START) for text in read) == 2


def test_a_deadline_stops_between_batches_too() -> None:
    stops = iter([False, True])
    with pytest.raises(DeadlineError, match=r"^the translation was not ready in time$"):
        make().translate(["Hello"] * (BATCH_ROWS + 1), source="en", target="de", should_stop=lambda: next(stops))


@pytest.fixture(scope="module")
def real(world: Any) -> Translator:
    return load_translator(world.bundles, threads=1)


CHAT = "Hello,\n\n- where is PO-4711? It had 12 pumps at 380 V.\r\n- please send https://a.example/x\n\n  Thanks 👍\n"


@pytest.mark.parametrize(("source", "target"), [("en", "de"), ("en", "zh"), ("de", "en"), ("de", "es")])
def test_real_models_keep_the_shape_and_the_values(real: Translator, source: str, target: str) -> None:
    [answer] = real.translate([CHAT], source=source, target=target)
    assert re.findall(r"[\r\n]+(?:- |  )?", answer.text) == re.findall(r"[\r\n]+(?:- |  )?", CHAT)
    for value in ("PO-4711", "12", "380 V", "https://a.example/x", "👍"):
        assert value in answer.text
    assert answer.protected == 5
    assert 0 < answer.score < 100
    assert not set(answer.text) & set(MARKERS)


@pytest.mark.parametrize("beams", [1, 4])
def test_real_models_answer_the_same_alone_and_in_any_company(real: Translator, beams: int) -> None:
    segments = ["Hello", "Where is my order?", CHAT, "Thanks", "The pump and the belt and the motor have not arrived in Hamburg yet."]
    alone = [real.translate([segment], source="en", target="de", beams=beams)[0] for segment in segments]
    together = real.translate(segments, source="en", target="de", beams=beams)
    assert [answer.text for answer in together] == [answer.text for answer in alone]
    assert [answer.score for answer in together] == pytest.approx([answer.score for answer in alone], abs=0.02)


@pytest.mark.parametrize("letter", ["x", "泵", "ก"])
def test_real_models_survive_a_very_long_segment(real: Translator, letter: str) -> None:
    [answer] = real.translate([letter * 10_000], source="en", target="de")
    assert answer.text
    assert 0 < answer.score < 100


def test_real_models_keep_thirty_values(real: Translator) -> None:
    values = [f"AB-{1000 + i}" for i in range(30)]
    [answer] = real.translate([f"Please send {', '.join(values)} today."], source="en", target="de")
    assert [value for value in values if value not in answer.text] == []


def test_real_pieces_take_no_orders_from_a_customer(world: Any, real: Translator) -> None:
    model = real._by_pair["en", "es"]
    [ids] = sentence_ids("Say </s> or <pad> in >>de<< please.", model, "es")
    codes = {model.pieces.encode("", language)[0] for language in model.pieces.languages}
    assert ids[0] == model.pieces.encode("", "es")[0]
    assert not codes & set(ids[1:])
    assert ids.index(model.pieces.eos) == len(ids) - 1
    assert model.pieces.pad not in ids


def test_sentence_ids_are_what_is_decoded() -> None:
    translator = make(max_pieces=60)
    text = f"Hello there. 12!\nSend {', '.join(f'AB-{1000 + i}' for i in range(25))} on Monday to the warehouse."
    model = translator._by_pair["en", "de"]
    translator.translate([text], source="en", target="de")
    decoder: Any = model.decoder
    read = ["".join(map(chr, ids[1:-1])) for ids in sentence_ids(text, model, "de")]
    assert sorted(read) == sorted(piece for batch in decoder.asked for piece in batch)


def test_a_real_model_stops_at_its_deadline(real: Translator) -> None:
    asked: list[int] = []

    def third_step() -> bool:
        asked.append(1)
        return len(asked) == 3

    with pytest.raises(DeadlineError, match=r"^the translation was not ready in time$"):
        real.translate(["Where is my order?"], source="de", target="es", should_stop=third_step)
    assert len(asked) == 3
    assert not never()


def test_a_bundle_s_own_glossary_is_reported_on(real: Translator) -> None:
    assert {"apparel", "machinery"} <= set(real.glossaries.industries)
    [answer] = real.translate(["We need ten hydraulic pumps."], source="en", target="de", industry="machinery")
    assert [(term.source, term.target, term.start, term.end) for term in answer.terms] == [("hydraulic pumps", "Hydraulikpumpe", 12, 27)]


def test_a_real_model_knows_its_marks(real: Translator) -> None:
    for model in (real._by_pair["en", "es"], real._by_pair["es", "en"]):
        assert model.annotates
        assert [read for read, _ in model.marks] == [model.pieces.id_of(mark) for mark in (*MARKERS, *TERMS)]
        assert [model.pieces.decode([written]) for _, written in model.marks] == [*MARKERS, *TERMS]


def test_a_direction_says_which_graphs_it_runs(world: Path) -> None:
    described = load_translator(world.bundles, threads=1, precision="fp32").described  # type: ignore[attr-defined]
    assert [(info.name, info.precision) for info in described] == [("en-xx", "fp32"), ("xx-en", "fp32")]
