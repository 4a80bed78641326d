"""A real server, a real worker, a real model: a kill in the middle, an explanation, the command's own words."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from beatlens.records.bundled import read_bundled


@pytest.fixture(scope="module")
def ten_seconds() -> dict[str, Any]:
    """Ten seconds of real ECG."""
    record = read_bundled()
    return {
        "samples": [[round(float(value), 3) for value in record.signal[:3600, 0]]],
        "lead_names": ["MLII"],
        "fs": 360,
        "unit": "mV",
        "name": "MIT-BIH 208",
        "explanations": 1,
    }


@pytest.mark.slow
def test_a_kill_in_the_middle_of_a_job(live: Callable[..., Any], ten_seconds: dict[str, Any], tmp_path: Path) -> None:
    """After kill -9 and a restart the running job is begun again and the queued one is run; no worker is left over."""
    server = live("--model", "seed-lstm")
    ids = [httpx.post(f"{server.url}/v1/analyses", json=ten_seconds).json()["id"] for _ in range(2)]
    while httpx.get(f"{server.url}/v1/analyses/{ids[0]}").json()["state"] != "running":
        time.sleep(0.05)
    children = children_of(server.process.pid)
    server.kill()
    (tmp_path / "live" / "temporary" / "half an upload").mkdir()
    again = live("--model", "seed-lstm")
    with httpx.Client(base_url=again.url, timeout=120) as client:
        jobs = [wait_for_end(client, job) for job in ids]
    assert [job["state"] for job in jobs] == ["done", "done"]
    assert jobs[0]["started"] < jobs[1]["started"]
    for job in jobs:
        rows = list(csv.DictReader(io.StringIO(httpx.get(again.url + job["links"]["beats_csv"]).text)))
        assert len(rows) > 10
        assert {path.name for path in (tmp_path / "live" / "jobs" / job["id"]).iterdir()} == {"results"}
    assert list((tmp_path / "live" / "temporary").iterdir()) == []
    assert not [child for child in children if Path(f"/proc/{child}").exists()]


def wait_for_end(client: httpx.Client, job_id: str) -> dict[str, Any]:
    """Ask until an analysis is over, however slow this machine is."""
    while True:
        job: dict[str, Any] = client.get(f"/v1/analyses/{job_id}", params={"wait": 60}).json()
        if job["state"] not in ("queued", "running"):
            return job


def children_of(pid: int) -> list[int]:
    """Return the processes that a process started, where the system tells."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


@pytest.mark.slow
def test_the_requests_of_the_guide(shared_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lines with `curl`, typed in a folder that holds the files it speaks of, each begin an analysis."""
    if not shutil.which("curl"):
        pytest.skip("needs curl")
    docs = Path(__file__).parents[2] / "docs"
    monkeypatch.syspath_prepend(docs / "tools")
    import blocks

    blocks.example_folder(tmp_path)
    page = (docs / "guides" / "rest.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("curl ")]
    assert len(lines) >= 2
    for line in lines:
        words = shlex.split(line.replace("localhost:8000", shared_server.url), comments=True)
        done = subprocess.run([*words, "--silent", "--show-error"], cwd=tmp_path, capture_output=True, text=True, check=True)
        job = json.loads(done.stdout)
        assert job["state"] in ("queued", "running", "done"), job
        httpx.delete(shared_server.url + job["links"]["self"]).raise_for_status()


@pytest.mark.slow
def test_a_real_beat_is_explained(http: httpx.Client, ten_seconds: dict[str, Any]) -> None:
    """From numbers to what decided the call of a beat, with the model that the server has."""
    job = wait_for_end(http, http.post("/v1/analyses", json=ten_seconds).json()["id"])
    assert (job["state"], job["model"]) == ("done", "seed-lstm")
    beats = http.get(job["links"]["beats_json"]).json()["beats"]
    beat = next(beat for beat in beats if beat["judged"])
    where = f"{job['links']['self']}/beats/{beat['beat']}/explanation"
    answer = http.get(where, params={"method": "saliency"})
    assert answer.status_code == 200, answer.text
    why = answer.json()
    assert (why["sample"], why["predicted"], why["method"]) == (beat["sample"], beat["class"], "saliency")
    assert why["lead_names"] == ["MLII"]
    assert len(why["attribution"]) == len(why["time_ms"]) == len(why["signal_mv"])
    assert why["sentence"]


def test_headers_that_are_too_large(http: httpx.Client) -> None:
    """A request with more than 16 kB of headers is not read, and the server goes on."""
    answer = http.get("/health", headers={"x-long": "a" * 20_000})
    assert (answer.status_code, answer.json()["detail"]) == (431, "the headers of a request must have at most 16 kB")
    with contextlib.suppress(httpx.TransportError):  # so much is not read to its end: the connection may be gone first
        assert http.get("/health", headers={"x-long": "a" * 400_000}).status_code in (400, 431)
    assert http.get("/health").status_code == 200


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """One sentence and a hint, no traceback, exit 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "beatlens", "serve", "--port", str(port), "--data", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.match(rf"error: cannot listen at 127\.0\.0\.1, port {port}: .*\n\nhint: Choose another with --port", done.stderr)


def test_a_server_that_others_reach_warns(tmp_path: Path) -> None:
    """Without a key, a server at an address that is not this machine's alone says so; Ctrl-C ends it well."""
    command = [sys.executable, "-m", "beatlens", "serve", "--host", "0.0.0.0", "--port", "0", "--data", str(tmp_path)]  # noqa: S104
    environment = {name: value for name, value in os.environ.items() if name != "BEATLENS_API_KEY"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    port = process.stdout.readline().strip().rpartition(":")[2]
    while True:
        try:
            assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
            break
        except httpx.TransportError:
            time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert said.startswith("warning: everyone who reaches 0.0.0.0 can use this server")
    assert "Traceback" not in said
    assert process.returncode == 128 + signal.SIGINT
