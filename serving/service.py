"""The service as BentoML runs it: `serving.service:Quayside`.

BentoML gives the process and the packaging. Every HTTP request is answered by our application: it stands in front of BentoML's router as
a middleware and not as a mounted app, because BentoML answers `/readyz`, `/livez` and `/schema.json` before it asks any mounted app, in
other words than our one error shape. Its metrics and access log are off for the same reason: both take whatever path a client makes up.

The models are loaded beside the event loop, so that `/readyz` says 503 from the start rather than nothing.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send

from data.language import warm_up
from serving.app import create_app
from serving.errors import NotReadyError
from serving.routing import load_routing
from serving.settings import ServingSettings, load_settings

if TYPE_CHECKING:
    from serving.bundle import Models
    from serving.classifier import Classifier
    from serving.models import ModelInfo
    from serving.translator import Translator

LOG = logging.getLogger("quayside")
# BentoML's own limit on a request, out of reach of ours (twice 60 s at most); not larger still, because it keeps a timer for every
# request until this time has passed, answered or not (1.4.39, TimeoutMiddleware).
TIMEOUT_S = 300.0
RETRY_AFTER_S = 5.0


class LateModels:
    """The models, from the moment that they are loaded; NotReadyError before, and for good if they cannot be."""

    def __init__(self, load: Callable[[], Models]) -> None:
        self._load = load
        self._models: Models | None = None
        self._problem = "the models are being loaded"

    @property
    def translator(self) -> Translator:
        """Translates."""
        return self._loaded().translator

    @property
    def classifier(self) -> Classifier:
        """Classifies."""
        return self._loaded().classifier

    @property
    def described(self) -> Sequence[ModelInfo]:
        """The bundles behind them."""
        return self._loaded().described

    def load(self) -> None:
        """Load them; a failure goes to the log, the clients are told no paths."""
        try:
            self._models = self._load()
            LOG.info("the models are loaded: %s", ", ".join(f"{info.name} {info.version}" for info in self._models.described))
        except ValueError as error:
            LOG.error("the models cannot be loaded: %s", error)
        except Exception:
            LOG.exception("the models cannot be loaded")
        self._problem = "a model could not be loaded; the log says why"

    def _loaded(self) -> Models:
        if self._models is None:
            raise NotReadyError(self._problem, retry_after_s=RETRY_AFTER_S)
        return self._models


def load_warm(settings: ServingSettings) -> Models:
    """The models, with the language detector loaded too, so that the first message is answered as fast as the next.

    Raises:
        BundleError: a bundle is bad.
    """
    from serving.bundle import load_models

    models = load_models(settings.bundles_folder, settings.threads, beams=settings.beams)
    for languages in {tuple(models.translator.languages), tuple(models.classifier.info.languages)}:
        warm_up(languages)
    return models


def log_to_stderr() -> None:
    """Send our log lines to stderr and nowhere else; BentoML's handlers write to stdout and switch off loggers that exist before them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    LOG.handlers, LOG.propagate, LOG.disabled = [handler], False, False
    LOG.setLevel(logging.INFO)


@bentoml.service(
    name="quayside", workers=1, traffic={"timeout": TIMEOUT_S}, metrics={"enabled": False}, logging={"access": {"enabled": False}}
)
class Quayside:
    """Understands and translates the messages of a support desk."""

    def __init__(self) -> None:
        log_to_stderr()
        settings = load_settings()
        models = LateModels(lambda: load_warm(settings))
        self.app = create_app(models, settings, load_routing())
        threading.Thread(target=models.load, name="quayside-load", daemon=True).start()

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def stop(self) -> None:
        """Let no computation outlive the event loop."""
        self.app.state.service.close()


class Front:
    """Gives every HTTP request to our application, and the process's own events to BentoML."""

    def __init__(self, app: ASGIApp) -> None:
        self.bentoml = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.bentoml(scope, receive, send)
            return
        service: Any = bentoml.get_current_service()
        await service.app(scope, receive, send)


Quayside.add_asgi_middleware(Front)  # type: ignore[attr-defined]
