"""What a base says of its languages, in the spellings that OPUS-MT has used, against what is wanted."""

from __future__ import annotations

import pytest

from training.bases.files import BaseError
from training.bases.languages import check_languages, code_piece, language_of, nearest, said_languages, spoken

MUL = (">>deu<<", ">>spa<<", ">>cmn_Hans<<", ">>cmn_Hant<<", ">>cmn<<", ">>fra<<", ">>srp_Latn<<", ">>srp_Cyrl<<", ">>hrv<<", ">>ceb<<")
ROMANCE = (">>fr<<", ">>fr_BE<<", ">>es<<", ">>es_MX<<", ">>pt<<", ">>pt_br<<", ">>pt_BR<<", ">>it<<")


@pytest.mark.parametrize(
    ("code", "language"),
    [
        *[("eng", "en"), ("en", "en"), ("zho", "zh"), ("cmn_Hans", "zh"), ("zh_TW", "zh-Hant"), ("cmn_Hant", "zh-Hant"), ("pt_br", "pt")],
        *[("hrv", "hr"), ("lav", "lv"), ("deu_Latn", "de"), ("ZH", "zh"), ("mul", ""), ("ROMANCE", ""), ("gmw", ""), ("", "")],
    ],
)
def test_codes_of_two_and_three_letters_are_understood(code: str, language: str) -> None:
    assert language_of(code) == language


@pytest.mark.parametrize(
    ("tag", "languages"),
    [
        *[("deu", {"de"}), ("cat+oci+spa", set()), ("deu+eng+fra", {"de", "en", "fr"}), ("en_el_es_fi", {"en", "el", "es", "fi"})],
        *[("zh_CN", {"zh"}), ("mul", set()), ("", set()), ("ZH", {"zh"}), ("gmw", {"af", "de", "en", "nl"})],
    ],
)
def test_a_tag_stands_for_one_language_several_or_nobody_knows(tag: str, languages: set[str]) -> None:
    assert spoken(tag) == languages


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("Helsinki-NLP/opus-mt-en-de", ("en", "de")),
        ("Helsinki-NLP/opus-mt-tc-big-en-cat_oci_spa", ("en", "cat_oci_spa")),
        ("Helsinki-NLP/opus-mt-tc-bible-big-deu_eng_fra_por_spa-gmw", ("deu_eng_fra_por_spa", "gmw")),
        ("Helsinki-NLP/opus-mt_tiny_eng-deu", ("eng", "deu")),
        ("models/opus-mt-en-de-finetuned-desk", ("en", "de")),
        ("training/models/en-xx", ("", "")),
    ],
)
def test_the_name_tells_where_the_tokenizer_does_not(base: str, said: tuple[str, str]) -> None:
    assert said_languages(base, {}) == said
    assert said_languages(base, {"source_lang": "fra", "target_lang": "ita"}) == ("fra", "ita")


@pytest.mark.parametrize(
    ("language", "codes", "piece"),
    [
        ("de", MUL, ">>deu<<"),
        ("zh", MUL, ">>cmn_Hans<<"),
        ("zh-Hans", MUL, ">>cmn_Hans<<"),
        ("zh-Hant", MUL, ">>cmn_Hant<<"),
        ("zh", (">>cmn_Hant<<", ">>cmn<<"), ">>cmn<<"),
        ("zh", (">>zh_TW<<", ">>zh_CN<<"), ">>zh_CN<<"),
        ("zh", (">>zho_Hant<<", ">>zho_Hans<<"), ">>zho_Hans<<"),
        ("zh", (">>cmn_Hant<<",), ""),
        ("es", ROMANCE, ">>es<<"),
        ("pt", ROMANCE, ">>pt<<"),
        ("pt-BR", ROMANCE, ">>pt_BR<<"),
        ("pt-BR", (">>por<<",), ">>por<<"),
        ("sr-Latn", MUL, ">>srp_Latn<<"),
        ("sr", (">>srp_Latn<<",), ">>srp_Latn<<"),
        ("hr", MUL, ">>hrv<<"),
        ("ceb", MUL, ">>ceb<<"),
        ("fi", MUL, ""),
        ("ilo", MUL, ""),
    ],
)
def test_the_code_of_a_language(language: str, codes: tuple[str, ...], piece: str) -> None:
    assert code_piece(language, codes) == piece
    assert code_piece(language, tuple(reversed(codes))) == piece


def test_a_base_with_several_targets_is_asked_by_code() -> None:
    pairs = [("en", "de"), ("en", "es"), ("en", "zh")]
    found = check_languages("x", ("eng", "mul"), pairs, MUL)
    assert found == {"de": ">>deu<<", "es": ">>spa<<", "zh": ">>cmn_Hans<<"}
    assert check_languages("x", ("en", "ROMANCE"), [("en", "es")], ROMANCE) == {"es": ">>es<<"}


def test_one_target_needs_no_code_but_is_asked_by_it_if_there_is_one() -> None:
    assert check_languages("x", ("en", "de"), [("en", "de")], ()) == {}
    assert check_languages("x", ("", ""), [("en", "de")], ()) == {}
    assert check_languages("x", ("eng", "zho"), [("en", "zh")], (">>cmn_Hans<<", ">>yue_Hans<<")) == {"zh": ">>cmn_Hans<<"}
    assert check_languages("x", ("de", "en"), [("de", "en")], (">>fra<<",)) == {}


@pytest.mark.parametrize(
    ("said", "pairs", "codes", "message"),
    [
        (("de", "en"), [("zh", "en"), ("de", "en"), ("es", "en")], (), "base 'x' translates from de, not from zh, es"),
        (("ROMANCE", "en"), [("zh", "en")], (), r"base 'x' translates from ROMANCE \(ca, es, fr, it, la, pt, ro\), not from zh"),
        (("eng", "deu"), [("en", "fr")], (), r"base 'x' translates into deu \(de\), not into fr"),
        (("en", "zh"), [("en", "zh-Hant")], (), "base 'x' translates into zh, not into zh-Hant"),
        (("en", "mul"), [("en", "de"), ("en", "es")], (), "base 'x' has no language codes, .* not into de, es; valid: .*opus-mt-en-mul"),
        (("en", "mul"), [("en", "de"), ("en", "fi")], MUL, r"base 'x' has no language code for fi; nearest of its 10: >>"),
        (("en", "ROMANCE"), [("en", "zh")], ROMANCE, "base 'x' has no language code for zh"),
    ],
)
def test_languages_that_a_base_lacks_are_named(
    said: tuple[str, str], pairs: list[tuple[str, str]], codes: tuple[str, ...], message: str
) -> None:
    with pytest.raises(BaseError, match=f"^{message}") as raised:
        check_languages("x", said, pairs, codes)
    assert "\n" not in str(raised.value)


def test_the_nearest_codes_are_codes() -> None:
    assert nearest("de", MUL)[0] == ">>deu<<"
    assert set(nearest("zh", MUL)) <= set(MUL)
