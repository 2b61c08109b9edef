"""What can be seen of a request from outside: its id, one line in the log, its count and time in the metrics. Never its text.

    method=POST path=/v1/translate status=200 ms=31.4 request_id=5f0c...

A path in the log and in the metrics is a route of ours or `unmatched`: what a client makes up neither reaches the log nor grows the
metrics. An exception that nobody handled becomes an answer here and is logged as type and place only, because its text may be the
customer's; the server would log all of it.
"""

from __future__ import annotations

import logging
import re
import time
import traceback
import uuid
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import GoneError, InternalError
from serving.waiting import Line

LOG = logging.getLogger("quayside")
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"})
# From a classification (about 5 ms) to the longest deadline (60 s), doubling where the budgets of the latency report lie.
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """Counts and times by route and status, in Prometheus' base units (seconds).

    Source: https://prometheus.io/docs/practices/naming/. A registry of our own holds this process's values whether or not BentoML has
    switched prometheus_client to files shared between workers; there is one worker.
    """

    def __init__(self, lines: Sequence[Line]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter("quayside_requests", "Requests answered", ["method", "path", "status"], registry=self.registry)
        self.seconds = Histogram(
            "quayside_request_duration_seconds",
            "From the request's head to the answer's end",
            ["path"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        waiting = Gauge("quayside_waiting_requests", "Requests in line for a model", ["line"], registry=self.registry)
        for line in lines:
            waiting.labels(line.name).set_function(line.__len__)

    def observe(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self.requests.labels(method, path, str(status)).inc()
        self.seconds.labels(path).observe(seconds)

    def text(self) -> bytes:
        """The text format that Prometheus scrapes."""
        return generate_latest(self.registry)


class Exchange:
    """One request and its answer, as it passes."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self._send = send
        self.started = time.perf_counter()
        self.status = 0
        given = Headers(scope=scope).get("x-request-id", "")
        self.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex

    async def send(self, message: Message) -> None:
        """Pass the answer on, with the request's id in its head."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)["X-Request-Id"] = self.request_id
        await self._send(message)

    async def fail(self, error: Exception, receive: Receive) -> None:
        """Log what went wrong and where in our code, and answer if nothing has been sent yet."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        LOG.error("request_id=%s error=%s at=%s:%s", self.request_id, type(error).__name__, frame.filename, frame.lineno)
        if not self.status:
            refusal = InternalError(f"something went wrong on our side; the log has it under {self.request_id}")
            await JSONResponse(refusal.body(), refusal.status)(self.scope, receive, self.send)

    def finish(self, metrics: Metrics) -> None:
        """One line in the log and one count in the metrics."""
        seconds = time.perf_counter() - self.started
        method = self.scope["method"] if self.scope["method"] in METHODS else "OTHER"
        path = getattr(self.scope.get("route"), "path", "unmatched")
        status = self.status or GoneError.status
        LOG.info("method=%s path=%s status=%d ms=%.1f request_id=%s", method, path, status, 1_000 * seconds, self.request_id)
        metrics.observe(method, path, status, seconds)


class Boundary:
    """The outermost layer of the application; nothing that is raised inside gets past it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Observe one request; anything but HTTP passes by."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = Exchange(scope, send)
        scope.setdefault("state", {})["request_id"] = exchange.request_id
        try:
            await self.app(scope, receive, exchange.send)
        except Exception as error:
            await exchange.fail(error, receive)
        finally:
            exchange.finish(self.metrics)
