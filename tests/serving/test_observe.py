import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

Make = Callable[..., FastAPI]
Ask = Callable[..., httpx.Response]
CLASSIFY = {"text": "wo AB12?"}


def test_one_line_per_request(make_app: Make, ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    app = make_app()
    with caplog.at_level(logging.INFO, logger="quayside"):
        request_id = ask(app, "POST", "/v1/classify", json=CLASSIFY).headers["X-Request-Id"]
        ask(app, "GET", "/nowhere/else")
        ask(app, "GET", "/v1/classify")
    lines = [record.getMessage() for record in caplog.records if record.name == "quayside"]
    assert [line.split(" ms=")[0] for line in lines] == [
        "method=POST path=/v1/classify status=200",
        "method=GET path=unmatched status=404",
        "method=GET path=/v1/classify status=405",
    ]
    assert lines[0].endswith(f" request_id={request_id}")
    assert float(lines[0].split(" ms=")[1].split(" ")[0]) > 0


@pytest.mark.parametrize("given", ["abc-123", "A.b_c" * 12])
def test_a_request_id_of_the_client_is_kept(make_app: Make, ask: Ask, given: str) -> None:
    assert ask(make_app(), "GET", "/livez", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "has spaces", "x" * 65, "line\tbreak", "Grüße".encode("latin-1")])
def test_what_is_no_request_id_is_replaced(make_app: Make, ask: Ask, given: Any) -> None:
    made = ask(make_app(), "GET", "/nowhere", headers={"X-Request-Id": given}).headers["X-Request-Id"]
    assert made != given
    assert len(made) == 32


def sample(text: str, name: str) -> float:
    """The value of a line of the text format."""
    (line,) = [line for line in text.splitlines() if line.startswith(name + " ")]
    return float(line.split(" ")[-1])


def test_metrics_count_by_route_and_status(make_app: Make, ask: Ask) -> None:
    app = make_app()
    for content in (CLASSIFY, CLASSIFY, {}):
        ask(app, "POST", "/v1/classify", json=content)
    for number in range(3):
        ask(app, "GET", f"/made/up/{number}")
    ask(app, "BREW", "/v1/classify")
    response = ask(app, "GET", "/metrics")
    text = response.text
    assert response.headers["Content-Type"].startswith("text/plain")
    assert sample(text, 'quayside_requests_total{method="POST",path="/v1/classify",status="200"}') == 2
    assert sample(text, 'quayside_requests_total{method="POST",path="/v1/classify",status="422"}') == 1
    assert sample(text, 'quayside_requests_total{method="GET",path="unmatched",status="404"}') == 3
    assert sample(text, 'quayside_requests_total{method="OTHER",path="/v1/classify",status="405"}') == 1
    assert sample(text, 'quayside_request_duration_seconds_count{path="/v1/classify"}') == 4
    assert sample(text, 'quayside_waiting_requests{line="classify"}') == 0
    assert sample(text, "process_resident_memory_bytes") > 1e6
    assert "made" not in text


def test_two_applications_count_apart(make_app: Make, ask: Ask) -> None:
    first, second = make_app(), make_app()
    ask(first, "GET", "/livez")
    assert 'path="/livez"' in ask(first, "GET", "/metrics").text
    assert 'path="/livez"' not in ask(second, "GET", "/metrics").text
