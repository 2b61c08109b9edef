"""What stands before every `/v1` route: the API key, the kind of body, its size, and that it is JSON.

Routes that change something want one of the admin keys, which are let in everywhere else, too; what they read, they check themselves.

FastAPI reads the body before it asks any dependency, so this is a route class: nothing of a request without a key is read.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from serving.errors import (
    DeadlineError,
    ForbiddenError,
    GoneError,
    MalformedError,
    MediaTypeError,
    TooLargeError,
    UnauthorizedError,
)
from serving.settings import is_loopback


class GuardedRoute(APIRoute):
    """A route that answers only to a known key, and reads only JSON within the limits of `app.state.service`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler behind the checks."""
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            """The answer, if the request is let in."""
            service = request.app.state.service
            check_key(request, service.keys)
            if request.method == "POST":
                check_media_type(request)
                request = JsonRequest(request.scope, request.receive)
                await request.load(service.settings.limits.body_bytes, service.settings.deadline_s)
            return await handler(request)

        return guarded


class AdminRoute(APIRoute):
    """A route that answers only to an admin key."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler behind the check."""
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            """The answer, if the request is let in."""
            service = request.app.state.service
            check_admin_key(request, service.admin_keys, service.keys, service.settings.admin_keys_variable)
            return await handler(request)

        return guarded


class JsonRequest(Request):
    """A request whose body has been read and parsed before FastAPI asks for it."""

    _content: bytes
    _value: Any

    async def load(self, limit_bytes: int, deadline_s: float) -> None:
        """Read and parse the body.

        Raises:
            MalformedError: it is not JSON in UTF-8.
            ServiceError: as `read_body`.
        """
        self._content = await read_body(self, limit_bytes, deadline_s)
        self._value = parse_json(self._content)

    async def body(self) -> bytes:
        """The body, for FastAPI to see that there is one."""
        return self._content

    async def json(self) -> Any:
        """The parsed body."""
        return self._value


async def read_body(request: Request, limit_bytes: int, deadline_s: float) -> bytes:
    """The body of a request.

    Raises:
        TooLargeError: it is over the limit, whatever Content-Length said.
        DeadlineError: it did not arrive in time.
        GoneError: the client hung up before its end.
    """
    content = bytearray()
    try:
        async with asyncio.timeout(deadline_s):
            async for chunk in request.stream():
                content += chunk
                if len(content) > limit_bytes:
                    raise TooLargeError(f"the body is larger than {limit_bytes} bytes")
    except TimeoutError:
        raise DeadlineError(f"the body did not arrive within {deadline_s:g} s") from None
    except ClientDisconnect:
        raise GoneError("the client hung up") from None
    return bytes(content)


def parse_json(content: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        MalformedError: it is none; `NaN` and `Infinity`, which Python would let pass, are none either.
    """
    try:
        return json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise MalformedError(f"the body is not JSON (line {error.lineno}, column {error.colno})") from None
    except UnicodeDecodeError as error:
        raise MalformedError(f"the body is not UTF-8 (byte {error.start})") from None
    except (ValueError, RecursionError):  # a number of thousands of digits; thousands of nested lists
        raise MalformedError("the body is not JSON that can be read") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def check_media_type(request: Request) -> None:
    """Raises MediaTypeError: the body is not said to be JSON in UTF-8."""
    kind, *parameters = (part.strip().lower() for part in request.headers.get("content-type", "").split(";"))
    if kind != "application/json" or any(part.replace('"', "") not in ("", "charset=utf-8") for part in parameters):
        raise MediaTypeError("the body must be sent as Content-Type: application/json, in UTF-8")


def check_key(request: Request, keys: Sequence[str]) -> None:
    """Let a request pass that has one of the keys; where there are none, one that came in over loopback.

    Raises:
        ForbiddenError: there are no keys, and the request came in over another interface.
        UnauthorizedError: no key, or none of ours.
    """
    if not keys:
        address = request.scope.get("server") or ("", 0)
        if not is_loopback(address[0]):
            raise ForbiddenError("no API keys are set for this service, so it answers on loopback only")
        return
    given = given_key(request)
    if not given:
        raise UnauthorizedError("an API key is needed: Authorization: Bearer KEY, or X-API-Key: KEY")
    if not _is_among(given, keys):
        raise UnauthorizedError("this API key is not known")


def check_admin_key(request: Request, admin_keys: Sequence[str], keys: Sequence[str], variable: str) -> None:
    """Let a request pass that has one of the admin keys.

    Raises:
        ForbiddenError: there are none, or the key is one of `keys` that is none of them.
        UnauthorizedError: no key, or none of ours.
    """
    if not admin_keys:
        raise ForbiddenError(f"nothing can be changed here: set {variable} to one or more admin keys, separated by commas, and start again")
    given = given_key(request)
    if not given:
        raise UnauthorizedError("an admin key is needed: Authorization: Bearer KEY, or X-API-Key: KEY")
    if _is_among(given, admin_keys):
        return
    if _is_among(given, keys):
        raise ForbiddenError("this key may not change anything: an admin key is needed")
    raise UnauthorizedError("this API key is not known")


def given_key(request: Request) -> str:
    """The key that a request has; empty where it has none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")


def _is_among(given: str, keys: Sequence[str]) -> bool:
    """Whether a key is one of these; all of them are compared, so that the time tells nothing."""
    return sum(hmac.compare_digest(given.encode("latin-1"), key.encode()) for key in keys) > 0
