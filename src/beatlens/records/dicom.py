"""DICOM waveforms (12-lead, general and ambulatory ECG), read with pydicom.

The attributes are those of the Waveform Module, DICOM PS3.3 C.10.9: samples of all channels in turn, and for each channel its
source, sensitivity, correction and baseline.
"""

from __future__ import annotations

import datetime as dt
import io
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from beatlens._optional import require
from beatlens.errors import BeatlensError, FormatError, SignalError
from beatlens.records.record import Record
from beatlens.records.request import Channel, Chosen, Request, truncated, unreadable

_DEFLATED = b"1.2.840.10008.1.2.1.99"
_MOST_BYTES = 1 << 29
_DTYPES = {"SB": "i1", "UB": "u1", "SS": "<i2", "US": "<u2", "SL": "<i4", "UL": "<u4"}
_PATIENT = {
    "name": "PatientName",
    "id": "PatientID",
    "birth_date": "PatientBirthDate",
    "sex": "PatientSex",
    "age": "PatientAge",
}


def read_dicom(path: Path, request: Request) -> Record:
    """Read the first group of ECG channels of a DICOM waveform file.

    Raises
    ------
    MissingDependencyError
        If pydicom is not installed.
    FormatError
        If the file is damaged or truncated.
    SignalError
        If it holds no waveform, or no ECG lead.
    """
    pydicom = require("pydicom", "reading DICOM needs", extra="formats")
    if path.stat().st_size > _MOST_BYTES:
        raise FormatError(f"{path.name} must be smaller than {_MOST_BYTES >> 20} MB to be read as DICOM")
    raw = path.read_bytes()
    if _DEFLATED in raw[: 1 << 16]:
        raise FormatError(
            f"{path.name} is a deflated DICOM file, which is not read",
            hint="Export it uncompressed (explicit VR, little endian).",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _read(pydicom.dcmread(io.BytesIO(raw)), path, request)
    except BeatlensError:
        raise
    except _broken(pydicom) as error:
        raise unreadable(f"{path.name} cannot be read as DICOM", error) from error


def _broken(pydicom: Any) -> tuple[type[Exception], ...]:
    builtin = (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        ArithmeticError,
        OSError,
        EOFError,
        RuntimeError,
        AssertionError,
        struct.error,
    )
    return (*builtin, pydicom.errors.InvalidDicomError, pydicom.errors.BytesLengthException)


def _read(data: Any, path: Path, request: Request) -> Record:
    groups = data.get("WaveformSequence") or []
    if not groups:
        raise SignalError(f"a recording must hold samples; {path.name} is a DICOM file without a waveform")
    group = next((g for g in groups if str(g.get("WaveformOriginality", "")).upper() != "DERIVED"), groups[0])
    notes = [f"The file holds {len(groups)} groups of channels; the first recorded one was read."] if len(groups) > 1 else []
    fs = float(group.SamplingFrequency)
    definitions = list(group.ChannelDefinitionSequence)
    chosen = request.choose([Channel(_lead(each), _unit(each), fs) for each in definitions], path.name)
    counts, declared = _counts(group, len(definitions), path, little=data.original_encoding[1] is not False)
    first, last = request.window(chosen.fs, declared, path.name)
    if last > len(counts):
        raise truncated(path.name, len(counts), declared, chosen.fs)
    start = _start(data, group)
    return Record(
        signal=_convert(counts[first:last], definitions, chosen, group),
        fs=chosen.fs,
        lead_names=chosen.lead_names,
        name=path.stem,
        start_time=start + dt.timedelta(seconds=first / chosen.fs) if start else None,
        source="dicom",
        patient=_patient(data) if request.patient else {},
        notes=(*chosen.notes, *notes),
    )


def _counts(group: Any, n_channels: int, path: Path, *, little: bool) -> tuple[npt.NDArray[Any], int]:
    kind = str(group.get("WaveformSampleInterpretation", "SS"))
    if kind not in _DTYPES or n_channels != int(group.NumberOfWaveformChannels):
        raise FormatError(
            f"{path.name} must have 8 to 32 bit samples of {n_channels} channels; "
            f"got kind '{kind[:8]}' of {group.NumberOfWaveformChannels} channels"
        )
    raw = group.WaveformData
    dtype = np.dtype(_DTYPES[kind]) if little else np.dtype(_DTYPES[kind]).newbyteorder(">")
    held = len(raw) // (dtype.itemsize * n_channels)
    counts = np.frombuffer(raw, dtype, held * n_channels).reshape(held, n_channels)
    return counts, int(group.NumberOfWaveformSamples)


def _convert(counts: npt.NDArray[Any], definitions: list[Any], chosen: Chosen, group: Any) -> npt.NDArray[np.float32]:
    signal = np.empty((len(counts), len(chosen.index)), np.float32)
    padding = group.get("WaveformPaddingValue")
    missing = (
        np.frombuffer(padding, counts.dtype)[0] if isinstance(padding, bytes) and len(padding) >= counts.itemsize else None
    )
    for column, (index, millivolts) in enumerate(zip(chosen.index, chosen.factors, strict=True)):
        each = definitions[index]
        scale = float(each.ChannelSensitivity) * float(each.get("ChannelSensitivityCorrectionFactor") or 1.0)
        offset = float(each.get("ChannelBaseline") or 0.0)
        if not (np.isfinite(scale) and scale and np.isfinite(offset)):
            raise FormatError(
                f"the sensitivity of lead '{chosen.lead_names[column]}' must be a number other than zero; got {scale}"
            )
        signal[:, column] = (counts[:, index] * scale + offset) * millivolts
        if missing is not None:
            signal[counts[:, index] == missing, column] = np.nan
    return signal


def _lead(definition: Any) -> str:
    source = (definition.get("ChannelSourceSequence") or [None])[0]
    label = str(definition.get("ChannelLabel") or "")
    return str(source.get("CodeMeaning") or label) if source is not None else label


def _unit(definition: Any) -> str:
    units = definition.get("ChannelSensitivityUnitsSequence") or []
    return str(units[0].get("CodeValue", "")) if units else ""


def _start(data: Any, group: Any) -> dt.datetime | None:
    """Return when the waveform began: the acquisition's date and time, moved by the group's own offset."""
    stamp = str(data.get("AcquisitionDateTime") or "") or str(data.get("AcquisitionDate") or "") + str(
        data.get("AcquisitionTime") or ""
    )
    try:
        start = dt.datetime.strptime(stamp[:14], "%Y%m%d%H%M%S")
        return start + dt.timedelta(milliseconds=float(group.get("MultiplexGroupTimeOffset") or 0.0))
    except (ValueError, OverflowError):
        return None


def _patient(data: Any) -> dict[str, str]:
    fields = {key: str(data.get(keyword, "") or "").strip() for key, keyword in _PATIENT.items()}
    return {key: value for key, value in fields.items() if value}
