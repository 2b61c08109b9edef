import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.schema import ROOT
from data.language import UnknownLanguageError, _detector, _known, canonical, confidence, detect, warm_up
from data.records import Utterance, read_jsonl

ALL = ("en", "zh", "de", "es")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("en", "en"),
        ("EN", "en"),
        ("zh", "zh"),
        ("zh-Hans", "zh"),
        ("zh_CN", "zh"),
        ("zh-Hans-SG", "zh"),
        ("de-AT", "de"),
        ("es_MX", "es"),
        ("en-us", "en"),
    ],
)
def test_canonical(code, expected):
    assert canonical(code, ALL) == expected


@pytest.mark.parametrize("code", ["fr", "", "deutsch", "zh-Hant", "zh-Hant-HK", "zh-TW", "zh_HK", "e", "-en", "en zh"])
def test_codes_that_are_not_served_are_refused_with_the_valid_ones(code):
    with pytest.raises(UnknownLanguageError) as error:
        canonical(code, ALL)
    assert str(error.value) == f"language {code!r} is not served; valid: en, zh, de, es"


def test_an_alias_of_a_language_that_is_not_supported_is_refused():
    with pytest.raises(UnknownLanguageError, match="'zh-Hans' is not served; valid: en, de"):
        canonical("zh-Hans", ("en", "de"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Where is my order PO-123456? It was due last week.", "en"),
        ("Wo bleibt meine Bestellung PO-123456?", "de"),
        ("¿Dónde está mi pedido PO-123456?", "es"),
        ("订单PO-123456什么时候发货", "zh"),
        ("PO-123456 请尽快发货，please", "zh"),
        ("好", "zh"),
        ("Größe", "de"),
        ("Please ask 王小明 about the delivery of the machines", "en"),
        ("Danke 😊👍🏽!!!", "de"),
        ("</s> ¿Cuánto cuesta la máquina? <pad>", "es"),
    ],
)
def test_detect(text, expected):
    assert detect(text, ALL) == expected


@pytest.mark.parametrize("text", ["", " \n", "12345", "?!", "😊👍", "380/50 ±0.05", "。。。"])
def test_a_text_without_letters_has_no_language(text):
    with pytest.raises(UnknownLanguageError, match="no letters to tell its language by; name it"):
        detect(text, ALL)


@pytest.mark.parametrize(
    "text",
    [
        "Где мой заказ?",
        "納期の確認をお願いします",
        "주문 확인",
        "أين طلبي",
        "איפה ההזמנה",
        "Πού είναι",
        "สวัสดีครับ",
        "नमस्ते",
        "გამარჯობა",
        "নমস্কার",
        "Բարեւ",
    ],
)
def test_a_text_in_a_script_that_none_of_ours_uses_is_refused(text):
    with pytest.raises(UnknownLanguageError, match="in none of the languages served: en, zh, de, es"):
        detect(text, ALL)


def test_a_few_foreign_letters_do_not_matter():
    assert detect("Please ship to Москва before the end of this month, thanks a lot", ALL) == "en"


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=30), st.sampled_from([ALL, ("de", "es"), ("de",), ("zh", "es")]))
def test_the_answer_is_one_of_the_supported(text, supported):
    try:
        found = detect(text, supported)
    except UnknownLanguageError:
        return
    assert found in supported


SENTENCES = {
    "en": "Please tell us when the goods will leave the port.",
    "zh": "请告诉我们货物什么时候离港。",
    "de": "Bitte teilen Sie uns mit, wann die Ware den Hafen verlässt.",
    "es": "Díganos, por favor, cuándo sale la mercancía del puerto.",
}


@pytest.mark.parametrize("language", ALL)
def test_a_sentence_is_likely_in_its_language_and_unlikely_in_the_others(language):
    assert confidence(SENTENCES[language], language) > 0.9
    assert max(confidence(SENTENCES[language], other) for other in ALL if other != language) < 0.1


def test_where_the_quick_mode_is_sure_the_full_one_seldom_says_otherwise():
    """Every shipped message of 20 characters and more, as the filter asks: under each of the languages that it is not in."""
    texts = [(m.text, name) for name in ALL for m in read_jsonl(ROOT / f"data/utterances/{name}.jsonl", Utterance)]
    asked = [(text, other) for text, own in texts if len(text) >= 20 for other in ALL if other != own]
    believed = [(text, other) for text, other in asked if confidence(text, other) >= 0.2]
    full = _detector(tuple(sorted(ALL)))
    wrong = [text for text, other in believed if full.compute_language_confidence(text, _known(other)) < 0.2]
    assert 15_000 < len(asked) < 20_000
    assert len(wrong) <= 10


def test_a_region_does_not_matter_to_the_confidence():
    assert confidence(SENTENCES["es"], "es-MX") == confidence(SENTENCES["es"], "es") > 0.9


def test_a_language_that_is_not_ours_is_compared_with_ours():
    french = "Veuillez nous dire quand la marchandise quittera le port."
    assert confidence(french, "fr") > 0.9
    assert confidence(SENTENCES["en"], "fr") < 0.1
    assert confidence(french, "en", ("en", "fr")) < 0.1


@pytest.mark.parametrize("code", ["xx", "tlh", "", "zxx-Latn"])
def test_a_language_that_lingua_does_not_know_is_believed(code):
    assert confidence(SENTENCES["en"], code) == 1.0


def test_warm_up_loads_the_models_once():
    warm_up(ALL)
    from data.language import _detector

    assert _detector(ALL) is _detector(ALL)


def test_importing_loads_no_language_model():
    code = "import sys, data.language; print('lingua' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
