"""The routes of the glossaries: look at them with any key, change them with an admin key.

    GET  /v1/glossaries    GET /v1/glossaries/{industry}
    PUT  /v1/glossaries/{industry}    POST /v1/glossaries/{industry}/restore

Files are read, checked and kept in a line of their own (serving/waiting.py), so that translations go on. A change whose client hangs up
is made nevertheless; one that is past its deadline is not.

Not covered: taking an industry's last glossary away, or the bundle's own.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from data.glossary import Glossary
from data.glossary.term import entry_of
from serving.describing import ADMIN_KEY, EVERY_ROUTE, KEY, refusals
from serving.errors import DeadlineError
from serving.guard import AdminRoute, GuardedRoute, given_key, read_body
from serving.live_glossaries import Snapshot, storage_refusal
from serving.messages import GlossariesResponse, GlossaryChange, GlossaryDescription, GlossaryResponse, Industry, Version
from serving.state import Author, Change
from serving.uploading import FORMATS, MEDIA_TYPES, format_of, read_upload

if TYPE_CHECKING:
    from serving.app import Service

WHO_DIGITS = 8  # of the SHA-256 of a key: enough to tell the keys of one service apart, too few to find one out
EXAMPLE = "id,en,de,en.pl\nair_compressor,air compressor,Druckluftkompressor,air compressors\n"
BODY = {
    "requestBody": {
        "required": True,
        "description": "a glossary file, see data/README.md; JSON is {entries: [...]} as GET gives them",
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES},
        "x-example": {"type": "text/csv", "body": EXAMPLE},
    }
}
PREFIX = "/v1/glossaries"
CHANGES = {**EVERY_ROUTE, 403: "no admin keys are set, or not one of them", 503: "busy, not ready, or the disk did not take it"}
LOOK = APIRouter(prefix=PREFIX, route_class=GuardedRoute, dependencies=KEY, responses=refusals(EVERY_ROUTE))
CHANGE = APIRouter(prefix=PREFIX, route_class=AdminRoute, dependencies=ADMIN_KEY, responses=refusals(CHANGES))


@LOOK.get("")
async def list_glossaries(request: Request) -> GlossariesResponse:
    """Name the glossaries in use, with their versions and where they come from."""
    snapshot = _snapshot(request)
    described = [_described(snapshot, snapshot.glossaries.get(industry)) for industry in snapshot.glossaries.industries]
    return GlossariesResponse(glossaries=described)


@LOOK.get("/{industry}", response_model=GlossaryResponse, responses=refusals({404: "no such industry", 422: "not a valid request"}))
async def show_glossary(industry: Industry, request: Request) -> JSONResponse:
    """Give a glossary with its entries."""
    snapshot = _snapshot(request)
    glossary = snapshot.glossaries.get(industry)
    described = _described(snapshot, glossary).model_dump()
    return await asyncio.to_thread(lambda: JSONResponse({**described, "entries": [entry_of(term) for term in glossary.terms]}))


@CHANGE.put(
    "/{industry}",
    openapi_extra=BODY,
    responses=refusals(
        {
            400: "not JSON",
            413: "too large",
            415: "no known format",
            422: "the file has problems; nothing has changed",
            504: "not done in time",
        }
    ),
)
async def upload_glossary(
    industry: Industry,
    request: Request,
    format: Annotated[str | None, Query(description=f"{', '.join(FORMATS)}; null: as Content-Type says")] = None,
) -> GlossaryChange:
    """Take an uploaded glossary into use, in the place of the industry's former one. A file with problems changes nothing."""
    service = _service(request)
    kind, encoding = format_of(request.headers.get("content-type", ""), format)
    content = await read_body(request, service.settings.limits.glossary_bytes, service.settings.upload_deadline_ms / 1_000)

    def work(should_stop: Callable[[], bool]) -> Change:
        """Read the file, check it, and take it into use."""
        try:
            glossary = read_upload(content, industry, kind, encoding)
        except OSError as error:
            raise storage_refusal(error) from None
        if should_stop():
            raise DeadlineError("the file was not checked in time; nothing has changed")
        return service.glossaries.upload(glossary, service.models.translator.glossaries, _author(request))

    return await _changed(service, work)


@CHANGE.post(
    "/{industry}/restore",
    responses=refusals(
        {404: "no such industry or version", 409: "no upload is in use", 422: "not a valid request", 504: "not done in time"}
    ),
)
async def restore_glossary(
    industry: Industry,
    request: Request,
    version: Annotated[Version | None, Query(description="of a kept upload; null: the one before, at last the bundle's own")] = None,
) -> GlossaryChange:
    """Take the former glossary of an industry into use again; the next restore goes one further back."""
    service = _service(request)

    def work(should_stop: Callable[[], bool]) -> Change:
        """Take the former glossary into use."""
        if should_stop():
            raise DeadlineError("nothing has changed: other changes took too long")
        return service.glossaries.restore(industry, version, service.models.translator.glossaries, _author(request))

    return await _changed(service, work)


def _service(request: Request) -> Service:
    """What the handlers share."""
    service: Service = request.app.state.service
    return service


def _snapshot(request: Request) -> Snapshot:
    """The glossaries now.

    Raises:
        NotReadyError: the models are not loaded, whose glossaries are among them.
    """
    service = _service(request)
    return service.glossaries.over(service.models.translator.glossaries)


async def _changed(service: Service, work: Callable[[Callable[[], bool]], Change]) -> GlossaryChange:
    """What the work changed, once it is its turn."""
    _ = service.models.described  # before they are loaded nothing is put in line
    change: Change = (await service.changes.submit(work, service.settings.upload_deadline_ms / 1_000)).value
    return GlossaryChange(industry=change.industry, before=change.before, version=change.after, terms=change.terms)


def _described(snapshot: Snapshot, glossary: Glossary) -> GlossaryDescription:
    upload = snapshot.uploads.get(glossary.industry)
    return GlossaryDescription(
        industry=glossary.industry,
        version=glossary.version,
        terms=len(glossary.terms),
        languages=sorted({language for term in glossary.terms for language in term.forms}),
        origin="uploaded" if upload else "bundle",
        uploaded_at=upload.at if upload else None,
        uploaded_by=upload.by if upload else None,
    )


def _author(request: Request) -> Author:
    """Who asks, as the audit has it: never the key itself."""
    who = hashlib.sha256(given_key(request).encode("latin-1")).hexdigest()[:WHO_DIGITS]
    client: Any = request.client
    return Author(who, request.state.request_id, client.host if client else "")
