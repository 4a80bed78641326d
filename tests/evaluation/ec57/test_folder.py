"""Annotation files compared folder by folder, and what is said of files that cannot be compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import wfdb

from beatlens.errors import AnnotationError, FormatError, OutputError, RecordNotFoundError
from beatlens.evaluation.ec57 import compare_folder, write_reports
from beatlens.records import Annotations

HEADER = "{name} 1 {fs} {n}\n{name}.dat 16 200 11 0 0 0 0 MLII\n"
NAMES = ("a1", "a2")


def write_marks(folder: Path, name: str, extension: str, marks: Annotations, fs: float | None = None) -> None:
    wfdb.wrann(
        name,
        extension,
        marks.samples,
        symbol=marks.symbols.tolist(),
        subtype=marks.subtypes,
        aux_note=list(marks.aux_notes),
        fs=fs,
        write_dir=str(folder),
    )


@pytest.fixture
def folder(tmp_path: Path, marks: Callable[[str], Annotations]) -> Path:
    """Return a folder of two records with a reference (``atr``) and a test (``me``)."""
    for name in NAMES:
        (tmp_path / f"{name}.hea").write_text(HEADER.format(name=name, fs=100, n=100_000), encoding="utf-8")
        write_marks(tmp_path, name, "atr", marks("40000N 40100V 40200+(AFIB 40300N 40400~48"))
        write_marks(tmp_path, name, "me", marks("40000N 40101V 40300A"))
    (tmp_path / "RECORDS").write_text("\n".join(NAMES) + "\n", encoding="utf-8")
    return tmp_path


def test_a_folder_is_compared_record_by_record(folder: Path) -> None:
    """In the order of the list, with rhythm, subtype and symbol of each mark."""
    found = compare_folder(folder, test="me")
    assert [record.name for record in found.records] == list(NAMES)
    assert found.beats.total.counts[0].tolist() == [2, 2, 0, 0, 0, 0, 0]
    assert found.beats.total.counts[2, 2] == 2
    assert found.supraventricular.total.sensitivity("long").cases == 2


def test_records_and_test_folder_can_be_named(folder: Path, tmp_path: Path) -> None:
    """The test's files may lie apart from the headers and the reference."""
    apart = tmp_path / "apart"
    apart.mkdir()
    (folder / "a2.me").rename(apart / "a2.me")
    found = compare_folder(folder, test="me", test_folder=apart, records=["a2"])
    assert [record.name for record in found.records] == ["a2"]


def test_reports_are_written_with_the_line_ends_of_the_tools(folder: Path, tmp_path: Path) -> None:
    """Nine files, with a newline alone at the end of each line on every platform."""
    written = write_reports(compare_folder(folder, test="me"), tmp_path / "deep" / "out")
    assert len(written) == len(list((tmp_path / "deep" / "out").iterdir())) == 9
    assert all(b"\r" not in path.read_bytes() for path in written)


def test_a_place_that_cannot_be_written_is_named(folder: Path) -> None:
    """A file where the folder should be."""
    with pytest.raises(OutputError, match=r"bxb_line\.txt cannot be written"):
        write_reports(compare_folder(folder, test="me"), folder / "RECORDS")


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("a2.atr", "the reference annotations of record a2 are missing: no a2.atr in "),
        ("a2.me", "the test annotations of record a2 are missing: no a2.me in "),
        ("a2.hea", "no WFDB header at "),
        ("RECORDS", "no list of records at "),
    ],
)
def test_what_is_missing_is_named(folder: Path, missing: str, message: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(RecordNotFoundError, match=message) as caught:
        compare_folder(folder, test="me")
    assert caught.value.hint


def test_an_empty_list_of_records_is_refused(folder: Path) -> None:
    (folder / "RECORDS").write_text("\n", encoding="utf-8")
    with pytest.raises(RecordNotFoundError, match="the list of records must name at least one; got none"):
        compare_folder(folder, test="me")


@pytest.mark.parametrize("header", ["a1 1 100\na1.dat 16 200 11 0 0 0 0 MLII\n", "\x00\x01", ""])
def test_a_header_without_a_length_is_refused(folder: Path, header: str) -> None:
    (folder / "a1.hea").write_text(header, encoding="utf-8")
    with pytest.raises(FormatError, match=r"a1.hea (must state the number of samples|cannot be read as a WFDB header)"):
        compare_folder(folder, test="me")


def test_marks_beyond_the_record_are_refused(folder: Path) -> None:
    """With the record's name and where in it."""
    (folder / "a2.hea").write_text(HEADER.format(name="a2", fs=100, n=40_200), encoding="utf-8")
    with pytest.raises(AnnotationError, match=r"got one at sample 40200 \(402.0 s\), in record a2"):
        compare_folder(folder, test="me")


def test_another_sampling_rate_is_refused(folder: Path, marks: Callable[[str], Annotations]) -> None:
    """Where the annotation file states it."""
    write_marks(folder, "a2", "me", marks("40000N"), fs=250)
    with pytest.raises(AnnotationError, match="must be at the recording's 100 Hz; got 250 Hz, in record a2") as caught:
        compare_folder(folder, test="me")
    assert caught.value.hint == "Convert their sample numbers to the recording's rate first."


def test_marks_out_of_order_are_refused(folder: Path) -> None:
    """The file is named; WFDB's format allows a step back in time."""
    beat, skip = np.array([1 << 10], "<u2").tobytes(), np.array([59 << 10], "<u2").tobytes()
    back = np.array([-100 >> 16 & 0xFFFF, -100 & 0xFFFF], "<u2").tobytes()
    far = np.array([0, 40_000], "<u2").tobytes()
    (folder / "a2.me").write_bytes(skip + far + beat + skip + back + beat + b"\x00\x00")
    with pytest.raises(AnnotationError, match="annotations must be in the order of time; got mark 1 at sample 39900") as caught:
        compare_folder(folder, test="me")
    assert "in test file" in str(caught.value)
    assert caught.value.hint == "Sort the annotations by sample number first."
