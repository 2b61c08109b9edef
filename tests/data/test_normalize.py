import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data.normalize import calm, comparable, normalize
from data.protect import MARKERS

ANY = st.text(max_size=60) | st.text(alphabet="e\u0301\u200b\u00ad \u3000\u2581\ue000\uf8ffA\u030a\uac00\u11a8\x1c\n", max_size=20)


@settings(deadline=None, max_examples=500)
@given(ANY)
@example("e\u200b\u0301")  # composes only once the invisible character between is gone
@example("e\u00ad\u0301")
@example("\u1100\ufeff\u1161")
@example("\u2581\u0338")
def test_normalize_is_idempotent(text):
    assert normalize(normalize(text)) == normalize(text)


@settings(deadline=None, max_examples=500)
@given(ANY)
def test_what_models_must_not_see_is_gone(text):
    result = normalize(text)
    assert unicodedata.is_normalized("NFC", result)
    assert not any("\ue000" <= c <= "\uf8ff" or c == "\u2581" for c in result)
    assert result == " ".join(result.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Hello\t\r\n world\u00a0! ", "Hello world !"),
        ("Gro\u0308\u00dfe", "Größe"),
        ("您好，\u3000请问：“价格”？", "您好， 请问：“价格”？"),
        ("ＡＢＣ１２３", "ＡＢＣ１２３"),
        ("ship\u00adment\u200b \ufeffnow", "shipment now"),
        ("\x00\x07bell\x7f", "bell"),
        ("👩\u200d👩\u200d👧 ❤\ufe0f", "👩\u200d👩\u200d👧 ❤\ufe0f"),
        ("\u2581\u2581Hello\u2581", "__Hello_"),
        (f"order {MARKERS[0]} and \uf8ff", "order \ufffd and \ufffd"),
        ("</s> <pad> >>de<<", "</s> <pad> >>de<<"),
        ("", ""),
        (" \n\u3000", ""),
    ],
)
def test_normalize(text, expected):
    assert normalize(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hello, world!", "hello world"),
        ("ＰＯ－１２３", "po 123"),
        ("您好，请报价。", "您好请报价"),
        ("STRASSE", "Straße"),
        ("snake_case", "snakecase"),
        ("Größe", "GRO\u0308SSE"),
    ],
)
def test_copies_of_a_sentence_compare_equal(one, other):
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Größe", "Grosse"), ("año", "ano"), (f"a{MARKERS[0]}", "a"), (MARKERS[0], MARKERS[1]), ("12", "1 3")]
)
def test_different_sentences_do_not(one, other):
    assert comparable(one) != comparable(other)


@settings(deadline=None, max_examples=300)
@given(ANY)
def test_comparable_keeps_letters_digits_and_markers_only(text):
    assert all(c.isalnum() or "\ue000" <= c <= "\uf8ff" for c in comparable(text))
    folded = unicodedata.normalize("NFKC", text).casefold()
    assert comparable(text) == "".join(c for c in folded if c.isalnum() or "\ue000" <= c <= "\uf8ff")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("WHERE IS MY ORDER \ue003?!", "Where is my order \ue003?!"),
        ("¿DÓNDE ESTÁ MI PEDIDO?", "¿Dónde está mi pedido?"),
        ("DIE GRÖßE STIMMT NICHT", "Die größe stimmt nicht"),
        ("PEDIDO Nº \ue002 NO HA LLEGADO", "Pedido nº \ue002 no ha llegado"),
        ("1ª ENTREGA NO HA LLEGADO", "1ª Entrega no ha llegado"),
        ("ŁÓDŹ CZEKA NA TOWAR", "Łódź czeka na towar"),
        ("ГДЕ МОЙ ЗАКАЗ", "Где мой заказ"),
        ("ΠΟΥ ΕΙΝΑΙ ΤΑΣ'Α", "Που ειναι τασ'α"),
        ("WIR BRAUCHEN DIE ÖLPUMPE HEUTE", "Wir brauchen die ölpumpe heute"),
        ("\ue001 IST ZU GROSS, BITTE TAUSCHEN", "\ue001 Ist zu gross, bitte tauschen"),
    ],
)
def test_a_text_all_in_capitals_is_calmed(text, expected):
    assert calm(text) == expected


@pytest.mark.parametrize(
    "text", ["CIF FOB?", "MOQ?", "Where is MY ORDER PLEASE", "Guten Tag Herr Meier", "请问有CE, ISO, REACH的证书吗", "", "42"]
)
def test_names_abbreviations_and_all_else_keep_their_case(text):
    assert calm(text) == text


SHOUTED = st.text(alphabet="AÖŁΣİßºa '.\ue001И", max_size=30)


@settings(deadline=None, max_examples=500)
@given(ANY | SHOUTED)
@example("AΣ'B CC DD")
def test_calming_is_idempotent_and_changes_nothing_but_case(text):
    assert calm(calm(text)) == calm(text)
    assert calm(text).casefold() == text.casefold()
