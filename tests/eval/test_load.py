import asyncio
import json
import socket
import threading
import time

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from eval.load import is_loopback, main, parse_headers, read_bodies, run_load

APP = typer.Typer()
APP.command()(main)


class Server:
    """An HTTP server on 127.0.0.1 in a thread of its own; `answer(number)` gives each request's status, and may stall them all."""

    def __init__(self, answer):
        self.answer = answer
        self.requests: list[tuple[str, bytes]] = []  # (head, body)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _serve(self):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._stop.wait()
        server.close()

    async def _connection(self, reader, writer):
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode().lower():
                length = int(head.split("content-length: ")[1].split("\r\n")[0])
                self.requests.append((head, await reader.readexactly(length)))
                status = self.answer(len(self.requests))
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\n{{}}".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


def test_every_request_is_sent_with_its_body_and_headers_at_the_fixed_rate():
    with Server(lambda _: 200) as server:
        started = time.monotonic()
        result = run_load(server.url, "/v1/translate", [{"text": "你好"}, {"text": "b"}], 50, 0.4, {"x-key": "secret"})
        took_s = time.monotonic() - started
    assert [json.loads(body)["text"] for _, body in sorted(server.requests, key=lambda r: r[1])] == ["b"] * 10 + ["你好"] * 10
    assert all(head.startswith("post /v1/translate ") and "x-key: secret" in head for head, _ in server.requests)
    assert took_s > 0.38  # the last of 20 arrives after 19/50 s
    summary = result.summary()
    assert (summary["requests"], summary["failed"], summary["failures"], summary["rate_per_s"]) == (20, 0, {}, 50)
    assert {sample.status for sample in result.samples} == {200}


def test_a_stall_is_seen_by_every_request_that_was_due_meanwhile():
    def stall_once(number: int) -> int:
        if number == 10:
            time.sleep(0.6)  # the whole server, as a garbage collection or a lock would
        return 200

    with Server(stall_once) as server:
        result = run_load(server.url, "/", [{}], 50, 1.0)
    summary = result.summary()
    latencies = np.array([sample.latency_ms for sample in result.samples])
    assert summary["p99_ms"] > 500
    assert np.count_nonzero(latencies > 100) >= 15  # 25 arrive in that time; a client that waits for answers would see one
    assert summary["failed"] == 0


def test_latency_counts_from_the_moment_the_request_was_due():
    with Server(lambda _: 200) as server:
        result = run_load(server.url, "/", [{}], 100, 0.2)
    for sample in result.samples:
        assert sample.latency_ms > sample.late_ms >= 0


def test_percentiles_stand_in_order_inside_their_intervals():
    with Server(lambda _: 200) as server:
        found = run_load(server.url, "/", [{}], 100, 0.3).summary()
    assert found["p50_ms"] <= found["p95_ms"] <= found["p99_ms"]
    for percent in (50, 95, 99):
        assert 0 < found[f"p{percent}_ms_low"] <= found[f"p{percent}_ms"] <= found[f"p{percent}_ms_high"]


def test_errors_of_the_service_are_counted_by_status():
    with Server(lambda number: 503 if number % 4 == 0 else 404 if number == 1 else 200) as server:
        summary = run_load(server.url, "/", [{}], 100, 0.2).summary()
    assert (summary["failed"], summary["failures"]) == (6, {"404": 1, "503": 5})


def test_nobody_listening_is_a_failure_of_every_request():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        summary = run_load(f"http://127.0.0.1:{taken.getsockname()[1]}", "/", [{}], 50, 0.1).summary()
    assert (summary["requests"], summary["failed"], summary["failures"]) == (5, 5, {"ConnectError": 5})


def test_an_answer_that_never_comes_is_a_failure():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        result = run_load(f"http://127.0.0.1:{silent.getsockname()[1]}", "/", [{}], 50, 0.1, timeout_s=0.2)
    assert [sample.failure for sample in result.samples] == ["ReadTimeout"] * 5
    assert all(sample.latency_ms >= 200 and sample.status is None for sample in result.samples)


def test_a_load_needs_something_to_send():
    with pytest.raises(ValueError, match="got 0 bodies and 5/s for 2 s"):
        run_load("http://127.0.0.1:1", "/", [], 5, 2)
    with pytest.raises(ValueError, match="at least 2 requests, got 1 bodies and 1/s for 1 s"):
        run_load("http://127.0.0.1:1", "/", [{}], 1, 1)


def test_bodies_are_one_value_or_one_a_line(tmp_path):
    (tmp_path / "one.json").write_text('{\n  "text": "a"\n}\n')
    (tmp_path / "lines.jsonl").write_text('{"text": "a"}\n\n{"text": "b"}\n')
    assert read_bodies(tmp_path / "one.json") == [{"text": "a"}]
    assert read_bodies(tmp_path / "lines.jsonl") == [{"text": "a"}, {"text": "b"}]


def test_a_line_that_is_no_json_is_named(tmp_path):
    (tmp_path / "broken.jsonl").write_text('{"text": "a"}\n{"text"\n')
    with pytest.raises(ValueError, match=r"broken\.jsonl:2: not JSON: "):
        read_bodies(tmp_path / "broken.jsonl")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:3000", True),
        ("http://localhost:3000", True),
        ("http://[::1]:3000", True),
        ("http://example.com", False),
        ("http://10.0.0.1", False),
        ("http://localhost.example.com", False),
    ],
)
def test_loopback(url, expected):
    assert is_loopback(url) is expected


def test_headers_have_a_colon():
    assert parse_headers(["Authorization: Bearer a:b", "X:1"]) == {"Authorization": "Bearer a:b", "X": "1"}
    with pytest.raises(ValueError, match="a header is `Name: value`, got 'nonsense'"):
        parse_headers(["X: 1", "nonsense"])


@pytest.fixture
def body(tmp_path):
    (tmp_path / "body.json").write_text("{}")
    return str(tmp_path / "body.json")


def test_the_command_says_one_sentence(body):
    with Server(lambda number: 500 if number == 2 else 200) as server:
        said = CliRunner().invoke(APP, [server.url, "/", "--rate", "50", "--seconds", "0.1", "--body", body, "--header", "x-key: k"])
    assert said.exit_code == 0
    assert said.stdout.startswith("5 requests at 50/s: p50 ")
    assert "failed 1 500 x1 (" in said.stdout
    assert len(said.stdout.splitlines()) == 1
    assert "x-key: k" in server.requests[0][0]


def test_the_commands_json_is_the_summary(body):
    with Server(lambda _: 200) as server:
        said = CliRunner().invoke(APP, [server.url, "/", "--rate", "50", "--seconds", "0.1", "--body", body, "--json"])
    assert json.loads(said.stdout)["requests"] == 5


def test_another_machine_is_put_under_load_only_on_purpose(body):
    said = CliRunner().invoke(APP, ["http://192.0.2.1:3000", "/", "--rate", "5", "--seconds", "1", "--body", body])
    assert said.exit_code == 1
    assert "error: http://192.0.2.1:3000 is not on this machine; --remote says that it may be put under load" in said.output


@pytest.mark.parametrize(("rate", "seconds"), [("0", "1"), ("5", "-1"), ("nan", "1"), ("5", "inf")])
def test_rate_and_seconds_are_positive(body, rate, seconds):
    said = CliRunner().invoke(APP, ["http://127.0.0.1:1", "/", "--rate", rate, "--seconds", seconds, "--body", body])
    assert said.exit_code == 1
    assert "error: rate and seconds are positive, got " in said.output
