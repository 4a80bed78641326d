"""``beatlens info``: what is in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beatlens.cli import console

if TYPE_CHECKING:
    from beatlens.records import Record


def info(
    file: Annotated[Path, typer.Argument(help="A recording; a WFDB record may be given without extension.")],
    *,
    fs: Annotated[float | None, typer.Option("--fs", help="Sampling rate in Hz, where the file does not state it.")] = None,
    unit: Annotated[str | None, typer.Option("--unit", help="mV, uV, V or nV, where the file does not state it.")] = None,
    lead: Annotated[list[str] | None, typer.Option("--lead", help="A lead to read, in any spelling; may be repeated.")] = None,
    start: Annotated[float | None, typer.Option("--start", help="Start of the part to read, in s.")] = None,
    end: Annotated[float | None, typer.Option("--end", help="End of the part to read, in s.")] = None,
    patient: Annotated[bool, typer.Option("--patient", help="Show the fields that identify the patient.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Say what is in a recording: format, leads, rate, length, start, annotations, and what the reader decided."""
    from beatlens.records import read

    record = read(file, fs=fs, unit=unit, leads=lead or None, start_s=start, end_s=end, patient=patient)
    facts = describe(record)
    if as_json:
        console.print_json(facts)
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        for number, line in enumerate(_lines(name, value)):
            console.output.print(f"{(name if not number else '').replace('_', ' '):<{width}}  {line}", markup=False)


def describe(record: Record) -> dict[str, object]:
    """Return what is in a recording as plain values; NaN becomes None.

    Parameters
    ----------
    record : Record
        As `beatlens.records.read` returns it.
    """
    import numpy as np

    missing = np.isnan(record.signal).mean(axis=0)
    facts: dict[str, object] = {
        "name": record.name,
        "format": record.source,
        "leads": list(record.lead_names),
        "fs_hz": record.fs,
        "samples": record.n_samples,
        "duration_s": round(record.duration_s, 3),
        "start": record.start_time.isoformat() if record.start_time else None,
        "annotations": len(record.annotations) if record.annotations else 0,
        "range_mv": {name: _range(record.lead(name)) for name in record.lead_names},
        "missing": {name: round(float(share), 4) for name, share in zip(record.lead_names, missing, strict=True) if share},
        "notes": list(record.notes),
    }
    return {**facts, "patient": dict(record.patient)} if record.patient else facts


def _range(values: object) -> list[float] | None:
    import numpy as np

    known = np.asarray(values)[~np.isnan(np.asarray(values))]
    return [round(float(known.min()), 4), round(float(known.max()), 4)] if len(known) else None


def _lines(name: str, value: object) -> list[str]:
    match name, value:
        case "leads", list():
            lines = [", ".join(value)]
        case "duration_s", float():
            hours, rest = divmod(value, 3600)
            lines = [f"{value:g} ({int(hours)}:{int(rest // 60):02d}:{rest % 60:06.3f})"]
        case "range_mv", dict():
            lines = [f"{lead}: " + (f"{ends[0]:g} to {ends[1]:g}" if ends else "no value") for lead, ends in value.items()]
        case "missing", dict():
            lines = [f"{lead}: {share:.2%}" for lead, share in value.items()] or ["nothing"]
        case _, dict():
            lines = [f"{key}: {each}" for key, each in value.items()]
        case _, list():
            lines = [str(each) for each in value] or ["none"]
        case _:
            lines = ["not stated" if value is None else str(value)]
    return lines
