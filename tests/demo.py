"""Starts the project's commands as a user types them, and remembers what `make demo` printed."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from configs.schema import ROOT

HERE = str(ROOT / ".venv/bin")
ENVIRONMENT = {  # a user's, in which nothing is active
    **{name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"},
    "PATH": os.pathsep.join(place for place in os.environ["PATH"].split(os.pathsep) if place != HERE),
    "COLUMNS": "140",
}


def run(command: str, timeout_s: float = 1800) -> subprocess.CompletedProcess[str]:
    """Run one command line in the repository, with the environment active as the README says; its output is kept."""
    activated = command if command.startswith("make") else f". .venv/bin/activate\n{command}"
    return subprocess.run(
        ["bash", "-c", activated], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=timeout_s, check=False
    )


@functools.cache
def made() -> subprocess.CompletedProcess[str]:
    """`make demo`, run once for all tests; trains only what is not there."""
    return run("make demo")


@contextmanager
def kept_running(
    command: str, url: str, *, limit_s: float = 90, cwd: Path = ROOT, environment: Mapping[str, str] = ENVIRONMENT
) -> Iterator[None]:
    """A command that serves, until `url` has answered and the block is left; then it is interrupted as by Ctrl-C."""
    process = subprocess.Popen(["bash", "-c", f"exec {command}"], cwd=cwd, env=environment, start_new_session=True)
    try:
        deadline = time.monotonic() + limit_s
        while not answers(url):
            assert process.poll() is None, f"{command} ended with {process.returncode}"
            assert time.monotonic() < deadline, f"{command}: nothing at {url} within {limit_s} s"
            time.sleep(0.2)
        yield
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def answers(url: str) -> bool:
    """Whether a GET of `url` is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - loopback
            return bool(response.status == 200)
    except OSError:
        return False
