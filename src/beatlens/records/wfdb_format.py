"""WFDB records and annotation files, read with PhysioNet's own package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import wfdb

from beatlens.errors import FormatError, RecordNotFoundError
from beatlens.records.record import Annotations, Record

_NOT_READABLE = (ValueError, IndexError, KeyError, OSError, TypeError, AttributeError, OverflowError, ZeroDivisionError)


def read_wfdb(path: str | Path) -> Record:
    """Read a WFDB record.

    Parameters
    ----------
    path : str or Path
        The record: its path without extension, or its ``.hea`` file.

    Returns
    -------
    Record
        Without annotations; see `read_annotations`.

    Raises
    ------
    RecordNotFoundError
        If the header or a signal file is missing.
    FormatError
        If the header or a signal cannot be read, or is shorter than the header says.
    """
    stem = _stem(path)
    header = stem.with_name(stem.name + ".hea")
    if not header.is_file():
        raise RecordNotFoundError(f"no WFDB header at {header}", hint="Give the record's path without extension.")
    try:
        found = wfdb.rdrecord(str(stem), return_res=32)
    except FileNotFoundError as error:
        raise RecordNotFoundError(f"a signal file of record {stem.name} is missing: {error.filename}") from error
    except _NOT_READABLE as error:
        raise FormatError(f"record {stem.name} cannot be read as WFDB: {error}") from error
    return Record(
        signal=np.asarray(found.p_signal, dtype=np.float32),
        fs=float(found.fs),
        lead_names=tuple(found.sig_name),
        name=stem.name,
        source="wfdb",
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
        found = wfdb.rdann(str(stem), extension)
    except _NOT_READABLE as error:
        raise FormatError(f"{file} cannot be read as WFDB annotations: {error}") from error
    return Annotations(
        samples=np.asarray(found.sample, dtype=np.int64),
        symbols=np.asarray(found.symbol, dtype="<U1"),
        aux_notes=tuple(note.rstrip("\x00") for note in found.aux_note),
        subtypes=np.asarray(found.subtype, dtype=np.int64),
        fs=float(found.fs) if found.fs else None,
    )


def _stem(path: str | Path) -> Path:
    path = Path(path)
    return path.with_suffix("") if path.suffix == ".hea" else path
