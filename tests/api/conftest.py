"""A server in this process whose model is made up, and a real one in a process of its own."""

from __future__ import annotations

import asyncio
import io
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from beatlens.api import tasks
from beatlens.api.problems import Problem, TaskError
from beatlens.api.server import create_app
from beatlens.api.settings import ServerSettings


class LocalWorker:
    """Does the tasks of a worker in a thread of this process; `hold` keeps every analysis from going on."""

    def __init__(self, hold: threading.Event | None = None) -> None:
        self.starts = 1
        self.hold = hold

    async def start(self) -> None:
        """Be ready."""

    async def stop(self) -> None:
        """Have nothing to end."""

    async def run(
        self, task: Mapping[str, Any], *, limit_s: float, tell: Callable[[str, float], None] = lambda _stage, _share: None
    ) -> dict[str, Any]:
        assert limit_s > 0
        tell("R peaks", 0.25)
        while self.hold is not None and task["kind"] == "analyze" and not self.hold.is_set():
            await asyncio.sleep(0.01)
        answer = await asyncio.to_thread(tasks.handle, task, tell)
        if answer["kind"] == "failed":
            raise TaskError(Problem(**answer["problem"]))
        return dict(answer["result"])


@pytest.fixture(scope="session")
def local_worker() -> type[LocalWorker]:
    """The class `LocalWorker`."""
    return LocalWorker


@pytest.fixture
def made_up_model(made_up: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model is the made-up one, which needs no network and no time."""
    monkeypatch.setattr(tasks, "_find_model", lambda _name: made_up.WidthModel())


@pytest.fixture
def serve(made_up_model: None, tmp_path: Path) -> Iterator[Callable[..., TestClient]]:
    """Return a function that starts an application in this process, and returns its client."""
    clients: list[TestClient] = []

    def start(*, hold: threading.Event | None = None, headers: dict[str, str] | None = None, **chosen: Any) -> TestClient:
        settings = ServerSettings(**{"data": tmp_path / "data", **chosen})
        app: FastAPI = create_app(settings, make_worker=lambda: LocalWorker(hold))
        client = TestClient(app, base_url="http://127.0.0.1", headers=headers)
        client.__enter__()
        clients.append(client)
        return client

    yield start
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(serve: Callable[..., TestClient]) -> TestClient:
    """A client of an application with the usual settings."""
    return serve()


@pytest.fixture(scope="session")
def strip(made_up: ModuleType) -> Any:
    """A made-up recording of a few dozen beats."""
    return made_up.make_record(made_up.RHYTHM[:24])


@pytest.fixture(scope="session")
def strip_json(strip: Any) -> dict[str, Any]:
    """The same as the API takes numbers."""
    return {
        "samples": [[round(float(value), 4) for value in strip.signal[:, 0]]],
        "lead_names": ["II"],
        "fs": strip.fs,
        "unit": "mV",
        "name": "a strip",
    }


@pytest.fixture(scope="session")
def strip_csv(strip: Any) -> bytes:
    """The same as a table."""
    text = io.StringIO()
    table = np.column_stack([np.arange(strip.n_samples) / strip.fs, strip.signal[:, 0]])
    np.savetxt(text, table, fmt=["%.4f", "%.4f"], delimiter=",", header="time_s,II (mV)", comments="")
    return text.getvalue().encode()


@dataclass
class LiveServer:
    """`beatlens serve` in a process of its own."""

    process: subprocess.Popen[str]
    url: str

    def kill(self) -> None:
        """End it as a power cut would."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.end()

    def end(self) -> None:
        """Ask it to end, if it has not, and let go of its output."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
        if self.process.stdout is not None:
            self.process.stdout.close()


def start_server(data: Path, *words: str, **variables: str) -> LiveServer:
    """Start `beatlens serve` at a free port of this machine."""
    command = [sys.executable, "-m", "beatlens", "serve", "--port", "0", "--data", str(data), *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **variables})
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", line), line
    return LiveServer(process, line)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Callable[..., LiveServer]]:
    """Return a function that starts `beatlens serve` with the folder that it is given."""
    servers: list[LiveServer] = []

    def start(*words: str, **variables: str) -> LiveServer:
        servers.append(start_server(tmp_path / "live", *words, **variables))
        return servers[-1]

    yield start
    for server in servers:
        server.end()


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One real server for all tests that only use it."""
    server = start_server(tmp_path_factory.mktemp("server"), "--model", "seed-lstm")
    yield server
    server.end()


@pytest.fixture
def http(shared_server: LiveServer) -> Iterator[httpx.Client]:
    """A client of the shared server."""
    with httpx.Client(base_url=shared_server.url, timeout=300) as found:
        yield found
