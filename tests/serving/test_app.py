import asyncio
import json
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from serving.errors import DeadlineError, NotReadyError

Make = Callable[..., FastAPI]
Ask = Callable[..., httpx.Response]
SECRET = "Geheimnis 4711"
TRANSLATE = {"segments": ["quote, please"], "target": "zh"}
CLASSIFY = {"text": "wo AB12?"}
JSON = {"Content-Type": "application/json"}


class Waiting:
    """A model that is at work until it is told to stop."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.stopped = threading.Event()

    def __call__(self, should_stop: Callable[[], bool]) -> None:
        self.started.set()
        while not should_stop():
            self.stopped.wait(0.002)
        self.stopped.set()
        raise DeadlineError("stopped")


def error_of(response: httpx.Response) -> dict[str, Any]:
    """The error, checked for its shape."""
    content = response.json()
    assert set(content) == {"error"}
    assert set(content["error"]) == {"code", "message", "details"}
    assert all(set(detail) == {"field", "problem"} for detail in content["error"]["details"])
    error: dict[str, Any] = content["error"]
    return error


def test_translate(make_app: Make, ask: Ask, models: Any) -> None:
    response = ask(make_app(), "POST", "/v1/translate", json=TRANSLATE)
    assert response.status_code == 200
    content = response.json()
    timing = content.pop("timing_ms")
    assert set(timing) == {"queue", "compute"}
    assert all(ms >= 0 for ms in timing.values())
    assert content == {
        "translations": [
            {
                "text": "QUOTE, PLEASE",
                "source": "en",
                "pivot": None,
                "terms": [{"source": "quote", "target": "报价", "applied": True, "start": 0, "end": 5, "overrides": None}],
                "protected": 1,
                "score": 87.5,
            }
        ],
        "model": {"name": "en-xx", "version": "0123456789ab"},
        "glossary": None,
    }


def test_what_the_translator_is_asked(make_app: Make, ask: Ask, models: Any) -> None:
    app = make_app()
    ask(app, "POST", "/v1/translate", json=TRANSLATE)
    options = {"source": "en", "industry": "machinery", "glossary": [{"source": "a", "target": "b"}], "beams": 5, "strict_terms": True}
    assert ask(app, "POST", "/v1/translate", json={**TRANSLATE, **options, "target": "zh-Hans"}).status_code == 200
    assert [asked.pop("glossaries") for asked in models.translator.asked] == [models.translator.glossaries] * 2
    plain = {
        "segments": ["quote, please"],
        "source": None,
        "target": "zh",
        "industry": None,
        "inline": [],
        "strict_terms": False,
        "beams": None,
    }
    others = {"source": "en", "target": "zh-Hans", "industry": "machinery", "inline": [("a", "b")], "strict_terms": True, "beams": 5}
    assert models.translator.asked == [plain, {**plain, **others}]


def test_classify(make_app: Make, ask: Ask) -> None:
    response = ask(make_app(), "POST", "/v1/classify", json={**CLASSIFY, "customer": {"tier": "gold", "repeat_contacts": 3}})
    assert response.status_code == 200
    content = response.json()
    assert (content["intent"], content["entities"]) == ("logistics_tracking", [{"kind": "code", "text": "AB12", "start": 3, "end": 7}])
    assert (content["route"]["action"], content["route"]["reply_within_minutes"]) == ("human", 60)
    assert content["model"] == {"name": "intents", "version": "ba9876543210"}


def test_models(make_app: Make, ask: Ask) -> None:
    described = ask(make_app(), "GET", "/v1/models").json()["models"]
    assert described[0] == {
        "name": "en-xx",
        "version": "0123456789ab",
        "kind": "translation",
        "languages": ["en", "zh"],
        "pairs": [["en", "zh"]],
        "precision": "int8",
    }
    assert [model["name"] for model in described] == ["en-xx", "intents"]


def body(**changes: Any) -> dict[str, Any]:
    return {"json": {**TRANSLATE, **changes}}


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code", "message"),
    [
        ("GET", "/", {}, 404, "not_found", "there is no such route; /docs lists them"),
        ("GET", "/v1/assist", {}, 404, "not_found", "there is no such route; /docs lists them"),
        ("POST", "/v1/translate/", body(), 404, "not_found", "there is no such route; /docs lists them"),
        ("GET", "/schema.json", {}, 404, "not_found", "there is no such route; /docs lists them"),
        ("GET", "/v1/translate", {}, 405, "method_not_allowed", "this route does not answer to GET; /docs lists them"),
        ("POST", "/readyz", {}, 405, "method_not_allowed", "this route does not answer to POST; /docs lists them"),
        (
            "POST",
            "/v1/translate",
            {"content": b"{"},
            415,
            "unsupported_media_type",
            "the body must be sent as Content-Type: application/json, in UTF-8",
        ),
        ("POST", "/v1/translate", {"content": b"", "headers": JSON}, 400, "malformed", "the body is not JSON (line 1, column 1)"),
        ("POST", "/v1/translate", {"content": b"{'a': 1}", "headers": JSON}, 400, "malformed", "the body is not JSON (line 1, column 2)"),
        ("POST", "/v1/translate", {"content": b"[" * 9_000, "headers": JSON}, 400, "malformed", "the body is not JSON that can be read"),
        ("POST", "/v1/classify", {"content": b"null", "headers": JSON}, 422, "invalid", "not a valid request: body"),
        ("POST", "/v1/classify", {"json": []}, 422, "invalid", "not a valid request: body"),
        ("POST", "/v1/classify", {"json": {"text": 7, "langage": "en"}}, 422, "invalid", "not a valid request: text, langage"),
        ("POST", "/v1/classify", {"content": b'{"text":"\\ud800"}', "headers": JSON}, 422, "invalid", "not a valid request: text"),
        ("POST", "/v1/translate", body(context=["a"]), 422, "invalid", "not a valid request: context"),
        ("POST", "/v1/translate", body(strict_terms="yes"), 422, "invalid", "not a valid request: strict_terms"),
        ("POST", "/v1/translate", body(segments=["a"] * 65), 413, "too_large", "over the limit: segments"),
        ("POST", "/v1/translate", body(segments=["a", "a" * 5_001]), 413, "too_large", "over the limit: segments.1"),
        ("POST", "/v1/classify", {"json": {"text": "a" * 5_001}}, 413, "too_large", "over the limit: text"),
        ("POST", "/v1/classify", {"json": {"text": "a" * 300_000}}, 413, "too_large", "the body is larger than 262144 bytes"),
    ],
)
def test_refusals(
    make_app: Make, ask: Ask, models: Any, method: str, path: str, options: dict[str, Any], status: int, code: str, message: str
) -> None:
    response = ask(make_app(), method, path, **options)
    error = error_of(response)
    assert (response.status_code, error["code"], error["message"]) == (status, code, message)
    assert models.translator.asked == models.classifier.asked == []


def test_405_says_what_is_allowed(make_app: Make, ask: Ask) -> None:
    assert ask(make_app(), "DELETE", "/v1/classify").headers["Allow"] == "POST"


def test_a_stream_without_length_is_cut_at_the_limit(make_app: Make) -> None:
    sent: list[int] = []

    async def endless() -> Any:
        while True:
            sent.append(1)
            yield b" " * 65_536

    async def request() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(make_app()), base_url="http://127.0.0.1") as client:
            return await client.post("/v1/classify", content=endless(), headers=JSON)

    response = asyncio.run(request())
    assert (response.status_code, error_of(response)["code"]) == (413, "too_large")
    assert len(sent) == 5


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer two"}, {"X-API-Key": "one"}])
def test_a_known_key_is_let_in(make_app: Make, ask: Ask, headers: dict[str, str]) -> None:
    assert ask(make_app(keys="one, two"), "GET", "/v1/models", base_url="http://10.0.0.1", headers=headers).status_code == 200


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/translate"), ("POST", "/v1/classify"), ("GET", "/v1/models")])
def test_without_a_key_nothing_is_read(make_app: Make, ask: Ask, method: str, path: str) -> None:
    response = ask(make_app(keys="one"), method, path, content=b"not even JSON", headers={"X-API-Key": "three"})
    assert (response.status_code, error_of(response)["code"], response.headers["WWW-Authenticate"]) == (401, "unauthorized", "Bearer")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/docs", "/openapi.json"])
def test_open_routes_need_no_key(make_app: Make, ask: Ask, path: str) -> None:
    assert ask(make_app(keys="one"), "GET", path, base_url="http://10.0.0.1").status_code == 200


def test_without_keys_only_loopback_is_answered(make_app: Make, ask: Ask) -> None:
    app = make_app()
    assert ask(app, "GET", "/v1/models").status_code == 200
    response = ask(app, "GET", "/v1/models", base_url="http://10.0.0.1")
    assert (response.status_code, error_of(response)["code"]) == (403, "forbidden")


def test_a_crash_is_a_500_and_the_next_request_is_answered(make_app: Make, ask: Ask, models: Any, caplog: pytest.LogCaptureFixture) -> None:
    def crash(_: Callable[[], bool]) -> None:
        raise KeyError(SECRET)

    app, models.translator.act = make_app(), crash
    with caplog.at_level(logging.INFO):
        response = ask(app, "POST", "/v1/translate", json=TRANSLATE)
    request_id = response.headers["X-Request-Id"]
    assert response.status_code == 500
    assert error_of(response) == {
        "code": "internal",
        "message": f"something went wrong on our side; the log has it under {request_id}",
        "details": [],
    }
    (logged,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert logged.startswith(f"request_id={request_id} error=KeyError at=")
    assert SECRET not in caplog.text
    assert ask(app, "POST", "/v1/classify", json=CLASSIFY).status_code == 200


def test_the_deadline_is_a_504_and_stops_the_work(make_app: Make, ask: Ask, models: Any) -> None:
    models.translator.act = work = Waiting()
    response = ask(make_app(deadline_ms=50), "POST", "/v1/translate", json=TRANSLATE)
    assert (response.status_code, error_of(response)["code"]) == (504, "deadline")
    assert work.stopped.wait(10)


def test_a_full_line_is_a_503_with_retry_after(make_app: Make, models: Any) -> None:
    models.translator.act = work = Waiting()
    app = make_app(queue_length=1, deadline_ms=500)

    async def run() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return list(await asyncio.gather(*(client.post("/v1/translate", json=TRANSLATE) for _ in range(3))))

    busy = [response for response in asyncio.run(run()) if response.status_code == 503]
    assert [error_of(response)["code"] for response in busy] == ["busy"]
    assert int(busy[0].headers["Retry-After"]) >= 1
    assert work.started.is_set()


def hang_up(app: FastAPI, content: dict[str, Any], after: threading.Event) -> int:
    """Send a request and hang up once `after` is set; returns the status that nobody read."""
    statuses: list[int] = []
    messages = [{"type": "http.request", "body": json.dumps(content).encode()}]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/translate",
        "raw_path": b"/v1/translate",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "server": ("127.0.0.1", 3000),
        "client": ("127.0.0.1", 9),
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
    }

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await asyncio.to_thread(after.wait, 10)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 0))

    asyncio.run(app(scope, receive, send))
    return statuses[0]


def test_a_client_that_hangs_up_stops_the_work(make_app: Make, models: Any) -> None:
    models.translator.act = work = Waiting()
    assert hang_up(make_app(), TRANSLATE, after=work.started) == 499
    assert work.stopped.wait(10)


class NoModels:
    """Models that are still being loaded."""

    @property
    def described(self) -> Sequence[Any]:
        raise NotReadyError("the models are being loaded", retry_after_s=5.0)

    translator = classifier = described


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [("GET", "/readyz", None), ("GET", "/v1/models", None), ("POST", "/v1/translate", TRANSLATE), ("POST", "/v1/classify", CLASSIFY)],
)
def test_before_the_models_are_loaded(make_app: Make, ask: Ask, method: str, path: str, content: Any) -> None:
    response = ask(make_app(NoModels()), method, path, json=content)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert error_of(response) == {"code": "not_ready", "message": "the models are being loaded", "details": []}


def test_health(make_app: Make, ask: Ask) -> None:
    assert ask(make_app(NoModels()), "GET", "/livez").json() == {"status": "alive"}
    assert ask(make_app(), "GET", "/readyz").json() == {"status": "ready"}


def secret_requests() -> Iterator[tuple[str, dict[str, Any]]]:
    """Requests of which each carries the secret somewhere, with the status that it gets."""
    yield "200", {"json": {"segments": [SECRET], "target": "zh"}}
    yield "422", {"json": {"segments": SECRET, "target": "zh"}}
    yield "422", {"json": {"segments": [SECRET], "target": SECRET, "industry": SECRET}}
    yield "422", {"json": {"segments": [SECRET], "target": "zh", SECRET: SECRET}}
    yield "422", {"json": {"segments": [SECRET], "target": "zh", "context": [SECRET]}}
    yield "422", {"json": {"segments": [SECRET], "target": "zh", "beams": SECRET, "glossary": {"source": SECRET}}}
    yield "422", {"json": SECRET}
    yield "413", {"json": {"segments": [SECRET] * 100, "target": "zh"}}
    yield "413", {"json": {"segments": [SECRET * 1_000], "target": "zh"}}
    yield "413", {"json": {"segments": [SECRET * 50_000], "target": "zh"}}
    yield "400", {"content": f'{{"segments": ["{SECRET}'.encode(), "headers": JSON}
    yield "400", {"content": f"{SECRET}\\x".encode("utf-16"), "headers": JSON}
    yield "415", {"content": SECRET.encode(), "headers": {"Content-Type": "text/plain"}}
    yield "200", {"json": {"segments": [SECRET], "target": "zh"}, "params": {"q": SECRET}, "headers": {"X-Request-Id": SECRET}}


def test_no_text_in_any_log_or_error(make_app: Make, ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    app, seen = make_app(), 0
    with caplog.at_level(logging.DEBUG):
        for status, options in secret_requests():
            response = ask(app, "POST", "/v1/translate", **options)
            assert str(response.status_code) == status
            assert status == "200" or SECRET not in response.text
            seen += 1
        ask(app, "GET", f"/{SECRET}")
    ours = [record for record in caplog.records if record.name not in ("httpx", "httpcore", "asyncio")]  # the client logs the URL
    assert seen == 14
    assert len(ours) == seen + 1
    assert all(SECRET not in f"{record.getMessage()} {record.args} {record.exc_text}" for record in ours)
    assert all("4711" not in record.getMessage() for record in ours)
    assert "4711" not in ask(app, "GET", "/metrics").text


def test_the_openapi_description(make_app: Make, ask: Ask) -> None:
    described = ask(make_app(), "GET", "/openapi.json").json()
    assert list(described["paths"]) == [
        *("/v1/translate", "/v1/classify", "/v1/models"),
        *("/v1/glossaries", "/v1/glossaries/{industry}", "/v1/glossaries/{industry}/restore"),
        *("/livez", "/readyz", "/metrics"),
    ]
    translate = described["paths"]["/v1/translate"]["post"]
    assert sorted(translate["responses"]) == ["200", "400", "401", "403", "404", "413", "415", "422", "500", "503", "504"]
    shapes = {answer["content"]["application/json"]["schema"]["$ref"] for code, answer in translate["responses"].items() if code != "200"}
    assert shapes == {"#/components/schemas/ErrorResponse"}
    assert "HTTPValidationError" not in described["components"]["schemas"]
