"""``beatlens serve``: the REST API."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from beatlens.cli import console
from beatlens.errors import MissingDependencyError


def serve(
    *,
    host: Annotated[str, typer.Option(help="Address to listen at; this machine alone by default.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0 for any free one.")] = 8000,
    api_key: Annotated[
        str,
        typer.Option(
            envvar="BEATLENS_API_KEY", show_default=False, help="Key that requests must carry; better in the variable."
        ),
    ] = "",
    data: Annotated[
        Path | None, typer.Option(help="Folder for jobs and results; beatlens/serve in the user's data folder if not given.")
    ] = None,
    model: Annotated[str, typer.Option(help="Model of the requests that name none.")] = "rhythm-lstm",
    workers: Annotated[int, typer.Option(min=1, help="Recordings that are analysed at a time.")] = 1,
    queue: Annotated[int, typer.Option(min=1, help="Recordings that may wait.")] = 32,
    requests: Annotated[int, typer.Option(min=1, help="Requests that are answered at a time.")] = 64,
    streams: Annotated[int, typer.Option(min=1, help="WebSocket streams at a time.")] = 4,
    max_upload: Annotated[int, typer.Option(min=1, help="Most MB of an upload.")] = 256,
    max_unpacked: Annotated[int, typer.Option(min=1, help="Most MB that a zip may unpack to.")] = 1024,
    max_disk: Annotated[int, typer.Option(min=1, help="New recordings are refused while more MB than this are kept.")] = 20480,
    max_memory: Annotated[int, typer.Option(min=256, help="Most MB of memory of a worker.")] = 6144,
    upload_time: Annotated[float, typer.Option(min=1, help="Most seconds for an upload to arrive.")] = 300.0,
    analysis_time: Annotated[float, typer.Option(min=1, help="Most seconds of an analysis.")] = 900.0,
    keep: Annotated[float, typer.Option(min=0.01, help="Hours that a finished analysis is kept.")] = 24.0,
    access_log: Annotated[bool, typer.Option("--access-log", help="Write a line a request to stderr.")] = False,
) -> None:
    """Serve the REST API until interrupted."""
    _require("fastapi", "uvicorn", "multipart", "websockets", "prometheus_client")
    from beatlens.api.intake import check_model
    from beatlens.api.server import open_socket
    from beatlens.api.server import serve as run
    from beatlens.api.settings import MEGABYTE, ServerSettings
    from beatlens.databases.fetch import data_folder

    settings = ServerSettings(
        data=data or data_folder() / "serve",
        host=host,
        port=port,
        api_key=api_key,
        model=check_model(model),
        upload_bytes=max_upload * MEGABYTE,
        unpacked_bytes=max_unpacked * MEGABYTE,
        disk_bytes=max_disk * MEGABYTE,
        memory_bytes=max_memory * MEGABYTE,
        upload_s=upload_time,
        analysis_s=analysis_time,
        workers=workers,
        queue=queue,
        requests=requests,
        streams=streams,
        keep_s=3600 * keep,
    )
    listener = open_socket(settings)
    shown = f"[{host}]" if ":" in host else host
    # A script that gave port 0 reads the address here.
    console.output.print(f"http://{shown}:{listener.getsockname()[1]}", markup=False)
    if not settings.loopback and not settings.api_key:
        console.errors.print(
            f"warning: everyone who reaches {host} can use this server and read every analysis: set BEATLENS_API_KEY.",
            markup=False,
        )
    console.errors.print("for research; not a medical device; Ctrl-C ends it", markup=False)
    run(settings, listener, access_log=access_log)


def _require(*packages: str) -> None:
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise MissingDependencyError(
            f"serving needs the package '{missing[0]}', which is not installed", hint='Run: pip install "beatlens[api]"'
        )
