"""One `read` for every format: the content decides which reader takes a file, never its extension."""

from __future__ import annotations

import importlib
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from beatlens.errors import FormatError, RecordNotFoundError, SignalError
from beatlens.records.record import Record
from beatlens.records.request import Request

_HEAD = 1 << 16
_CHUNK = 1 << 16

_READERS = {
    "wfdb": "wfdb_format:read_wfdb",
    "edf": "edf:read_edf",
    "ishne": "ishne:read_ishne",
    "dicom": "dicom:read_dicom",
    "scp-ecg": "devices:read_scp",
    "npy": "arrays:read_npy",
    "npz": "arrays:read_npz",
    "mat": "arrays:read_mat",
    "text": "text:read_text",
}
_XML = {"annotatedecg": "hl7-aecg", "restingecg": "ge-muse", "restingecgdata": "philips-sierra"}
_MAGIC = {
    b"0       ": "edf",
    b"\xffBIOSEMI": "edf",
    b"ISHNE1.0": "ishne",
    b"\x93NUMPY": "npy",
    b"PK\x03\x04": "npz",
    b"MATLAB 5.0 MAT-file": "mat",
}
_READ = "WFDB, EDF/BDF, ISHNE, DICOM, SCP-ECG, HL7 aECG, GE MUSE and Philips Sierra XML, CSV, MATLAB and NumPy files are read."
_UNPACK = "Unpack it first."
_AS_V7 = "In MATLAB: save(name, 'signal', 'fs', '-v7')."
_REFUSED = {
    b"PK\x03\x04": ("an archive (zip)", _UNPACK),
    b"\x1f\x8b": ("compressed (gzip)", _UNPACK),
    b"BZh": ("compressed (bzip2)", _UNPACK),
    b"\xfd7zXZ": ("compressed (xz)", _UNPACK),
    b"7z\xbc\xaf": ("an archive (7z)", _UNPACK),
    b"MATLAB 7.3 MAT-file": ("a MATLAB 7.3 file", _AS_V7),
    b"\x89HDF\r\n\x1a\n": ("an HDF5 file", _AS_V7),
    b"%PDF": ("a PDF document", _READ),
    b"\x89PNG": ("a picture (PNG)", _READ),
    b"\xff\xd8\xff": ("a picture (JPEG)", _READ),
    b"ANN  1.0": ("an ISHNE annotation file without a signal", _READ),
    b"SQLite format 3": ("a database", _READ),
}
_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.\-]*:)?([A-Za-z_][\w.\-]*)")
_KINDS = {
    ".scp": "SCP-ECG",
    ".edf": "EDF",
    ".bdf": "BDF",
    ".dcm": "DICOM",
    ".ecg": "ISHNE",
    ".mat": "a MATLAB file",
    ".npy": "a NumPy array",
    ".npz": "NumPy arrays",
    ".xml": "the XML of an electrocardiograph",
    ".csv": "a table",
    ".tsv": "a table",
    ".hea": "a WFDB header",
}


def read(
    path: str | Path,
    *,
    fs: float | None = None,
    unit: str | None = None,
    leads: Sequence[str] | str | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    patient: bool = False,
) -> Record:
    """Read an ECG recording of any format that Beatlens knows.

    Parameters
    ----------
    path : str or Path
        The file; for WFDB the header, a signal file, or the record's path without extension.
    fs : float, optional
        Sampling rate in Hz, for a file that does not state it.
    unit : str, optional
        What one unit of the file's numbers is: ``"mV"``, ``"uV"``, ``"V"`` or ``"nV"``, for a file that does not state it.
    leads : sequence of str, optional
        Names of the leads to read, in any spelling; all ECG leads if not given.
    start_s, end_s : float, optional
        The part to read, in seconds from the start of the file.
    patient : bool
        Whether to keep the fields that identify the patient, in `Record.patient`. Those of an Apple Health export never are.

    Returns
    -------
    Record
        Signal in mV, NaN in gaps; what the reader decided stands in `Record.notes`.

    Raises
    ------
    RecordNotFoundError
        If there is no such file, or no lead of a name.
    FormatError
        If the file is truncated, damaged, or of no format that is read.
    SignalError
        If its rate or unit is not known, it has no ECG lead or no samples, or holds no finite value.
    MissingDependencyError
        If the format needs a package that is not installed.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(folder + "/strip.npy", np.zeros(720))
    ...     record = read(folder + "/strip.npy", fs=360, unit="mV")
    >>> record.lead_names, record.duration_s
    (('ECG',), 2.0)
    """
    path = Path(path)
    names = (leads,) if isinstance(leads, str) else None if leads is None else tuple(leads)
    request = Request(fs=fs, unit=unit, leads=names, start_s=start_s, end_s=end_s, patient=patient)
    path, kind = _find(path)
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # what does not fit 32 bits becomes infinite, and is refused below
            record = _reader(kind)(path, request)
        if kind == "wfdb":
            beside = importlib.import_module("beatlens.records.wfdb_format").annotations_beside
            record = replace(record, annotations=beside(path, record, start_s or 0.0))
    except PermissionError as error:
        raise RecordNotFoundError(f"{path} may not be read", hint="Check the file's permissions.") from error
    return _checked(record)


def detect_format(path: Path) -> str:
    """Return which reader takes a file, by its content.

    Raises
    ------
    FormatError
        If none does: the sentence says what the file is, where that can be told.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise FormatError(f"{path.name} is empty", hint="Copy the file from its source again.")
    kind = _by_magic(head, path) or _beside_header(head, path) or _by_markup(head, path) or _by_text(head)
    if kind is None:
        claimed = _KINDS.get(path.suffix.lower())
        named = f": it is named as {claimed}, and its content is not" if claimed else ""
        raise FormatError(f"{path.name} is not a recording that Beatlens can read{named}", hint=_READ)
    return kind


def _find(path: Path) -> tuple[Path, str]:
    if path.is_file():
        kind = "wfdb" if path.suffix == ".hea" else detect_format(path)
        return (path.with_suffix("") if kind == "wfdb" and path.suffix else path), kind
    if path.with_name(path.name + ".hea").is_file():
        return path, "wfdb"
    if path.is_dir():
        raise RecordNotFoundError(f"{path} is a folder", hint="Name one recording in it.")
    raise RecordNotFoundError(f"no recording at {path}", hint="Check the path; a WFDB record may be given without extension.")


def _reader(kind: str) -> Callable[[Path, Request], Record]:
    if kind in _XML.values():
        read_xml = importlib.import_module("beatlens.records.devices").read_device_xml
        return lambda path, request: cast("Record", read_xml(path, request, kind))
    module, function = _READERS[kind].split(":")
    return cast("Callable[[Path, Request], Record]", getattr(importlib.import_module(f"beatlens.records.{module}"), function))


def _by_magic(head: bytes, path: Path) -> str | None:
    kind = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)
    if kind == "npz" and b".npy" not in head[:512]:
        kind = None  # some other archive
    if kind == "mat" and _named_in_header(path):
        kind = "wfdb"  # the PhysioNet challenges' signal files
    if kind is None and head[128:132] == b"DICM":
        kind = "dicom"
    if kind is None and _is_scp(head):
        kind = "scp-ecg"
    for magic, (what, cure) in _REFUSED.items():
        if kind is None and head.startswith(magic):
            raise FormatError(f"{path.name} is {what}, which is not read", hint=cure)
    return kind


def _is_scp(head: bytes) -> bool:
    """Say whether Section 0, which lists the others, stands where EN 1064 puts it."""
    if len(head) < 32:
        return False
    number, length, first, _, position = struct.unpack_from("<HI8xHII", head, 8)
    return (number, first, position) == (0, 0, 7) and length >= 26 and length % 10 == 6


def _named_in_header(path: Path) -> bool:
    header = path.with_suffix(".hea")
    return header.is_file() and path.name.encode() in header.read_bytes()[:_HEAD]


def _beside_header(head: bytes, path: Path) -> str | None:
    """Return WFDB for a signal or annotation file with its header beside it; a table beside one is still a table."""
    known = path.with_suffix(".hea").is_file() and (_named_in_header(path) or _by_text(head) is None)
    return "wfdb" if known else None


def _by_markup(head: bytes, path: Path) -> str | None:
    plain = head.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if not plain.startswith(b"<"):
        return None
    root = _root_element(plain)
    kind = _XML.get(root.lower()) if root else None
    if kind is None:
        named = f"its root is <{root[:40]}>" if root else "it has no root"
        raise FormatError(
            f"{path.name} is markup of a kind that is not read: {named}",
            hint="HL7 aECG, GE MUSE and Philips Sierra XML are read.",
        )
    return kind


def _root_element(markup: bytes) -> str | None:
    """Return the local name of the root element, whatever comments and declarations stand before it.

    Each step goes on from where the last one ended: a pattern that backtracks would take minutes for some heads.
    """
    at = markup.find(b"<")
    while at >= 0:
        if markup.startswith(b"<!--", at):
            end = markup.find(b"-->", at + 4)
        elif markup.startswith(b"<?", at):
            end = markup.find(b"?>", at + 2)
        elif markup.startswith(b"<!", at):
            end, subset = markup.find(b">", at), markup.find(b"[", at)
            if 0 <= subset < end:
                closing = markup.find(b"]", subset)
                end = markup.find(b">", closing) if closing >= 0 else -1
        else:
            found = _ROOT.match(markup, at)
            return found[1].decode("latin-1") if found else None
        at = markup.find(b"<", end) if end >= 0 else -1
    return None


def _by_text(head: bytes) -> str | None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text"
    odd = sum(head.count(bytes([code])) for code in (*range(9), *range(14, 32), 127))
    return "text" if odd == 0 else None


def _checked(record: Record) -> Record:
    """Return the record if its values can be a voltage: at least one is finite, none infinite."""
    finite, largest = 0, 0.0
    for at in range(0, record.n_samples, _CHUNK):
        piece = record.signal[at : at + _CHUNK]
        if np.isinf(piece).any():
            where = at + int(np.argmax(np.isinf(piece).any(axis=1)))
            raise SignalError(f"every sample must be a finite number; {record.name} is infinite at {where / record.fs:.3f} s")
        known = piece[np.isfinite(piece)]
        finite += len(known)
        largest = max(largest, float(np.abs(known).max(initial=0.0)))
    if not finite:
        raise SignalError(f"a recording must hold at least one sample; every value of {record.name} is missing")
    if largest > 1e3 and record.source != "seed-demo":
        return replace(record, notes=(*record.notes, f"Voltages reach {largest:.3g} mV, which no ECG does: check the unit."))
    return record
