"""The real service, for as long as it is needed: ready when it says so, gone afterwards, and a sentence where it cannot start."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import psutil
import pytest

from data.glossary import Glossary, Term
from eval import running
from eval.running import Service, StartError, free_port, running_service
from serving.client import QuaysideClient
from serving.state import Author, StateFolder


def children() -> set[psutil.Process]:
    """The processes of this one that live: other tests may have left some, which are not ours to judge."""
    return {child for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE}


def test_a_free_port_can_be_listened_on() -> None:
    port = free_port()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", port))
        assert listening.getsockname()[1] == port


def look_around(service: Service, seen: list[psutil.Process], intents: dict[str, str]) -> None:
    """Use the service, note its processes, and stop as Ctrl-C would."""
    with QuaysideClient(service.url) as client:
        answer = client.translate(["Where is PO-4711?"], source="en", target="de")
        assert "PO-4711" in answer["translations"][0]["text"]
        assert client.classify("Where is my order?")["intent"] in intents
        assert {glossary["origin"] for glossary in client.glossaries()["glossaries"]} == {"bundle"}
    assert 0 < service.ready_s < running.START_LIMIT_S
    assert 50 < service.rss_mb() < 2_000
    seen += [service.process, *service.process.children(recursive=True)]
    raise KeyboardInterrupt


def test_the_service_runs_and_is_gone(world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUAYSIDE_API_KEYS", "secret")  # of the person who measures; the service is started without
    optics = Glossary("optics", (Term("optics/lens", (), {"en": {"base": "lens"}, "de": {"base": "Linse"}}),))
    StateFolder(tmp_path / "mine", 1).upload(optics, None, Author("0123abcd", "", ""))
    monkeypatch.setenv("QUAYSIDE_STATE", str(tmp_path / "mine"))  # nor with what they uploaded
    before = children()
    log, seen = tmp_path / "work/service.log", list[psutil.Process]()
    with pytest.raises(KeyboardInterrupt), running_service(world.bundles, log) as service:
        look_around(service, seen, world.intents.intents)
    assert seen
    assert [process for process in seen if process.is_running()] == []
    assert children() <= before
    assert log.stat().st_size > 0


def test_bundles_that_cannot_be_served_are_said(tmp_path: Path) -> None:
    before, missing = children(), tmp_path / "none"
    with pytest.raises(StartError) as caught, running_service(missing, tmp_path / "service.log"):
        pytest.fail("the service cannot be ready")
    expected = f"the service ended with code 2: error: {missing}: no such folder of bundles; train and export first (`dvc repro`)"
    assert str(caught.value) == expected
    assert children() <= before


def test_a_service_that_is_not_ready_in_time_is_ended(world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "START_LIMIT_S", 0.0)
    before = children()
    with pytest.raises(StartError, match=r"^the service was not ready within 0 s: "), running_service(world.bundles, tmp_path / "s.log"):
        pytest.fail("the service cannot be ready")
    assert children() <= before
