import random
import re
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data.normalize import PRIVATE_USE, normalize
from data.protect import KINDS, MARKERS, find_protected, mask
from data.restoring import invented, restore

SPANS = {
    "url": ["https://x.example/a?b=1", "www.a-b.example"],
    "email": ["me@b-c.example"],
    "placeholder": ["{order_id}", "{{ name }}", "%(x)s"],
    "markup": ["<b>", "</b>", "&amp;", "</s>", "<pad>"],
    "phone": ["+49 89 1234567", "+86 138-0013-8000"],
    "amount": ["USD 1,250.00", "1.250,00 €", "￥99"],
    "code": ["PO-123456", "M8x20", "IP67", "RB123456789CN", "MSKU1234567", "X3-Hybrid"],
    "measure": ["380 V/50 Hz", "±0.05 mm", "220 kg", "10x20x30 mm"],
    "number": ["8501.52", "2027-03-14", "14:30", "12.5 %", "7", "1,000"],
    "emoji": ["👍🏽", "🇩🇪", "😊"],
}
WORDS = {
    "en": ["where", "please", "order", "machine", "the", "shipping", "arrived", "don't"],
    "de": ["bitte", "Bestellung", "größer", "Straße", "liefern", "Pumpe", "nicht"],
    "es": ["pedido", "máquina", "envíenos", "señor", "todavía", "gracias"],
    "zh": ["订单", "请", "机器", "已经", "发货", "的"],
}
ANY_WORD = [word for words in WORDS.values() for word in words]
ANY_SPAN = [span for spans in SPANS.values() for span in spans]


def test_every_kind_is_in_the_properties():
    assert set(SPANS) == set(KINDS)
    assert [(kind, span) for kind, spans in SPANS.items() for span in spans if [s.kind for s in find_protected(span)] != [kind]] == []


@st.composite
def sentences(draw):
    """A sentence of one language, and its protected spans: between two of them stands a word or a comma."""
    language = draw(st.sampled_from(sorted(WORDS)))
    joiner = "" if language == "zh" else " "
    text, spans = "", []
    for word in draw(st.lists(st.sampled_from(WORDS[language]), min_size=1, max_size=8)):
        text += (joiner if text else "") + word
        for span in draw(st.lists(st.sampled_from(ANY_SPAN), max_size=2)):
            text += ("，" if language == "zh" else ", ") if text.endswith(tuple(spans)) and spans else joiner
            text += span
            spans.append(span)
    return text + draw(st.sampled_from(["", "。", "！"] if language == "zh" else ["", ".", "?", "!"])), spans


@st.composite
def outputs(draw, masked):
    """What a bad model may write about a masked sentence."""
    chance = random.Random(draw(st.integers(0, 10_000)))
    pieces = re.findall(rf"{PRIVATE_USE.pattern}|[^\W\ue000-\uf8ff]+|[^\w\s\ue000-\uf8ff]", masked)
    ways = draw(
        st.sets(st.sampled_from(["drop", "repeat", "reorder", "markers", "values", "words", "glue", "loop", "nothing"]), max_size=4)
    )
    if "drop" in ways:
        pieces = [piece for piece in pieces if not PRIVATE_USE.match(piece) or chance.random() < 0.5]
    if "repeat" in ways:
        pieces += chance.choices(pieces, k=3) if pieces else []
    if "words" in ways:
        pieces = [chance.choice(ANY_WORD) if piece.isalpha() else piece for piece in pieces]
    for way, more in (
        ("markers", [*MARKERS, "\ue0ff", "\uf8ff"]),
        ("values", ["20", "99.5 kg", "AB-7777", "www.made.example", "{made_up}"]),
    ):
        if way in ways:
            pieces += chance.choices(more, k=3)
    if "reorder" in ways:
        chance.shuffle(pieces)
    if "loop" in ways:
        pieces *= 5
    return "" if "nothing" in ways else ("" if "glue" in ways else " ").join(pieces)


@st.composite
def cases(draw):
    text, spans = draw(sentences())
    return text, spans, draw(outputs(mask(text, find_protected(text)[: len(MARKERS)])))


@settings(deadline=None, max_examples=500)
@given(sentences())
def test_every_span_is_found_and_comes_back(case):
    text, spans = case
    found = find_protected(text)
    assert [span.text for span in found] == spans
    masked = mask(text, found[: len(MARKERS)])
    assert restore(masked, masked, found[: len(MARKERS)]) == text


PIECES = st.sampled_from(
    [*ANY_SPAN, *ANY_WORD, "订单", "，", "“", " ", " in ", "-", ".", "(", "±", "1", "x", "¿", ">>de<<", "\ue000", "#", "%"]
)
MIXED = st.lists(PIECES, max_size=14).map("".join)


@settings(deadline=None, max_examples=500)
@given((MIXED | st.text(max_size=40)).map(normalize))
@example("订单PO-123456的380V电机")
def test_mask_and_restore_is_the_identity(text):
    spans = find_protected(text)[: len(MARKERS)]
    assert restore(mask(text, spans), mask(text, spans), spans) == text


@settings(deadline=None, max_examples=1_000)
@given(cases())
def test_whatever_a_model_writes_every_span_stands_once_and_no_other(case):
    text, spans, written = case
    found = find_protected(text)[: len(MARKERS)]
    answer = restore(written, mask(text, found), found)
    assert Counter(span.text for span in find_protected(answer)) == Counter(spans)
    assert not PRIVATE_USE.search(answer)
    assert not re.search(r"[^\W\d_\u4e00-\u9fff](?:USD|PO-|380|220|8501)", answer)  # no letter before a value


def restored(source, written):
    """`written` with {0}, {1} ... for the markers, about a source with its values in it."""
    spans = find_protected(source)
    return restore(re.sub(r"\{(\d+)\}", lambda match: MARKERS[int(match[1])], written), mask(source, spans), spans)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Auftrag {1} mit {0}.", "Auftrag 380 V mit PO-1."),  # the model may move them
        ("{0}{0} und {1} {0}", "PO-1 und 380 V"),
        ("{0} {1} {2}", "PO-1 380 V"),  # a marker that nobody gave
        ("Auftrag{0}, {1}", "Auftrag PO-1, 380 V"),
        ("{0}{1}", "PO-1 380 V"),
        ("{0}er Satz, {1}", "PO-1 er Satz, 380 V"),
        ("{0}-Motor {1}", "PO-1-Motor 380 V"),
        ("订单{0}的{1}。", "订单PO-1的380 V。"),
        ("", "PO-1 380 V"),
        ("...", "PO-1 380 V..."),
    ],
)
def test_markers_become_their_spans(written, expected):
    assert restored("order PO-1 with 380 V.", written) == expected


@pytest.mark.parametrize(
    ("source", "written", "expected"),
    [
        ("Order PO-1 has arrived.", "Bestellung ist da.", "Bestellung PO-1 ist da."),
        ("PO-1 has arrived.", "ist angekommen.", "PO-1 ist angekommen."),
        ("We sent the goods with PO-1.", "Wir haben die Ware gesendet.", "Wir haben die Ware gesendet PO-1."),
        ("Send PO-1, PO-2 and PO-3 now.", "Senden Sie {0} und {2} jetzt.", "Senden Sie PO-1, PO-2 und PO-3 jetzt."),
        ("Send PO-1 / PO-2 now.", "Senden Sie {1} jetzt.", "Senden Sie PO-1 / PO-2 jetzt."),
        ("Send PO-1 to me and PO-2 to her.", "Schicken Sie {0} mir und ihr.", "Schicken Sie PO-1 mir und PO-2 ihr."),
        ("订单PO-1、PO-2已发货。", "Los pedidos {0} están enviados.", "Los pedidos PO-1, PO-2 están enviados."),
        ("The order PO-1 is late, please help.", "订单晚了，请帮忙。", "订单晚了，PO-1请帮忙。"),
        ("Where is PO-1?", "你好？", "你好PO-1？"),
        ("Look at “the PO-1”.", "Sehen Sie “das”.", "Sehen Sie “das PO-1”."),
    ],
)
def test_a_lost_span_stands_near_its_place(source, written, expected):
    assert restored(source, written) == expected


@pytest.mark.parametrize(
    ("source", "written", "expected"),
    [
        ("We need pumps.", "Wir brauchen 20 Pumpen.", "Wir brauchen Pumpen."),
        ("We need pumps (now).", "Wir brauchen Pumpen (20).", "Wir brauchen Pumpen."),
        ("We need pumps.", "20, Wir brauchen AB-7777.", "Wir brauchen."),
        ("We need 15 pumps.", "Wir brauchen 20 Pumpen.", "Wir brauchen 15 Pumpen."),  # a lost value takes its place
        ("We need 15 pumps.", "Wir brauchen {0} Pumpen in 20 Tagen.", "Wir brauchen 15 Pumpen in Tagen."),
        ("See PO-1.", "Siehe www.made.example und {0} an x@y.example.", "Siehe und PO-1 an."),
        ("We need two pumps.", "Wir brauchen 2 Pumpen.", "Wir brauchen 2 Pumpen."),
        ("It runs with twelve volts.", "Es läuft mit 12 V.", "Es läuft mit 12 V."),
        ("We need a pump.", "Wir brauchen 1 Pumpe für 20.", "Wir brauchen 1 Pumpe für."),
        ("We need two pumps.", "Siehe www.made.example 2.", "Siehe 2."),
        ("We need 15 pumps.", "Siehe www.made.example99.5 kg.", "Siehe 15."),  # the unit goes with its number
    ],
)
def test_a_value_of_the_model_s_own_is_not_shown(source, written, expected):
    assert restored(source, written) == expected


def test_the_values_of_wanted_terms_are_no_inventions():
    assert [span.text for span in invented("304不锈钢，9台", "stainless steel", ["304不锈钢"])] == ["9"]
    assert restore("304不锈钢", "stainless steel", [], ["304不锈钢"]) == "304不锈钢"


def test_values_that_a_model_writes_side_by_side_stay_two():
    assert restored("12 and 34, please.", "{0},{1}") == "12, 34"
    assert restored("Call +49 89 1234567 and then 7.", "{0} {1}") == "+49 89 1234567, 7"
    assert restored("Write to me@b-c.example, 8501.52.", "{0}{1}") == "me@b-c.example 8501.52"


def test_control_pieces_and_markers_typed_by_a_customer_are_text():
    text = normalize(f"the sign {MARKERS[0]} on PO-123456, </s>, <unk> and {MARKERS[19]}")
    spans = find_protected(text)
    assert [span.text for span in spans] == ["PO-123456", "</s>", "<unk>"]
    assert restore(mask(text, spans), mask(text, spans), spans) == "the sign \ufffd on PO-123456, </s>, <unk> and \ufffd"
