"""Traditional characters before corpus scores."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.script import to_simplified
from eval.metrics.text import bleu, chrf


def test_traditional_text_scores_as_its_simplified_spelling() -> None:
    traditional, simplified = "液壓泵的電壓是多少？請報價。", "液压泵的电压是多少？请报价。"
    assert to_simplified(traditional) == simplified
    assert to_simplified(simplified) == simplified
    assert chrf([traditional], [simplified]).score < 50
    assert chrf([to_simplified(traditional)], [simplified]).score == 100
    assert round(bleu([to_simplified(traditional)], [simplified], "zh").score, 6) == 100


def test_what_has_two_forms_and_what_is_not_chinese_stays() -> None:
    assert to_simplified("乾, Größe 200 Ｖ") == "乾, Größe 200 Ｖ"


@given(st.text())
def test_it_keeps_the_length_and_needs_no_second_time(text: str) -> None:
    assert len(to_simplified(text)) == len(text)
    assert to_simplified(to_simplified(text)) == to_simplified(text)
