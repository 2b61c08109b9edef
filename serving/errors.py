"""Everything that the service refuses, and the one shape in which it says so.

{"error": {"code": "...", "message": "...", "details": [{"field": "...", "problem": "..."}]}}
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SHOWN_DETAILS = 20  # a list of a thousand wrong items needs no thousand sentences
# A field's name is the client's own words when it is unknown to us; only what looks like a name is repeated.
NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
SENTENCES = {
    "missing": "is missing",
    "extra_forbidden": "is not a known field",
    "string_pattern_mismatch": "does not look like such a code; see /docs",
}


@dataclass(frozen=True)
class Detail:
    """One mistake in a request: the field as a dotted path, and what is wrong with it."""

    field: str
    problem: str


class ServiceError(Exception):
    """A request that is not answered; subclasses fix `status` (HTTP) and `code` (for programs)."""

    status = 500
    code = "internal"

    def __init__(self, message: str, details: Sequence[Detail] = (), *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = tuple(details)
        self.retry_after_s = retry_after_s

    def body(self) -> dict[str, object]:
        """The JSON of the answer."""
        details = [{"field": detail.field, "problem": detail.problem} for detail in self.details]
        return {"error": {"code": self.code, "message": self.message, "details": details}}


class MalformedError(ServiceError):
    """The body is not JSON."""

    status, code = 400, "malformed"


class UnauthorizedError(ServiceError):
    """No API key, or one we do not know."""

    status, code = 401, "unauthorized"


class ForbiddenError(ServiceError):
    """Asked from elsewhere than this machine, while no API keys are set."""

    status, code = 403, "forbidden"


class NotFoundError(ServiceError):
    """No such route, industry or model."""

    status, code = 404, "not_found"


class MethodError(ServiceError):
    """The route exists, but not for this method."""

    status, code = 405, "method_not_allowed"


class ConflictError(ServiceError):
    """Not possible as things stand."""

    status, code = 409, "conflict"


class TooLargeError(ServiceError):
    """The body, or a text in it, is over a limit."""

    status, code = 413, "too_large"


class MediaTypeError(ServiceError):
    """The body does not say that it is JSON."""

    status, code = 415, "unsupported_media_type"


class InvalidError(ServiceError):
    """JSON of the wrong shape, or values that make no sense."""

    status, code = 422, "invalid"


class GoneError(ServiceError):
    """The client hung up; the answer is for the log alone (499 as nginx counts it)."""

    status, code = 499, "client_gone"


class InternalError(ServiceError):
    """A defect of ours; the message says nothing about the request but its id."""


class BusyError(ServiceError):
    """The queue is full; `Retry-After` says when to come back."""

    status, code = 503, "busy"


class NotReadyError(ServiceError):
    """A model is not loaded."""

    status, code = 503, "not_ready"


class StorageError(ServiceError):
    """The disk did not take a change, so nothing has changed."""

    status, code = 503, "storage"


class DeadlineError(ServiceError):
    """The answer was not ready in time."""

    status, code = 504, "deadline"


def invalid(mistakes: Iterable[Mapping[str, Any]]) -> InvalidError:
    """Pydantic's mistakes as one refusal; never repeats a value, and of an unknown field's name only what looks like a name."""
    details = [Detail(_path(mistake["loc"]), SENTENCES.get(mistake["type"], _lower_first(mistake["msg"]))) for mistake in mistakes]
    fields = list(dict.fromkeys(detail.field for detail in details))
    more = f" and {len(details) - SHOWN_DETAILS} more" if len(details) > SHOWN_DETAILS else ""
    return InvalidError(f"not a valid request: {', '.join(fields[:SHOWN_DETAILS])}{more}", details[:SHOWN_DETAILS])


def _path(location: Sequence[str | int]) -> str:
    """A location below the body as a dotted path."""
    parts = [str(part) if isinstance(part, int) or NAME.fullmatch(part) else "(unknown)" for part in location[1:]]
    return ".".join(parts) or "body"


def _lower_first(sentence: str) -> str:
    """A sentence as the second half of one."""
    return sentence[:1].lower() + sentence[1:]
