import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import Request

from serving.errors import DeadlineError, ForbiddenError, GoneError, MalformedError, MediaTypeError, TooLargeError, UnauthorizedError
from serving.guard import JsonRequest, check_admin_key, check_key, check_media_type, parse_json

KEYS = ("first-key", "schlüssel")


def request(server: tuple[str, int] | None = ("127.0.0.1", 3000), **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": raw, "server": server})


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer first-key"},
        {"authorization": "bearer  schlüssel "},
        {"x_api_key": "first-key"},
        {"x_api_key": "schlüssel"},
    ],
)
def test_a_known_key(headers: dict[str, str]) -> None:
    check_key(request(("10.0.0.1", 80), **headers), KEYS)


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic first-key"}, {"authorization": "Bearer "}, {"x_api_key": ""}])
def test_no_key(headers: dict[str, str]) -> None:
    with pytest.raises(UnauthorizedError, match=r"^an API key is needed: Authorization: Bearer KEY, or X-API-Key: KEY$"):
        check_key(request(**headers), KEYS)


@pytest.mark.parametrize("key", ["first-ke", "first-keyy", "FIRST-KEY", "first-key,schlüssel"])
def test_an_unknown_key(key: str) -> None:
    with pytest.raises(UnauthorizedError, match=r"^this API key is not known$"):
        check_key(request(authorization=f"Bearer {key}"), KEYS)


@pytest.mark.parametrize("server", [("127.0.0.1", 3000), ("::1", 3000)])
def test_without_keys_loopback_is_answered(server: tuple[str, int]) -> None:
    check_key(request(server), ())


@pytest.mark.parametrize("server", [("10.0.0.1", 3000), ("::", 3000), ("/run/quayside.sock", 0), None])
def test_without_keys_other_interfaces_are_not(server: tuple[str, int] | None) -> None:
    with pytest.raises(ForbiddenError, match=r"^no API keys are set for this service, so it answers on loopback only$"):
        check_key(request(server), ())


ADMINS = ("admin-key", "straße")


@pytest.mark.parametrize("headers", [{"authorization": "Bearer admin-key"}, {"x_api_key": "straße"}])
def test_an_admin_key(headers: dict[str, str]) -> None:
    check_admin_key(request(("10.0.0.1", 80), **headers), ADMINS, KEYS, "ADMIN_KEYS")


@pytest.mark.parametrize(
    ("key", "keys", "kind", "message"),
    [
        (
            "admin-key",
            (),
            ForbiddenError,
            "nothing can be changed here: set ADMIN_KEYS to one or more admin keys, separated by commas, and start again",
        ),
        ("", ADMINS, UnauthorizedError, "an admin key is needed: Authorization: Bearer KEY, or X-API-Key: KEY"),
        ("admin-ke", ADMINS, UnauthorizedError, "this API key is not known"),
        ("admin-key,straße", ADMINS, UnauthorizedError, "this API key is not known"),
        ("first-key", ADMINS, ForbiddenError, "this key may not change anything: an admin key is needed"),
    ],
)
def test_no_admin_key(key: str, keys: tuple[str, ...], kind: type[ForbiddenError], message: str) -> None:
    with pytest.raises(kind) as caught:
        check_admin_key(request(x_api_key=key), keys, KEYS, "ADMIN_KEYS")
    assert caught.value.message == message


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON", "application/json; charset=utf-8", 'application/json;charset="UTF-8";']
)
def test_json_is_taken(kind: str) -> None:
    check_media_type(request(content_type=kind))


@pytest.mark.parametrize("kind", ["", "text/plain", "application/jsonl", "application/json; charset=latin-1", "multipart/form-data"])
def test_other_kinds_are_not(kind: str) -> None:
    with pytest.raises(MediaTypeError, match=r"^the body must be sent as Content-Type: application/json, in UTF-8$"):
        check_media_type(request(content_type=kind))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the body is not JSON (line 1, column 1)"),
        (b'{"text":\n "secret}', "the body is not JSON (line 2, column 2)"),
        (b'{"text": NaN}', "the body is not JSON that can be read"),
        (b"[" * 100_000, "the body is not JSON that can be read"),
        (b"1" * 5_000, "the body is not JSON that can be read"),
        (b'{"text": "\xff"}', "the body is not UTF-8 (byte 10)"),
        ("{}".encode("utf-16"), "the body is not UTF-8 (byte 0)"),
    ],
)
def test_what_is_not_json(content: bytes, message: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_json(content)
    assert caught.value.message == message


def loaded(receive: Callable[[], Any], limit_bytes: int = 10, deadline_s: float = 5.0) -> JsonRequest:
    found = JsonRequest(request().scope, receive)
    asyncio.run(found.load(limit_bytes, deadline_s))
    return found


def chunks(*parts: bytes) -> Callable[[], Any]:
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts] + [{"type": "http.request", "body": b""}]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    return receive


def test_a_body_of_exactly_the_limit() -> None:
    found = loaded(chunks(b"[1,2,", b"3,45]"))
    assert asyncio.run(found.json()) == [1, 2, 3, 45]
    assert asyncio.run(found.body()) == b"[1,2,3,45]"


def test_a_body_over_the_limit_is_not_read_to_its_end() -> None:
    read: list[int] = []

    async def endless() -> dict[str, Any]:
        read.append(1)
        return {"type": "http.request", "body": b"1234", "more_body": True}

    with pytest.raises(TooLargeError, match=r"^the body is larger than 10 bytes$"):
        loaded(endless)
    assert len(read) == 3


def test_a_body_that_does_not_come() -> None:
    async def never() -> dict[str, Any]:
        await asyncio.sleep(10)
        raise AssertionError

    with pytest.raises(DeadlineError, match=r"^the body did not arrive within 0\.02 s$"):
        loaded(never, deadline_s=0.02)


def test_a_client_that_hangs_up_half_way() -> None:
    async def leave() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    with pytest.raises(GoneError, match=r"^the client hung up$"):
        loaded(leave)
