from typing import Any

import pytest
from pydantic import ValidationError

from serving.errors import TooLargeError, invalid
from serving.messages import CLASSIFY_EXAMPLE, TRANSLATE_EXAMPLE, ClassifyRequest, TranslateRequest, check_classify, check_translate
from serving.settings import load_settings

LIMITS = load_settings(environ={}).limits.model_copy(
    update={"segments": 2, "segment_characters": 5, "history_turns": 1, "glossary_terms": 1, "term_characters": 3}
)


def problems(model: type[TranslateRequest | ClassifyRequest], value: Any) -> list[tuple[str, str]]:
    """What a client would be told, as (field, problem)."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(value)
    mistakes = [{**mistake, "loc": ("body", *mistake["loc"])} for mistake in caught.value.errors()]
    return [(detail.field, detail.problem) for detail in invalid(mistakes).details]


def test_the_least_that_translate_needs() -> None:
    request = TranslateRequest.model_validate({"segments": ["a"], "target": "de"})
    assert (request.source, request.industry, request.glossary, request.beams) == (None, None, [], None)


def test_the_examples_are_valid() -> None:
    assert TranslateRequest.model_validate(TRANSLATE_EXAMPLE).target == "de"
    assert ClassifyRequest.model_validate(CLASSIFY_EXAMPLE).customer.tier == "gold"


@pytest.mark.parametrize(
    ("change", "field", "problem"),
    [
        ({"segments": []}, "segments", "list should have at least 1 item after validation, not 0"),
        ({"segments": "text"}, "segments", "input should be a valid list"),
        ({"segments": ["a", 7]}, "segments.1", "input should be a valid string"),
        ({"target": None}, "target", "input should be a valid string"),
        ({"beams": "4"}, "beams", "input should be a valid integer"),
        ({"beams": 0}, "beams", "input should be greater than or equal to 1"),
        ({"beams": 9}, "beams", "input should be less than or equal to 8"),
        ({"beams": True}, "beams", "input should be a valid integer"),
        ({"context": ["earlier"]}, "context", "these models do not use context yet: leave it empty"),
        ({"strict_terms": "yes"}, "strict_terms", "input should be a valid boolean"),
        (
            {"glossary": [{"source": "a", "target": "b"}, {"source": "a", "target": "c"}]},
            *("glossary", "entries 0 and 1 give one term two translations"),
        ),
        ({"glossary": [{"source": "", "target": "b"}]}, "glossary.0.source", "string should have at least 1 character"),
        ({"glossary": [{"source": "a"}]}, "glossary.0.target", "is missing"),
        ({"langauge": "en"}, "langauge", "is not a known field"),
    ],
)
def test_translate_mistakes(change: dict[str, Any], field: str, problem: str) -> None:
    assert problems(TranslateRequest, {"segments": ["a"], "target": "de", **change}) == [(field, problem)]


@pytest.mark.parametrize("code", ["", "e", "my order is late", "en-", "en_US_", "x" * 40])
def test_what_is_no_language_code_is_refused_without_being_repeated(code: str) -> None:
    for field in ("source", "target"):
        ((named, problem),) = problems(TranslateRequest, {"segments": ["a"], "target": "de", field: code})
        assert named == field
        assert problem in ("does not look like such a code; see /docs", "string should have at most 35 characters")


@pytest.mark.parametrize("code", ["en", "zh-Hans", "zh_CN", "es-419", "zh-Hant-TW"])
def test_language_codes(code: str) -> None:
    assert TranslateRequest.model_validate({"segments": ["a"], "target": code}).target == code


@pytest.mark.parametrize(
    ("change", "field", "problem"),
    [
        ({"text": ""}, "text", "string should have at least 1 character"),
        ({"history": [{"role": "robot", "text": "a"}]}, "history.0.role", "input should be 'customer' or 'agent'"),
        ({"history": [{"role": "agent"}]}, "history.0.text", "is missing"),
        ({"customer": {"tier": "bronze"}}, "customer.tier", "input should be 'diamond', 'gold' or 'silver'"),
        ({"customer": {"repeat_contacts": -1}}, "customer.repeat_contacts", "input should be greater than or equal to 0"),
        ({"customer": {"name": "Ada"}}, "customer.name", "is not a known field"),
    ],
)
def test_classify_mistakes(change: dict[str, Any], field: str, problem: str) -> None:
    assert problems(ClassifyRequest, {"text": "a", **change}) == [(field, problem)]


def test_all_mistakes_are_told_at_once() -> None:
    assert [field for field, _ in problems(TranslateRequest, {"beams": 0, "extra": 1})] == ["segments", "target", "beams", "extra"]


def test_translate_limits_are_all_told_at_once() -> None:
    request = TranslateRequest.model_validate(
        {
            "segments": ["12345", "123456", ""],
            "target": "de",
            "glossary": [{"source": "abcd", "target": "abc"}, {"source": "a", "target": "b"}],
        }
    )
    with pytest.raises(TooLargeError, match=r"^over the limit: segments, glossary, segments\.1, glossary\.0\.source$") as caught:
        check_translate(request, LIMITS)
    assert [detail.problem for detail in caught.value.details] == [
        "has 3 segments, at most 2 are allowed",
        "has 2 terms, at most 1 are allowed",
        "has 6 characters, at most 5 are allowed",
        "has 4 characters, at most 3 are allowed",
    ]


def test_classify_limits() -> None:
    request = ClassifyRequest.model_validate(
        {"text": "123456", "history": [{"role": "agent", "text": "1234567"}, {"role": "agent", "text": ""}]}
    )
    with pytest.raises(TooLargeError, match=r"^over the limit: text, history, history\.0\.text$"):
        check_classify(request, LIMITS)


def test_lengths_are_code_points() -> None:
    check_translate(TranslateRequest.model_validate({"segments": ["😀😀😀😀😀"], "target": "zh"}), LIMITS)
    check_classify(ClassifyRequest.model_validate({"text": "😀😀😀😀😀"}), LIMITS)
