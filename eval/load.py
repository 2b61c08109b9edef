"""An open-loop load on an HTTP endpoint: requests arrive at a fixed rate, whatever the answers take.

    python -m eval.load http://127.0.0.1:3000 /v1/translate --rate 5 --seconds 20 --body request.json

A client that waits for an answer before it sends the next request stops asking exactly while the service is slow, and reports a p99
that no customer sees ("coordinated omission"). Here an arrival waits for nothing, and a latency counts from the moment at which the
request was due.

Source: Gil Tene, How NOT to Measure Latency, 2015, https://www.infoq.com/presentations/latency-response-time/

Not covered: random (Poisson) arrivals, ramps, several client machines.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import math
import urllib.parse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import numpy as np
import typer

from data.console import command
from eval.stats import percentile_interval

TIMEOUT_S = 60.0  # of one request; far above the deadlines of the service, so that the service's own answer is what is measured
LEAD_S = 0.05  # between the start of the client and the first arrival: its set-up is not the service's latency
PERCENTS = (50, 95, 99)
JSON_HEADERS = {"content-type": "application/json"}


@dataclass(frozen=True)
class Sample:
    """One request.

    Attributes:
        latency_ms: from the moment it was due to the end of the answer, or to the failure.
        late_ms: how long after that moment the client really sent it.
        status: of the answer; `None` where there was none.
        failure: what went wrong: `503`, `ReadTimeout`; empty for an answer of 2xx.
    """

    latency_ms: float
    late_ms: float
    status: int | None
    failure: str


@dataclass(frozen=True)
class LoadResult:
    """All requests of one load, in order of arrival."""

    rate_per_s: float
    samples: tuple[Sample, ...]

    def summary(self) -> dict[str, Any]:
        """The measures as they stand in report.json.

        Percentiles are over all requests: leaving out those that failed would leave out the ones that took longest. `failed` says how many.
        `late_ms_max` far from 0 means that the client was the bottleneck.
        """
        latencies = np.asarray([sample.latency_ms for sample in self.samples])
        failures = Counter(sample.failure for sample in self.samples if sample.failure)
        found: dict[str, Any] = {"rate_per_s": self.rate_per_s, "requests": len(self.samples), "failed": failures.total()}
        for percent in PERCENTS:
            found[f"p{percent}_ms"] = float(np.percentile(latencies, percent))
            found[f"p{percent}_ms_low"], found[f"p{percent}_ms_high"] = percentile_interval(latencies, percent)
        return {**found, "late_ms_max": max(sample.late_ms for sample in self.samples), "failures": dict(sorted(failures.items()))}


def run_load(
    base_url: str,
    path: str,
    bodies: Sequence[Any],
    rate_per_s: float,
    seconds: float,
    headers: Mapping[str, str] | None = None,
    *,
    timeout_s: float = TIMEOUT_S,
) -> LoadResult:
    """Send `rate_per_s * seconds` POST requests at a fixed rate and wait for their answers.

    Args:
        base_url: such as `http://127.0.0.1:3000`.
        path: such as `/v1/translate`.
        bodies: JSON bodies, sent in turn.
        rate_per_s: arrivals a second.
        seconds: how long requests arrive; the last answer may come later.
        headers: sent with every request, such as an API key.
        timeout_s: a connection that says nothing for so long has failed.

    Raises:
        ValueError: nothing to send, or fewer than two requests.
    """
    count = round(rate_per_s * seconds)
    if not bodies or count < 2:  # two: the intervals need them
        raise ValueError(f"a load needs a body and at least 2 requests, got {len(bodies)} bodies and {rate_per_s:g}/s for {seconds:g} s")
    encoded = [json.dumps(body, ensure_ascii=False).encode() for body in bodies]
    client = httpx.AsyncClient(
        base_url=base_url,
        headers={**JSON_HEADERS, **(headers or {})},
        timeout=timeout_s,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),  # a limit would make arrivals wait for answers
        trust_env=False,  # no proxy between us and what is measured
    )
    samples = asyncio.run(_arrivals(client, path, [encoded[i % len(encoded)] for i in range(count)], rate_per_s))
    return LoadResult(rate_per_s, tuple(samples))


async def _arrivals(client: httpx.AsyncClient, path: str, bodies: Sequence[bytes], rate_per_s: float) -> list[Sample]:
    """Send each body when it is due; returns when all are answered."""
    loop = asyncio.get_running_loop()
    start = loop.time() + LEAD_S
    async with client:
        sent = []
        for number, body in enumerate(bodies):
            due = start + number / rate_per_s
            await asyncio.sleep(max(0.0, due - loop.time()))
            sent.append(asyncio.create_task(_send(client, path, body, due)))
        return await asyncio.gather(*sent)


async def _send(client: httpx.AsyncClient, path: str, body: bytes, due: float) -> Sample:
    """One request that was due at `due`, on the event loop's clock."""
    loop = asyncio.get_running_loop()
    late_ms = 1_000 * (loop.time() - due)
    status, failure = None, ""
    try:
        answer = await client.post(path, content=body)
        status, failure = answer.status_code, "" if answer.is_success else str(answer.status_code)
    except httpx.HTTPError as error:
        failure = type(error).__name__
    return Sample(1_000 * (loop.time() - due), late_ms, status, failure)


def read_bodies(path: Path) -> list[Any]:
    """The bodies of a file: one JSON value, or one on each line.

    Raises:
        ValueError: neither; with the line that is no JSON.
    """
    text = path.read_text(encoding="utf-8")
    try:
        return [json.loads(text)]
    except ValueError:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    bodies = []
    for number, line in lines:
        try:
            bodies.append(json.loads(line))
        except ValueError as error:
            raise ValueError(f"{path}:{number}: not JSON: {error}") from None
    return bodies


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine."""
    host = urllib.parse.urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_headers(lines: Sequence[str]) -> dict[str, str]:
    """`Name: value` lines as headers.

    Raises:
        ValueError: a line without a colon.
    """
    if bad := [line for line in lines if ":" not in line]:
        raise ValueError(f"a header is `Name: value`, got {', '.join(map(repr, bad))}")
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def sentence(result: LoadResult) -> str:
    """A load as one sentence."""
    found = result.summary()
    shown = ", ".join(f"p{p} {found[f'p{p}_ms']:.1f} ({found[f'p{p}_ms_low']:.1f}..{found[f'p{p}_ms_high']:.1f}) ms" for p in PERCENTS)
    reasons = "".join(f" {name} x{count}" for name, count in found["failures"].items())
    return f"{found['requests']} requests at {found['rate_per_s']:g}/s: {shown}, failed {found['failed']}{reasons}"


@command
def main(
    url: Annotated[str, typer.Argument(help="base URL, such as http://127.0.0.1:3000")],
    path: Annotated[str, typer.Argument(help="such as /v1/translate")],
    body: Annotated[Path, typer.Option(help="a JSON file, or one JSON body a line, sent in turn")],
    rate: Annotated[float, typer.Option(help="arrivals a second")],
    seconds: Annotated[float, typer.Option(help="how long requests arrive")],
    header: Annotated[list[str] | None, typer.Option(help="'Name: value', sent with every request; may be repeated")] = None,
    remote: Annotated[bool, typer.Option("--remote", help="allow a service that is not on this machine")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the measures as JSON")] = False,
) -> str:
    """Put an open-loop load on an HTTP endpoint: requests arrive at a fixed rate, whatever the answers take."""
    if not (remote or is_loopback(url)):
        raise ValueError(f"{url} is not on this machine; --remote says that it may be put under load")
    if not (math.isfinite(rate) and rate > 0 and math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"rate and seconds are positive, got {rate:g} and {seconds:g}")
    result = run_load(url, path, read_bodies(body), rate, seconds, parse_headers(header or []))
    if as_json:
        typer.echo(json.dumps(result.summary(), indent=2))
        raise typer.Exit
    return sentence(result)


if __name__ == "__main__":
    typer.run(main)
