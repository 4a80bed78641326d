"""``beatlens peaks``: the R peaks of a recording."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beatlens.cli import console

if TYPE_CHECKING:
    from beatlens.beats.detector import RPeaks
    from beatlens.records import Record


class Output(StrEnum):
    """What is written."""

    CSV = "csv"
    JSON = "json"
    WFDB = "wfdb"


def peaks(
    file: Annotated[Path, typer.Argument(help="A recording; a WFDB record may be given without extension.")],
    *,
    fs: Annotated[float | None, typer.Option("--fs", help="Sampling rate in Hz, where the file does not state it.")] = None,
    unit: Annotated[str | None, typer.Option("--unit", help="mV, uV, V or nV, where the file does not state it.")] = None,
    lead: Annotated[list[str] | None, typer.Option("--lead", help="A lead to look in; may be repeated.")] = None,
    form: Annotated[Output, typer.Option("--format", help="csv, json, or wfdb: an annotation file with --out.")] = Output.CSV,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file to write, stdout if not given; for wfdb, RECORD.ANNOTATOR.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Find every R peak: its sample number, its time, and how sure the detector is."""
    if as_json:
        form = Output.JSON
    if form is Output.WFDB and (out is None or not out.suffix[1:].isalpha()):
        raise typer.BadParameter("--format wfdb needs --out RECORD.ANNOTATOR, the annotator in letters", param_hint="--out")
    from beatlens.beats.detector import find_r_peaks
    from beatlens.records import read

    record = read(file, fs=fs, unit=unit, leads=lead or None)
    found = find_r_peaks(record, leads=record.lead_names if lead else None)
    for note in found.notes:
        console.errors.print(note, markup=False)
    if form is Output.WFDB and out is not None:
        write_wfdb(found, record.fs, out)
    else:
        text = to_json(record, found) if form is Output.JSON else to_csv(record, found)
        if out is None:
            console.output.print(text, end="", markup=False)
        else:
            from beatlens._io import write_text

            write_text(out, text)
    if out is not None:
        console.errors.print(f"wrote {len(found.samples)} R peaks to {out}", markup=False)


def to_csv(record: Record, found: RPeaks) -> str:
    """Return the R peaks as CSV: ``sample,time_s,confidence``."""
    rows = zip(found.samples.tolist(), found.confidence.tolist(), strict=True)
    return "sample,time_s,confidence\n" + "".join(f"{s},{s / record.fs:.6f},{c:.4f}\n" for s, c in rows)


def to_json(record: Record, found: RPeaks) -> str:
    """Return the R peaks as one JSON document."""
    import json

    document = {
        "record": record.name,
        "fs_hz": record.fs,
        "leads": list(found.lead_names),
        "notes": list(found.notes),
        "samples": found.samples.tolist(),
        "confidence": [round(c, 4) for c in found.confidence.tolist()],
    }
    return json.dumps(document, allow_nan=False, ensure_ascii=False) + "\n"


def write_wfdb(found: RPeaks, fs: float, path: Path) -> None:
    """Write the R peaks as a WFDB annotation file, every beat with symbol N.

    Raises
    ------
    OutputError
        If the file cannot be written, or WFDB does not accept its name.
    SignalError
        If there is no R peak to write.
    """
    from beatlens.errors import SignalError
    from beatlens.records.wfdb_marks import write_marks

    if not len(found.samples):
        raise SignalError("an annotation file must hold at least one mark; got no R peak", hint="Write CSV or JSON instead.")
    write_marks(path, found.samples, ["N"] * len(found.samples), fs=fs)
