import pytest

from data.profiling.characters import MEANING, ODD, odd_characters


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("replacement", "Gr\ufffd\ufffde"),
        ("mojibake", "GrÃ¼ÃŸe"),
        ("mojibake", "itâ€™s late"),
        ("mojibake", "中文".encode().decode("cp1252", "replace")),
        ("control", "a\x08b"),
        ("private_use", "\uf08f billing"),
        ("invisible", "Fig. \u200bFig."),
        ("mixed_scripts", "Р0-12345, Pоrt"),
        ("entities", "salt &amp; pepper"),
        ("full_width", "ＡＢＣ"),
        ("spaces", "28\u00a0kg"),
    ],
)
def test_each_kind_is_found(kind, text):
    assert kind in dict(odd_characters(text, "en"))


@pytest.mark.parametrize(
    "text",
    [
        "Größe, ¿Qué?",
        "le marché\u202f», a-t-il dit",
        "50 Ω at 3 μA and 2 µm",
        "ΔT = 5 °C",
        "您好，请报价",
        "Ñandú Ã",
        "R&D",
        "“É”",
        "Привет",
    ],
)
def test_ordinary_texts_have_none(text):
    assert set(dict(odd_characters(text, "de"))) <= {"spaces"}


def test_chinese_writes_full_width():
    assert not dict(odd_characters("型号Ａ１２\u3000现货", "zh"))
    assert dict(odd_characters("型号Ａ１２", "en"))


def test_the_place_is_shown():
    assert dict(odd_characters("x" * 100 + "\x07" + "y" * 100, "en")) == {"control": "x" * 40 + "\x07" + "y" * 40}


def test_every_kind_is_explained():
    assert set(MEANING) == set(ODD)
