"""The API does what its own OpenAPI says, whatever is sent: schemathesis, a bounded number of examples, this machine only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2 as httpx
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import positive_data_acceptance

from beatlens.api import tasks
from beatlens.api.server import create_app
from beatlens.api.settings import ServerSettings

load_all_checks()
api = schemathesis.openapi.from_dict(create_app(ServerSettings(data=Path("never made"))).openapi())
EXAMPLES = settings(
    max_examples=10,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, made_up: ModuleType, local_worker: Callable[[], Any]) -> Iterator[str]:
    """The address of an application that runs in a thread, with a model that is made up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "_find_model", lambda _name: made_up.WidthModel())
        app = create_app(ServerSettings(data=tmp_path_factory.mktemp("contract")), make_worker=local_worker)
        server = uvicorn.Server(uvicorn.Config(app, port=0, http="h11", ws="none", log_level="error"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def done(served: str, strip_json: dict[str, Any]) -> dict[str, Any]:
    """An analysis that is done."""
    job: dict[str, Any] = httpx.post(f"{served}/v1/analyses", params={"wait": 60}, json=strip_json, timeout=90).json()
    assert job["state"] == "done"
    return job


@EXAMPLES
@api.parametrize()
def test_every_answer_is_one_that_is_described(case: Any, served: str) -> None:
    """No 5xx; status, type and shape of each answer as described; what breaks the description is refused."""
    if "wait" in (case.query or {}):
        case.query["wait"] = 0.0  # the answer is of the same kind, and comes at once
    response = case.call(base_url=served)
    # That bytes or numbers are an ECG no schema can say: 415 and 422 are right answers to what fits it.
    excluded = [positive_data_acceptance] if case.method == "POST" else []
    case.validate_response(response, excluded_checks=excluded)


def test_results_are_as_described(served: str, done: dict[str, Any]) -> None:
    """Each result of a finished analysis has the type and shape that OpenAPI gives it."""
    checked = 0
    for path, operations in api.raw_schema["paths"].items():
        if "get" not in operations or "/explanation" in path or path == "/v1/models/{name}":
            continue
        answer = httpx.get(served + path.replace("{job_id}", done["id"]))
        assert answer.status_code == 200, answer.text
        api[path]["GET"].validate_response(answer)
        checked += 1
    assert checked >= 11
