import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.bundle import BundleError
from serving.errors import NotReadyError
from serving.service import TIMEOUT_S, Front, LateModels, Quayside, load_warm, log_to_stderr
from serving.settings import MAX_DEADLINE_MS, load_settings


@pytest.fixture
def restored_log() -> Iterator[logging.Logger]:
    log = logging.getLogger("quayside")
    before = log.handlers, log.propagate, log.disabled, log.level
    yield log
    log.handlers, log.propagate, log.disabled = before[:3]
    log.setLevel(before[3])


def test_late_models_before_and_after(models: Any) -> None:
    late = LateModels(lambda: models)
    for name in ("translator", "classifier", "described"):
        with pytest.raises(NotReadyError, match=r"^the models are being loaded$"):
            getattr(late, name)
    late.load()
    assert (late.translator, late.classifier, late.described) == (models.translator, models.classifier, models.described)


@pytest.mark.parametrize("error", [BundleError("/srv/bundles has no bundle of kind intents"), RuntimeError("out of memory")])
def test_models_that_cannot_be_loaded(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> Any:
        raise error

    late = LateModels(fail)
    late.load()
    with pytest.raises(NotReadyError, match=r"^a model could not be loaded; the log says why$") as caught:
        _ = late.described
    assert caught.value.retry_after_s == 5.0
    assert str(error) in caplog.text


def test_the_detector_is_loaded_with_the_models(models: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    warmed: list[tuple[str, ...]] = []
    settings = load_settings(environ={"QUAYSIDE_BUNDLES": "/srv/bundles"})
    wanted = (Path("/srv/bundles"), settings.threads, settings.beams)
    monkeypatch.setattr("serving.bundle.load_models", lambda folder, threads, beams: models if (folder, threads, beams) == wanted else None)
    monkeypatch.setattr("serving.service.warm_up", warmed.append)
    assert load_warm(settings) is models
    assert warmed == [("en", "zh")]


def test_bentoml_does_not_interfere() -> None:
    assert Quayside.config["traffic"]["timeout"] == TIMEOUT_S > 2 * MAX_DEADLINE_MS / 1_000
    assert Quayside.config["metrics"]["enabled"] is False
    assert Quayside.config["logging"]["access"]["enabled"] is False
    assert Quayside.config["workers"] == 1
    assert [middleware for middleware, _ in Quayside.middlewares] == [Front]


def test_what_is_not_http_is_bentomls() -> None:
    seen: list[str] = []

    async def bentoml(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(Front(bentoml)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]


def test_the_log_goes_to_stderr_only(restored_log: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    restored_log.disabled = True
    log_to_stderr()
    restored_log.info("method=GET path=/livez")
    written = capsys.readouterr()
    assert written.err.endswith(" INFO method=GET path=/livez\n")
    assert written.out == ""
