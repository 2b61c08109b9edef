"""What the OpenAPI page says of every route: how it is refused, and which key it wants."""

from __future__ import annotations

from typing import Any

from fastapi import Security
from fastapi.security import APIKeyHeader, HTTPBearer

from serving.messages import ErrorResponse

EVERY_ROUTE = {
    401: "no known API key",
    403: "no API keys are set, and not asked over loopback",
    500: "a defect of ours",
    503: "busy or not ready, see Retry-After",
}
WITH_BODY = {400: "not JSON", 413: "too large", 415: "not sent as JSON", 422: "not a valid request", 504: "not answered in time"}
ADMIN = "Admin"  # how the names of the admin keys' schemes begin
# For the page alone; serving/guard.py looks at the keys.
KEY = [Security(HTTPBearer(auto_error=False)), Security(APIKeyHeader(name="X-API-Key", auto_error=False))]
ADMIN_KEY = [
    Security(HTTPBearer(auto_error=False, scheme_name=f"{ADMIN}Bearer")),
    Security(APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name=f"{ADMIN}KeyHeader")),
]


def refusals(meanings: dict[int, str]) -> dict[int | str, dict[str, Any]]:
    """Refusals as FastAPI wants them."""
    return {status: {"model": ErrorResponse, "description": meaning} for status, meaning in meanings.items()}
