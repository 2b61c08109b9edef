"""A small client of the HTTP service, for scripts, tests and the load generator.

    with QuaysideClient("http://127.0.0.1:3000") as client:
        client.wait_until_ready(30)
        client.translate(["Where is my order?"], target="de")

Answers are plain dicts, as the service sent them.

Not covered: retries. `QuaysideError.retry_after_s` says when one makes sense.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

POLL_S = 0.1


class QuaysideError(Exception):
    """A request that was not answered.

    Attributes:
        code: the service's word for it; `unreachable` and `timeout` are the client's own.
        message: one sentence.
        details: the fields that are wrong, as the service named them.
        status: of HTTP; 0 when there was no answer.
        retry_after_s: what the service asked to wait, if it did.
    """

    def __init__(
        self, code: str, message: str, details: Sequence[dict[str, str]] = (), status: int = 0, retry_after_s: float | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.details = list(details)
        self.status = status
        self.retry_after_s = retry_after_s


class QuaysideClient:
    """One service; keeps its connections open until it is closed."""

    def __init__(
        self, base_url: str, api_key: str | None = None, timeout: float = 30.0, transport: httpx.BaseTransport | None = None
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx.Client(base_url=base_url, headers=headers, timeout=timeout, transport=transport, trust_env=False)

    def __enter__(self) -> QuaysideClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def translate(self, segments: Sequence[str], *, target: str, **options: Any) -> dict[str, Any]:
        """The answer of `/v1/translate`; `options` are its further fields, such as `source` and `industry`."""
        return self._send("POST", "/v1/translate", {"segments": list(segments), "target": target, **options})

    def classify(self, text: str, **options: Any) -> dict[str, Any]:
        """The answer of `/v1/classify`; `options` are its further fields, such as `history` and `customer`."""
        return self._send("POST", "/v1/classify", {"text": text, **options})

    def models(self) -> dict[str, Any]:
        """The answer of `/v1/models`."""
        return self._send("GET", "/v1/models")

    def glossaries(self) -> dict[str, Any]:
        """The answer of `/v1/glossaries`."""
        return self._send("GET", "/v1/glossaries")

    def glossary(self, industry: str) -> dict[str, Any]:
        """The answer of `/v1/glossaries/INDUSTRY`: with its entries."""
        return self._send("GET", f"/v1/glossaries/{industry}")

    def upload_glossary(self, industry: str, file: Path) -> dict[str, Any]:
        """Take the glossary of a file into use, with an admin key; the file's ending says its format."""
        kind = file.suffix.lower().removeprefix(".").replace("yml", "yaml")
        return self._send("PUT", f"/v1/glossaries/{industry}?format={kind}", content=file.read_bytes())

    def restore_glossary(self, industry: str, version: str | None = None) -> dict[str, Any]:
        """Take the former glossary into use again, or that of a version, with an admin key."""
        return self._send("POST", f"/v1/glossaries/{industry}/restore{f'?version={version}' if version else ''}")

    def wait_until_ready(self, timeout_s: float) -> float:
        """Poll `/readyz`; returns the seconds that it took.

        Raises:
            QuaysideError: it was not ready in time; the last reason.
        """
        started = time.monotonic()
        while True:
            try:
                self._send("GET", "/readyz")
                return time.monotonic() - started
            except QuaysideError as error:
                if time.monotonic() - started >= timeout_s:
                    raise QuaysideError(error.code, f"not ready within {timeout_s:g} s: {error.message}", status=error.status) from None
            time.sleep(POLL_S)

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None, content: bytes | None = None) -> dict[str, Any]:
        """The JSON of an answer.

        Raises:
            QuaysideError: there was none, or it is an error.
        """
        try:
            response = self._http.request(method, path, json=body, content=content)
        except httpx.TimeoutException:
            raise QuaysideError("timeout", f"{method} {path}: no answer in time") from None
        except httpx.HTTPError as error:
            raise QuaysideError("unreachable", f"{method} {path}: {error}") from None
        try:
            content = response.json()
        except ValueError:
            raise QuaysideError("not_quayside", f"{method} {path}: the answer is not JSON", status=response.status_code) from None
        if response.is_success and isinstance(content, dict):
            return content
        raise _refused(response, content)


def _refused(response: httpx.Response, content: Any) -> QuaysideError:
    """The service's refusal; an answer of another shape comes from something in between."""
    error = content.get("error") if isinstance(content, dict) else None
    if not isinstance(error, dict):
        return QuaysideError("not_quayside", f"answered {response.status_code} in a shape that is not ours", status=response.status_code)
    wait = response.headers.get("Retry-After", "")
    return QuaysideError(error["code"], error["message"], error["details"], response.status_code, float(wait) if wait.isdecimal() else None)
