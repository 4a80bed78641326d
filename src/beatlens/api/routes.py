"""The paths of the API. Each says what it takes and gives; what is done is done by the service."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Depends, Query, Request, Response, WebSocket
from fastapi import Path as InPath
from fastapi.responses import FileResponse, JSONResponse

from beatlens._version import __version__
from beatlens.api.intake import FORM, JSON, check_method, check_model, take_in
from beatlens.api.metrics import MEDIA_TYPE as METRICS_TYPE
from beatlens.api.problems import Problem, TaskError, responses
from beatlens.api.schemas import (
    METHOD_ENUM,
    BeatExplanation,
    BeatPage,
    Health,
    JobList,
    JobView,
    Samples,
    Upload,
    body_schema,
)
from beatlens.api.service import Service
from beatlens.api.streaming import Streams
from beatlens.api.views import RESULTS, read_beats, view_of
from beatlens.models.card import ModelCard
from beatlens.models.registry import list_models
from beatlens.reports.document import AnalysisDocument

open_router = APIRouter(tags=["server"])
router = APIRouter(prefix="/v1", responses=responses(401, 403, 421, 503))

_CSP: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; sandbox allow-scripts"
_TEXT: Final = {"text/plain": {"schema": {"type": "string"}}}
_BODY: Final = {
    "required": True,
    "content": {
        FORM: {
            "schema": body_schema(
                Upload,
                file={
                    "type": "array",
                    "minItems": 1,
                    "items": {"type": "string", "contentMediaType": "application/octet-stream"},
                    "description": "The recording; for WFDB all its files, or one zip of them.",
                },
            )
        },
        JSON: {"schema": body_schema(Samples)},
    },
}


def the_service(request: Request) -> Service:
    """Return the application's service."""
    return cast("Service", request.app.state.service)


TheService = Annotated[Service, Depends(the_service)]
JobId = Annotated[str, InPath(pattern="^[0-9a-f]{32}$", description="What the analysis is called.")]
Wait = Annotated[float, Query(ge=0, le=60, allow_inf_nan=False, description="Seconds to wait for its end.")]


@router.post(
    "/analyses",
    tags=["analyses"],
    status_code=202,
    summary="Analyse a recording",
    response_description="It is queued or running: ask for it at the address in Location.",
    response_model=JobView,
    responses={200: {"model": JobView, "description": "It is done."}, **responses(400, 408, 413, 415, 422, 429, 500, 504, 507)},
    openapi_extra={"requestBody": _BODY},
)
async def create_analysis(request: Request, service: TheService, wait: Wait = 0.0) -> Response:
    """Take a recording as files (a form) or as numbers (JSON). With ``wait``, a short one is answered at once."""
    job = await take_in(request, service)
    job = await service.find(job.id, wait_s=wait)
    if job.problem is not None:
        raise TaskError(Problem(**job.problem))
    view = view_of(job, service)
    document = await service.result(job.id, "analysis.json") if job.state == "done" else None
    headers = {"Location": view.links["self"]}
    if document is None:
        return Response(view.model_dump_json(), 202, headers=headers, media_type=JSON)
    # The analysis was checked when it was written: it goes out as it is.
    analysis = await asyncio.to_thread(document.read_text, "utf-8")
    text = f'{view.model_dump_json(exclude={"analysis"})[:-1]},"analysis":{analysis}}}'
    return Response(text, 200, headers=headers, media_type=JSON)


@router.get("/analyses", tags=["analyses"], summary="List the analyses", responses=responses(422))
async def list_analyses(
    service: TheService,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[int | None, Query(ge=1, le=1 << 62, description="Where the last page ended.")] = None,
) -> JobList:
    """Return the newest analyses, the newest first."""
    jobs = await service.newest(limit=limit, before=before)
    more = f"/v1/analyses?limit={limit}&before={jobs[-1].number}" if len(jobs) == limit else None
    return JobList(analyses=[view_of(job, service) for job in jobs], next=more)


@router.get("/analyses/{job_id}", tags=["analyses"], summary="How far an analysis is", responses=responses(404, 422))
async def get_analysis(job_id: JobId, service: TheService, wait: Wait = 0.0) -> JobView:
    """Return the state of an analysis; with ``wait``, when it is over or that many seconds have passed."""
    return view_of(await service.find(job_id, wait_s=wait), service)


@router.delete(
    "/analyses/{job_id}", tags=["analyses"], status_code=204, summary="Cancel and delete", responses=responses(404, 422)
)
async def delete_analysis(job_id: JobId, service: TheService) -> Response:
    """End an analysis if it is not done, and delete everything that is kept of it."""
    await service.remove(job_id)
    return Response(status_code=204)


@router.get(
    "/analyses/{job_id}/beats.json",
    tags=["results"],
    summary="Beats, some at a time",
    response_model=BeatPage,
    responses=responses(404, 409, 422),
)
async def get_beats(
    job_id: JobId,
    service: TheService,
    offset: Annotated[int, Query(ge=0, le=1 << 40)] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> Response:
    """Return one object a beat, in the order of time."""
    path = await service.result(job_id, "beats.csv")
    page = await asyncio.to_thread(read_beats, path, offset, limit)
    return Response(page.model_dump_json(by_alias=True), media_type="application/json")


@router.get(
    "/analyses/{job_id}/beats/{beat}/explanation",
    tags=["results"],
    summary="What decided the call of a beat",
    response_model=BeatExplanation,
    responses=responses(404, 409, 422, 500, 504),
)
async def get_explanation(
    job_id: JobId,
    beat: Annotated[int, InPath(ge=0, le=1 << 40, description="Number of the beat, from 0.")],
    service: TheService,
    method: Annotated[
        str, Query(description="How; what measured best for the model if empty.", json_schema_extra=METHOD_ENUM)
    ] = "",
) -> Response:
    """Explain one beat: what each sample, feature and neighbour added to the model's decision."""
    return JSONResponse(await service.explain(job_id, beat, check_method(method)))


def _add_result(name: str, media_type: str, text: str) -> None:
    async def get_result(job_id: JobId, service: TheService) -> Response:
        headers = {"Content-Security-Policy": _CSP} if media_type == "text/html" else None
        return FileResponse(await service.result(job_id, name), media_type=media_type, headers=headers)

    content: dict[str, Any] = {media_type: {"schema": {"type": "object"} if "json" in media_type else {"type": "string"}}}
    known = {"model": AnalysisDocument} if name == "analysis.json" else {"content": content}
    router.add_api_route(
        f"/analyses/{{job_id}}/{name}",
        get_result,
        tags=["results"],
        summary=text,
        name=f"get_{name.replace('.', '_')}",
        response_class=Response,
        responses={200: {"description": text, **known}, **responses(404, 409, 422)},
    )


for _name, (_media_type, _text) in RESULTS.items():
    _add_result(_name, _media_type, _text)


@router.get("/models", tags=["models"], summary="The models' cards")
def get_models() -> list[ModelCard]:
    """Return what each model is, what it saw, how it did, and what it must not be used for."""
    return list_models()


@router.get("/models/{name}", tags=["models"], summary="A model's card", responses=responses(404, 422))
def get_model(name: Annotated[str, InPath(max_length=100)]) -> ModelCard:
    """Return the card of one model."""
    check_model(name, status=404)
    return next(card for card in list_models() if card.name == name)


@router.websocket("/stream")
async def stream(socket: WebSocket) -> None:
    """Take a signal while it is recorded; give its beats."""
    await cast("Streams", socket.app.state.streams).serve(socket)


@open_router.get("/health", summary="Whether the server answers")
async def get_health(request: Request, service: TheService) -> Health:
    """Return that the server answers, and what it has to do; needs no key."""
    streams = cast("Streams", request.app.state.streams)
    return Health(version=__version__, queued=service.queued, running=service.running, streams=streams.active)


@open_router.get(
    "/metrics",
    summary="Counters for Prometheus",
    response_class=Response,
    responses={200: {"description": "Prometheus' text format.", "content": _TEXT}, **responses(401, 421, 503)},
)
def get_metrics(service: TheService) -> Response:
    """Return what is counted."""
    return Response(service.metrics.text(), media_type=METRICS_TYPE)
