"""Every refusal as a problem document (RFC 9457): a status code, one sentence, and a hint."""

from __future__ import annotations

import logging
import math
import re
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException

from beatlens.errors import (
    BeatlensError,
    ConfigurationError,
    FormatError,
    HashMismatchError,
    MissingDependencyError,
    OutputError,
    RecordNotFoundError,
    SignalError,
    UnknownNameError,
)

log = logging.getLogger("beatlens.api")

MEDIA_TYPE: Final = "application/problem+json"
_STATUS: Final = (
    (MissingDependencyError, 415),
    (OutputError, 507),
    (HashMismatchError, 500),
    (FormatError, 422),
    (SignalError, 422),
    (RecordNotFoundError, 422),
    (UnknownNameError, 422),
    (ConfigurationError, 422),
)
_INTERNAL: Final = "the server failed at this request; nothing is known to be wrong with the request itself"


class Problem(BaseModel):
    """Why a request was refused, or an analysis failed."""

    type: str = Field("about:blank", description="Always about:blank: 'error' says which kind.")
    title: str = Field(description="The status in words.")
    status: int = Field(ge=400, le=599, description="The status as a number.")
    detail: str = Field(description="What must hold, what was found, and where: one sentence.")
    hint: str | None = Field(None, description="What to do about it.")
    error: str = Field(description="The kind of error, by its name in the Python package.")


class RequestError(BeatlensError):
    """A request that the server does not take, with its status code.

    Parameters
    ----------
    message : str
        One sentence: what must hold, what was found.
    hint : str, optional
        What to do about it.
    status : int
        The status code.
    headers : dict of str to str, optional
        Headers that belong to that status, such as ``Retry-After``.
    """

    def __init__(
        self, message: str, *, hint: str | None = None, status: int = 400, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.headers = headers or {}


class TaskError(BeatlensError):
    """What a worker was asked to do failed; the problem says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail, hint=problem.hint)
        self.problem = problem


def busy(message: str, *, status: int = 503, retry_s: float = 5.0) -> RequestError:
    """Return the refusal of a server that has enough to do."""
    wait = max(1, math.ceil(retry_s))
    return RequestError(message, hint=f"Try again in {wait} s.", status=status, headers={"Retry-After": str(wait)})


def problem_of(error: Exception) -> Problem:
    """Return an error as a problem document; what is not a `BeatlensError` tells nothing of its inside."""
    if isinstance(error, TaskError):
        return error.problem
    if not isinstance(error, BeatlensError):
        return make_problem(500, _INTERNAL, hint="The server's log has the details.", error="InternalError")
    status = (
        error.status if isinstance(error, RequestError) else next((s for kind, s in _STATUS if isinstance(error, kind)), 500)
    )
    return make_problem(status, error.message, hint=error.hint, error=type(error).__name__)


def make_problem(status: int, detail: str, *, hint: str | None = None, error: str = "RequestError") -> Problem:
    """Return a problem document with the title of its status."""
    return Problem(type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=detail, hint=hint, error=error)


def respond(error: Exception) -> JSONResponse:
    """Return an error as a response."""
    problem = problem_of(error)
    headers = error.headers if isinstance(error, RequestError) else None
    return JSONResponse(problem.model_dump(), problem.status, headers=headers, media_type=MEDIA_TYPE)


def invalid(error: ValidationError | RequestValidationError, *, status: int = 422) -> RequestError:
    """Return what a model found wrong in a request as one sentence: the first fault, and how many there are."""
    faults = error.errors()
    first = faults[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path")) or "the body"
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    said = str(first["msg"]).removeprefix("Value error, ")
    return RequestError(f"'{where}' is not as it must be: {said[:300]}{more}", hint="See /openapi.json.", status=status)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of some refusals."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def methods_at(app: FastAPI, path: str) -> set[str]:
    """Return the methods that are possible at a path, as OpenAPI lists them."""
    found: set[str] = set()
    for template, operations in app.openapi()["paths"].items():
        pattern = re.sub(r"\\\{[^/]*?\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path):
            found |= {method.upper() for method in operations}
    return found or {"GET"}  # what is not listed is /openapi.json


def install(app: FastAPI) -> None:
    """Make an application answer every error with a problem document."""

    @app.exception_handler(BeatlensError)
    async def refuse(_request: Request, error: BeatlensError) -> JSONResponse:
        return respond(error)

    @app.exception_handler(RequestValidationError)
    async def refuse_invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        return respond(invalid(error))

    @app.exception_handler(HTTPException)
    async def refuse_http(request: Request, error: HTTPException) -> JSONResponse:
        said = {
            404: f"there is nothing at {request.url.path[:200]}",
            405: f"{request.method[:20]} is not possible at {request.url.path[:200]}",
        }.get(error.status_code, str(error.detail))
        headers = dict(error.headers or {})
        if error.status_code == 405:  # the framework names the methods of one of the routes at that path
            headers["Allow"] = ", ".join(sorted(methods_at(request.app, request.url.path)))
        return respond(RequestError(said, hint="/openapi.json lists what there is.", status=error.status_code, headers=headers))

    @app.exception_handler(Exception)
    async def fail(_request: Request, error: Exception) -> JSONResponse:
        log.error("a request failed", exc_info=error)
        return respond(error)
