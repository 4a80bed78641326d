"""A folder of one's own: WFDB records with beat annotations, and a table that says whose they are.

The table is a CSV file with the columns ``record`` and ``patient`` and, if wanted, ``fold``: the fold that a patient's records
are held out in, or ``test`` for records that no training sees.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import wfdb

from beatlens._io import sha256_of
from beatlens.databases.identity import Intervals, find_mitdb_record, print_of
from beatlens.errors import AnnotationError, ConfigurationError, FormatError, LeakageError, RecordNotFoundError, closest
from beatlens.labels import classify_symbols
from beatlens.records.wfdb_format import read_annotations

TEST: Final = "test"
"""The fold of records that are only measured on."""
_IRREGULAR: Final = ("(AFIB", "(AFL")
_COLUMNS: Final = ("record", "patient")


@dataclass(frozen=True)
class Row:
    """One line of the table: a record, its patient, and its fold where one is given."""

    record: str
    patient: str
    fold: str = ""


@dataclass(frozen=True, eq=False)
class OwnRecord:
    """A record of the folder with its beats.

    Parameters
    ----------
    row : Row
    path : Path
        Without extension.
    fs : float
        Sampling rate in Hz.
    n_samples : int
    times_s : ndarray of shape (n_beats,)
        When its beats are, in seconds.
    classes : ndarray of str, shape (n_beats,)
        Of each by the paper mapping: N, S, V, F or Q.
    symbols : ndarray of str, shape (n_beats,)
    sinus : bool
        Whether less than half of its beats lie in annotated atrial flutter or fibrillation.
    files : dict of str to str
        SHA-256 of its signal files and its annotation file, by name.
    mitdb : str, optional
        The record of the MIT-BIH Arrhythmia Database that it is a copy of.
    """

    row: Row
    path: Path
    fs: float
    n_samples: int
    times_s: npt.NDArray[np.float64]
    classes: npt.NDArray[np.str_]
    symbols: npt.NDArray[np.str_]
    sinus: bool
    files: dict[str, str] = field(default_factory=dict)
    mitdb: str | None = None

    @property
    def intervals(self) -> Intervals:
        """Its print; see `beatlens.databases.identity.print_of`."""
        return print_of(self.times_s)


def read_table(table: Path) -> tuple[Row, ...]:
    """Read the table of patients.

    Raises
    ------
    RecordNotFoundError
        If there is no such file.
    FormatError
        If it lacks a column, a cell is empty, or a record stands in it twice.
    LeakageError
        If a patient stands in two folds.
    """
    try:
        lines = list(csv.DictReader(table.read_text(encoding="utf-8-sig").splitlines()))
    except FileNotFoundError as error:
        raise RecordNotFoundError(
            f"no table of patients at {table}", hint="A CSV file with the columns record,patient."
        ) from error
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise FormatError(f"{table} must be a CSV file in UTF-8; {error}") from error
    names = {(name or "").strip().lower(): name for name in (lines[0] if lines else {})}
    lacking = [name for name in _COLUMNS if name not in names]
    if lacking:
        raise FormatError(
            f"{table} must have the columns record and patient, and at least one line below; it lacks {', '.join(lacking)}",
            hint="Its first line names the columns: record,patient or record,patient,fold.",
        )
    rows = tuple(
        Row(*((line[names[name]] or "").strip() if name in names else "" for name in (*_COLUMNS, "fold"))) for line in lines
    )
    seen: set[str] = set()
    for number, row in enumerate(rows, start=2):
        if not row.record or not row.patient:
            raise FormatError(f"{table} must name a record and a patient on each line; line {number} does not")
        if row.record in seen:
            raise FormatError(f"{table} must name each record once; {row.record} stands in it twice, again in line {number}")
        seen.add(row.record)
    _check_folds(table, rows)
    return rows


def _check_folds(table: Path, rows: tuple[Row, ...]) -> None:
    fold_of: dict[str, str] = {}
    for row in rows:
        if fold_of.setdefault(row.patient, row.fold) != row.fold:
            both = f"'{fold_of[row.patient]}' and '{row.fold}'"
            raise LeakageError(
                f"a patient must stand in one fold; {row.patient} stands in {both}, in {table}",
                hint=f"Give all records of {row.patient} the same fold.",
            )
    trained = [row for row in rows if row.fold != TEST]
    unset = [row.record for row in trained if not row.fold]
    if unset and len(unset) < len(trained):
        raise FormatError(
            f"{table} must give a fold for every record or for none; {unset[0]} has none",
            hint=f"Fill the column, leave it out, or write '{TEST}' for records that no training may see.",
        )


def find_records(
    folder: Path,
    table: Path,
    *,
    annotator: str = "atr",
    all_listed: bool = True,
    on_record: Callable[[str], None] = lambda _: None,
) -> tuple[OwnRecord, ...]:
    """Read what the table lists: the annotations of each record, its length and the sums of its files; not its signal.

    Parameters
    ----------
    folder : Path
        Where the records are.
    table : Path
        See `read_table`, also for its errors.
    annotator : str
        Extension of the annotation files.
    all_listed : bool
        Whether every annotated record of the folder must stand in the table.
    on_record : callable
        Called with the name of each record that has been read.

    Raises
    ------
    RecordNotFoundError
        If the folder, a record or its annotations are missing.
    ConfigurationError
        If a record of the folder is not in the table.
    AnnotationError
        If a record has no beats, or some outside its signal.
    FormatError
        If a file cannot be read.
    """
    if not folder.is_dir():
        raise RecordNotFoundError(
            f"no folder of records at {folder}", hint="Name the folder with the .hea files: --data FOLDER."
        )
    rows = read_table(table)
    there = {path.stem for path in folder.glob("*.hea")}
    if not there:
        raise RecordNotFoundError(f"{folder} must hold WFDB records; it has no .hea file")
    for row in rows:
        if row.record not in there:
            hint = f"Names are those of the .hea files, without extension. {closest(row.record, there)}"
            raise RecordNotFoundError(f"record {row.record} of {table} is not in {folder}", hint=hint)
    annotated = {path.stem for path in folder.glob(f"*.{annotator}")} & there
    unlisted = sorted(annotated - {row.record for row in rows})
    if unlisted and all_listed:
        more = f" and {len(unlisted) - 1} more" if len(unlisted) > 1 else ""
        raise ConfigurationError(
            f"every annotated record must be in the table of patients; {unlisted[0]}{more} of {folder} is not in {table}",
            hint=f"Add a line '{unlisted[0]},PATIENT'; with the fold '{TEST}' it is not trained on.",
        )
    found = []
    for row in rows:
        found.append(read_own(folder / row.record, row, annotator))
        on_record(row.record)
    return tuple(found)


def read_own(path: Path, row: Row, annotator: str = "atr") -> OwnRecord:
    """Read the beats of one record; see `find_records` for the errors."""
    fs, n_samples, signals = _describe(path)
    file = path.with_name(f"{path.name}.{annotator}")
    try:
        marks = read_annotations(path, annotator)
    except RecordNotFoundError as error:
        raise RecordNotFoundError(
            f"record {path.name} must have beat annotations; there is no {file.name} in {path.parent}",
            hint="Name the extension of the annotation files, if it is another one: --annotator EXT.",
        ) from error
    classes = classify_symbols(marks.symbols)
    beats = classes != ""
    if not beats.any():
        raise AnnotationError(
            f"{file.name} must hold beat annotations; it has none", hint="Leave the record out, or name another annotator."
        )
    times = marks.samples / (marks.fs or fs)
    at = times[beats]
    if (np.diff(at) < 0).any() or at[0] < 0 or at[-1] * fs >= n_samples:
        raise AnnotationError(f"the beats of {file.name} must be in order and inside the {n_samples / fs:.1f} s of the signal")
    files = {name: sha256_of(path.with_name(name)) for name in (*signals, file.name)}
    notes = [(float(time), note) for time, note in zip(times, marks.aux_notes, strict=True) if note.startswith("(")]
    changes = np.array([time for time, _ in notes] or [np.inf])
    current = np.searchsorted(changes, at, side="right") - 1
    irregular = np.array([note.startswith(_IRREGULAR) for _, note in notes] or [False])
    share = float((irregular[np.maximum(current, 0)] & (current >= 0)).mean())
    return OwnRecord(
        row=row,
        path=path,
        fs=fs,
        n_samples=n_samples,
        times_s=at,
        classes=classes[beats],
        symbols=marks.symbols[beats],
        sinus=share < 0.5,
        files=files,
        mitdb=find_mitdb_record(files, at),
    )


def _describe(path: Path) -> tuple[float, int, tuple[str, ...]]:
    """Return rate, length and the names of the signal files that a header states."""
    try:
        header = wfdb.rdheader(str(path))
        signals = tuple(dict.fromkeys(header.file_name or ())) if not hasattr(header, "seg_name") else ()
        fs, n_samples = float(header.fs), int(header.sig_len or 0)
    except (ValueError, LookupError, OSError, TypeError, AttributeError) as error:
        raise FormatError(f"{path.name}.hea cannot be read as a WFDB header: {error}") from error
    if not n_samples:
        raise FormatError(f"{path.name}.hea must state the number of samples; it does not")
    missing = [name for name in signals if not path.with_name(name).is_file()]
    if missing:
        raise RecordNotFoundError(f"a signal file of record {path.name} is missing: {missing[0]}")
    return fs, n_samples, signals
