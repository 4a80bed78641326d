"""``analysis.json``: the whole analysis but its beats, with the JSON schema that it follows.

The schema is generated from `AnalysisDocument` and published in the package as ``analysis.schema.json``; write it anew with
``python -m beatlens.reports.document`` when the document changes.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from beatlens._io import write_json
from beatlens._version import __version__
from beatlens.analysis.quality import Span
from beatlens.analysis.result import Analysis, ModelInfo, Summary
from beatlens.analysis.rhythm import Event
from beatlens.analysis.settings import Settings
from beatlens.reports.words import describe_analysis

SCHEMA_VERSION: Final = 1
SCHEMA_NAME: Final = "analysis.schema.json"
NOTICE: Final = "For research; not a medical device."


@dataclass(frozen=True)
class Recording:
    """The recording: name, format it was read from, length in seconds, rate in Hz, leads in the order of their use, start."""

    name: str
    source: str
    duration_s: float
    fs: float
    lead_names: tuple[str, ...]
    start_time: dt.datetime | None


@dataclass(frozen=True)
class ExplainedBeatDocument:
    """A beat that was explained.

    ``time_ms`` counts from the R peak; ``signal_mv`` and ``attribution`` have one row a time and one column a lead; the
    attribution is that of the logit of ``target``. ``gap`` is the change of the logit that it does not add up to, null where
    the method does not claim to add up.
    """

    beat: int
    sample: int
    why: str
    predicted: str
    probability: float
    target: str
    logit: float
    method: str
    sentence: str
    salient_times_ms: tuple[float, ...]
    lead_names: tuple[str, ...]
    time_ms: tuple[float, ...]
    signal_mv: tuple[tuple[float, ...], ...]
    attribution: tuple[tuple[float, ...], ...]
    features: dict[str, float]
    neighbours: dict[str, float]
    gap: float | None


@dataclass(frozen=True)
class AnalysisDocument:
    """An analysis of one recording by Beatlens. Times in seconds since the start; null where a value cannot be computed."""

    schema_version: int
    notice: str
    beatlens: str
    recording: Recording
    model: ModelInfo
    settings: Settings
    words: tuple[str, ...]
    summary: Summary
    events: tuple[Event, ...]
    unreadable: tuple[Span, ...]
    not_judged: dict[str, int]
    explained: tuple[ExplainedBeatDocument, ...]
    notes: tuple[str, ...]


@cache
def _adapter() -> TypeAdapter[AnalysisDocument]:
    return TypeAdapter(AnalysisDocument)


def make_document(analysis: Analysis) -> dict[str, Any]:
    """Return an analysis in the types of JSON, as ``analysis.schema.json`` describes it."""
    record = analysis.record
    document = AnalysisDocument(
        schema_version=SCHEMA_VERSION,
        notice=NOTICE,
        beatlens=__version__,
        recording=Recording(
            record.name, record.source, record.duration_s, record.fs, tuple(record.lead_names), record.start_time
        ),
        model=analysis.model,
        settings=analysis.settings,
        words=describe_analysis(analysis),
        summary=analysis.summary,
        events=analysis.events,
        unreadable=analysis.spans,
        not_judged=analysis.not_judged,
        explained=_document_explained(analysis),
        notes=analysis.notes,
    )
    value: dict[str, Any] = _adapter().dump_python(document, mode="json")
    return value


def _document_explained(analysis: Analysis) -> tuple[ExplainedBeatDocument, ...]:
    documents = []
    for each in analysis.explained:
        row, why = analysis.beats.iloc[each.beat], each.explanation
        documents.append(
            ExplainedBeatDocument(
                beat=each.beat,
                sample=int(row["sample"]),
                why=each.why,
                predicted=str(row["class"]),
                probability=_short(float(row["probability"])),
                target=why.target,
                logit=_short(why.logit),
                method=why.method,
                sentence=why.sentence,
                salient_times_ms=tuple(_short(time) for time in why.salient_times_ms),
                lead_names=tuple(why.lead_names),
                time_ms=tuple(_short(time) for time in why.times_ms.tolist()),
                signal_mv=tuple(tuple(_short(value) for value in values) for values in why.signal.tolist()),
                attribution=tuple(tuple(_short(value) for value in values) for values in why.attribution.tolist()),
                features={name: _short(value) for name, value in why.features.items()},
                neighbours={str(place): _short(value) for place, value in why.neighbours.items()},
                gap=None if math.isnan(why.completeness_gap) else _short(why.completeness_gap),
            )
        )
    return tuple(documents)


def _short(value: float) -> float:
    """Keep five digits: more than any of these values deserves."""
    return float(f"{value:.5g}")


def make_schema() -> dict[str, Any]:
    """Return the JSON schema of the document, as this version of the code defines it."""
    schema = _adapter().json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"beatlens/{SCHEMA_NAME}", **schema}


def schema_path() -> Path:
    """Return where the published schema lies in the package."""
    return Path(str(files("beatlens.reports") / SCHEMA_NAME))


if __name__ == "__main__":
    write_json(schema_path(), make_schema())
