"""The real service, started as a user would start it, for as long as it is measured or shown."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from serving.client import QuaysideClient, QuaysideError

START_LIMIT_S = 120.0
STOP_LIMIT_S = 15.0


class StartError(ValueError):
    """The service did not become ready; the message holds the end of what it said."""


@dataclass(frozen=True)
class Service:
    """A running service: where it answers, how long it took to become ready, and its process."""

    url: str
    ready_s: float
    process: psutil.Process

    def rss_mb(self) -> float:
        """Resident memory of the service and its workers, in MB of 2^20 bytes."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(int(p.memory_info().rss) for p in family) / 2**20


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_service(bundles: Path, log: Path, port: int | None = None) -> Iterator[Service]:
    """Start `python -m serving` on loopback, wait until it is ready, and stop it with all its processes at the end.

    It has no API keys, and the bundles' own glossaries, whatever was uploaded to this machine's service.

    Args:
        bundles: folder of bundles to serve.
        log: file that takes what the service prints.
        port: `None` takes a free one.

    Raises:
        StartError: it ended or was not ready in time.
    """
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "serving", "--bundles", str(bundles.resolve()), "--host", "127.0.0.1", "--port", str(port)]
    started = time.monotonic()
    with log.open("wb") as output:
        environment = {name: value for name, value in os.environ.items() if name != "QUAYSIDE_API_KEYS"}
        environment["QUAYSIDE_STATE"] = str(log.resolve().with_suffix(".state"))  # which nobody makes
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True, env=environment)
    try:
        _wait(process, url, log)
        yield Service(url, time.monotonic() - started, psutil.Process(process.pid))
    finally:
        _stop(process)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Return when the service is ready."""
    deadline = time.monotonic() + START_LIMIT_S
    with QuaysideClient(url) as client:
        while process.poll() is None:
            try:
                client.wait_until_ready(0)
                return
            except QuaysideError:
                if time.monotonic() > deadline:
                    raise StartError(f"the service was not ready within {START_LIMIT_S:.0f} s: {_tail(log)}") from None
                time.sleep(0.05)
    raise StartError(f"the service ended with code {process.returncode}: {_tail(log)}")


def _tail(log: Path) -> str:
    return " ".join(log.read_text(encoding="utf-8", errors="replace").split()[-60:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the whole process group to end; after a while, end it."""
    for order in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, order)
            process.wait(timeout=STOP_LIMIT_S)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
