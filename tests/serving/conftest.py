"""Models that answer without a graph, and a way to ask the application without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from data.glossary import Glossary, Term
from data.protect import Span
from serving.answers import Alternative, AppliedTerm, Classification, Translation
from serving.app import create_app
from serving.glossaries import Glossaries
from serving.models import ModelInfo
from serving.routing import load_routing
from serving.settings import load_settings

PUMP = Term("machinery/pump", (), {"en": {"base": "pump", "pl": "pumps"}, "zh": {"base": "水泵"}})
MACHINERY = Glossary("machinery", (PUMP,))
TRANSLATOR = ModelInfo("en-xx", "0123456789ab", "translation", ("en", "zh"), (("en", "zh"),), "int8")
CLASSIFIER = ModelInfo("intents", "ba9876543210", "intents", ("en", "zh"), (), "int8")


class FakeTranslator:
    """Writes segments in capitals; `act` stands in for the time and the trouble that a model can have."""

    languages = ("en", "zh")

    def __init__(self) -> None:
        self.glossaries = Glossaries({"machinery": MACHINERY})
        self.asked: list[dict[str, Any]] = []
        self.act: Callable[[Callable[[], bool]], object] = lambda should_stop: None

    def model_for(self, source: str, target: str) -> ModelInfo:
        assert (source, target) == ("en", "zh")
        return TRANSLATOR

    def translate(self, segments: Sequence[str], *, should_stop: Callable[[], bool], **options: Any) -> list[Translation]:
        self.asked.append({"segments": list(segments), **options})
        self.act(should_stop)
        return [Translation(text.upper(), "en", None, (AppliedTerm("quote", "报价", True, 0, 5),), 1, 87.5) for text in segments]


class FakeClassifier:
    """Finds a tracking question in every message."""

    info = CLASSIFIER

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.act: Callable[[], object] = lambda: None

    def classify(self, text: str, history: Sequence[Any], language: str | None) -> Classification:
        self.asked.append((text, list(history), language))
        self.act()
        others = (Alternative("delivery_delay", 0.03),)
        return Classification("en", "logistics_tracking", 0.95, others, False, "neutral", "high", (Span("code", "AB12", 3, 7),))


class FakeModels:
    """What `serving.bundle.load_models` gives."""

    def __init__(self) -> None:
        self.translator = FakeTranslator()
        self.classifier = FakeClassifier()
        self.described = [TRANSLATOR, CLASSIFIER]


@pytest.fixture
def models() -> FakeModels:
    return FakeModels()


@pytest.fixture
def make_app(models: FakeModels, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., FastAPI]]:
    """Makes applications over `models` and one folder of state; keyword arguments change settings, `keys` and `admin_keys` set these."""
    made: list[FastAPI] = []

    def make(served: Any = models, keys: str = "", admin_keys: str = "", **changes: Any) -> FastAPI:
        monkeypatch.setenv("QUAYSIDE_API_KEYS", keys)
        monkeypatch.setenv("QUAYSIDE_ADMIN_KEYS", admin_keys)
        settings = load_settings(environ={}).model_copy(update={"state_dir": str(tmp_path / "state"), **changes})
        made.append(create_app(served, settings, load_routing()))
        return made[-1]

    yield make
    for app in made:
        app.state.service.close()


@pytest.fixture
def ask() -> Callable[..., httpx.Response]:
    """Sends one request as httpx does; an exception that leaves the application fails the test."""

    def send(app: FastAPI, method: str, path: str, base_url: str = "http://127.0.0.1", **options: Any) -> httpx.Response:
        async def request() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base_url) as client:
                return await client.request(method, path, **options)

        return asyncio.run(request())

    return send
