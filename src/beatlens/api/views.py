"""Jobs and beats as the API shows them."""

from __future__ import annotations

import csv
import datetime as dt
from itertools import islice
from pathlib import Path
from typing import Any, Final, cast

from beatlens.api.problems import Problem
from beatlens.api.schemas import Beat, BeatPage, JobView, Progress
from beatlens.api.service import Service
from beatlens.api.store import Job

RESULTS: Final = {
    "analysis.json": ("application/json", "The analysis, as the published schema describes it; its beats are in beats.csv."),
    "beats.csv": ("text/csv", "One row a beat."),
    "beats.bl": ("application/octet-stream", "The beats as WFDB annotations."),
    "beats.hea": ("text/plain", "The header that gives these annotations their rate."),
    "report.html": ("text/html", "The report: one file that loads nothing."),
    "fhir.json": ("application/fhir+json", "A FHIR R5 bundle."),
}
"""What an analysis leaves, under the names that ``beatlens analyze`` gives it: media type, and what it is."""


def view_of(job: Job, service: Service) -> JobView:
    """Return a job as the API shows it."""
    home = f"/v1/analyses/{job.id}"
    stage, share = service.progress_of(job)
    results = {name.replace(".", "_"): f"{home}/{name}" for name in (*RESULTS, "beats.json")} if job.state == "done" else {}
    ended = job.finished_s
    return JobView(
        id=job.id,
        state=cast("Any", job.state),
        name=job.request["options"]["name"],
        model=job.request["options"]["model"],
        created=cast("dt.datetime", _moment(job.created_s)),
        started=_moment(job.started_s),
        finished=_moment(ended),
        expires=_moment(ended + service.settings.keep_s if ended is not None else None),
        progress=Progress(stage=stage, share=share),
        problem=Problem(**job.problem) if job.problem else None,
        analysis=None,
        links={"self": home} | results,
    )


def read_beats(path: Path, offset: int, limit: int) -> BeatPage:
    """Return some rows of ``beats.csv``."""
    with path.open(encoding="utf-8", newline="") as file:
        beats = [_beat(row) for row in islice(csv.DictReader(file), offset, offset + limit)]
    with path.open("rb") as file:
        total = sum(1 for _ in file) - 1
    return BeatPage(total=total, offset=offset, beats=beats)


def _beat(row: dict[str, str]) -> Beat:
    def number(name: str) -> float | None:
        return float(row[name]) if row[name] else None

    return Beat.model_validate(
        {
            "beat": int(row["beat"]),
            "sample": int(row["sample"]),
            "time_s": float(row["time_s"]),
            "class": row["class"],
            "probability": number("probability"),
            "probabilities": {name[2:]: number(name) for name in row if name.startswith("p_")},
            "abnormal": number("abnormal"),
            "rr_s": number("rr_s"),
            "judged": row["judged"] == "True",
            "uncertain": row["uncertain"] == "True",
            "reason": row["reason"],
        }
    )


def _moment(seconds: float | None) -> dt.datetime | None:
    return None if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)
