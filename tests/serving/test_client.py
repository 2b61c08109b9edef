import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from serving.client import QuaysideClient, QuaysideError

Handler = Callable[[httpx.Request], httpx.Response]


def client(handler: Handler, **options: Any) -> QuaysideClient:
    return QuaysideClient("http://quayside", transport=httpx.MockTransport(handler), **options)


class InProcess(httpx.BaseTransport):
    """Asks the application itself."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def answer() -> httpx.Response:
            same = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
            response = await httpx.ASGITransport(self.app).handle_async_request(same)
            return httpx.Response(response.status_code, headers=response.headers, content=await response.aread())

        return asyncio.run(answer())


def test_against_the_application(make_app: Callable[..., FastAPI], models: Any) -> None:
    with QuaysideClient("http://127.0.0.1", "one", transport=InProcess(make_app(keys="one"))) as quayside:
        assert quayside.wait_until_ready(5) < 5
        assert quayside.translate(["hello"], target="zh", source="en")["translations"][0]["text"] == "HELLO"
        assert quayside.classify("hello", customer={"tier": "gold"})["route"]["queue"] == "logistics"
        assert [model["name"] for model in quayside.models()["models"]] == ["en-xx", "intents"]
        with pytest.raises(QuaysideError, match=r"^invalid: not a valid request: beams$") as caught:
            quayside.translate(["hello"], target="zh", beams=99)
    assert (caught.value.status, caught.value.details) == (422, [{"field": "beams", "problem": "input should be less than or equal to 8"}])
    assert models.translator.asked[0]["source"] == "en"


def test_glossaries_against_the_application(make_app: Callable[..., FastAPI], tmp_path: Path) -> None:
    file = tmp_path / "terms.CSV"
    file.write_text("en,zh\npump,泵机\n", encoding="utf-8")
    with QuaysideClient("http://127.0.0.1", "admin", transport=InProcess(make_app(admin_keys="admin"))) as quayside:
        own = quayside.glossary("machinery")
        version = quayside.upload_glossary("machinery", file)["version"]
        assert [glossary["version"] for glossary in quayside.glossaries()["glossaries"]] == [version]
        assert quayside.restore_glossary("machinery")["version"] == own["version"]
        assert quayside.restore_glossary("machinery", version)["version"] == version
        assert quayside.glossary("machinery")["entries"][0]["zh"] == {"base": "泵机"}
        with pytest.raises(QuaysideError, match=r"^invalid: not a valid request: format$"):
            quayside.upload_glossary("machinery", file.rename(tmp_path / "terms.docx"))


@pytest.mark.parametrize(("key", "header"), [("one", "Bearer one"), (None, None)])
def test_the_key_is_sent(key: str | None, header: str | None) -> None:
    seen: list[str | None] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization"))
        return httpx.Response(200, json={"models": []})

    client(handler, api_key=key).models()
    assert seen == [header]


def test_what_is_sent() -> None:
    sent: list[tuple[str, Any]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append((f"{request.method} {request.url.path}", json.loads(request.content or b"null")))
        return httpx.Response(200, json={})

    quayside = client(handler)
    quayside.translate(("a", "b"), target="de")
    quayside.classify("a", language="en")
    quayside.models()
    assert sent == [
        ("POST /v1/translate", {"segments": ["a", "b"], "target": "de"}),
        ("POST /v1/classify", {"text": "a", "language": "en"}),
        ("GET /v1/models", None),
    ]


def test_retry_after_is_passed_on() -> None:
    refusal = {"error": {"code": "busy", "message": "full", "details": []}}
    with pytest.raises(QuaysideError, match=r"^busy: full$") as caught:
        client(lambda _: httpx.Response(503, json=refusal, headers={"Retry-After": "7"})).models()
    assert (caught.value.status, caught.value.retry_after_s) == (503, 7.0)


def raising(error: Exception) -> Handler:
    def handler(_: httpx.Request) -> httpx.Response:
        raise error

    return handler


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        (raising(httpx.ConnectError("refused")), "unreachable: GET /v1/models: refused"),
        (raising(httpx.ReadTimeout("slow")), "timeout: GET /v1/models: no answer in time"),
        (lambda _: httpx.Response(200, text="<html>"), "not_quayside: GET /v1/models: the answer is not JSON"),
        (lambda _: httpx.Response(502, json={"detail": "bad gateway"}), "not_quayside: answered 502 in a shape that is not ours"),
        (lambda _: httpx.Response(200, json=[1]), "not_quayside: answered 200 in a shape that is not ours"),
    ],
)
def test_no_answer_of_ours(handler: Handler, message: str) -> None:
    with pytest.raises(QuaysideError) as caught:
        client(handler).models()
    assert str(caught.value) == message


def test_waiting_until_ready() -> None:
    answers = [
        httpx.ConnectError("refused"),
        httpx.Response(503, json={"error": {"code": "not_ready", "message": "loading", "details": []}}),
    ]

    def handler(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/readyz"
        if not answers:
            return httpx.Response(200, json={"status": "ready"})
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert 0.2 <= client(handler).wait_until_ready(5) < 5


def test_waiting_in_vain() -> None:
    refusal = {"error": {"code": "not_ready", "message": "loading", "details": []}}
    with pytest.raises(QuaysideError, match=r"^not_ready: not ready within 0\.05 s: loading$"):
        client(lambda _: httpx.Response(503, json=refusal)).wait_until_ready(0.05)
