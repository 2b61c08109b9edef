import pytest

from serving import errors
from serving.errors import Detail, InvalidError, ServiceError, invalid


def test_the_one_shape() -> None:
    error = InvalidError("not this", [Detail("a.0", "is missing")])
    assert error.body() == {"error": {"code": "invalid", "message": "not this", "details": [{"field": "a.0", "problem": "is missing"}]}}


def test_statuses_and_codes() -> None:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ServiceError) and kind is not ServiceError
    ]
    assert sorted((kind.status, kind.code) for kind in kinds) == [
        (400, "malformed"),
        (401, "unauthorized"),
        (403, "forbidden"),
        (404, "not_found"),
        (405, "method_not_allowed"),
        (409, "conflict"),
        (413, "too_large"),
        (415, "unsupported_media_type"),
        (422, "invalid"),
        (499, "client_gone"),
        (500, "internal"),
        (503, "busy"),
        (503, "not_ready"),
        (503, "storage"),
        (504, "deadline"),
    ]


def test_a_path_is_dotted_and_below_the_body() -> None:
    refused = invalid([{"loc": ("body", "glossary", 3, "source"), "type": "missing", "msg": "Field required"}])
    assert refused.details == (Detail("glossary.3.source", "is missing"),)
    assert refused.message == "not a valid request: glossary.3.source"


def test_the_body_itself() -> None:
    assert invalid([{"loc": ("body",), "type": "dict_type", "msg": "Input should be a dict"}]).details == (
        Detail("body", "input should be a dict"),
    )


@pytest.mark.parametrize("name", ["my order 4711 is late", "straße", "\ud800", "", "x" * 41, "a\nb"])
def test_a_field_name_that_may_be_text_is_not_repeated(name: str) -> None:
    refused = invalid([{"loc": ("body", name), "type": "extra_forbidden", "msg": "Extra inputs are not permitted"}])
    assert refused.details == (Detail("(unknown)", "is not a known field"),)
    assert refused.message == "not a valid request: (unknown)"


def test_a_thousand_mistakes_are_twenty_sentences() -> None:
    refused = invalid(
        [{"loc": ("body", "segments", i), "type": "string_type", "msg": "Input should be a valid string"} for i in range(1_000)]
    )
    assert len(refused.details) == 20
    assert refused.message.endswith("segments.19 and 980 more")
