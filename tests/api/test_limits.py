"""Each limit has its status code, one sentence, and a hint where there is something to do."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.datastructures import Headers

from beatlens.api.gate import limit_body
from beatlens.api.problems import RequestError
from beatlens.api.server import open_socket
from beatlens.api.settings import ServerSettings, is_loopback
from beatlens.errors import ConfigurationError

KEY = "a key of more than sixteen letters"


def problem(answer: Any, status: int) -> dict[str, Any]:
    """Return the problem document of an answer, whose status must be the one given."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["status"] == status
    assert found["detail"]
    assert "Traceback" not in answer.text
    return found


def test_an_upload_that_is_too_large(serve: Callable[..., TestClient]) -> None:
    """413 before it is read where it says its size, and while it is read where it does not."""
    client = serve(upload_bytes=1 << 20)
    said = problem(client.post("/v1/analyses", files={"file": ("a.csv", b"1\n" * (1 << 20))}), 413)
    assert said["detail"] == "the body of a request must have at most 1 MB"

    def pieces() -> Any:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        for _ in range(40):
            yield b"1\n" * (1 << 15)
        yield b"\r\n--x--\r\n"

    headers = {"content-type": "multipart/form-data; boundary=x"}
    problem(client.post("/v1/analyses", content=pieces(), headers=headers), 413)


def test_numbers_have_a_limit_of_their_own(serve: Callable[..., TestClient]) -> None:
    """JSON is held in memory: less of it is taken, and the hint says what to do instead."""
    client = serve(json_bytes=1 << 20)
    body = b'{"samples": [[' + b"1," * (1 << 20) + b"1]]}"
    said = problem(client.post("/v1/analyses", content=body, headers={"content-type": "application/json"}), 413)
    assert said["hint"] == "Send long recordings as files."


def test_a_full_queue(serve: Callable[..., TestClient], strip_csv: bytes) -> None:
    """429 with the time to come back, and the place is free again when one is done."""
    hold = threading.Event()
    client = serve(hold=hold, queue=1)
    answers = [client.post("/v1/analyses", files={"file": ("a.csv", strip_csv)}) for _ in range(6)]
    full = [answer for answer in answers if answer.status_code != 202]
    assert 3 <= len(full) <= 5  # one runs, one waits; whether the first had begun at the second is the machine's affair
    said = problem(full[0], 429)
    assert said["detail"] == "at most 1 recordings may wait"
    assert full[0].headers["retry-after"] == "10"
    hold.set()
    for answer in answers:
        if answer.status_code == 202:
            client.get(answer.headers["location"], params={"wait": 30})
    assert client.post("/v1/analyses", params={"wait": 30}, files={"file": ("a.csv", strip_csv)}).status_code == 200


def test_too_many_requests_at_a_time(serve: Callable[..., TestClient], strip_csv: bytes) -> None:
    """503 for one more than the limit, whatever it asks for but /health."""
    hold = threading.Event()
    client = serve(hold=hold, requests=1)
    job = client.post("/v1/analyses", files={"file": ("a.csv", strip_csv)}).headers["location"]

    def wait() -> None:
        while client.get(job, params={"wait": 30}).status_code == 503:  # the other thread was there first
            time.sleep(0.02)

    waiting = threading.Thread(target=wait)
    waiting.start()
    while (answer := client.get("/v1/models")).status_code == 200:
        time.sleep(0.05)
    assert problem(answer, 503)["detail"] == "at most 1 requests are answered at a time"
    assert client.get("/health").status_code == 200
    hold.set()
    waiting.join()
    assert client.get("/v1/models").status_code == 200


def test_a_body_that_does_not_arrive(tmp_path: Path) -> None:
    """408 when the body takes longer than it may; after its end there is no hurry."""

    async def never() -> Any:
        await asyncio.Event().wait()

    async def whole() -> Any:
        return {"type": "http.request", "body": b"x", "more_body": False}

    async def wait_for(receive: Any, times: int) -> None:
        limited = limit_body(receive, Headers(), ServerSettings(data=tmp_path, upload_s=0.01))
        for _ in range(times):
            await limited()
            await asyncio.sleep(0.02)

    with pytest.raises(RequestError, match=r"within 0\.01 s") as refusal:
        asyncio.run(wait_for(never, 1))
    assert refusal.value.status == 408
    asyncio.run(wait_for(whole, 2))


def test_a_full_disk(serve: Callable[..., TestClient], strip_csv: bytes) -> None:
    """507 while the server keeps more than it may, with what helps."""
    client = serve(disk_bytes=1)
    assert problem(client.post("/v1/analyses", files={"file": ("a.csv", strip_csv)}), 507)["hint"].startswith("DELETE")


def test_a_key_is_asked_for(serve: Callable[..., TestClient], strip_csv: bytes) -> None:
    """401 without it or with another, before the body is read; either header will do; /health needs none."""
    client = serve(api_key=KEY)
    for headers in ({}, {"x-api-key": KEY[:-1]}, {"authorization": f"Basic {KEY}"}, {"x-api-key": b"\xe9"}):
        answer = client.post("/v1/analyses", files={"file": ("a.csv", strip_csv)}, headers=headers)
        assert problem(answer, 401)["hint"].startswith("Send it as the header X-API-Key")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert client.get("/metrics", headers=headers).status_code == 401
    for headers in ({"x-api-key": KEY}, {"authorization": f"Bearer {KEY}"}, {"authorization": f"bearer {KEY}"}):
        assert client.get("/v1/models", headers=headers).status_code == 200
    assert client.get("/health").status_code == 200
    assert "X-API-Key" in str(client.get("/openapi.json", headers={"x-api-key": KEY}).json()["components"]["securitySchemes"])


def test_other_names_for_this_machine_are_refused(client: TestClient) -> None:
    """Without a key, a page whose name was made to point at this machine reads nothing (DNS rebinding)."""
    assert client.get("/v1/models", headers={"host": "rebound.example:8000"}).status_code == 421
    for host in ("localhost", "localhost:8000", "127.0.0.1:1", "[::1]:8000"):
        assert client.get("/v1/models", headers={"host": host}).status_code == 200


def test_pages_of_other_sites_are_refused(client: TestClient, strip_csv: bytes) -> None:
    """A page may not post what a form can post, or open a stream; a page of this server may."""
    files = {"file": ("a.csv", strip_csv)}
    problem(client.post("/v1/analyses", files=files, headers={"origin": "https://elsewhere.example"}), 403)
    problem(client.post("/v1/analyses", files=files, headers={"origin": "null"}), 403)
    assert client.post("/v1/analyses", files=files, headers={"origin": "http://127.0.0.1"}).status_code == 202


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"model": "seed-lstn"}, "there is no model 'seed-lstn'"),
        ({"model": "/etc"}, "there is no model '/etc'"),
        ({"method": "guess"}, "there is no method 'guess'"),
        ({"fs": "-1"}, "'fs' is not as it must be: Input should be greater than or equal to 1"),
        ({"unit": "mmHg"}, "'unit' is not as it must be: Input should be 'mV', 'uV', 'V' or 'nV'"),
        ({"start_s": "5", "end_s": "2"}, "'end_s' must be more than 'start_s'; got 2 and 5"),
        ({"colour": "red"}, "'colour' is not as it must be: Extra inputs are not permitted"),
        ({"file": "text"}, "the field 'file' must be a file; got text"),
        ({"fs": ["1", "2"]}, "'fs' must be given once; got it twice"),
    ],
)
def test_fields_that_are_wrong(client: TestClient, strip_csv: bytes, fields: dict[str, Any], sentence: str) -> None:
    """422 and the first fault in one sentence."""
    answer = client.post("/v1/analyses", files={"file": ("a.csv", strip_csv)}, data=fields)
    assert sentence in problem(answer, 422)["detail"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"fs": None}, "'fs'"),
        ({"samples": []}, "'samples'"),
        ({"samples": [[0.1] * 300, [0.1] * 299], "lead_names": ["I", "II"]}, "the leads must be of one length"),
        ({"samples": [[0.1] * 300]}, "one name a lead; got 2 names and 1 leads"),
        ({"samples": [[0.1] * 100, [0.1] * 100]}, "must last a second; got 100 samples at 250 Hz"),
        ({"lead_names": ["I", "I"]}, "different names"),
        ({"unit": "bar"}, "'unit'"),
        ({"samples": [["0.1"] * 300, [0.1] * 300]}, "'samples.0.0'"),
        ({"samples": [[1e300] * 300, [0.1] * 300]}, "'samples.0.0'"),
    ],
)
def test_numbers_that_are_wrong(client: TestClient, change: dict[str, Any], sentence: str) -> None:
    """422 and the first fault in one sentence."""
    body = {"samples": [[0.1] * 300, [0.1] * 300], "lead_names": ["I", "II"], "fs": 250, "unit": "mV"} | change
    assert sentence in problem(client.post("/v1/analyses", json=body), 422)["detail"]


def test_not_a_number_is_no_json(client: TestClient) -> None:
    """NaN and Infinity, which Python would write, are refused: a missing sample is null."""
    for word in (b"NaN", b"Infinity", b"[", b"\xff"):
        body = b'{"samples": [[' + word + b"," + b"0.1," * 300 + b'0.1]], "lead_names": ["I"], "fs": 250, "unit": "mV"}'
        problem(client.post("/v1/analyses", content=body, headers={"content-type": "application/json"}), 422)


def test_bodies_of_another_kind(client: TestClient) -> None:
    """415 for what is neither a form nor JSON, 400 for a form that is none."""
    assert (
        "got text/plain"
        in problem(client.post("/v1/analyses", content=b"1", headers={"content-type": "text/plain"}), 415)["detail"]
    )
    problem(client.post("/v1/analyses"), 415)
    headers = {"content-type": "multipart/form-data; boundary=x"}
    problem(client.post("/v1/analyses", content=b"nonsense", headers=headers), 400)
    problem(client.post("/v1/analyses", content=b"", headers={"content-type": "multipart/form-data"}), 400)


def test_paths_and_methods_that_are_not(client: TestClient) -> None:
    """404 and 405 are problems too, and a name that is no analysis is told from one that is gone."""
    assert problem(client.get("/v2"), 404)["detail"] == "there is nothing at /v2"
    assert problem(client.put("/v1/analyses"), 405)["detail"] == "PUT is not possible at /v1/analyses"
    problem(client.get("/v1/analyses/not-an-id"), 422)
    problem(client.get(f"/v1/analyses/{'0' * 32}"), 404)
    problem(client.get("/docs"), 404)


def test_what_nobody_expects_tells_nothing(serve: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch) -> None:
    """500 with a sentence; the traceback goes to the log and not to the client."""
    client = serve()
    app: Any = client.app

    async def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(app.state.service, "newest", fail)
    quiet = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
    answer = quiet.get("/v1/analyses")
    assert problem(answer, 500)["error"] == "InternalError"
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"queue": 0}, "'queue' must be more than 0; got 0"),
        ({"port": 70000}, "'port' must be between 0 and 65535; got 70000"),
        ({"api_key": "short"}, "'api_key' must be at least 16 printable ASCII characters"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Any, chosen: dict[str, Any], sentence: str) -> None:
    """Each is refused before anything is opened."""
    with pytest.raises(ConfigurationError, match=sentence):
        ServerSettings(data=tmp_path, **chosen)


@pytest.mark.parametrize(("host", "own"), [("127.1.2.3", True), ("::1", True), ("0.0.0.0", False), ("::", False), ("x", False)])  # noqa: S104
def test_which_addresses_are_this_machine(host: str, own: bool) -> None:
    """Only loopback addresses and the name localhost."""
    assert is_loopback(host) is own


def test_answers_do_not_wait_to_be_acknowledged(tmp_path: Path) -> None:
    """Connections inherit from the listening socket that small packets are sent at once."""
    with open_socket(ServerSettings(data=tmp_path, port=0)) as listener:
        here = socket.create_connection(listener.getsockname())
        there, _ = listener.accept()
        with here, there:
            assert there.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
