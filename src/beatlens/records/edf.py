"""EDF, EDF+ and BDF recordings: the header with edfio, the samples in blocks that never fill the memory.

edfio maps or loads whole files and gives 64-bit numbers; a 24-hour recording is read here in blocks of data records straight
into the 32-bit result, and a part of it costs only that part. The format is B. Kemp and J. Olivan's, "European data format
'plus' (EDF+)", Clinical Neurophysiology 114 (2003) 1755-1761; interrupted recordings (EDF+D) come back with NaN in the gaps.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import edfio
import numpy as np
import numpy.typing as npt

from beatlens.errors import FormatError
from beatlens.records.record import Annotations, Record
from beatlens.records.request import ANNOTATION, Channel, Chosen, Request, truncated, unreadable

_BLOCK = 1 << 20  # bytes of data records that are read at a time
_STRETCH = 1 << 16  # samples that are compared at a time
_MOST_SIGNALS = 4096
_GAP_BYTES = 1 << 29  # what gaps alone may add to the result
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_TAL = re.compile(rb"([+-]\d{1,12}(?:\.\d{0,12})?)(?:\x15\d*\.?\d*)?((?:\x14[^\x00\x14]*)*)\x14\x00")


@dataclass(frozen=True)
class _Layout:
    """Where everything lies: data records of ``record_bytes`` each, signals in turn within them."""

    signals: tuple[Any, ...]  # edfio's header of each signal; None for one of annotations
    labels: tuple[str, ...]
    widths: tuple[int, ...]  # bytes of each signal in a data record
    sample_bytes: int
    header_bytes: int
    n_records: int
    n_held: int
    record_s: float
    interrupted: bool
    clock: bytes  # the fields of the recording, its start date and its start time, as written

    @property
    def record_bytes(self) -> int:
        return sum(self.widths)

    def start_of(self, signal: int) -> int:
        return sum(self.widths[:signal])

    @property
    def annotation_signals(self) -> tuple[int, ...]:
        return tuple(i for i, signal in enumerate(self.signals) if signal is None)


def read_edf(path: Path, request: Request) -> Record:
    """Read an EDF, EDF+ or BDF file; a part of it costs only that part.

    Raises
    ------
    FormatError
        If the header is damaged or the file is shorter than it says.
    SignalError
        If there is no ECG lead or no samples, or an ECG lead has no unit.
    """
    with path.open("rb") as file:
        header, layout = _read_layout(file, path)
        chosen = request.choose(_channels(layout), path.name)
        marks = _Marks(file, layout) if layout.annotation_signals else None
        times = _Times.of(marks, layout, layout.widths[chosen.index[0]] // layout.sample_bytes, path)
        total, there = times.n_samples(layout.n_records), times.n_samples(min(layout.n_held, layout.n_records))
        first, last = request.window(chosen.fs, total, path.name)
        if last > there:
            raise truncated(path.name, there, total, chosen.fs)
        signal = _read_samples(file, layout, chosen, times, (first, last))
    notes = list(chosen.notes)
    if last == total and (padding := _blank_padding(signal, layout, chosen)) >= chosen.fs:
        notes.append(f"The last {padding / chosen.fs:.1f} s hold the lowest count throughout, which is padding: given as NaN.")
    if times.places is not None and np.isnan(signal).any():
        notes.append("The recording is interrupted (EDF+D): its gaps hold NaN.")
    start = _start(layout, marks)
    return Record(
        signal=signal,
        fs=chosen.fs,
        lead_names=chosen.lead_names,
        name=path.stem,
        start_time=start + dt.timedelta(seconds=first / chosen.fs) if start else None,
        source="bdf" if layout.sample_bytes == 3 else "edf",
        annotations=marks.annotations(chosen.fs, first, last) if marks else None,
        patient=_patient(header) if request.patient else {},
        notes=tuple(notes),
    )


def _read_layout(file: BinaryIO, path: Path) -> tuple[Any, _Layout]:
    fixed = file.read(256)
    kind, fmt, sample_bytes = (edfio.read_bdf, "BDF", 3) if fixed[:1] == b"\xff" else (edfio.read_edf, "EDF", 2)
    try:
        n_signals, n_records = int(fixed[252:256]), int(fixed[236:244])
        raw = fixed + file.read(256 * n_signals if 0 < n_signals <= _MOST_SIGNALS else 0)
        labels = tuple(raw[256 + 16 * i : 272 + 16 * i].decode("latin-1").rstrip() for i in range(n_signals))
        widths = tuple(sample_bytes * int(raw[at : at + 8]) for at in range(256 + 216 * n_signals, 256 + 224 * n_signals, 8))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a header without records, which is all that edfio is given here
            header = kind(io.BytesIO(raw), header_encoding="latin-1")
        described = iter(header.signals)
        signals = tuple(None if label == f"{fmt} Annotations" else next(described) for label in labels)
        record_s = float(header.data_record_duration)
    except (ValueError, LookupError, TypeError, ArithmeticError, UnboundLocalError, StopIteration, RuntimeError) as error:
        raise unreadable(f"{path.name} has an EDF header that cannot be read", error) from error
    if len(raw) != 256 * (n_signals + 1) or not labels or min(widths) < 0 or not 0 <= record_s < 1e8:
        raise FormatError(f"{path.name} has an EDF header that cannot be: {n_signals} signals in records of {record_s:g} s")
    held = max(0, path.stat().st_size - len(raw)) // max(1, sum(widths))
    return (
        header,
        _Layout(
            signals=signals,
            labels=labels,
            widths=widths,
            sample_bytes=sample_bytes,
            header_bytes=len(raw),
            n_records=held if n_records == -1 else max(0, n_records),  # -1: the recorder never closed the file
            n_held=held,
            record_s=record_s,
            interrupted=fixed[192:197] in (b"EDF+D", b"BDF+D"),
            clock=fixed[88:184],
        ),
    )


def _channels(layout: _Layout) -> list[Channel]:
    per_second = [width / layout.sample_bytes / layout.record_s if layout.record_s else None for width in layout.widths]
    return [
        Channel(label, ANNOTATION if signal is None else signal.physical_dimension, per_second[i])
        for i, (label, signal) in enumerate(zip(layout.labels, layout.signals, strict=True))
    ]


class _Marks:
    """Texts and times of the annotation signals, and when each data record began (both in s from the start of the file)."""

    def __init__(self, file: BinaryIO, layout: _Layout) -> None:
        onsets, self._texts = [], list[tuple[float, str]]()
        signals = [(layout.start_of(i), layout.widths[i]) for i in layout.annotation_signals]
        for number in range(min(layout.n_held, layout.n_records)):
            begun: float | None = None
            for start, width in signals:
                file.seek(layout.header_bytes + number * layout.record_bytes + start)
                for onset, texts in _TAL.findall(file.read(width)):
                    begun = float(onset) if begun is None else begun
                    said = (text.decode("utf-8", "replace").strip() for text in texts.split(b"\x14"))
                    self._texts += [(float(onset), text) for text in said if text]
            onsets.append(number * layout.record_s if begun is None else begun)
        self.onsets = np.asarray(onsets, np.float64)

    @property
    def offset_s(self) -> float:
        """What the first data record's onset adds to the start time: a part of a second."""
        return float(self.onsets[0]) if len(self.onsets) and 0 <= self.onsets[0] < 1 else 0.0

    def annotations(self, fs: float, first: int, last: int) -> Annotations | None:
        """Return the texts within a part of the recording as notes (symbol ``"``), their samples counted from its start."""
        zero = self.onsets[0] if len(self.onsets) else 0.0
        marks = sorted((round((onset - zero) * fs) - first, text) for onset, text in self._texts)
        marks = [(sample, text) for sample, text in marks if 0 <= sample < last - first]
        if not marks:
            return None
        samples = np.asarray([sample for sample, _ in marks], np.int64)
        return Annotations(samples, np.full(len(marks), '"'), tuple(text for _, text in marks), fs=fs)


@dataclass(frozen=True)
class _Times:
    """At which sample each data record begins: at a multiple of its length, or where EDF+D's time stamps put it."""

    per_record: int
    places: npt.NDArray[np.int64] | None = None

    @classmethod
    def of(cls, marks: _Marks | None, layout: _Layout, per_record: int, path: Path) -> _Times:
        if not (layout.interrupted and marks and layout.record_s and len(marks.onsets)):
            return cls(per_record)
        places = np.round((marks.onsets - marks.onsets[0]) * (per_record / layout.record_s))
        if (np.diff(places) < per_record - 1).any() or places[-1] > 2**40:
            raise FormatError(
                f"the data records of {path.name} must follow each other in time; those of this EDF+D file do not"
            )
        return cls(per_record, np.asarray(places, np.int64))

    def place(self, record: int) -> int:
        """Return the first sample of a data record."""
        if self.places is None or not record:
            return record * self.per_record
        held = min(record, len(self.places) - 1)
        return int(self.places[held]) + (record - held) * self.per_record

    def n_samples(self, n_records: int) -> int:
        """Return how many samples the first so many data records span, gaps included."""
        return self.place(n_records - 1) + self.per_record if n_records else 0

    def records(self, first: int, last: int) -> tuple[int, int]:
        """Return the first data record with a sample of a part, and the one after the last."""
        if self.places is None:
            return first // self.per_record, -(-last // self.per_record)
        begin = np.searchsorted(self.places + self.per_record, first, side="right")
        return int(begin), int(np.searchsorted(self.places, last, side="left"))


def _read_samples(
    file: BinaryIO, layout: _Layout, chosen: Chosen, times: _Times, window: tuple[int, int]
) -> npt.NDArray[np.float32]:
    first, last = window
    begin, end = times.records(first, last)
    gaps = (last - first) - (end - begin) * times.per_record
    if gaps * len(chosen.index) * 4 > _GAP_BYTES:
        raise FormatError(
            f"the gaps of a recording must fit the memory; this one's last {gaps / chosen.fs:.0f} s",
            hint="Read a part of it: --start and --end on the command line, start_s and end_s in Python.",
        )
    signal = np.empty((last - first, len(chosen.index)), np.float32)
    if times.places is not None:
        signal.fill(np.nan)
    scales = [_scale(layout, i, factor) for i, factor in zip(chosen.index, chosen.factors, strict=True)]
    block = 1 if times.places is not None else max(1, _BLOCK // layout.record_bytes)
    for at in range(begin, end, block):
        place = times.place(at) - first
        for column, index in enumerate(chosen.index):
            counts = _read_signal(file, layout, index, at, min(block, end - at)).reshape(-1)
            low, high = max(0, -place), min(len(counts), last - first - place)
            out = signal[place + low : place + high, column]
            np.add(counts[low:high], scales[column][1], out=out, dtype=np.float64, casting="unsafe")
            out *= np.float32(scales[column][0])
    return signal


def _blank_padding(signal: npt.NDArray[np.float32], layout: _Layout, chosen: Chosen) -> int:
    """Blank the run of lowest counts at the end of all leads, with which converters fill data records; return its length."""
    lowest = []
    for index, factor in zip(chosen.index, chosen.factors, strict=True):
        gain, shift = _scale(layout, index, factor)
        lowest.append(np.float32(layout.signals[index].digital_min + shift) * np.float32(gain))
    run = len(signal)
    for at in range(len(signal), 0, -_STRETCH):
        other = np.flatnonzero((signal[max(0, at - _STRETCH) : at] != np.asarray(lowest, np.float32)).any(axis=1))
        if len(other):
            run = len(signal) - (max(0, at - _STRETCH) + int(other[-1]) + 1)
            break
    if chosen.fs <= run < len(signal):
        signal[len(signal) - run :] = np.nan
        return run
    return 0


def _read_signal(
    file: BinaryIO, layout: _Layout, index: int, at: int, count: int
) -> npt.NDArray[np.int32] | npt.NDArray[np.int16]:
    """Return one signal of some data records, as counts, shape (count, samples of the signal in a record)."""
    start, width = layout.start_of(index), layout.widths[index]
    file.seek(layout.header_bytes + at * layout.record_bytes)
    if count == 1:  # a data record may be as long as the recording: only this signal's part of it
        file.seek(start, 1)
        raw = np.fromfile(file, np.uint8, width).reshape(1, width)
    else:
        raw = np.fromfile(file, np.uint8, count * layout.record_bytes).reshape(count, layout.record_bytes)[
            :, start : start + width
        ]
    if layout.sample_bytes == 2:
        return np.ascontiguousarray(raw).view("<i2")
    wide = np.zeros((count, width // 3, 4), np.uint8)
    wide[..., 1:] = raw.reshape(count, width // 3, 3)
    return wide.view("<i4")[..., 0] >> 8  # the shift brings the sign along


def _scale(layout: _Layout, index: int, millivolts: float) -> tuple[float, float]:
    """Return (mV a count, counts to add first) of a signal."""
    signal, label = layout.signals[index], layout.labels[index]
    try:
        low, high = float(signal.physical_min), float(signal.physical_max)
        steps = signal.digital_max - signal.digital_min
        gain = (high - low) / steps
        shift = high / gain - signal.digital_max
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise FormatError(f"the range of lead '{label}' must be two different numbers, in counts and in its unit") from error
    if not (np.isfinite(gain) and np.isfinite(shift)):
        raise FormatError(f"the range of lead '{label}' must be finite; got {low:g} to {high:g}")
    return gain * millivolts, shift


def _start(layout: _Layout, marks: _Marks | None) -> dt.datetime | None:
    """Return when the recording began, by EDF+'s date with four digits of the year or EDF's with two; None if blanked ("X")."""
    fields = layout.clock[:80].decode("latin-1").split()
    try:
        hour, minute, second = (int(part) for part in layout.clock[88:96].split(b"."))
        if len(fields) > 1 and fields[0] == "Startdate" and re.fullmatch(r"X|\d\d?-[A-Z]{3}-\d{4}", fields[1]):
            day, month, year = fields[1].split("-")  # an "X" does not split into three
            date = dt.date(int(year), _MONTHS.index(month) + 1, int(day))
        else:
            number, month_number, short = (int(part) for part in layout.clock[80:88].split(b"."))
            date = dt.date(short + (1900 if short >= 85 else 2000), month_number, number)
        return dt.datetime.combine(date, dt.time(hour, minute, second)) + dt.timedelta(seconds=marks.offset_s if marks else 0.0)
    except ValueError:
        return None


def _patient(header: Any) -> dict[str, str]:
    """Return the parts of EDF+'s patient field that hold something ("X" stands for nothing); a plain EDF's field as it is."""
    whole = header.local_patient_identification.strip()
    parts = whole.split()
    if len(parts) >= 4 and parts[1] in ("M", "F", "X"):
        fields = dict(zip(("id", "sex", "birth_date", "name"), parts, strict=False))
        return {key: value.replace("_", " ") for key, value in fields.items() if value != "X"}
    return {"id": whole} if whole else {}
