import itertools
import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data.sentences import ABBREVIATIONS, SplitText, split

PIECES = [
    "Hello",
    "z. B.",
    "Nr. 5",
    "p. ej.",
    "Mr.",
    "您好",
    "订单",
    "。",
    "！",
    "？",
    "；",
    "”",
    "“",
    "」",
    "）",
    ".",
    "!",
    "?",
    "…",
    "...",
    '"',
    "'",
    ")",
    "(",
    " ",
    "  ",
    "\t",
    "\u00a0",
    "\u3000",
    "\u2003",
    "\n",
    "\r\n",
    "\r",
    "\u2028",
    "\x0b",
    "\x85",
    "- ",
    "• ",
    "1. ",
    "2) ",
    "😊",
    "¿",
    "5",
    "a",
    "</s>",
]
ANY = st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=16).map("".join)


def rebuilt(parts):
    return "".join(itertools.chain.from_iterable(itertools.zip_longest(parts.gaps, parts.sentences, fillvalue="")))


@settings(deadline=None, max_examples=1_000)
@given(ANY)
@example("\r\n\r\n - \n1. \n")
@example("。。。")
def test_gaps_and_sentences_rebuild_any_text(text):
    parts = split(text)
    assert len(parts.gaps) == len(parts.sentences) + 1
    assert rebuilt(parts) == text
    for sentence in parts.sentences:
        assert sentence == sentence.strip() != ""
        assert not re.search(r"[\r\n]", sentence)


@settings(deadline=None, max_examples=300)
@given(ANY)
def test_only_lists_and_space_are_kept_from_the_model(text):
    for gap in split(text).gaps:
        assert re.fullmatch(r"(?:\s|[-*•‣–](?=\s)|\(?\d{1,2}[.)](?=\s))*", gap), gap


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Hello. How are you? Fine!", ["Hello.", "How are you?", "Fine!"]),
        ("Wir brauchen z. B. Schrauben. Danke.", ["Wir brauchen z. B. Schrauben.", "Danke."]),
        ("Bitte z.B. Nr. 5 liefern. Es eilt.", ["Bitte z.B. Nr. 5 liefern.", "Es eilt."]),
        ("Art.-Nr. 5 fehlt. Bestellnr. 7 auch.", ["Art.-Nr. 5 fehlt.", "Bestellnr. 7 auch."]),
        ("Necesito p. ej. 5 piezas. Gracias.", ["Necesito p. ej. 5 piezas.", "Gracias."]),
        ("El Sr. García de EE. UU. llamó. ¿Qué hago?", ["El Sr. García de EE. UU. llamó.", "¿Qué hago?"]),
        ("Mr. Smith called. He waits.", ["Mr. Smith called.", "He waits."]),
        ("“Mr. Smith” called. He waits.", ["“Mr. Smith” called.", "He waits."]),
        ("Am 3. Mai (vgl. Abb. 2) kam es. Gut.", ["Am 3. Mai (vgl. Abb. 2) kam es.", "Gut."]),
        ("I can't. Please help.", ["I can't.", "Please help."]),
        ("We take the HX-20. Please quote.", ["We take the HX-20.", "Please quote."]),
        ("It costs 1.250,00 EUR. See x.example.com. OK", ["It costs 1.250,00 EUR.", "See x.example.com.", "OK"]),
        ("What?! No... really", ["What?!", "No...", "really"]),
        ("您好。请报价！谢谢", ["您好。", "请报价！", "谢谢"]),
        ("真的吗？！！", ["真的吗？！！"]),
        ("他说：“好的。”", ["他说：“好的。”"]),
        ("他说：“好的。”然后走了。", ["他说：“好的。”", "然后走了。"]),
        ("（请看附件。）谢谢！", ["（请看附件。）", "谢谢！"]),
        ("质量不好；请退货。", ["质量不好；", "请退货。"]),
        ("请发货。Thanks! 再见", ["请发货。", "Thanks!", "再见"]),
        ("He said “No.” Then he left.", ["He said “No.”", "Then he left."]),
        ("Er sagte „Nein.“ Dann ging er.", ["Er sagte „Nein.“", "Dann ging er."]),
        ("„Nein!“ sagte er. Gut", ["„Nein!“ sagte er.", "Gut"]),
        ("Bitte ohne „Made in ...“ außen (eilt!) liefern. Danke", ["Bitte ohne „Made in ...“ außen (eilt!) liefern.", "Danke"]),
        ("Thanks! 😊 Bye", ["Thanks!", "😊 Bye"]),
        ("好的。😊", ["好的。", "😊"]),
        ("ok", ["ok"]),
        ("?!", ["?!"]),
        ("...", ["..."]),
        ("-", ["-"]),
        ("  -  ", ["-"]),
        ("😊", ["😊"]),
        ("", []),
        (" \n\u3000\r\n ", []),
        ("</s> <pad> >>de<<", ["</s> <pad> >>de<<"]),
    ],
)
def test_sentences(text, sentences):
    assert split(text).sentences == sentences


@pytest.mark.parametrize(
    ("text", "gaps", "sentences"),
    [
        ("a\nb\r\nc\rd", ["", "\n", "\r\n", "\r", ""], ["a", "b", "c", "d"]),
        ("Hi,\n\n\nplease quote.\n", ["", "\n\n\n", "\n"], ["Hi,", "please quote."]),
        ("- one\r\n\r\n  * two. Three", ["- ", "\r\n\r\n  * ", " ", ""], ["one", "two.", "Three"]),
        ("1. eins\n2) zwei\n(3) drei", ["1. ", "\n2) ", "\n(3) ", ""], ["eins", "zwei", "drei"]),
        ("•\t第一\n•\t第二", ["•\t", "\n•\t", ""], ["第一", "第二"]),
        ("2026. Ein Jahr", ["", " ", ""], ["2026.", "Ein Jahr"]),  # a year is no number of a list
        ("-5 °C", ["", ""], ["-5 °C"]),
        ("  Hello.   You ", ["  ", "   ", " "], ["Hello.", "You"]),
    ],
)
def test_lists_blank_lines_and_line_ends_are_gaps(text, gaps, sentences):
    assert split(text) == SplitText(gaps, sentences)


@settings(deadline=None, max_examples=200)
@given(ANY, st.booleans())
def test_join_keeps_every_gap_but_single_spaces_and_none(text, spaced):
    parts = split(text)
    joined = parts.join(["X"] * len(parts.sentences), spaced=spaced)
    inner = {"": " "} if spaced else {" ": ""}
    middle = [inner.get(gap, gap) for gap in parts.gaps[1:-1]]
    expected = "X".join([parts.gaps[0], *middle, parts.gaps[-1]]) if parts.sentences else parts.gaps[0]
    assert joined == expected


@pytest.mark.parametrize(
    ("text", "translated", "spaced", "expected"),
    [
        ("你好。谢谢。", ["Hello.", "Thanks."], True, "Hello. Thanks."),
        ("Hello. Thanks.\n\n- Bye. ", ["你好。", "谢谢。", "再见。"], False, "你好。谢谢。\n\n- 再见。 "),
        ("One.  Two.\r\nThree.", ["1", "2", "3"], False, "1  2\r\n3"),
        ("", [], True, ""),
        (" \n", [], False, " \n"),
    ],
)
def test_join(text, translated, spaced, expected):
    assert split(text).join(translated, spaced=spaced) == expected


@pytest.mark.parametrize("word", sorted(ABBREVIATIONS))
def test_no_abbreviation_ends_a_sentence(word):
    assert split(f"Siehe {word}. Hier").sentences == [f"Siehe {word}. Hier"]
    assert split(f"({word.capitalize()}. Hier").sentences == [f"({word.capitalize()}. Hier"]


# Quadratic time shows: it takes 10 s for this many marks.
@pytest.mark.parametrize("unit", ["。", "；", ".", "!", "”", "z. ", "a. ", " ", "\n", "- ", "“(", ".\u2003"])
def test_a_hostile_text_takes_linear_time(unit):
    started = time.perf_counter()
    split(unit * 100_000)
    assert time.perf_counter() - started < 5
