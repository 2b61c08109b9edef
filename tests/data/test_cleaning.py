import pytest

from configs.schema import Cleaning, LanguageFilter, LengthFilter, RatioFilter, ScriptFilter
from data.cleaning import DUPLICATE_SIDES, DUPLICATES, FILTERS, HELD_OUT_TERM, REASONS, explain, problem, script_percent

OFF = Cleaning(
    empty=False,
    length=LengthFilter(enabled=False, shortest=2, longest=30),
    script=ScriptFilter(enabled=False, least_percent=50.0),
    markup=False,
    copies=False,
    length_ratio=RatioFilter(enabled=False, most=3.0),
    numbers=False,
    urls=False,
    language=LanguageFilter(enabled=False, least_confidence=0.2, shortest=20),
    duplicates=False,
    duplicate_sides=False,
)


def switched(*names, **limits):
    """Only these filters; `limits` change the thresholds of those that have one."""
    values = OFF.model_dump()
    for name in names:
        values[name] = True if isinstance(values[name], bool) else values[name] | {"enabled": True} | limits
    return Cleaning.model_validate(values)


DROPPED = {
    "empty": [
        {"en": "", "de": "Ja"},
        {"en": "Yes", "de": " … !"},
        {"en": "😊", "de": "Gut"},
    ],
    "length": [
        {"en": "A", "de": "Ein"},
        {"en": "Ok", "de": "x" * 31},
    ],
    "script": [
        {"en": "Please ship it", "zh": "Please ship it"},
        {"en": "请发货", "zh": "请发货"},
        {"en": "Где мой заказ?", "de": "Wo?"},
        {"en": "Ship PO-5 by DHL", "zh": "PO-5 DHL 发"},
        {"en": "Where?", "es-MX": "¿Где?"},
    ],
    "markup": [
        {"en": "Press <b>Start</b>", "de": "Drücken Sie Start"},
        {"en": "Dear {name}", "de": "Guten Tag"},
        {"en": "Dear {name}", "de": "Guten Tag {first_name}"},
        {"en": "nuts &amp; bolts", "de": "Muttern & Schrauben"},
        {"en": "<br>a<br>", "de": "a<br>"},
    ],
    "copies": [
        {"en": "Please send the invoice", "de": "please SEND the invoice!"},
        {"en": "请尽快发货", "zh": "请尽快发货。"},
        {"en": "Send it soon please", "de": "Bitte bald schicken", "es": "Send it soon please"},
    ],
    "length_ratio": [
        {"en": "Please tell us when the goods will leave the port of Hamburg", "de": "Hafen?"},
        {"en": "No", "zh": "请告诉我们货物什么时候离港谢谢"},
    ],
    "numbers": [
        {"en": "5,000 pumps", "de": "500 Pumpen"},
        {"en": "500 pumps", "de": "Pumpen"},
        {"en": "12 or 24 V", "zh": "12V"},
        {"en": "1,250.00 USD", "de": "1.205,00 USD"},
    ],
    "urls": [
        {"en": "See https://a.example/1", "de": "Siehe https://a.example/2"},
        {"en": "Write to sales@a.example", "de": "Schreiben Sie uns"},
        {"en": "Look", "de": "Siehe www.a.example"},
    ],
    "language": [
        {"en": "Please tell us when it leaves the port.", "de": "Please tell us when it leaves the port."},
        {"en": "Díganos cuándo sale la mercancía.", "es": "Díganos cuándo sale la mercancía."},
    ],
}
KEPT = {
    "empty": [{"en": "5", "de": "a"}, {"en": "好", "zh": "？好"}],
    "length": [{"en": "Ok", "de": "x" * 30}],
    "script": [
        {"en": "Please ship it", "zh": "请发货"},
        {"en": "OK fine 发货", "zh": "发货 OK fine"},  # half is enough; a word counts as one character of Chinese
        {"en": "12345", "zh": "380/50"},
        {"en": "Hi", "ja": "カタカナと漢字", "ko": "주문"},
        {"en": "Hi", "ru": "whatever"},  # a script that we do not know
    ],
    "markup": [
        {"en": "Press <b>Start</b>", "de": "<b>Start</b> drücken"},
        {"en": "{name}, 5 < 6", "de": "5 < 6, {name}"},
        {"en": "100 % & more", "de": "100 % und mehr"},
    ],
    "copies": [
        {"en": "CNC-2000 Pro", "de": "CNC-2000 Pro"},
        {"en": "Siemens Motor GmbH", "de": "Siemens Motor GmbH"},
        {"en": "T-shirt", "de": "T-Shirt"},
        {"en": "好的", "zh": "好的"},
    ],
    "length_ratio": [
        {"en": "Yes, of course.", "de": "Ja."},
        {"en": "Please tell us when the goods will leave the port", "zh": "请告诉我们货物什么时候离港"},
    ],
    "numbers": [
        {"en": "5,000 pumps", "de": "5.000 Pumpen", "es": "5 000 bombas", "zh": "5000台泵"},
        {"en": "1 pump", "de": "eine Pumpe"},
        {"en": "500,000 pieces", "zh": "50万件"},
        {"en": "3 million pieces and 20 more", "de": "3000000 Stück"},
        {"en": "24 or 12 V", "de": "12 oder 24 V, ja, 24"},
    ],
    "urls": [
        {"en": "See https://a.example/1.", "zh": "见https://a.example/1。"},
        {"en": "5 @ 6", "de": "5 zu 6"},
    ],
    "language": [
        {"en": "Please tell us when it leaves the port.", "de": "Bitte sagen Sie uns, wann es den Hafen verlässt."},
        {"en": "Please tell us", "de": "Please tell us"},  # too short to tell
        {"en": "Please tell us when it leaves the port.", "xx": "Please tell us when it leaves the port."},
    ],
}


@pytest.mark.parametrize(("name", "texts"), [(name, texts) for name, cases in DROPPED.items() for texts in cases])
def test_a_filter_drops_what_it_says_and_only_if_switched_on(name, texts):
    assert problem(texts, switched(name)) == name
    others = [other for other in FILTERS if other != name]
    assert problem(texts, OFF) is None
    assert problem(texts, switched(*others)) != name


@pytest.mark.parametrize(("name", "texts"), [(name, texts) for name, cases in KEPT.items() for texts in cases])
def test_a_filter_keeps_the_rest(name, texts):
    assert problem(texts, switched(name)) is None


def test_every_filter_is_tried():
    assert list(DROPPED) == list(KEPT) == list(FILTERS)


def test_every_filter_is_a_parameter_and_their_order_is_that_of_the_parameters():
    assert [*FILTERS, DUPLICATES, DUPLICATE_SIDES] == list(Cleaning.model_fields)


def test_of_several_reasons_the_first_is_named():
    texts = {"en": "请看 https://a.example/5000", "zh": "x."}
    on, reasons = list(FILTERS), []
    while (reason := problem(texts, switched(*on))) is not None:
        reasons.append(reason)
        on.remove(reason)
    assert reasons == ["script", "numbers", "urls"]


def test_an_ordinary_segment_passes_all_filters():
    texts = {"en": "500 pumps for PO-12, please.", "de": "500 Pumpen für PO-12, bitte.", "zh": "PO-12请发500台泵。"}
    assert problem(texts, switched(*FILTERS)) is None


@pytest.mark.parametrize(
    ("name", "limits", "texts", "dropped"),
    [
        ("length", {"longest": 5}, {"en": "12345"}, False),
        ("length", {"longest": 5}, {"en": "123456"}, True),
        ("length", {"shortest": 3}, {"en": "12"}, True),
        ("script", {"least_percent": 60.0}, {"zh": "发货 OK fine"}, True),
        ("script", {"least_percent": 0.0}, {"zh": "OK"}, False),
        ("length_ratio", {"most": 1.0}, {"en": "x" * 30, "fi": "x" * 18}, False),  # up to 12 characters more, whatever the ratio
        ("length_ratio", {"most": 1.0}, {"en": "x" * 31, "fi": "x" * 18}, True),
        ("length_ratio", {"most": 2.0}, {"en": "x" * 48, "fi": "x" * 18}, False),
        ("length_ratio", {"most": 2.0}, {"en": "x" * 49, "fi": "x" * 18}, True),
        ("language", {"shortest": 12}, {"de": "Please tell us"}, True),  # twelve letters
        ("language", {"shortest": 13}, {"de": "Please tell us"}, False),
        ("language", {"least_confidence": 0.0}, {"de": "Please tell us when it leaves."}, False),
    ],
)
def test_thresholds(name, limits, texts, dropped):
    assert problem(texts, switched(name, **limits)) == (name if dropped else None)


@pytest.mark.parametrize(
    ("text", "language", "percent"),
    [
        ("发货 OK fine", "zh", 50.0),
        ("发货 OK fine", "en", 50.0),
        ("发SIEMENS电机", "zh", 75.0),
        ("订单号 PO-123456", "zh", 75.0),
        ("行動電源", "zh-Hant", 100.0),
        ("Größe, señor", "de", 100.0),
        ("Где", "en", 0.0),
        ("カタカナ", "ja", 100.0),
        ("カタカナ", "zh", 0.0),
        ("한국", "ko", 100.0),
        ("123", "zh", 100.0),
        ("Где", "ru", 100.0),
    ],
)
def test_the_share_of_letters_in_the_script_of_the_language(text, language, percent):
    assert script_percent(text, language) == percent


def test_every_reason_is_explained_in_one_line():
    assert len(REASONS) == len(FILTERS) + 4
    for reason in REASONS:
        assert explain(reason).endswith(".")
        assert "\n" not in explain(reason)
    assert explain("empty") == "A text with no letter and no digit."
    assert explain(DUPLICATES) == "The same texts stood before."
    assert explain(HELD_OUT_TERM) == "Has a term that is held out of training."
