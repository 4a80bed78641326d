"""Files of electrocardiographs, read with ecgdatakit and checked: SCP-ECG, HL7 aECG, GE MUSE and Philips Sierra XML.

The package warns where this reader refuses: at a checksum that does not agree, at samples without a scale. It takes sizes in a
header at their word; they are compared with the file first. XML that declares entities is refused before it is parsed.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from beatlens._optional import require
from beatlens.errors import FormatError, SignalError
from beatlens.records.record import Record
from beatlens.records.request import Channel, Request, first_line

_MOST_XML = 1 << 26
_MOST_SCP = 1 << 24
_NAMES = {"scp-ecg": "SCP-ECG", "hl7-aecg": "HL7 aECG", "ge-muse": "GE MUSE XML", "philips-sierra": "Philips Sierra XML"}


def read_scp(path: Path, request: Request) -> Record:
    """Read an SCP-ECG file (EN 1064); see `read_device_xml` for what is raised."""
    if path.stat().st_size > _MOST_SCP:
        raise FormatError(f"{path.name} must be smaller than {_MOST_SCP >> 20} MB to be read as SCP-ECG")
    _check_scp(path)
    return _read(path, request, "scp-ecg")


def read_device_xml(path: Path, request: Request, source: str) -> Record:
    """Read an electrocardiograph's XML.

    Parameters
    ----------
    path : Path
        The file.
    request : Request
        Leads, part, unit.
    source : str
        ``"hl7-aecg"``, ``"ge-muse"`` or ``"philips-sierra"``.

    Raises
    ------
    MissingDependencyError
        If ecgdatakit is not installed.
    FormatError
        If the file is damaged, does not agree with a checksum, or declares entities.
    SignalError
        If there is no ECG lead, or a lead has no unit.
    """
    if path.stat().st_size > _MOST_XML:
        raise FormatError(f"{path.name} must be smaller than {_MOST_XML >> 20} MB to be read as XML")
    if b"<!ENTITY" in path.read_bytes().replace(b"\x00", b"").upper():
        raise FormatError(f"{path.name} declares XML entities, which can be made to fill the memory, and is refused")
    return _read(path, request, source)


def _read(path: Path, request: Request, source: str) -> Record:
    parser = require("ecgdatakit.parsing.parser", f"reading {_NAMES[source]} needs", extra="formats")
    known = require("ecgdatakit.exceptions", f"reading {_NAMES[source]} needs", extra="formats")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = parser.FileParser.parse(path)
        except (
            known.ECGDataKitError,
            ValueError,
            OverflowError,
            RecursionError,
            OSError,
            ArithmeticError,
            LookupError,
        ) as error:
            text = first_line(error).replace(str(path), path.name)
            raise FormatError(f"{path.name} cannot be read as {_NAMES[source]}: {text}") from error
    if any(issubclass(warning.category, known.ChecksumWarning) for warning in caught):
        raise FormatError(f"{path.name} does not agree with its own checksum", hint="Copy the file from its source again.")
    if found.file_format.name != _NAMES[source]:
        raise FormatError(f"{path.name} looks like {_NAMES[source]} and like {found.file_format.name}, and is refused")
    return _record(path, request, source, found)


def _record(path: Path, request: Request, source: str, found: Any) -> Record:
    fs = _exact_rate(found)
    leads = list(found.leads)
    chosen = request.choose(
        [Channel(lead.label, "" if lead.is_raw else lead.units, fs or float(lead.sampling_rate)) for lead in leads], path.name
    )
    starts = [int(leads[i].annotations.get("start_sample", "1")) - 1 for i in chosen.index]
    ends = [start + len(leads[i].samples) for start, i in zip(starts, chosen.index, strict=True)]
    total, held = max(ends), sum(len(lead.samples) for lead in leads)
    if total * len(chosen.index) > 64 * max(held, 1 << 14):
        raise FormatError(f"{path.name} places its leads {total} samples apart, and holds {held}")
    first, last = request.window(chosen.fs, total, path.name)
    signal = np.full((total, len(chosen.index)), np.nan, np.float32)
    for column, (index, start) in enumerate(zip(chosen.index, starts, strict=True)):
        signal[start : ends[column], column] = np.asarray(leads[index].samples, np.float64) * chosen.factors[column]
    began = found.recording.date
    began = began.replace(tzinfo=None) if isinstance(began, dt.datetime) else None
    uneven = min(ends) < total or max(starts) > 0
    return Record(
        signal=signal[first:last],
        fs=chosen.fs,
        lead_names=chosen.lead_names,
        name=path.stem,
        start_time=began + dt.timedelta(seconds=first / chosen.fs) if began else None,
        source=source,
        patient=_patient(found.patient) if request.patient else {},
        notes=(*chosen.notes, *(["The leads are not of one length: NaN where one has no sample."] if uneven else [])),
    )


def _exact_rate(found: Any) -> float | None:
    """Return the rate that the file states, which the package rounds to a whole number."""
    interval_us = found.raw_metadata.get("rhythm_sample_interval_us")
    exact = 1e6 / interval_us if interval_us else found.raw_metadata.get("rhythm_time", {}).get("sampling_rate_exact")
    return None if exact is None else round(float(exact), 6)


def _patient(info: Any) -> dict[str, str]:
    birth = info.birth_date
    fields = {
        "id": info.patient_id,
        "first_name": info.first_name,
        "last_name": info.last_name,
        "birth_date": birth.date().isoformat() if isinstance(birth, dt.datetime) else "",
        "sex": info.sex,
        "age": "" if info.age is None else str(info.age),
    }
    return {key: value for key, value in fields.items() if value}


def _check_scp(path: Path) -> None:
    """Raise if the lead definitions (Section 3) claim more samples than the rhythm data (Section 6) has bits."""
    raw = path.read_bytes()
    with contextlib.suppress(struct.error, IndexError):  # the package says what is wrong with such a file
        (size,) = struct.unpack_from("<I", raw, 2)
        if size > len(raw):
            raise FormatError(
                f"{path.name} is truncated: it holds {len(raw)} of {size} bytes", hint="Copy the file from its source again."
            )
        (length,) = struct.unpack_from("<I", raw, 10)
        sections = {}
        for at in range(22, min(6 + length, len(raw)) - 9, 10):
            number, span, index = struct.unpack_from("<HII", raw, at)
            sections[number] = (index - 1, span)
        start, _ = sections.get(3, (0, 0))
        bits = 8 * min(len(raw), sections.get(6, (0, 0))[1])
        for lead in range(raw[start + 16] if start else 0):
            first, last = struct.unpack_from("<II", raw, start + 18 + 9 * lead)
            if last - first >= bits:
                raise SignalError(
                    f"lead {lead + 1} of {path.name} claims {last - first + 1} samples, more than the file has bits"
                )
