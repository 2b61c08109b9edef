import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from configs.schema import ROOT
from serving.__main__ import StartError, bind, check_keys
from serving.client import QuaysideClient, QuaysideError
from serving.settings import load_settings

# The service as `python -m serving` starts it, with models that need no bundle.
STAND_IN = """
import sys
import serving.bundle
sys.path.insert(0, "tests/serving")
from conftest import FakeModels
serving.bundle.verify_bundles = lambda folder: []
serving.bundle.load_models = lambda folder, threads, beams: FakeModels()
import typer
from serving.__main__ import main
typer.run(main)
"""
SECRET = "Geheimnis 4711"


def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def environment(**changes: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("QUAYSIDE_")} | changes


def refused(*options: str, **variables: str) -> str:
    """What a start that fails says."""
    done = subprocess.run(
        [sys.executable, "-m", "serving", *options],
        cwd=ROOT,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    return done.stderr.strip()


def test_bad_bundles_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    assert refused("--bundles", str(tmp_path)) == f"error: {tmp_path / 'broken'} is no bundle: it has no manifest.json"


def test_bad_settings_are_told_at_once() -> None:
    assert refused("--port", "0", QUAYSIDE_HOST="example.org").splitlines() == [
        "error: QUAYSIDE_HOST = 'example.org': is neither an ip address nor localhost",
        "QUAYSIDE_PORT = 0: input should be greater than or equal to 1",
    ]


def test_keys_are_needed_beyond_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere = load_settings(environ={"QUAYSIDE_HOST": "0.0.0.0"})  # noqa: S104
    monkeypatch.setenv("QUAYSIDE_API_KEYS", " ,")
    with pytest.raises(
        StartError, match=r"^0\.0\.0\.0 can be reached from other machines: set QUAYSIDE_API_KEYS, or use --host 127\.0\.0\.1$"
    ):
        check_keys(everywhere)
    check_keys(load_settings(environ={}))
    monkeypatch.setenv("QUAYSIDE_API_KEYS", "one")
    check_keys(everywhere)


def test_a_port_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=rf"^cannot listen on 127\.0\.0\.1:{port}: Address already in use$"):
            bind("127.0.0.1", port)


@contextmanager
def running(log: Path) -> Iterator[tuple["subprocess.Popen[str]", QuaysideClient]]:
    """A service on a free port, ready."""
    port = free_port()
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", STAND_IN, "--port", str(port)], cwd=ROOT, env=environment(), stdout=stream, stderr=stream, text=True
        )
        try:
            with QuaysideClient(f"http://127.0.0.1:{port}") as quayside:
                quayside.wait_until_ready(60)
                yield process, quayside
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_and_stops_cleanly(tmp_path: Path, stop: signal.Signals) -> None:
    log = tmp_path / "log"
    with running(log) as (process, quayside):
        assert quayside.translate([SECRET], target="zh")["translations"][0]["text"] == SECRET.upper()
        with pytest.raises(QuaysideError, match=r"^invalid: not a valid request: text$"):
            quayside.classify([SECRET])  # type: ignore[arg-type]
        for path in ("/schema.json", "/docs.json", "/healthz", "/static_content/index.html", "/"):
            with pytest.raises(QuaysideError, match=r"^not_found: there is no such route; /docs lists them$"):
                quayside._send("GET", path)
        with pytest.raises(QuaysideError, match=r"^method_not_allowed: "):
            quayside._send("POST", "/readyz", {})
        assert "quayside_requests_total" in quayside._http.get("/metrics").text
        process.send_signal(stop)
        assert process.wait(30) == 0
        with pytest.raises(httpx.ConnectError):
            quayside._http.get("/livez")
    written = log.read_text(encoding="utf-8")
    assert "method=POST path=/v1/classify status=422" in written
    assert "4711" not in written
    assert "Traceback" not in written
