import pytest

from data.readers.codes import base_code, is_code, wanted_language

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
