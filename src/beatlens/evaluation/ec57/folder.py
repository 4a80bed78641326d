"""Folders of annotation files, compared record by record, and the reports written beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import wfdb

from beatlens import _io
from beatlens.errors import AnnotationError, FormatError, RecordNotFoundError
from beatlens.evaluation.ec57 import text
from beatlens.evaluation.ec57.beat_by_beat import BeatComparison, compare_beats
from beatlens.evaluation.ec57.run_by_run import Kind, RunComparison, compare_runs
from beatlens.evaluation.ec57.summary import BeatSummary, RunSummary, summarize_beats, summarize_runs
from beatlens.records import Annotations
from beatlens.records.wfdb_format import read_annotations

_NOT_READABLE = (ValueError, IndexError, KeyError, OSError, TypeError, AttributeError)


@dataclass(frozen=True, eq=False)
class RecordComparison:
    """Everything that EC57 compares in one record.

    Parameters
    ----------
    name : str
        The record.
    beats : BeatComparison
        Beat by beat.
    ventricular, supraventricular : RunComparison
        Run by run.
    """

    name: str
    beats: BeatComparison
    ventricular: RunComparison
    supraventricular: RunComparison


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two annotators compared over several records.

    Parameters
    ----------
    reference, test : str
        Names of the annotators.
    start_s : float
        Where the comparison of each record started, in seconds.
    records : tuple of RecordComparison
        One a record.
    """

    reference: str
    test: str
    start_s: float
    records: tuple[RecordComparison, ...]

    @cached_property
    def beats(self) -> BeatSummary:
        """Beat-by-beat figures of all records."""
        return summarize_beats([record.beats for record in self.records])

    @cached_property
    def ventricular(self) -> RunSummary:
        """Figures of the runs of ventricular ectopic beats of all records."""
        return summarize_runs([record.ventricular for record in self.records])

    @cached_property
    def supraventricular(self) -> RunSummary:
        """Figures of the runs of supraventricular ectopic beats of all records."""
        return summarize_runs([record.supraventricular for record in self.records])


def compare_record(
    reference: Annotations, test: Annotations, *, fs: float, n_samples: int, start_s: float = 300.0, name: str = "record"
) -> RecordComparison:
    """Compare two annotators of one record, beat by beat and run by run.

    Parameters
    ----------
    reference, test : Annotations
        Their marks, in samples of the recording.
    fs : float
        Sampling rate in Hz.
    n_samples : int
        Length of the recording in samples.
    start_s : float
        Where the comparison starts, in seconds.
    name : str
        What the record is called in the reports.

    Raises
    ------
    AnnotationError
        If marks lie outside the recording or are of another sampling rate.
    ConfigurationError
        If the rate, the length or the start is out of range.
    """

    def runs(kind: Kind) -> RunComparison:
        return compare_runs(reference, test, kind=kind, fs=fs, n_samples=n_samples, start_s=start_s)

    try:
        return RecordComparison(
            name=name,
            beats=compare_beats(reference, test, fs=fs, n_samples=n_samples, start_s=start_s),
            ventricular=runs("ventricular"),
            supraventricular=runs("supraventricular"),
        )
    except AnnotationError as error:
        raise AnnotationError(f"{error.message}, in record {name}", hint=error.hint) from error


def compare_folder(
    folder: str | Path,
    *,
    test: str,
    reference: str = "atr",
    test_folder: str | Path | None = None,
    records: Sequence[str] | None = None,
    start_s: float = 300.0,
) -> Comparison:
    """Compare two annotators over the records of a folder.

    Parameters
    ----------
    folder : str or Path
        Where the records' headers and the reference annotations are.
    test, reference : str
        The annotators: the extensions of their files.
    test_folder : str or Path, optional
        Where the test's annotation files are, if apart.
    records : sequence of str, optional
        Names of the records; those of the folder's ``RECORDS`` if not given.
    start_s : float
        Where the comparison of each record starts, in seconds.

    Raises
    ------
    RecordNotFoundError
        If a record or one of its annotation files is missing.
    FormatError
        If a file cannot be read.
    AnnotationError
        If marks are out of order, outside their record or of another sampling rate.
    """
    folder = Path(folder)
    apart = Path(test_folder) if test_folder else folder
    compared = []
    for name in list_records(folder) if records is None else records:
        fs, n_samples = read_length(folder / name)
        compared.append(
            compare_record(
                read_marks(folder, name, reference, role="reference"),
                read_marks(apart, name, test, role="test"),
                fs=fs,
                n_samples=n_samples,
                start_s=start_s,
                name=name,
            )
        )
    return Comparison(reference=reference, test=test, start_s=start_s, records=tuple(compared))


def list_records(folder: Path, file: Path | None = None) -> list[str]:
    """Return the record names in a list of one a line: ``file``, or ``RECORDS`` in the folder.

    Raises
    ------
    RecordNotFoundError
        If there is no such list, or it is empty.
    """
    listed = file or folder / "RECORDS"
    if not listed.is_file():
        raise RecordNotFoundError(
            f"no list of records at {listed}", hint="Name a file with one record name a line: --records FILE."
        )
    names = listed.read_text(encoding="utf-8").split()
    if not names:
        raise RecordNotFoundError(f"the list of records must name at least one; got none, in {listed}")
    return names


def read_marks(folder: Path, name: str, annotator: str, *, role: str) -> Annotations:
    """Read a record's annotation file; what is wrong with it is said with the annotator's role and the record's name.

    Raises
    ------
    RecordNotFoundError
        If it is missing.
    FormatError
        If it cannot be read.
    AnnotationError
        If its marks are out of order.
    """
    try:
        return read_annotations(folder / name, annotator)
    except RecordNotFoundError as error:
        raise RecordNotFoundError(
            f"the {role} annotations of record {name} are missing: no {name}.{annotator} in {folder}",
            hint=f"Check the {role} annotator's name (the extension of its files) and its folder.",
        ) from error
    except AnnotationError as error:
        raise AnnotationError(f"{error.message}, in {role} file {folder / name}.{annotator}", hint=error.hint) from error


def read_length(path: Path) -> tuple[float, int]:
    """Return the sampling rate in Hz and the length in samples that a record's header states.

    Raises
    ------
    RecordNotFoundError
        If there is no header.
    FormatError
        If it cannot be read, or does not state the length.
    """
    header = path.with_name(path.name + ".hea")
    if not header.is_file():
        raise RecordNotFoundError(
            f"no WFDB header at {header}", hint="The comparison takes the record's length and sampling rate from it."
        )
    try:
        found = wfdb.rdheader(str(path))
    except _NOT_READABLE as error:
        raise FormatError(f"{header} cannot be read as a WFDB header: {error}") from error
    if not found.sig_len:
        raise FormatError(f"{header} must state the number of samples; got none", hint="Add it after the sampling rate.")
    return float(found.fs), int(found.sig_len)


def write_reports(comparison: Comparison, folder: str | Path) -> list[Path]:
    """Write the reports of `make_reports` into a folder, each whole or not at all.

    Parameters
    ----------
    comparison : Comparison
        From `compare_folder`.
    folder : str or Path
        Where to.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    OutputError
        If they cannot be written there.
    """
    written = []
    for file, content in make_reports(comparison).items():
        with _io.replacing(Path(folder) / file) as temporary:
            temporary.write_bytes(content.encode())  # not as text: its line ends are not the platform's
        written.append(Path(folder) / file)
    return written


def make_reports(comparison: Comparison) -> Mapping[str, str]:
    """Return the text of every report by its file's name, as the WFDB tools print them.

    Parameters
    ----------
    comparison : Comparison
        From `compare_folder`.
    """
    names = [record.name for record in comparison.records]
    beats = [record.beats for record in comparison.records]
    ventricular = [record.ventricular for record in comparison.records]
    supraventricular = [record.supraventricular for record in comparison.records]
    return {
        "bxb_line.txt": text.line_report(names, beats),
        "bxb_sd.txt": text.shutdown_report(names, beats),
        "bxb_standard.txt": text.standard_report(names, beats, reference=comparison.reference, test=comparison.test),
        "rxr_ve.txt": text.run_report(names, ventricular, supraventricular=False),
        "rxr_sve.txt": text.run_report(names, supraventricular, supraventricular=True),
        "sumstats_bxb_line.txt": text.summarize_line_report(names, beats),
        "sumstats_bxb_sd.txt": text.summarize_shutdown_report(names, beats),
        "sumstats_rxr_ve.txt": text.summarize_run_report(names, ventricular, supraventricular=False),
        "sumstats_rxr_sve.txt": text.summarize_run_report(names, supraventricular, supraventricular=True),
    }
