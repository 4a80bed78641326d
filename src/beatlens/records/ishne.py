"""ISHNE Holter recordings, version 1.0.

Layout after F. Badilini, "The ISHNE Holter Standard Output File Format", Annals of Noninvasive Electrocardiology 3 (1998)
263-266: eight magic bytes, a CRC-CCITT of the header, a fixed header of 512 bytes, a variable block, then 16-bit samples of
all leads in turn, least significant byte first.
"""

from __future__ import annotations

import binascii
import datetime as dt
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from beatlens.errors import FormatError
from beatlens.records.record import Record
from beatlens.records.request import Channel, Request, truncated

MAGIC = b"ISHNE1.0"
_FIXED = 522  # magic, CRC and the fixed header
_CHUNK = 1 << 16  # samples of each lead that are converted at a time
_LEADS = (
    "unknown",
    "bipolar",
    "X",
    "Y",
    "Z",
    "I",
    "II",
    "III",
    "aVR",
    "aVL",
    "aVF",
    "V1",
    "V2",
    "V3",
    "V4",
    "V5",
    "V6",
    "ES",
    "AS",
    "AI",
)
_SEX = {1: "male", 2: "female"}


@dataclass(frozen=True)
class _Header:
    n_samples: int
    offset: int
    names: tuple[str, ...]
    millivolts: tuple[float, ...]
    fs: float
    start: dt.datetime | None
    patient: dict[str, str]


def read_ishne(path: Path, request: Request) -> Record:
    """Read an ISHNE Holter file; a part of it costs only that part.

    Raises
    ------
    FormatError
        If the header is damaged (its checksum is compared), or the file is shorter than the header says.
    SignalError
        If it has no ECG lead or no samples.
    """
    with path.open("rb") as file:
        header = _read_header(file, path)
        chosen = request.choose([Channel(name, "mV", header.fs) for name in header.names], path.name)
        first, last = request.window(chosen.fs, header.n_samples, path.name)
        width = 2 * len(header.names)
        held = max(0, path.stat().st_size - header.offset) // width
        if last > held:
            raise truncated(path.name, held, header.n_samples, chosen.fs)
        signal = np.empty((last - first, len(chosen.index)), np.float32)
        file.seek(header.offset + first * width)
        for at in range(0, last - first, _CHUNK):
            count = min(_CHUNK, last - first - at)
            counts = np.fromfile(file, "<i2", count * len(header.names)).reshape(count, len(header.names))
            _convert(counts, chosen.index, header.millivolts, signal[at : at + count])
    return Record(
        signal=signal,
        fs=chosen.fs,
        lead_names=chosen.lead_names,
        name=path.stem,
        start_time=header.start + dt.timedelta(seconds=first / chosen.fs) if header.start else None,
        source="ishne",
        patient=header.patient if request.patient else {},
        notes=chosen.notes,
    )


def _convert(
    counts: npt.NDArray[np.int16], index: tuple[int, ...], millivolts: tuple[float, ...], out: npt.NDArray[np.float32]
) -> None:
    for column, lead in enumerate(index):
        np.multiply(counts[:, lead], millivolts[lead], out=out[:, column], dtype=np.float64, casting="unsafe")


def _read_header(file: BinaryIO, path: Path) -> _Header:
    fixed = file.read(_FIXED)
    if len(fixed) < _FIXED:
        raise FormatError(f"{path.name} is truncated: it ends in the ISHNE header, after {len(fixed)} of {_FIXED} bytes")
    crc, variable, n_samples, _, offset = struct.unpack_from("<HiIii", fixed, 8)
    size = path.stat().st_size
    if not (0 <= variable <= size - _FIXED and _FIXED <= offset <= size):
        raise FormatError(
            f"{path.name} has an ISHNE header that points outside the file: block of {variable} bytes, samples at {offset}"
        )
    if binascii.crc_hqx(fixed[10:] + file.read(variable), 0xFFFF) != crc:
        raise FormatError(
            f"{path.name} has an ISHNE header that does not agree with its checksum",
            hint="Copy the file from its source again.",
        )
    (n_leads,) = struct.unpack_from("<h", fixed, 156)
    if not 1 <= n_leads <= 12:
        raise FormatError(f"the number of leads must be 1 to 12; {path.name} states {n_leads}")
    codes = struct.unpack_from("<12h", fixed, 158)[:n_leads]
    resolutions = struct.unpack_from("<12h", fixed, 206)[:n_leads]
    if min(resolutions) <= 0:
        raise FormatError(f"the resolution of each lead must be positive; {path.name} states {min(resolutions)} nV")
    (fs,) = struct.unpack_from("<h", fixed, 272)
    return _Header(
        n_samples=n_samples,
        offset=offset,
        names=tuple(_LEADS[code] if 5 <= code < len(_LEADS) or 2 <= code <= 4 else "ECG" for code in codes),
        millivolts=tuple(nanovolts * 1e-6 for nanovolts in resolutions),
        fs=float(fs),
        start=_moment(struct.unpack_from("<3h", fixed, 138), struct.unpack_from("<3h", fixed, 150)),
        patient=_patient(fixed),
    )


def _moment(day: tuple[int, ...], time: tuple[int, ...]) -> dt.datetime | None:
    """Return a date (day, month, year) and a time as one; None where the fields hold none."""
    try:
        return dt.datetime.combine(dt.date(day[2], day[1], day[0]), dt.time(time[0], time[1], time[2]))
    except ValueError:
        return None


def _patient(fixed: bytes) -> dict[str, str]:
    sex, _, *birth = struct.unpack_from("<5h", fixed, 128)
    born = _moment(tuple(birth), (0, 0, 0))
    fields = {
        "first_name": _text(fixed[28:68]),
        "last_name": _text(fixed[68:108]),
        "id": _text(fixed[108:128]),
        "sex": _SEX.get(sex, ""),
        "birth_date": born.date().isoformat() if born else "",
    }
    return {key: value for key, value in fields.items() if value}


def _text(raw: bytes) -> str:
    return raw.split(b"\x00", 1)[0].decode("latin-1").strip()
