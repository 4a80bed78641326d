"""WFDB records and annotation files, read with PhysioNet's own package, in blocks, and checked against their headers.

The package tolerates a signal file that is too short and a checksum that does not agree, and needs many bytes a sample while it
reads; here the sizes are compared before anything is allocated, the checksum is summed on the way, and a long record goes block
by block straight into the result.
"""

from __future__ import annotations

import datetime as dt
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import wfdb

from beatlens.errors import AnnotationError, FormatError, RecordNotFoundError
from beatlens.records.record import Annotations, Record
from beatlens.records.request import Channel, Chosen, Request, truncated, unreadable

ANNOTATORS = ("atr", "ari", "ecg", "qrs")
"""Annotation files that are read with a record when they lie beside it, the first that is there."""

_NOT_READABLE = (
    ValueError, LookupError, OSError, TypeError, AttributeError, ArithmeticError, RuntimeError, struct.error,
)  # fmt: skip
_BLOCK = 1 << 16  # frames that are converted at a time
_BYTES = {"8": 1, "80": 1, "16": 2, "61": 2, "160": 2, "24": 3, "32": 4, "212": 1.5, "310": 4 / 3, "311": 4 / 3}
_FLAC = ("508", "516", "524")
_INVALID = {"8": None, "80": -128, "16": -(2**15), "61": -(2**15), "160": -(2**15), "24": -(2**23), "32": -(2**31)}
_INVALID |= {"212": -(2**11), "310": -(2**9), "311": -(2**9), "508": -(2**7), "516": -(2**15), "524": -(2**23)}
_WHOLE = ("8", "310", "311", *_FLAC)  # differences, packed or compressed: read at once, not in blocks
_MOST_BYTES = 1 << 29  # what a header may claim beyond what its files can hold


def read_wfdb(path: str | Path, request: Request | None = None) -> Record:
    """Read a WFDB record, of one segment or many; a part of it costs only that part.

    Parameters
    ----------
    path : str or Path
        The record: its path without extension, or its ``.hea`` file.
    request : Request, optional
        Leads and part; all if not given.

    Returns
    -------
    Record
        Without annotations; see `read_annotations`.

    Raises
    ------
    RecordNotFoundError
        If the header or a signal file is missing.
    FormatError
        If the header or a signal cannot be read, is shorter than the header says, or does not agree with its checksum.
    SignalError
        If there is no ECG lead, or an ECG lead has no unit.
    """
    stem, request = _stem(path), request or Request()
    header = _header(stem)
    segments = _Segments.of(stem, header)
    chosen = request.choose(segments.channels, stem.name)
    spf = segments.frames_of(chosen)
    first, last = request.window(chosen.fs / spf, segments.n_frames, stem.name)
    segments.check_size(chosen, (last - first) * spf)
    signal = np.full(((last - first) * spf, len(chosen.index)), np.nan, np.float32)
    for part, place in segments.within(first, last):
        low, high = max(first, place), min(last, place + part.n_frames)
        _read_part(part, chosen, signal[(low - first) * spf : (high - first) * spf], (low - place, high - place))
    start = _start(header)
    return Record(
        signal=signal,
        fs=chosen.fs,
        lead_names=chosen.lead_names,
        name=stem.name,
        start_time=start + dt.timedelta(seconds=first * spf / chosen.fs) if start else None,
        source="wfdb",
        notes=chosen.notes,
    )


def read_annotations(path: str | Path, extension: str = "atr") -> Annotations:
    """Read a WFDB annotation file.

    Parameters
    ----------
    path : str or Path
        The record's path without extension (or its ``.hea`` file).
    extension : str
        The annotator: the annotation file's extension.

    Raises
    ------
    RecordNotFoundError
        If the file is missing.
    FormatError
        If it cannot be read.
    """
    stem = _stem(path)
    file = stem.with_name(f"{stem.name}.{extension}")
    if not file.is_file():
        raise RecordNotFoundError(f"no annotation file at {file}", hint="Check the annotator's name, the file's extension.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = wfdb.rdann(str(stem), extension)
    except _NOT_READABLE as error:
        raise unreadable(f"{file} cannot be read as WFDB annotations", error) from error
    return Annotations(
        samples=np.asarray(found.sample, dtype=np.int64),
        symbols=np.asarray(found.symbol, dtype="<U1"),
        aux_notes=tuple(note.rstrip("\x00") for note in found.aux_note),
        subtypes=np.asarray(found.subtype, dtype=np.int64),
        fs=float(found.fs) if found.fs else None,
    )


def annotations_beside(path: Path, record: Record, start_s: float) -> Annotations | None:
    """Return the annotations that lie beside a record, counted in its samples from its first; None if there are none.

    Raises
    ------
    FormatError
        If an annotation file is there and damaged.
    """
    stem = _stem(path)
    extension = next((name for name in ANNOTATORS if stem.with_name(f"{stem.name}.{name}").is_file()), None)
    if extension is None:
        return None
    try:
        marks = read_annotations(stem, extension)
    except AnnotationError as error:
        message = f"{stem.name}.{extension} is damaged: {error.message}"
        raise FormatError(message, hint="Move the annotation file away to read the signal alone.") from error
    samples = marks.samples
    if marks.fs and abs(marks.fs - record.fs) > 1e-6 * record.fs:
        samples = np.round(samples * (record.fs / marks.fs)).astype(np.int64)
    samples = samples - round(start_s * record.fs)
    inside = (samples >= 0) & (samples < record.n_samples)
    kept = marks.select(inside)
    return Annotations(samples[inside], kept.symbols, kept.aux_notes, kept.subtypes, record.fs)


@dataclass(frozen=True)
class _Part:
    """One segment: its files and how they are laid out."""

    stem: Path
    header: Any
    n_frames: int


@dataclass(frozen=True)
class _Segments:
    """The segments of a record, each with the frame at which it begins; a record of one segment is the simple case."""

    stem: Path
    parts: tuple[_Part | None, ...]  # None: a gap
    places: tuple[int, ...]  # the first frame of each, and the record's length
    channels: list[Channel]
    frames: list[int]  # samples a frame, of each channel

    @classmethod
    def of(cls, stem: Path, header: Any) -> _Segments:
        if not hasattr(header, "seg_name"):
            whole = _part(stem, header)
            return cls(stem, (whole,), (0, whole.n_frames), _channels(header), list(header.samps_per_frame or []))
        total = sum(header.seg_len)
        if not header.seg_name or total != (header.sig_len or total):
            raise FormatError(f"the segments of record {stem.name} must add up to its {header.sig_len} samples; got {total}")
        parts: list[_Part | None] = []
        for name in header.seg_name:
            if name == stem.name:
                raise FormatError(f"record {stem.name} names itself as its segment")
            parts.append(None if name == "~" else _part(stem.with_name(name), _header(stem.with_name(name))))
        for part, length in zip(parts, header.seg_len, strict=True):
            if part is not None and (hasattr(part.header, "seg_name") or (length and part.n_frames < length)):
                raise truncated(f"segment {part.stem.name} of {stem.name}", part.n_frames, length, float(header.fs))
        described = [part for part in parts if part is not None]
        if not described:
            raise FormatError(f"record {stem.name} has no segment with a signal")
        layout = described[0].header  # the first segment, or the layout segment of a variable record, names all leads
        places = np.concatenate([[0], np.cumsum(np.asarray(header.seg_len, object))])
        return cls(
            stem, tuple(parts), tuple(int(place) for place in places), _channels(layout), list(layout.samps_per_frame or [])
        )

    @property
    def n_frames(self) -> int:
        return self.places[-1]

    def frames_of(self, chosen: Chosen) -> int:
        """Return the samples a frame that the chosen leads share."""
        return int(self.frames[chosen.index[0]])

    def within(self, first: int, last: int) -> Iterator[tuple[_Part, int]]:
        """Yield the segments with a frame between two, and the frame at which each begins."""
        for part, (place, end) in zip(self.parts, pairwise(self.places), strict=True):
            if part is not None and place < last and end > first and end > place:
                yield _Part(part.stem, part.header, end - place), place

    def check_size(self, chosen: Chosen, n_samples: int) -> None:
        """Raise if the result would be far larger than the record's files can fill."""
        held = sum(
            _dat(part.stem, name).stat().st_size
            for part in self.parts
            if part
            for name in set(part.header.file_name or ()) - {"~"}
        )
        if n_samples * 4 * len(chosen.index) > 8 * held + _MOST_BYTES:
            raise FormatError(
                f"record {self.stem.name} claims {n_samples} samples of {len(chosen.index)} leads; its files hold {held} bytes",
                hint="If it has long gaps, read a part of it: --start and --end, or start_s and end_s.",
            )


def _header(stem: Path) -> Any:
    file = stem.with_name(stem.name + ".hea")
    if not file.is_file():
        raise RecordNotFoundError(f"no WFDB header at {file}", hint="Give the record's path without extension.")
    try:
        header = wfdb.rdheader(str(stem))
        if not hasattr(header, "seg_name"):
            _check_fields(header)
    except _NOT_READABLE as error:
        raise unreadable(f"record {stem.name} cannot be read as WFDB", error) from error
    return header


def _check_fields(header: Any) -> None:
    if not header.n_sig:
        return
    described = len(header.sig_name or ())
    if described != header.n_sig:
        raise ValueError(f"{header.n_sig} signals are announced and {described} described")
    unknown = {fmt for fmt, file in zip(header.fmt, header.file_name, strict=True) if file != "~"} - set(_INVALID)
    if unknown:
        raise ValueError(f"WFDB defines no format {min(unknown)[:12]}")
    fields = zip(header.sig_name, header.adc_gain, header.samps_per_frame, header.byte_offset, strict=True)
    for name, gain, spf, offset in fields:
        if not (np.isfinite(gain) and gain > 0 and 1 <= spf <= 1 << 16 and (offset or 0) >= 0):
            raise ValueError(f"signal '{name}' has gain {gain}, {spf} samples a frame, offset {offset}")
    if any(skew and skew > 1 << 16 for skew in header.skew):
        raise ValueError("a skew is out of range")


def _channels(header: Any) -> list[Channel]:
    fields = zip(header.sig_name or [], header.units or [], header.samps_per_frame or [], strict=False)
    return [Channel(name or "", unit or "mV", float(header.fs) * spf) for name, unit, spf in fields]


def _part(stem: Path, header: Any) -> _Part:
    """Return a segment, its length taken from its files where the header leaves it out."""
    return _Part(stem, header, int(header.sig_len or _frames_held(stem, header) or 0))


def _frames_held(stem: Path, header: Any) -> int | None:
    """Return how many frames the files of a segment hold; None where they are compressed, or there are none."""
    if hasattr(header, "seg_name") or not header.n_sig:
        return None
    held = []
    for name in dict.fromkeys(header.file_name):
        indices = [i for i, other in enumerate(header.file_name) if other == name]
        fmt, spf = header.fmt[indices[0]], sum(header.samps_per_frame[i] for i in indices)
        if name != "~" and fmt in _BYTES:
            size = _dat(stem, name).stat().st_size - (header.byte_offset[indices[0]] or 0)
            held.append(int(max(0, size) / _BYTES[fmt] + 1e-6) // spf)
    return min(held, default=None)


def _dat(stem: Path, name: str) -> Path:
    file = stem.with_name(name)
    if not file.is_file():
        raise RecordNotFoundError(f"a signal file of record {stem.name} is missing: {file.name}")
    return file


def _read_part(part: _Part, chosen: Chosen, out: npt.NDArray[np.float32], frames: tuple[int, int]) -> None:
    """Fill a piece of the result from some frames of one segment; leads that the segment lacks stay NaN."""
    first, last = frames
    header = part.header
    held = _frames_held(part.stem, header)
    if held is not None and last > held:
        raise truncated(f"record {part.stem.name}", held, part.n_frames, float(header.fs))
    columns = _columns(header, chosen)
    if not columns:
        return
    whole = any(header.fmt[i] in _WHOLE for i in columns.values())
    block = last if whole else _BLOCK
    sums = dict.fromkeys(columns, 0)
    for at in range(0 if whole else first, last, block):
        counts = _read_counts(part, list(columns.values()), (at, min(last, at + block)))
        for (column, index), samples in zip(columns.items(), counts, strict=True):
            spf = header.samps_per_frame[index]
            sums[column] = (sums[column] + int(samples.sum(dtype=np.int64))) & 0xFFFF
            low = max(0, first - at) * spf
            _convert(samples[low:], header, index, chosen.factors[column], out[(max(at, first) - first) * spf :, column])
    declared = header.sig_len or 0
    if first == 0 and last == declared:
        _check_sums(part, columns, sums)


def _columns(header: Any, chosen: Chosen) -> dict[int, int]:
    """Return, for each column of the result that a segment can fill, which of its signals does."""
    names = [channel.name for channel in _channels(header)]
    found = Request().choose(_channels(header), "a segment") if names else None
    if found is None:
        return {}
    by_name = dict(zip(found.lead_names, found.index, strict=True))
    return {column: by_name[name] for column, name in enumerate(chosen.lead_names) if name in by_name}


def _read_counts(part: _Part, channels: list[int], frames: tuple[int, int]) -> list[npt.NDArray[np.int32]]:
    swapped = any(part.header.fmt[i] == "61" for i in channels)  # the package fails on its own big-endian counts
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = wfdb.rdrecord(
                str(part.stem),
                *frames,
                channels=channels,
                physical=swapped,
                smooth_frames=False,
                return_res=64 if swapped else 32,
            )
    except _NOT_READABLE as error:
        raise unreadable(f"record {part.stem.name} cannot be read as WFDB", error) from error
    if not swapped:
        return [np.asarray(samples) for samples in found.e_d_signal]
    header = part.header
    counts = [p * header.adc_gain[i] + header.baseline[i] for i, p in zip(channels, found.e_p_signal, strict=True)]
    return [np.asarray(np.rint(np.nan_to_num(each, nan=-(2**15))), np.int32) for each in counts]


def _convert(samples: npt.NDArray[np.int32], header: Any, index: int, factor: float, out: npt.NDArray[np.float32]) -> None:
    invalid = _INVALID[header.fmt[index]]
    millivolts = (samples - float(header.baseline[index])) / float(header.adc_gain[index]) * factor
    out[: len(samples)] = millivolts
    if invalid is not None:
        out[: len(samples)][samples == invalid] = np.nan


def _check_sums(part: _Part, columns: dict[int, int], sums: dict[int, int]) -> None:
    header = part.header
    for column, index in columns.items():
        stated = header.checksum[index] if header.checksum else None
        if stated is None or header.fmt[index] in _FLAC or header.skew[index]:
            continue
        if (stated - sums[column]) & 0xFFFF:
            raise FormatError(
                f"record {part.stem.name} does not agree with the checksum of lead '{header.sig_name[index]}' in its header",
                hint="Copy its files from their source again; a part of it can still be read with --end.",
            )


def _start(header: Any) -> dt.datetime | None:
    if header.base_date is None or header.base_time is None:
        return None
    return dt.datetime.combine(header.base_date, header.base_time)


def _stem(path: str | Path) -> Path:
    path = Path(path)
    return path.with_suffix("") if path.suffix == ".hea" else path
