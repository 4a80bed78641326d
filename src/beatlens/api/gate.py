"""What every request passes before a route sees it: number at a time, key, host and origin, size and time of its body."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from beatlens.api.metrics import Metrics
from beatlens.api.problems import RequestError, busy, respond
from beatlens.api.settings import ServerSettings, is_loopback
from beatlens.errors import BeatlensError

OPEN: Final = ("/health",)
"""Answered without a key, and however many requests there are."""

MOST_HEADER_BYTES: Final = 16 << 10
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Gate:
    """ASGI middleware around the whole application.

    Parameters
    ----------
    app : ASGI application
    settings : ServerSettings
    metrics : Metrics
    """

    def __init__(self, app: ASGIApp, settings: ServerSettings, metrics: Metrics) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._active = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let it through."""
        if scope["type"] == "websocket":
            await self._answer_websocket(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun, status = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.setdefault("Cache-Control", "no-store")
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        self._active += 1
        try:
            if self._active > self._settings.requests and scope["path"] not in OPEN:
                raise busy(f"at most {self._settings.requests} requests are answered at a time")
            self._check(scope)
            limited = limit_body(receive, Headers(scope=scope), self._settings)
            await self._app(scope, limited, watched)
        except BeatlensError as error:
            await respond(error)(scope, receive, watched)
        finally:
            self._active -= 1
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(method, route, status).inc()
            self._metrics.request_s.labels(route).observe(time.perf_counter() - begun)

    async def _answer_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._check(scope)
        except RequestError as error:
            await _deny(error, scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MOST_HEADER_BYTES:
            raise RequestError(f"the headers of a request must have at most {MOST_HEADER_BYTES >> 10} kB", status=431)
        host = headers.get("host", "")
        if self._settings.api_key:
            if scope["path"] not in OPEN and not _has_key(headers, self._settings.api_key):
                raise RequestError(
                    "a request must carry the server's key; got none, or another",
                    hint="Send it as the header X-API-Key, or as Authorization: Bearer KEY.",
                    status=401,
                    headers={"WWW-Authenticate": "Bearer"},
                )
        elif self._settings.loopback and not is_loopback(_name(host)):
            # A web page whose name was made to point here (DNS rebinding) would otherwise read every analysis.
            raise RequestError(f"this server is reached as localhost; got the host '{host[:80]}'", status=421)
        origin = headers.get("origin")
        if origin is not None and scope.get("method") not in ("GET", "HEAD") and urlsplit(origin).netloc != host:
            raise RequestError("pages of other sites may not send requests to this server", status=403)


def limit_body(receive: Receive, headers: Headers, settings: ServerSettings) -> Receive:
    """Return a ``receive`` that refuses a body which is too large (413) or takes too long (408)."""
    json = headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
    # What surrounds the files of a form is little; a body of JSON is held in memory, so that less of it is taken.
    most = settings.json_bytes if json else settings.upload_bytes + (1 << 16)
    too_large = RequestError(
        f"the body of a request must have at most {most >> 20} MB",
        hint="Send long recordings as files." if json else "Send a part, or ask for a higher --max-upload.",
        status=413,
        headers={"Connection": "close"},
    )
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise too_large
    deadline = asyncio.get_running_loop().time() + settings.upload_s
    total, complete = 0, False

    async def limited() -> Message:
        nonlocal total, complete
        if complete:  # what comes now is that the client has gone
            return await receive()
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError as error:
            raise RequestError(
                f"the body of a request must arrive within {settings.upload_s:g} s",
                status=408,
                headers={"Connection": "close"},
            ) from error
        total += len(message.get("body", b""))
        complete = not message.get("more_body", False)
        if total > most:
            raise too_large
        return message

    return limited


def _has_key(headers: Headers, key: str) -> bool:
    bearer = headers.get("authorization", "")
    given = headers.get("x-api-key") or (bearer[7:].strip() if bearer[:7].lower() == "bearer " else "")
    # Hashes are of one length: neither the key's nor where the two differ can be told from the time that this takes.
    return hmac.compare_digest(*(hashlib.sha256(text.encode("latin-1", "replace")).digest() for text in (given, key)))


def _name(host: str) -> str:
    """Return the name in a Host header, without its port."""
    return host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]


async def _deny(error: RequestError, scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a WebSocket before it opens: with the status and the problem where the server can, else with 403."""
    await receive()
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": error.message[:120]})
        return
    response = respond(error)
    await send({"type": "websocket.http.response.start", "status": response.status_code, "headers": response.raw_headers})
    await send({"type": "websocket.http.response.body", "body": response.body})
