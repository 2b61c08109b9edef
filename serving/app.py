"""The HTTP application: the routes, the one error shape, health, metrics and the API page.

    POST /v1/translate   POST /v1/classify   GET /v1/models        with an API key, see serving/guard.py
    /v1/glossaries                                                 see serving/glossary_routes.py
    GET  /livez  /readyz  /metrics  /docs  /openapi.json           without

A handler checks the limits, puts the work in line and makes the answer; it stops when the client hangs up.

Not covered: `/v1/assist`; loading models and the process around this (`serving/service.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Protocol

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

from data.language import canonical
from serving.describing import EVERY_ROUTE, KEY, WITH_BODY, refusals
from serving.desk import understand
from serving.docs import render_docs
from serving.errors import InternalError, InvalidError, MethodError, NotFoundError, ServiceError, invalid
from serving.glossary_routes import CHANGE, LOOK
from serving.guard import GuardedRoute
from serving.live_glossaries import LiveGlossaries
from serving.messages import (
    ClassifyRequest,
    ClassifyResponse,
    GlossaryName,
    ModelDescription,
    ModelName,
    ModelsResponse,
    Timing,
    TranslatedSegment,
    TranslateRequest,
    TranslateResponse,
    check_classify,
    check_translate,
)
from serving.observe import Boundary, Metrics
from serving.routing import Routing
from serving.settings import ServingSettings
from serving.state import StateFolder
from serving.waiting import Line, unless_gone

if TYPE_CHECKING:
    from serving.classifier import Classifier
    from serving.models import ModelInfo
    from serving.translator import Translator

QUEUED_CHANGES = 4  # uploads of up to `glossary_bytes` each that wait in memory while one is checked
ABOUT = (
    "Understands and translates messages of a support desk. Every error has one shape: "
    '{"error": {"code", "message", "details": [{"field", "problem"}]}}. Offsets are Unicode code points.'
)


class ServedModels(Protocol):
    """What the application needs of `serving.bundle.Models`; may raise NotReadyError while there are none."""

    @property
    def translator(self) -> Translator:
        """Translates."""

    @property
    def classifier(self) -> Classifier:
        """Classifies."""

    @property
    def described(self) -> Sequence[ModelInfo]:
        """The bundles behind them."""


@dataclass(frozen=True)
class Service:
    """What the handlers share; stands in `app.state.service`."""

    models: ServedModels
    settings: ServingSettings
    routing: Routing
    keys: tuple[str, ...]
    admin_keys: tuple[str, ...]
    glossaries: LiveGlossaries
    translate: Line
    classify: Line
    changes: Line
    metrics: Metrics

    def close(self) -> None:
        """Stop every line and thread."""
        self.translate.close()
        self.classify.close()
        self.changes.close()
        self.glossaries.close()


def create_app(models: ServedModels, settings: ServingSettings, routing: Routing) -> FastAPI:
    """The application; reads the API keys from the environment once, now. Whoever made it closes `app.state.service` at the end."""
    lines = Line("translate", settings.queue_length), Line("classify", settings.queue_length), Line("changes", QUEUED_CHANGES)
    glossaries = LiveGlossaries(StateFolder(settings.state_folder, settings.kept_uploads))
    glossaries.start()
    keys, admin_keys = settings.api_keys(), settings.admin_keys()
    accepted = (*keys, *admin_keys) if keys else ()  # none: loopback is answered without a key
    service = Service(models, settings, routing, accepted, admin_keys, glossaries, *lines, Metrics(lines))

    app = FastAPI(title="Quayside", description=ABOUT, version="1", docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.service = service
    for router in (V1, LOOK, CHANGE, OPEN):
        app.include_router(router)
    app.add_exception_handler(ServiceError, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_invalid)
    app.add_exception_handler(HTTPException, _refuse_http)
    app.add_middleware(Boundary, metrics=service.metrics)
    return app


V1 = APIRouter(prefix="/v1", route_class=GuardedRoute, dependencies=KEY, responses=refusals(EVERY_ROUTE))
OPEN = APIRouter()


@V1.post("/translate", responses=refusals({**WITH_BODY, 404: "no such industry"}))
async def translate(body: TranslateRequest, request: Request) -> TranslateResponse:
    """Translate segments into one language; each may hold several sentences and lines."""
    service = _service(request)
    check_translate(body, service.settings.limits)
    return await unless_gone(_translate(body, service), _hung_up(request))


@V1.post("/classify", responses=refusals(WITH_BODY))
async def classify(body: ClassifyRequest, request: Request) -> ClassifyResponse:
    """Say what a message is about, and where it goes."""
    service = _service(request)
    check_classify(body, service.settings.limits)
    answer = understand(body, service.models.classifier, service.classify, service.routing, service.settings.deadline_s)
    return await unless_gone(answer, _hung_up(request))


@V1.get("/models")
async def list_models(request: Request) -> ModelsResponse:
    """Name the models in service, with their versions, languages and precision."""
    return ModelsResponse(models=[ModelDescription.model_validate(info) for info in _service(request).models.described])


@OPEN.get("/livez")
async def livez() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "alive"}


@OPEN.get("/readyz", responses=refusals({503: "the models are not loaded"}))
async def readyz(request: Request) -> dict[str, str]:
    """Say that every model is loaded."""
    _ = _service(request).models.described
    return {"status": "ready"}


@OPEN.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Give counts and times to Prometheus."""
    return Response(_service(request).metrics.text(), media_type=CONTENT_TYPE_LATEST)


@OPEN.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """Give this description as a page."""
    return HTMLResponse(render_docs(request.app.openapi(), str(request.base_url)))


def _service(request: Request) -> Service:
    """What the handlers share."""
    service: Service = request.app.state.service
    return service


async def _translate(body: TranslateRequest, service: Service) -> TranslateResponse:
    """The translation, once it is its turn."""
    translator = service.models.translator
    glossaries = service.glossaries.over(translator.glossaries).glossaries  # one for all of the request, whatever is uploaded meanwhile
    glossary = glossaries.get(body.industry) if body.industry is not None else None
    answered = await service.translate.submit(
        lambda should_stop: translator.translate(
            body.segments,
            source=body.source,
            target=body.target,
            industry=body.industry,
            inline=[(term.source, term.target) for term in body.glossary],
            strict_terms=body.strict_terms,
            beams=body.beams,
            glossaries=glossaries,
            should_stop=should_stop,
        ),
        service.settings.deadline_s,
    )
    model = translator.model_for(answered.value[0].source, canonical(body.target, translator.languages))
    return TranslateResponse(
        translations=[TranslatedSegment.model_validate(segment) for segment in answered.value],
        model=ModelName(name=model.name, version=model.version),
        glossary=GlossaryName(industry=glossary.industry, version=glossary.version) if glossary is not None else None,
        timing_ms=Timing(queue=answered.queue_ms, compute=answered.compute_ms),
    )


async def _hung_up(request: Request) -> None:
    """Ends when the client has hung up; the body has been read before, so nothing else arrives."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _refuse(_: Request, error: Exception) -> JSONResponse:
    """A refusal in the one shape."""
    refusal = error if isinstance(error, ServiceError) else InternalError("something went wrong on our side")
    headers = {}
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, ceil(refusal.retry_after_s)))
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(refusal.body(), refusal.status, headers)


async def _refuse_invalid(request: Request, error: Exception) -> JSONResponse:
    """FastAPI's own word for a request of the wrong shape."""
    mistakes: Sequence[Any] = error.errors() if isinstance(error, RequestValidationError) else ()
    return await _refuse(request, invalid(mistakes))


async def _refuse_http(request: Request, error: Exception) -> JSONResponse:
    """The router's own words: no such route, or not for this method."""
    status = getattr(error, "status_code", 500)
    refusals: dict[int, ServiceError] = {
        404: NotFoundError("there is no such route; /docs lists them"),
        405: MethodError(
            f"this route does not answer to {request.method if request.method.isalpha() else 'this method'}; /docs lists them"
        ),
    }
    response = await _refuse(request, refusals.get(status, InvalidError("not a valid request")))
    response.headers.update(getattr(error, "headers", None) or {})
    return response
