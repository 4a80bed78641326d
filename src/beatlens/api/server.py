"""The application, and how it is served."""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from fastapi import Depends, FastAPI
from fastapi.security import APIKeyHeader

from beatlens._version import __version__
from beatlens.api import problems
from beatlens.api.gate import MOST_HEADER_BYTES, Gate
from beatlens.api.metrics import Metrics
from beatlens.api.routes import open_router, router
from beatlens.api.service import Service
from beatlens.api.settings import ServerSettings
from beatlens.api.streaming import MOST_MESSAGE_BYTES, Streams
from beatlens.errors import OutputError

_ABOUT: Final = (
    "Send an ECG recording, get its heartbeats, classified, and what decided each call. "
    "Streams of samples: WebSocket at /v1/stream. For research; not a medical device."
)


def create_app(settings: ServerSettings, *, make_worker: Callable[[], Any] | None = None) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    settings : ServerSettings
    make_worker : callable, optional
        Makes what does the tasks; a `beatlens.api.worker.Worker` if not given.
    """
    metrics = Metrics()
    service = Service(settings, metrics, make_worker=make_worker)
    streams = Streams(service)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await streams.stop()
            await service.stop()

    # The usual documentation pages load scripts from elsewhere: there are none.
    app = FastAPI(title="Beatlens", version=__version__, description=_ABOUT, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.service, app.state.streams = service, streams
    app.add_middleware(Gate, settings=settings, metrics=metrics)
    problems.install(app)
    app.include_router(open_router)
    # The gate checks the key, before a body is read; this tells OpenAPI of it.
    key = [Depends(APIKeyHeader(name="X-API-Key", auto_error=False))] if settings.api_key else []
    app.include_router(router, dependencies=key)
    return app


def open_socket(settings: ServerSettings) -> socket.socket:
    """Return a socket that listens where the settings say.

    Raises
    ------
    OutputError
        If it cannot.
    """
    address = (settings.host.strip("[]"), settings.port)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server(address, family=family, backlog=settings.requests * 2)
    except OSError as error:
        raise OutputError(
            f"cannot listen at {settings.host}, port {settings.port}: {error.strerror or error}",
            hint="Choose another with --port, or 0 for any free one.",
        ) from error
    # asyncio asks for this only on sockets that name TCP; without it, an answer waits 40 ms for an acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def serve(settings: ServerSettings, listener: socket.socket, *, access_log: bool = False) -> None:
    """Serve until the process is told to end.

    Parameters
    ----------
    settings : ServerSettings
    listener : socket
        From `open_socket`.
    access_log : bool
        Write a line a request to standard error.
    """
    import uvicorn

    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    temporary = settings.data / "temporary"
    temporary.mkdir(parents=True, exist_ok=True, mode=0o700)
    tempfile.tempdir = str(temporary)  # what a large form leaves on disk while it arrives lies with the rest
    config = uvicorn.Config(
        create_app(settings),
        http="h11",  # it gives up on headers that do not end
        h11_max_incomplete_event_size=MOST_HEADER_BYTES,
        ws="websockets-sansio",
        ws_max_size=MOST_MESSAGE_BYTES,
        limit_concurrency=2 * settings.requests + settings.streams,  # the gate's limit comes first, with a sentence
        timeout_keep_alive=5,
        timeout_graceful_shutdown=5,
        log_level="info" if access_log else "warning",
        access_log=access_log,
        proxy_headers=False,
        server_header=False,
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])
