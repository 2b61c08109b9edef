"""Glossaries over HTTP: who may change them, what is refused, and when a change is seen by whom."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import logging
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from serving.durable import locked
from serving.errors import NotReadyError

Make = Callable[..., FastAPI]
Ask = Callable[..., httpx.Response]
KEY = "admin-secret"
WHO = hashlib.sha256(KEY.encode()).hexdigest()[:8]
PATH = "/v1/glossaries/machinery"
ANTON, BERTA = (f"id,en,zh\npump,pump,{word}\n".encode() for word in ("安东", "贝塔"))
TRANSLATE = {"segments": ["a pump"], "source": "en", "target": "zh", "industry": "machinery"}


def refusal_of(response: httpx.Response) -> tuple[int, str, str]:
    """Status, code and message."""
    error = response.json()["error"]
    assert set(error) == {"code", "message", "details"}
    return response.status_code, error["code"], error["message"]


@pytest.fixture
def app(make_app: Make) -> FastAPI:
    return make_app(keys="user-secret", admin_keys=f"other, {KEY}")


@pytest.fixture
def change(ask: Ask) -> Ask:
    """Sends a request with the admin key, of a CSV where it does not say otherwise."""

    def send(app: FastAPI, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"X-API-Key": KEY, "Content-Type": "text/csv", "X-Request-Id": "request-1", **options.pop("headers", {})}
        return ask(app, method, path, headers=headers, **options)

    return send


def versions(app: FastAPI, change: Ask) -> dict[str, str]:
    """The versions in use, by industry."""
    return {one["industry"]: one["version"] for one in change(app, "GET", "/v1/glossaries").json()["glossaries"]}


def test_an_upload_takes_effect_at_once(app: FastAPI, change: Ask, models: Any) -> None:
    own = models.translator.glossaries.get("machinery").version
    answered = change(app, "PUT", PATH, content=ANTON)
    version = versions(app, change)["machinery"]
    assert answered.status_code == 200
    assert answered.json() == {"industry": "machinery", "before": own, "version": version, "terms": 1}
    assert change(app, "POST", "/v1/translate", json=TRANSLATE, headers={"Content-Type": "application/json"}).json()["glossary"] == {
        "industry": "machinery",
        "version": version,
    }
    (asked,) = models.translator.asked
    assert asked["glossaries"].get("machinery").version == version != own


def test_glossaries_are_listed(app: FastAPI, change: Ask) -> None:
    (own,) = change(app, "GET", "/v1/glossaries").json()["glossaries"]
    assert re.fullmatch("[0-9a-f]{12}", own.pop("version"))
    assert own == {
        **{"industry": "machinery", "terms": 1, "languages": ["en", "zh"]},
        **{"origin": "bundle", "uploaded_at": None, "uploaded_by": None},
    }
    change(app, "PUT", "/v1/glossaries/optics", content=b"en,de\nlens,Linse\nglass,Glas\n")
    _, optics = change(app, "GET", "/v1/glossaries").json()["glossaries"]
    assert time.strptime(optics.pop("uploaded_at"), "%Y-%m-%dT%H:%M:%SZ")
    optics.pop("version")
    assert optics == {"industry": "optics", "terms": 2, "languages": ["de", "en"], "origin": "uploaded", "uploaded_by": WHO}


def test_the_entries_can_be_uploaded_again(app: FastAPI, change: Ask) -> None:
    shown = change(app, "GET", PATH).json()
    assert shown["entries"] == [{"id": "pump", "en": {"base": "pump", "pl": "pumps"}, "zh": {"base": "水泵"}}]
    change(app, "PUT", PATH, content=ANTON)
    answered = change(app, "PUT", PATH, content=json.dumps({"entries": shown["entries"]}), headers={"Content-Type": "application/json"})
    assert answered.json()["version"] == shown["version"]


def test_restores(app: FastAPI, change: Ask) -> None:
    own = versions(app, change)["machinery"]
    anton, berta = (change(app, "PUT", PATH, content=content).json()["version"] for content in (ANTON, BERTA))
    told = [change(app, "POST", f"{PATH}/restore").json() for _ in range(2)]
    assert [(one["before"], one["version"]) for one in told] == [(berta, anton), (anton, own)]
    assert versions(app, change)["machinery"] == own
    assert refusal_of(change(app, "POST", f"{PATH}/restore")) == (
        *(409, "conflict"),
        "machinery has no upload in use, so there is none to take back",
    )
    assert change(app, "POST", f"{PATH}/restore?version={berta}").json()["version"] == berta
    assert refusal_of(change(app, "POST", f"{PATH}/restore?version={'0' * 12}")) == (
        *(404, "not_found"),
        f"no upload of machinery has that version; kept are: {berta}, {anton}",
    )


def test_a_new_industry_comes_and_goes(app: FastAPI, change: Ask) -> None:
    content = {"json": {**TRANSLATE, "industry": "optics"}, "headers": {"Content-Type": "application/json"}}
    unknown = (404, "not_found", "no glossary for industry 'optics'; there are: machinery")
    assert refusal_of(change(app, "POST", "/v1/translate", **content)) == unknown
    assert change(app, "PUT", "/v1/glossaries/optics", content=ANTON).json()["before"] is None
    assert change(app, "POST", "/v1/translate", **content).status_code == 200
    assert change(app, "POST", "/v1/glossaries/optics/restore").json()["version"] is None
    for method, path in (("GET", "/v1/glossaries/optics"), ("POST", "/v1/glossaries/optics/restore")):
        assert refusal_of(change(app, method, path)) == unknown


def test_the_audit(app: FastAPI, change: Ask, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        change(app, "PUT", PATH, content=ANTON)
        change(app, "POST", f"{PATH}/restore")
    lines = [json.loads(line) for line in (tmp_path / "state" / "audit.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["action"], line["who"], line["request_id"], line["client"], line["terms"]) for line in lines] == [
        ("upload", WHO, "request-1", "127.0.0.1", 1),
        ("restore", WHO, "request-1", "127.0.0.1", 1),
    ]
    assert (lines[0]["before"], lines[0]["after"]) == (lines[1]["after"], lines[1]["before"])
    ours = [record.getMessage() for record in caplog.records if record.name == "quayside"]
    assert [message.split(" before")[0] for message in ours if message.startswith("glossary")] == [
        *("glossary=machinery action=upload", "glossary=machinery action=restore")
    ]
    kept = " ".join(path.read_text(encoding="utf-8") for path in (tmp_path / "state").rglob("*.json*"))
    assert KEY not in f"{caplog.text} {kept}"
    assert "安东" not in caplog.text


@pytest.mark.parametrize(("method", "path"), [("PUT", PATH), ("POST", f"{PATH}/restore")])
def test_who_may_not(make_app: Make, ask: Ask, app: FastAPI, method: str, path: str, tmp_path: Path) -> None:
    def answer(app: FastAPI, **headers: str) -> tuple[int, str, str]:
        return refusal_of(ask(app, method, path, headers={"Content-Type": "text/csv", **headers}, content=ANTON))

    needed = "an admin key is needed: Authorization: Bearer KEY, or X-API-Key: KEY"
    assert answer(app) == (401, "unauthorized", needed)
    assert answer(app, Authorization="Bearer guess") == (401, "unauthorized", "this API key is not known")
    assert answer(app, Authorization="Bearer user-secret") == (403, "forbidden", "this key may not change anything: an admin key is needed")
    switched_off = "nothing can be changed here: set QUAYSIDE_ADMIN_KEYS to one or more admin keys, separated by commas, and start again"
    for keys in ("", "user-secret"):
        assert answer(make_app(keys=keys), Authorization="Bearer user-secret") == (403, "forbidden", switched_off)
    assert not (tmp_path / "state").exists()


def test_an_admin_key_is_a_key_too(app: FastAPI, ask: Ask) -> None:
    assert ask(app, "GET", "/v1/models", headers={"Authorization": f"Bearer {KEY}"}).status_code == 200
    assert ask(app, "GET", "/v1/glossaries", headers={"X-API-Key": "user-secret"}).status_code == 200
    assert ask(app, "GET", "/v1/glossaries").status_code == 401


def test_nothing_is_read_without_an_admin_key(app: FastAPI) -> None:
    sent: list[int] = []

    async def body() -> Any:
        sent.append(1)
        yield b"en"

    async def request() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.put(PATH, content=body(), headers={"X-API-Key": "guess"})

    assert (asyncio.run(request()).status_code, sent) == (401, [])


BAD = b"id,en,zh\na,pump,\xe6\xb3\xb5\nb,the,\xe9\x98\x80\n"


@pytest.mark.parametrize(
    ("path", "options", "status", "code", "message"),
    [
        (PATH, {"content": BAD}, 422, "invalid", "nothing has changed: the glossary has 1 problem"),
        (f"{PATH}?format=docx", {"content": ANTON}, 422, "invalid", "not a valid request: format"),
        (f"{PATH}?format=xlsx", {"content": ANTON}, 422, "invalid", "nothing has changed: the glossary has 1 problem"),
        ("/v1/glossaries/no%20name", {"content": ANTON}, 422, "invalid", "not a valid request: industry"),
        (f"{PATH}?format=json", {"content": b"{"}, 400, "malformed", "the body is not JSON (line 1, column 2)"),
        (PATH, {"content": b"en,zh\n" + b"a" * 2_000}, 413, "too_large", "the body is larger than 1000 bytes"),
    ],
)
def test_a_bad_upload_changes_nothing(
    make_app: Make, change: Ask, path: str, options: dict[str, Any], status: int, code: str, message: str
) -> None:
    app = make_app(admin_keys=KEY)
    app = make_app(admin_keys=KEY, limits=app.state.service.settings.limits.model_copy(update={"glossary_bytes": 1_000}))
    before = versions(app, change)
    assert refusal_of(change(app, "PUT", path, **options)) == (status, code, message)
    assert versions(app, change) == before


def test_the_reasons_are_told(app: FastAPI, change: Ask) -> None:
    assert change(app, "PUT", PATH, content=BAD).json()["error"]["details"] == [
        {"field": "line 3", "problem": "machinery/b: en 'the': a word of which every message is full"}
    ]


def test_a_format_that_nobody_says(app: FastAPI, change: Ask) -> None:
    status, code, message = refusal_of(change(app, "PUT", PATH, content=ANTON, headers={"Content-Type": "text/plain"}))
    assert (status, code) == (415, "unsupported_media_type")
    assert message.startswith("the format is not known: send ?format= (csv, ")


def test_405(app: FastAPI, change: Ask) -> None:
    assert refusal_of(change(app, "DELETE", PATH))[:2] == (405, "method_not_allowed")


def test_a_full_disk(app: FastAPI, change: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = versions(app, change)
    for place in ("serving.state.write_durably", "serving.state.append_durably", "serving.uploading.Path.write_bytes"):
        with monkeypatch.context() as patched:
            patched.setattr(place, full)
            response = change(app, "PUT", PATH, content=ANTON)
        message = "the glossary could not be kept (no space left on device); nothing has changed"
        assert (*refusal_of(response), response.headers["Retry-After"]) == (503, "storage", message, "60")
    assert versions(app, change) == before
    assert change(app, "PUT", PATH, content=ANTON).status_code == 200


def test_a_folder_that_is_none(make_app: Make, change: Ask, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    app = make_app(admin_keys=KEY, state_dir=str(tmp_path / "file" / "state"))
    message = "the glossary could not be kept (not a directory); nothing has changed"
    assert refusal_of(change(app, "PUT", PATH, content=ANTON)) == (503, "storage", message)
    assert list(versions(app, change)) == ["machinery"]


def test_another_process_is_changing(app: FastAPI, change: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    change(app, "PUT", PATH, content=ANTON)
    monkeypatch.setattr("serving.state.locked", lambda path: locked(path, wait_s=0.02))
    with locked(tmp_path / "state" / "lock"):
        refused = refusal_of(change(app, "PUT", PATH, content=BERTA))
    assert refused == (503, "busy", "another change of the glossaries is under way")


class NoModels:
    """Models that are still being loaded."""

    @property
    def translator(self) -> Any:
        raise NotReadyError("the models are being loaded", retry_after_s=5.0)

    described = classifier = translator


def test_before_the_models_are_loaded(make_app: Make, change: Ask) -> None:
    app = make_app(NoModels(), admin_keys=KEY)
    for method, path in (("GET", "/v1/glossaries"), ("GET", PATH), ("PUT", PATH), ("POST", f"{PATH}/restore")):
        assert refusal_of(change(app, method, path, content=ANTON)) == (503, "not_ready", "the models are being loaded")


def test_past_its_deadline_a_change_is_not_made(make_app: Make, change: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    finished = threading.Event()

    def slow(*_: object) -> Any:
        time.sleep(0.1)
        finished.set()

    app = make_app(admin_keys=KEY, upload_deadline_ms=30)
    before = versions(app, change)
    monkeypatch.setattr("serving.glossary_routes.read_upload", slow)
    assert refusal_of(change(app, "PUT", PATH, content=ANTON)) == (504, "deadline", "no answer within 0.03 s")
    assert finished.wait(10)
    app.state.service.changes.close()
    assert versions(app, change) == before


def test_a_request_keeps_the_glossary_that_it_began_with(app: FastAPI, models: Any) -> None:
    started, go_on = threading.Event(), threading.Event()

    def wait(_: Callable[[], bool]) -> None:
        started.set()
        go_on.wait(10)

    models.translator.act = wait
    own = models.translator.glossaries.get("machinery").version

    async def run() -> list[Any]:
        headers = {"X-API-Key": KEY}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1", headers=headers) as client:
            in_flight = asyncio.create_task(client.post("/v1/translate", json=TRANSLATE))
            await asyncio.to_thread(started.wait, 10)
            in_line = asyncio.create_task(client.post("/v1/translate", json=TRANSLATE))
            while not len(app.state.service.translate):
                await asyncio.sleep(0.01)
            changed = await client.put(f"{PATH}?format=csv", content=ANTON)
            after = asyncio.create_task(client.post("/v1/translate", json=TRANSLATE))
            await asyncio.sleep(0.05)
            go_on.set()
            return [changed.json()["version"], *[(await one).json()["glossary"]["version"] for one in (in_flight, in_line, after)]]

    changed, *used = asyncio.run(run())
    assert used == [own, own, changed]
    assert [asked["glossaries"].get("machinery").version for asked in models.translator.asked] == used


def test_of_two_at_once_the_last_wins_and_both_are_written_down(make_app: Make, tmp_path: Path) -> None:
    one, other = make_app(admin_keys=KEY), make_app(admin_keys=KEY)

    async def put(app: FastAPI, number: int) -> httpx.Response:
        content = f"en,zh\npump,字{'字' * number}\n".encode()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.put(f"{PATH}?format=csv", content=content, headers={"X-API-Key": KEY})

    async def run() -> list[httpx.Response]:
        return list(await asyncio.gather(*(put(app, number) for number, app in enumerate([one, other] * 2))))

    responses = asyncio.run(run())
    assert [response.status_code for response in responses] == [200] * 4
    lines = [json.loads(line) for line in (tmp_path / "state" / "audit.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sorted(line["after"] for line in lines) == sorted(response.json()["version"] for response in responses)
    assert [line["before"] for line in lines[1:]] == [line["after"] for line in lines[:-1]]
    time.sleep(1)
    own = one.state.service.models.translator.glossaries
    assert {app.state.service.glossaries.over(own).glossaries.get("machinery").version for app in (one, other)} == {lines[-1]["after"]}
