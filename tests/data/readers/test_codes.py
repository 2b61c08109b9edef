import pytest

from data.readers.codes import base_code, is_code, language_tag, wanted_language

OURS = ("en", "zh", "de", "es")


@pytest.mark.parametrize("code", ["zh", "zh-CN", "zh_CN", "ZH-Hans", "zh-Hans-CN", "zho", "chi", "zho-CN", "cmn", "zh-SG"])
def test_simplified_chinese(code):
    assert wanted_language(code, OURS) == "zh"


@pytest.mark.parametrize("code", ["zh-TW", "zh_HK", "zh-Hant", "zh-Hant-CN", "zho-TW", "zho_Hant"])
def test_traditional_chinese_is_another_language(code):
    assert wanted_language(code, OURS) == ""
    assert base_code(code) == "zh-Hant"
    assert wanted_language(code, (*OURS, "zh-Hant")) == "zh-Hant"


@pytest.mark.parametrize(
    ("code", "language"),
    [("es-419", "es"), ("es_MX", "es"), ("es_XX", "es"), ("spa", "es"), (" EN ", "en"), ("de_DE", "de"), ("ger", "de")],
)
def test_regions_and_three_letters(code, language):
    assert wanted_language(code, OURS) == language


@pytest.mark.parametrize("text", ["source", "text", "", "e", "xx", "to", "english", "tsv", "md", "en de", "1", "gz"])
def test_what_is_no_code(text):
    assert not is_code(text)
    assert wanted_language(text, OURS) == ""


def test_a_language_unknown_to_us_can_be_wanted_by_its_own_code():
    assert wanted_language("YUE", ("en", "yue")) == "yue"
    assert wanted_language("fr", OURS) == ""


@pytest.mark.parametrize(
    ("code", "tag"),
    [
        *[("zh_CN", "zh"), ("zh-Hans", "zh"), ("zh-hans-cn", "zh"), ("zh_SG", "zh"), ("chi", "zh")],
        *[("zh-TW", "zh-Hant"), ("zh_Hant_TW", "zh-Hant"), ("zh-HK", "zh-Hant-HK"), ("zh-hant-hk", "zh-Hant-HK")],
        *[("es_XX", "es"), ("es-419", "es-419"), ("fr-FR", "fr-FR"), ("de_de", "de-DE"), ("EN", "en"), ("sr-latn-rs", "sr-Latn-RS")],
        *[("deu_DE", "de-DE"), ("de-1996", "de-1996"), ("q9", ""), ("price", ""), ("", ""), ("en.pl", "")],
    ],
)
def test_tags_are_bcp_47(code, tag):
    assert language_tag(code) == tag
