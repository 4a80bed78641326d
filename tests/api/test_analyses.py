"""From an upload to its results, with a model that is made up."""

from __future__ import annotations

import csv
import io
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest
import wfdb
from fastapi.testclient import TestClient

from beatlens.api import tasks
from beatlens.reports.document import schema_path

WAIT = {"wait": 30}


def analyse(client: TestClient, strip_csv: bytes, **fields: Any) -> dict[str, Any]:
    answer = client.post("/v1/analyses", params=WAIT, files={"file": ("night.csv", strip_csv)}, data=fields)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_short_recording_is_answered_at_once(client: TestClient, strip_csv: bytes) -> None:
    """With ``wait`` the answer holds the analysis, as the published schema describes it, and where its results are."""
    found = analyse(client, strip_csv)
    assert (found["state"], found["name"], found["progress"]["share"]) == ("done", "night", 1.0)
    jsonschema.validate(found["analysis"], json.loads(schema_path().read_text(encoding="utf-8")))
    assert found["analysis"]["summary"]["n_beats"] > 20
    assert client.get(found["links"]["analysis_json"]).json() == found["analysis"]


def test_numbers_give_what_the_file_gives(client: TestClient, strip_csv: bytes, strip_json: dict[str, Any]) -> None:
    """The same samples as JSON and as a table have the same beats; µV are 1000 to the mV."""
    of_file = analyse(client, strip_csv)
    in_uv = {**strip_json, "unit": "uV", "samples": [[1000 * value for value in strip_json["samples"][0]]]}
    for body in (strip_json, in_uv):
        answer = client.post("/v1/analyses", params=WAIT, json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["name"] == "a strip"
        assert answer.json()["analysis"]["summary"] == of_file["analysis"]["summary"]


def test_without_waiting_the_answer_is_where_to_look(client: TestClient, strip_csv: bytes) -> None:
    """202, a place to ask at, and there the end can be waited for."""
    answer = client.post("/v1/analyses", files={"file": ("a.csv", strip_csv)})
    assert answer.status_code == 202
    assert answer.json()["state"] in {"queued", "running"}
    assert answer.headers["location"] == f"/v1/analyses/{answer.json()['id']}"
    later = client.get(answer.headers["location"], params=WAIT).json()
    assert later["state"] == "done"
    assert later["finished"] < later["expires"]


def test_every_result_can_be_fetched(client: TestClient, strip_csv: bytes, tmp_path: Path) -> None:
    """Report, FHIR bundle, table and WFDB annotations, each with its type; the annotations open with wfdb."""
    found = analyse(client, strip_csv)
    links = found["links"]
    report = client.get(links["report_html"])
    assert report.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in report.headers["content-security-policy"]
    assert "not a medical device" in report.text
    bundle = client.get(links["fhir_json"])
    assert bundle.headers["content-type"] == "application/fhir+json"
    assert bundle.json()["resourceType"] == "Bundle"
    for name in ("bl", "hea"):
        (tmp_path / f"beats.{name}").write_bytes(client.get(links[f"beats_{name}"]).content)
    marks = wfdb.rdann(str(tmp_path / "beats"), "bl")
    rows = list(csv.DictReader(io.StringIO(client.get(links["beats_csv"]).text)))
    assert marks.sample.tolist() == [int(row["sample"]) for row in rows]
    for name in links:
        assert client.get(links[name]).headers["cache-control"] == "no-store"


def test_beats_come_in_pages(client: TestClient, strip_csv: bytes) -> None:
    """Rows as objects, some at a time, that agree with the table."""
    found = analyse(client, strip_csv)
    rows = list(csv.DictReader(io.StringIO(client.get(found["links"]["beats_csv"]).text)))
    page = client.get(found["links"]["beats_json"], params={"offset": 3, "limit": 2}).json()
    assert (page["total"], page["offset"]) == (len(rows), 3)
    assert [beat["beat"] for beat in page["beats"]] == [3, 4]
    assert [beat["class"] for beat in page["beats"]] == [row["class"] for row in rows[3:5]]
    assert page["beats"][0]["probabilities"]["N"] == pytest.approx(float(rows[3]["p_N"]))
    assert client.get(found["links"]["beats_json"], params={"offset": len(rows)}).json()["beats"] == []
    assert client.get(found["links"]["beats_json"]).json()["beats"][0]["rr_s"] is None


def test_a_beat_is_explained(
    client: TestClient, strip_csv: bytes, made_up: ModuleType, known_analysis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The explanation is of the beat and by the method that were asked for, and reads the leads of the analysis."""
    asked: list[Any] = []

    def explain(_model: Any, record: Any, samples: Any, chosen: dict[int, str], *, method: str) -> Any:
        asked.append((record.n_samples, record.lead_names, len(samples), list(chosen), method))
        return (known_analysis.explained[0],), ""

    monkeypatch.setattr(tasks, "explain_chosen", explain)
    found = analyse(client, strip_csv, explanations="0")
    where = found["links"]["self"] + "/beats/{}/explanation"
    answer = client.get(where.format(5), params={"method": "saliency"})
    assert answer.status_code == 200, answer.text
    n_beats = found["analysis"]["summary"]["n_beats"]
    n_samples = round(found["analysis"]["recording"]["duration_s"] * found["analysis"]["recording"]["fs"])
    assert asked == [(n_samples, ("II",), n_beats, [5], "saliency")]
    assert answer.json()["beat"] == 5
    assert len(answer.json()["attribution"]) == len(answer.json()["time_ms"])
    assert client.get(where.format(n_beats)).status_code == 404
    wrong = client.get(where.format(5), params={"method": "salency"})
    assert (wrong.status_code, wrong.json()["detail"]) == (422, "there is no method 'salency'")
    assert wrong.json()["hint"].startswith("Did you mean 'saliency'?")


def test_a_list_of_analyses_goes_back_in_time(client: TestClient, strip_csv: bytes) -> None:
    """The newest first, and a link to the older ones as long as there are any."""
    made = [analyse(client, strip_csv, name=f"number {n}")["id"] for n in range(3)]
    first = client.get("/v1/analyses", params={"limit": 2}).json()
    rest = client.get(first["next"]).json()
    assert [job["id"] for page in (first, rest) for job in page["analyses"]] == made[::-1]
    assert rest["next"] is None


def test_deleting_leaves_nothing(client: TestClient, strip_csv: bytes, tmp_path: Path) -> None:
    """After DELETE the analysis is unknown and its files are gone; the upload went when the analysis was done."""
    found = analyse(client, strip_csv)
    home = tmp_path / "data" / "jobs" / found["id"]
    assert {path.name for path in home.iterdir()} == {"results"}
    assert client.delete(found["links"]["self"]).status_code == 204
    assert not home.exists()
    assert list((tmp_path / "data" / "temporary").iterdir()) == []
    for link in found["links"].values():
        assert client.get(link).status_code == 404
    assert client.delete(found["links"]["self"]).status_code == 404


def test_a_running_analysis_is_cancelled(serve: Callable[..., TestClient], strip_csv: bytes, tmp_path: Path) -> None:
    """Its results are 409 while it runs; DELETE ends it, and the next one runs."""
    hold = threading.Event()
    client = serve(hold=hold)
    first = client.post("/v1/analyses", files={"file": ("a.csv", strip_csv)}).json()
    second = client.post("/v1/analyses", files={"file": ("b.csv", strip_csv)}).json()
    while client.get(f"/v1/analyses/{first['id']}").json()["state"] != "running":
        time.sleep(0.02)
    early = client.get(f"/v1/analyses/{first['id']}/beats.csv")
    assert (early.status_code, early.json()["detail"]) == (409, "the analysis is not done: R peaks, 25%")
    assert client.delete(f"/v1/analyses/{first['id']}").status_code == 204
    hold.set()
    assert client.get(f"/v1/analyses/{second['id']}", params=WAIT).json()["state"] == "done"
    assert [path.name for path in (tmp_path / "data" / "jobs").iterdir()] == [second["id"]]


def test_a_queued_analysis_is_deleted(serve: Callable[..., TestClient], strip_csv: bytes) -> None:
    """What is deleted while it waits is never begun."""
    hold = threading.Event()
    client = serve(hold=hold)
    ids = [client.post("/v1/analyses", files={"file": ("a.csv", strip_csv)}).json()["id"] for _ in range(3)]
    assert client.delete(f"/v1/analyses/{ids[1]}").status_code == 204
    hold.set()
    for job in (ids[0], ids[2]):
        assert client.get(f"/v1/analyses/{job}", params=WAIT).json()["state"] == "done"
    assert client.get("/health").json()["queued"] == 0


def test_old_analyses_are_removed(serve: Callable[..., TestClient], strip_csv: bytes, tmp_path: Path) -> None:
    """When its time is over an analysis and its files go by themselves."""
    client = serve(keep_s=0.2)
    answer = client.post("/v1/analyses", files={"file": ("a.csv", strip_csv)}).json()
    client.get(f"/v1/analyses/{answer['id']}", params=WAIT)
    while any((tmp_path / "data" / "jobs").iterdir()):
        time.sleep(0.02)
    assert client.get(f"/v1/analyses/{answer['id']}").status_code == 404


def test_what_was_chosen_is_done(client: TestClient, strip_csv: bytes) -> None:
    """Part, pause and name of the request are in the analysis."""
    found = analyse(client, strip_csv, start_s="2", end_s="12", pause_s="1.5", name="../../etc/shadow\n", leads="II")
    assert found["name"] == "shadow"
    assert found["analysis"]["recording"]["duration_s"] == 10
    assert found["analysis"]["settings"]["pause_s"] == 1.5
    assert found["analysis"]["recording"]["lead_names"] == ["II"]


def test_a_failed_analysis_says_why(client: TestClient) -> None:
    """A file that turns out to be no recording: with ``wait`` its own status, later in the job, 409 for its results."""
    flat = b"time_s,II (mV)\n" + b"".join(b"%.3f,0.0\n" % (n / 250) for n in range(2500))
    answer = client.post("/v1/analyses", params=WAIT, files={"file": ("flat.csv", flat)})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["error"] == "SignalError"
    assert "/" not in answer.json()["detail"]
    job = client.get("/v1/analyses").json()["analyses"][0]
    assert (job["state"], job["problem"]) == ("failed", answer.json())
    late = client.get(job["links"]["self"] + "/report.html")
    assert (late.status_code, late.json()["detail"]) == (409, f"the analysis failed: {answer.json()['detail']}")


def test_models_have_cards(client: TestClient) -> None:
    """All of them, one by name, and 404 with a suggestion for another."""
    cards = client.get("/v1/models").json()
    assert {"seed-lstm", "rhythm-lstm"} <= {card["name"] for card in cards}
    assert client.get("/v1/models/seed-lstm").json() in cards
    missing = client.get("/v1/models/seed-lstn")
    assert (missing.status_code, missing.json()["hint"][:26]) == (404, "Did you mean 'seed-lstm'? ")


def test_health_and_metrics(client: TestClient, strip_csv: bytes) -> None:
    """What was done is counted, by route and not by path."""
    analyse(client, strip_csv)
    assert client.get("/health").json()["status"] == "ok"
    client.get("/nowhere/at/all")
    text = client.get("/metrics").text
    assert 'beatlens_analyses_total{outcome="done"} 1.0' in text
    assert 'beatlens_requests_total{method="POST",route="/v1/analyses",status="200"} 1.0' in text
    assert 'beatlens_requests_total{method="GET",route="none",status="404"} 1.0' in text
    assert "nowhere" not in text
    assert "beatlens_queued 0.0" in text
