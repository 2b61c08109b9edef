"""Everything that the service refuses, and the one shape in which it says so.

    {"error": {"code": "...", "message": "...", "details": [{"field": "...", "problem": "..."}]}}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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


class NotFoundError(ServiceError):
    """No such route, industry or model."""

    status, code = 404, "not_found"


class TooLargeError(ServiceError):
    """The body, or a text in it, is over a limit."""

    status, code = 413, "too_large"


class InvalidError(ServiceError):
    """JSON of the wrong shape, or values that make no sense."""

    status, code = 422, "invalid"


class BusyError(ServiceError):
    """The queue is full; `Retry-After` says when to come back."""

    status, code = 503, "busy"


class NotReadyError(ServiceError):
    """A model is not loaded."""

    status, code = 503, "not_ready"


class DeadlineError(ServiceError):
    """The answer was not ready in time."""

    status, code = 504, "deadline"
