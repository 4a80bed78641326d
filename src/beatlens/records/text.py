"""Recordings in text files: tables of any program, and the exports of Apple Health, Polar, Movesense and PhysioNet.

What a header does not say is asked for, never guessed: the rate comes from a time column, a header line or the caller; the unit
from a header or the caller. One exception is announced in the record's notes: a single lead of exactly 180 values is the window
that the demonstration uploads, at 360 Hz, of whatever scale.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from beatlens.errors import SignalError
from beatlens.records.leads import is_known_lead, is_standard_lead, normalise_lead
from beatlens.records.record import Record
from beatlens.records.request import Channel, Request
from beatlens.records.text_table import Table, is_apple, read_table
from beatlens.records.time_column import Timing, read_times
from beatlens.records.units import voltage_unit

DEMO_SAMPLES, DEMO_FS = 180, 360.0
_DEMO_NOTE = (
    "One window of 180 values, as the demonstration uploads it: taken at 360 Hz; its values are unscaled "
    "(z-scored or raw) and are no voltage."
)
_TIME = re.compile(r"time|zeit|tiempo|temps|tempo|elapsed|seconds?\b|^\W*t\W*$|^t\s*[\[(]|^m?s$", re.IGNORECASE)
_INDEX = re.compile(r"sample\s*(?:#|no|number|index)|^\W*(?:index|idx|row|n|#|unnamed: 0)?\W*$|^samples?\s*#?$", re.IGNORECASE)
_IN_NAME = re.compile(
    r"(?:[\[(]\s*|[\s_,]\s*(?!V\W*$))(nV|[uµμ]V|mV|V|microvolts?|millivolts?|volts?)\s*[\])]?\s*$", re.IGNORECASE
)
_RATE = re.compile(r"(\d{1,6}(?:[.,]\d{1,6})?)\s*(?:hz|hertz|samples\s*/\s*s)\b", re.IGNORECASE)
_RATE_KEY = re.compile(
    r"\b(?:fs|sfreq|s(?:ampling|ample)[\s_\-]*(?:rate|frequency|freq)|rate|frequency|messrate)\b", re.IGNORECASE
)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?")


@dataclass(frozen=True)
class _Preface:
    """What the lines above a table say; of a person they say nothing that leaves this module."""

    fs: float | None
    unit: str
    lead: str
    start: dt.datetime | None
    apple: bool
    movesense: bool


def read_text(path: Path, request: Request) -> Record:
    """Read a text file of samples; the name and birth date in an Apple Health export never leave this function.

    Raises
    ------
    FormatError
        If it is not a table of numbers, or a row is broken.
    SignalError
        If the rate or the unit is not stated and not given, or there is no ECG lead.
    """
    table = read_table(path)
    preface = _read_preface(table.preface)
    table = _without_index(table)
    timing, table = _take_time(table, path)
    n_samples = len(table.columns[0])
    source = _source(table, preface)
    if _is_demo(table, preface, timing, request):
        return _read_demo(table, path, request)
    stated = preface.fs if timing is None or timing.fs is None else timing.fs
    channels = [Channel(name, unit, stated) for name, unit in zip(*_names_and_units(table, preface), strict=True)]
    chosen = request.choose(channels, path.name)
    places = timing.places if timing is not None else None
    total = timing.n_samples if timing is not None else n_samples
    first, last = request.window(chosen.fs, total, path.name)
    signal = np.full((total, len(chosen.index)), np.nan, np.float32)
    for column, (index, factor) in enumerate(zip(chosen.index, chosen.factors, strict=True)):
        signal[slice(None) if places is None else places, column] = np.asarray(table.columns[index], np.float64) * factor
    start = preface.start or (timing.start if timing else None)
    gaps = (f"The time column has {timing.n_gaps} gaps: they hold NaN.",) if timing is not None and timing.n_gaps else ()
    return Record(
        signal=signal[first:last],
        fs=chosen.fs,
        lead_names=chosen.lead_names,
        name=path.stem,
        start_time=start + dt.timedelta(seconds=first / chosen.fs) if start else None,
        source=source,
        notes=(*chosen.notes, *gaps),
    )


def _is_demo(table: Table, preface: _Preface, timing: Timing | None, request: Request) -> bool:
    one_window = len(table.columns) == 1 and len(table.columns[0]) == DEMO_SAMPLES and table.columns[0].dtype.kind == "f"
    return one_window and timing is None and preface.fs is None and request.fs in (None, DEMO_FS) and request.unit is None


def _read_demo(table: Table, path: Path, request: Request) -> Record:
    name, unit = _name_and_unit(table.names[0] if table.names else "", "")
    request = replace(request, unit=None if unit else "mV")
    chosen = request.choose([Channel(name, unit, DEMO_FS)], path.name)
    first, last = request.window(DEMO_FS, DEMO_SAMPLES, path.name)
    values = np.asarray(table.columns[0], np.float64)
    return Record(
        signal=(values[first:last, None] * chosen.factors[0]).astype(np.float32),
        fs=DEMO_FS,
        lead_names=chosen.lead_names,
        name=path.stem,
        source="seed-demo",
        notes=(_DEMO_NOTE,) if not unit else (f"One window of 180 values, taken at 360 Hz; the header gives {unit}.",),
    )


def _source(table: Table, preface: _Preface) -> str:
    names = " ".join(table.names).lower()
    if preface.apple:
        return "apple-health"
    if preface.movesense or "movesense" in names:
        return "movesense"
    return "polar" if re.search(r"ecg \[uv\]|sensor timestamp", names) else "csv"


def _without_index(table: Table) -> Table:
    """Drop a row or column that only counts the samples: 0, 1, 2 ... or 1, 2, 3 ..."""
    columns, names = table.columns, table.names
    if len(columns) == 1 and not names and len(columns[0]) == DEMO_SAMPLES + 1 and str(columns[0][0]) == "0.0":
        return Table([columns[0][1:]], (), (), table.preface)  # a column under the header 0
    if len(columns) < 2 or columns[0].dtype.kind != "f" or (names and names[0] and not _INDEX.search(names[0])):
        return table
    if not names and np.isnan(columns[0][0]) and _counts(columns[0][1:]):
        return Table([column[1:] for column in columns[1:]], (), (), table.preface)  # rows that begin with their number
    if _counts(columns[0]):
        return Table(columns[1:], names[1:], table.units[1:], table.preface)
    return table


def _counts(values: npt.NDArray[np.float64] | npt.NDArray[np.str_]) -> bool:
    numbers = np.asarray(values, np.float64)
    return len(numbers) > 2 and float(numbers[0]) in (0.0, 1.0) and bool((np.diff(numbers) == 1.0).all())


def _take_time(table: Table, path: Path) -> tuple[Timing | None, Table]:
    """Read the time column and drop it, and with it the further time columns of a device's export."""
    times = [i for i, name in enumerate(table.names) if _TIME.search(name) and not is_known_lead(name)]
    if not table.names and len(table.columns) > 1:
        first = table.columns[0]
        rising = first.dtype.kind == "U" or (
            np.isfinite(np.asarray(first, np.float64)).all() and (np.diff(np.asarray(first, np.float64)) > 0).all()
        )
        times = [0] if rising and len(first) > 2 else []
    times += [i for i, column in enumerate(table.columns) if column.dtype.kind == "U" and i not in times]
    if not times or len(times) == len(table.columns):
        if times:
            raise SignalError(f"a recording must have an ECG lead; {path.name} has columns of time only")
        return None, table
    best = max(
        times,
        key=lambda i: (
            "sensor" in _name(table, i),
            table.columns[i].dtype.kind == "f",
            "timestamp [ms]" in _name(table, i),
            -i,
        ),
    )
    unit = table.units[best] if table.units else ""
    timing = read_times(table.columns[best], f"{_name(table, best)} {unit}", path.name)
    clock = next((i for i in times if table.columns[i].dtype.kind == "U"), None)
    if clock is not None and timing.start is None:
        timing = replace(timing, start=_moment(str(table.columns[clock][0])))
    kept = [i for i in range(len(table.columns)) if i not in times]
    names = tuple(table.names[i] for i in kept) if table.names else ()
    units = tuple(table.units[i] for i in kept) if table.units else ()
    return timing, Table([table.columns[i] for i in kept], names, units, table.preface)


def _name(table: Table, index: int) -> str:
    return table.names[index].lower() if table.names else ""


def _names_and_units(table: Table, preface: _Preface) -> tuple[list[str], list[str]]:
    count = len(table.columns)
    names = list(table.names) or ([preface.lead or "ECG"] if count == 1 else [f"ECG {n}" for n in range(1, count + 1)])
    units = list(table.units) or [""] * count
    pairs = [_name_and_unit(name, unit or "") for name, unit in zip(names, units, strict=True)]
    if count == 1 and preface.lead and not is_known_lead(pairs[0][0]):
        pairs = [(preface.lead, pairs[0][1])]
    return [name or "ECG" for name, _ in pairs], [unit or preface.unit for _, unit in pairs]


def _name_and_unit(name: str, unit: str) -> tuple[str, str]:
    """Split ``ECG (mV)`` into its lead and its unit."""
    found = _IN_NAME.search(name)
    if found:
        return name[: found.start()].strip(" [(_,") or "ECG", found[1]
    if voltage_unit(name):
        return "ECG", name
    nameless = re.fullmatch(r"\W*(?:values?|voltage|amplitude|samples?|signal|\d+)?\W*", name, re.IGNORECASE)
    return "ECG" if nameless else name, unit


def _read_preface(lines: tuple[str, ...]) -> _Preface:
    fs, unit, lead, start = None, "", "", None
    for line in lines[:200]:
        key, _, value = line[:400].partition(",")
        rate = _RATE.search(line[:400])
        if rate is None and _RATE_KEY.search(key):
            rate = re.search(r"(\d{1,6}(?:[.,]\d{1,6})?)\s*$", line[:400])
        if rate is not None and fs is None:
            fs = float(rate[1].replace(",", "."))
        unit = value if not unit and voltage_unit(value) else unit
        lead = normalise_lead(value) if not lead and is_standard_lead(value) else lead
        moment = _MOMENT.search(line[:400])
        start = _moment(moment[0]) if moment and start is None else start
    return _Preface(fs, unit, lead, start, is_apple(lines[:40]), "movesense" in " ".join(lines[:50]).lower())


def _moment(text: str) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text[:26]).replace(tzinfo=None)
    except ValueError:
        return None
