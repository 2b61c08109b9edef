import random
import re
import time
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data.normalize import normalize
from data.protect import KINDS, MARKERS, find_protected, mask, mask_pair

PIECES = [
    "PO-123456",
    "380V",
    "M8x20",
    "±0.05 mm",
    "380 V/50 Hz",
    "IP67",
    "USD 1,250.00",
    "12.5 %",
    "+49 89 1234567",
    "{order_id}",
    "<b>",
    "</b>",
    "https://x.example/a?b=1",
    "www.a-b.example",
    "a.b@x-y.example",
    "€5",
    "😊👍🏽",
    "&amp;",
    "订单",
    "的",
    "电机",
    "，",
    "。",
    "“",
    "”",
    " ",
    " in ",
    "machine",
    "Motor",
    "-",
    ".",
    "/",
    "(",
    ")",
    "±",
    "1",
    "20",
    "x",
    "ü",
    "¿",
    "</s>",
    "<pad>",
    ">>de<<",
    "\ue000",
    "\ue013",
    "\uf8ff",
    "#",
    "%",
]
MIXED = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
NORMALIZED = (MIXED | st.text(max_size=40)).map(normalize)


def found(text):
    return [(span.kind, span.text) for span in find_protected(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("订单PO-123456的380V电机", [("code", "PO-123456"), ("code", "380V")]),
        ("Bestellung PO-123456: 380V-Motor", [("code", "PO-123456"), ("code", "380V")]),
        ("El pedido PO-123456, motor de 380V.", [("code", "PO-123456"), ("code", "380V")]),
        ("order PO-123456.Please hurry", [("code", "PO-123456")]),
        ("po-123456 and inv_20233", [("code", "po-123456"), ("code", "inv_20233")]),
        ("Typ HX-200, X3-Hybrid, M8x20", [("code", "HX-200"), ("code", "X3-Hybrid"), ("code", "M8x20")]),
        ("外壳IP67，容器MSKU1234567", [("code", "IP67"), ("code", "MSKU1234567")]),
        ("1Z999AA10123456784 RB123456789CN", [("code", "1Z999AA10123456784"), ("code", "RB123456789CN")]),
        ("380 V/50 Hz", [("measure", "380 V/50 Hz")]),
        ("±0.05 mm, ± 0.1mm", [("measure", "±0.05 mm"), ("measure", "± 0.1mm")]),
        ("公差±0.05mm，功率5.5 kW。", [("measure", "±0.05mm"), ("measure", "5.5 kW")]),
        ("用 380 V 的电机, 5 kg", [("measure", "380 V"), ("measure", "5 kg")]),
        (
            "Stoff 180 g/m², 12 m², 5 m³/h, 20 m/s",
            [("measure", "180 g/m²"), ("measure", "12 m²"), ("measure", "5 m³/h"), ("measure", "20 m/s")],
        ),
        ("10x20x30 mm, -5 °C, 0,75 mm²", [("measure", "10x20x30 mm"), ("measure", "-5 °C"), ("measure", "0,75 mm²")]),
        ("USD 1,250.00", [("amount", "USD 1,250.00")]),
        ("1.250,00 € o €5 o 300元 o ￥99", [("amount", "1.250,00 €"), ("amount", "€5"), ("number", "300"), ("amount", "￥99")]),
        ("bis zum 2027-06-28 USD 69,574.13", [("number", "2027-06-28"), ("amount", "USD 69,574.13")]),
        ("12.5 % von 100%", [("number", "12.5 %"), ("number", "100%")]),
        ("Tel. +49 89 1234567", [("phone", "+49 89 1234567")]),
        ("电话+86 138-0013-8000。", [("phone", "+86 138-0013-8000")]),
        ("HS 8501.52, 2027-03-14, 14:30", [("number", "8501.52"), ("number", "2027-03-14"), ("number", "14:30")]),
        ("{order_id} {0} {{ name }} %(x)s #NAME#", [("placeholder", p) for p in ("{order_id}", "{0}", "{{ name }}", "%(x)s", "#NAME#")]),
        ("a <b>bold</b> &amp; <br/>", [("markup", "<b>"), ("markup", "</b>"), ("markup", "&amp;"), ("markup", "<br/>")]),
        ("详情见https://x.example/a?b=1，谢谢", [("url", "https://x.example/a?b=1")]),
        ("“https://x.example/1”。", [("url", "https://x.example/1")]),
        ("(siehe www.a-b.example/x).", [("url", "www.a-b.example/x")]),
        ("seehttps://x.example!", [("url", "https://x.example")]),
        ("发到a.b@x-y.example，谢谢", [("email", "a.b@x-y.example")]),
        ("Danke 😊👍🏽 🇩🇪", [("emoji", "😊👍🏽"), ("emoji", "🇩🇪")]),
    ],
)
def test_what_must_not_change_is_found(text, expected):
    assert found(text) == expected


def test_every_kind_is_tested_above():
    cases = test_what_must_not_change_is_found.pytestmark[0].args[1]
    assert {kind for _, expected in cases for kind, _ in expected} == set(KINDS)


@pytest.mark.parametrize(
    ("text", "translatable"),
    [
        ("Sie sollten am 2027-03-14 in Spanien sein", "in"),  # not 14 inches
        ("we need 5 in blue", "in"),
        ("a 24-hour service", "-hour"),
        ("ein 3-phasiger Motor", "-phasiger"),
        ("der 380V-Motor", "-Motor"),
        ("5 kg/month", "/month"),
        ("USB and CE and RoHS", "CE"),
        ("if a < b and c > d", "and"),
        ("10 bars of soap", "bars"),
        ("30 A/C compressors", "A/C"),
        ("25 V-belts", "V-belts"),
    ],
)
def test_words_are_left_to_the_model(text, translatable):
    at = text.index(translatable)
    assert not [span for span in find_protected(text) if span.start < at + len(translatable) and at < span.end]


@settings(deadline=None, max_examples=400)
@given(MIXED | st.text(max_size=60))
def test_spans_slice_to_their_text_in_order_without_overlap_or_margins(text):
    end = 0
    for span in find_protected(text):
        assert span.kind in KINDS
        assert text[span.start : span.end] == span.text == span.text.strip() != ""
        assert span.start >= end
        end = span.end


@settings(deadline=None, max_examples=400)
@given(NORMALIZED)
@example("订单PO-123456的380V电机")
def test_a_mask_puts_each_marker_in_the_place_of_its_span(text):
    spans = find_protected(text)[: len(MARKERS)]
    masked = mask(text, spans)
    assert [c for c in masked if c in MARKERS] == list(MARKERS[: len(spans)])
    assert "".join(spans[MARKERS.index(c)].text if c in MARKERS else c for c in masked) == text


def test_twenty_spans_fit_and_more_are_refused():
    text = " ".join(f"PO-{i:06}" for i in range(25))
    spans = find_protected(text)
    assert len(spans) == 25
    assert mask(text, spans[:20]) == " ".join([*MARKERS, *(f"PO-{i:06}" for i in range(20, 25))])
    with pytest.raises(ValueError, match="25 protected spans, but only 20 markers"):
        mask(text, spans)


@settings(deadline=None, max_examples=400)
@given(NORMALIZED, NORMALIZED, st.integers(0, 5))
def test_both_sides_of_a_pair_carry_the_same_markers_for_the_same_text(source, target, seed):
    masked_source, masked_target = mask_pair(source, target, random.Random(seed))
    markers = [c for c in masked_source if c in MARKERS]
    assert markers == sorted(set(markers))
    assert sorted(c for c in masked_target if c in MARKERS) == markers
    common = Counter(s.text for s in find_protected(source)[:20]) & Counter(s.text for s in find_protected(target))
    assert len(markers) == common.total()
    values = unmasked(source, masked_source)
    assert Counter(values.values()) == common
    assert "".join(values.get(c, c) for c in masked_target) == target


def unmasked(text, masked):
    """Marker -> what it stands for, read off by laying the masked text over the original."""
    spans = {span.start: span.text for span in find_protected(text)}
    values, position = {}, 0
    for c in masked:
        if c in MARKERS:
            values[c] = spans[position]
        position += len(values.get(c, c))
    assert position == len(text)
    return values


def test_a_span_that_the_target_lacks_stays_text_on_both_sides():
    source, target = mask_pair("Ship 5 of PO-1 by 2027-03-14", "Enviar PO-1 antes del 14 de marzo", random.Random(1))
    assert re.fullmatch(r"Ship 5 of [\ue000-\ue013] by 2027-03-14", source)
    assert re.fullmatch(r"Enviar [\ue000-\ue013] antes del 14 de marzo", target)


def test_training_sees_all_markers_and_the_same_ones_again():
    pairs = [mask_pair("PO-1 and PO-2", "PO-2 und PO-1", random.Random(seed)) for seed in range(300)]
    assert {c for source, _ in pairs for c in source if c in MARKERS} == set(MARKERS)
    assert pairs == [mask_pair("PO-1 and PO-2", "PO-2 und PO-1", random.Random(seed)) for seed in range(300)]


def test_a_pair_with_more_spans_than_markers():
    text = " ".join(f"PO-{i:06}" for i in range(25))
    source, target = mask_pair(text, text, random.Random(0))
    assert source == target == " ".join([*MARKERS, *(f"PO-{i:06}" for i in range(20, 25))])


# Quadratic time shows: looking for an address at each letter of a word takes 12 s for 100 000 letters.
@pytest.mark.parametrize(
    "unit", ["a", "A-", "1.", "a@", "a.", "www.", "http://", "<a", "{a", "+1 ", "USD ", "1 x ", "5 m/", "&a", "中", "😀", "."]
)
def test_a_hostile_text_takes_linear_time(unit):
    started = time.perf_counter()
    find_protected(unit * (100_000 // len(unit)))
    assert time.perf_counter() - started < 5
