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
    """The recording.

    Parameters
    ----------
    name : str
        What it is called.
    source : str
        The format that it was read from.
    duration_s : float
        Its length in seconds.
    fs : float
        Its sampling rate in Hz.
    lead_names : tuple of str
        Its leads, in the order of their use.
    start_time : datetime or None
        When its first sample was taken; null where the file does not say so.
    """

    name: str
    source: str
    duration_s: float
    fs: float
    lead_names: tuple[str, ...]
    start_time: dt.datetime | None


@dataclass(frozen=True)
class ExplainedBeatDocument:
    """A beat that was explained.

    Parameters
    ----------
    beat, sample : int
        Its row in the table of beats, from 0 on, and the sample number of its R peak.
    why : str
        Why it was chosen.
    predicted : str
        The class that it was called.
    probability : float
        Of that class.
    target : str
        The class whose logit is explained.
    logit : float
        Of that class.
    method : str
        The method of explanation.
    sentence : str
        The explanation in words.
    salient_times_ms : tuple of float
        Where in the window the evidence is strongest.
    lead_names : tuple of str
        The columns of ``signal_mv`` and ``attribution``.
    time_ms : tuple of float
        Time of each row, from the R peak.
    signal_mv : tuple of tuple of float
        Voltage, one row a time and one column a lead.
    attribution : tuple of tuple of float
        What each of these voltages adds to the logit, in the same shape.
    features : dict of str to float
        What each feature of the rhythm adds to it.
    neighbours : dict of str to float
        How far the logit falls if the beat at that place (-1: the one before) were the usual one.
    gap : float or None
        Change of the logit that all of this does not add up to; null where the method does not claim to add up.
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
    """An analysis of one recording by Beatlens. Times in seconds since the start; null where a value cannot be computed.

    Parameters
    ----------
    schema_version : int
        Goes up when a field is renamed or taken away.
    notice : str
        What this is not for.
    beatlens : str
        The version that made it.
    recording : Recording
        What was analysed.
    model : ModelInfo
        What judged the beats.
    settings : Settings
        What counted as what.
    words : tuple of str
        The summary in sentences.
    summary : Summary
        The summary in numbers.
    events : tuple of Event
        Couplets, runs, bigeminy, trigeminy and pauses, in the order of time.
    unreadable : tuple of Span
        Stretches in which the signal could not be read.
    not_judged : dict of str to int
        How many beats were not judged, by the reason.
    explained : tuple of ExplainedBeatDocument
        The beats that were explained.
    notes : tuple of str
        What was decided on the way and a user should know.
    """

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
    for each in (schema, *schema["$defs"].values()):
        each["description"], meanings = _split_docstring(each.get("description", ""))
        for name, inner in each.get("properties", {}).items():
            if name in meanings:
                inner.setdefault("description", meanings[name])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"beatlens/{SCHEMA_NAME}", **schema}


def _split_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Return what stands before the list of parameters of a docstring, and the meaning of each parameter."""
    told, _, listed = text.partition("\n\nParameters\n----------\n")
    meanings: dict[str, str] = {}
    names: list[str] = []
    for line in listed.partition("\n\n")[0].splitlines():
        if line.startswith(" "):
            meanings |= {name: f"{meanings.get(name, '')} {line.strip()}".strip() for name in names}
        else:
            names = line.partition(" : ")[0].split(", ")
    return told.replace("``", "`"), {name: meaning.replace("``", "`") for name, meaning in meanings.items()}


def schema_path() -> Path:
    """Return where the published schema lies in the package."""
    return Path(str(files("beatlens.reports") / SCHEMA_NAME))


if __name__ == "__main__":
    write_json(schema_path(), make_schema())
