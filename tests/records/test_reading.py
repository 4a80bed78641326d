"""One `read` for every format: what comes back, in which unit, and what is said when a file is wrong."""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from beatlens.errors import (
    BeatlensError,
    ConfigurationError,
    FormatError,
    MissingDependencyError,
    RecordNotFoundError,
    SignalError,
)
from beatlens.records import read

STARTED = dt.datetime(2020, 5, 6, 1, 2, 3)
ONE_LEAD = ("apple-health", "polar", "movesense")
UNTIMED = ("csv", "npy", "npz", "mat")
FORMATS = (
    "wfdb",
    "edf",
    "bdf",
    "ishne",
    "csv",
    "npz",
    "mat",
    "dicom",
    "hl7-aecg",
    "ge-muse",
    "philips-sierra",
    "scp-ecg",
    *ONE_LEAD,
)


@pytest.fixture
def write(synthetic: ModuleType, tmp_path: Path) -> Callable[[str], Path]:
    def written(kind: str) -> Path:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the packages that write
            return synthetic.WRITERS[kind](tmp_path, synthetic.beats())

    return written


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_voltage_in_millivolts(kind: str, write: Callable[[str], Path], synthetic: ModuleType) -> None:
    """A signal written in any format and unit comes back in mV within its resolution, with its rate, leads and start."""
    record = read(write(kind))
    expected = synthetic.beats()
    assert record.source == kind
    assert record.signal.dtype == np.float32
    assert record.fs == 250
    assert record.n_samples == 2000
    assert record.start_time == (None if kind in UNTIMED else STARTED)
    lead = "ECG" if kind in ("polar", "movesense") else "II"
    np.testing.assert_allclose(record.lead(lead), expected[:, 0], atol=1e-4)
    if kind not in ONE_LEAD:
        np.testing.assert_allclose(record.lead("V1"), expected[:, 1], atol=1e-4)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_part_equals_the_part_of_the_whole(kind: str, write: Callable[[str], Path]) -> None:
    """Reading from 1.5 s to 3.1 s gives those samples and nothing else, and the start moves along."""
    path = write(kind)
    whole, part = read(path), read(path, start_s=1.5, end_s=3.1)
    np.testing.assert_array_equal(part.signal, whole.signal[375:775])
    if whole.start_time is not None:
        assert part.start_time == whole.start_time + dt.timedelta(seconds=1.5)


@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind not in ONE_LEAD])
def test_leads_are_chosen_by_name_in_any_spelling(kind: str, write: Callable[[str], Path]) -> None:
    """The leads asked for come back, in the order asked for, whatever their spelling."""
    path = write(kind)
    whole, chosen = read(path), read(path, leads=["v1", "Lead II"])
    assert chosen.lead_names == ("V1", "II")
    np.testing.assert_array_equal(chosen.lead("II"), whole.lead("II"))
    with pytest.raises(RecordNotFoundError, match="has no lead 'V9'") as caught:
        read(path, leads="V9")
    assert caught.value.hint is not None
    assert "Known:" in caught.value.hint


@pytest.mark.parametrize("kind", [*FORMATS, "seed-demo"])
def test_a_part_outside_the_recording_is_refused(kind: str, write: Callable[[str], Path]) -> None:
    """A part that begins after the end is one sentence, with the recording's length."""
    with pytest.raises(SignalError, match=r"lasts [\d.]+ s"):
        read(write(kind), start_s=3600)


@pytest.mark.parametrize("kind", ["edf", "bdf", "ishne", "dicom", "ge-muse", "scp-ecg"])
def test_patient_fields_are_there_only_when_asked_for(kind: str, write: Callable[[str], Path]) -> None:
    """Nothing that identifies the patient is in a record unless it was asked for."""
    path = write(kind)
    record = read(path)
    assert record.patient == {}
    assert "P1" not in repr(record)
    assert "Doe" not in repr(record)
    assert read(path, patient=True).patient["id"] == "P1"


def test_an_apple_export_never_gives_the_name_away(write: Callable[[str], Path]) -> None:
    """The name and birth date of an Apple Health export leave the reader in no way, not even when asked for."""
    record = read(write("apple-health"), patient=True)
    assert record.patient == {}
    assert "Jane" not in repr(record)
    assert "1980" not in repr(record)


def test_the_demonstrations_window_is_announced(write: Callable[[str], Path]) -> None:
    """180 values are taken as the demonstration's window at 360 Hz, and the notes say that they are no voltage."""
    record = read(write("seed-demo"))
    assert (record.source, record.fs, record.n_samples) == ("seed-demo", 360.0, 180)
    assert "no voltage" in record.notes[0]


def test_channels_that_are_not_ecg_are_named_and_left_out(write: Callable[[str], Path]) -> None:
    """Respiration is left out with a note; annotation signals without one."""
    assert read(write("edf")).notes == ("Left out, not ECG: Resp.",)


@pytest.mark.parametrize(
    ("kind", "keep"), [("edf", 0.6), ("bdf", 0.6), ("ishne", 0.6), ("dicom", 0.6), ("npy", 0.6), ("scp-ecg", 0.6)]
)
def test_a_truncated_file_is_refused_with_its_numbers(kind: str, keep: float, write: Callable[[str], Path]) -> None:
    """A file that ends early is refused; the sentence says how much is there of how much."""
    path = write(kind)
    raw = path.read_bytes()
    path.write_bytes(raw[: int(keep * len(raw))])
    with pytest.raises(
        FormatError, match=r"(is truncated: it holds \d+ of \d+ (samples|values|bytes))|cannot be read as DICOM"
    ):
        read(path, **({"fs": 250, "unit": "mV"} if kind == "npy" else {}))


@pytest.mark.parametrize("kind", ["edf", "bdf", "ishne"])
def test_what_a_truncated_file_holds_can_be_read(kind: str, write: Callable[[str], Path]) -> None:
    """The part before the cut is read when it is asked for, as the hint says."""
    path = write(kind)
    raw = path.read_bytes()
    whole = read(path)
    path.write_bytes(raw[: int(0.6 * len(raw))])
    with pytest.raises(FormatError) as caught:
        read(path)
    end = float(re.search(r"--end ([\d.]+)", str(caught.value.hint))[1])  # type: ignore[index]
    assert 3 < end < 5
    np.testing.assert_array_equal(read(path, end_s=end).signal, whole.signal[: round(end * 250)])


def test_the_rate_is_asked_for(tmp_path: Path) -> None:
    """A file without a rate is refused with a hint that names --fs, and read with it."""
    np.save(tmp_path / "x.npy", np.zeros(100))
    with pytest.raises(SignalError, match=r"rate must be known; x\.npy does not state it") as caught:
        read(tmp_path / "x.npy", unit="mV")
    assert "--fs" in str(caught.value.hint)
    assert read(tmp_path / "x.npy", unit="mV", fs=500).fs == 500


def test_the_unit_is_asked_for(tmp_path: Path) -> None:
    """A file without a unit is refused with a hint that names --unit, and scaled by the one that is given."""
    np.save(tmp_path / "x.npy", np.full(100, 1500.0))
    with pytest.raises(SignalError, match=r"unit of voltage must be known; lead 'ECG' of x\.npy") as caught:
        read(tmp_path / "x.npy", fs=250)
    assert "--unit" in str(caught.value.hint)
    assert read(tmp_path / "x.npy", fs=250, unit="µV").signal[0, 0] == pytest.approx(1.5)


@pytest.mark.parametrize(("options", "word"), [({"fs": 500}, "'fs'"), ({"unit": "V"}, "'unit'")])
def test_a_caller_who_contradicts_the_file_is_told(options: dict[str, object], word: str, write: Callable[[str], Path]) -> None:
    """A rate or unit that is not the file's is refused: nothing is silently rescaled."""
    with pytest.raises(SignalError, match=f"{word} must agree with the file"):
        read(write("ishne"), **options)


@pytest.mark.parametrize(
    "options", [{"fs": 0}, {"fs": float("nan")}, {"unit": "mmHg"}, {"start_s": -1}, {"start_s": 3, "end_s": 3}]
)
def test_options_that_cannot_be_are_refused(options: dict[str, object], write: Callable[[str], Path]) -> None:
    """A rate, unit or part that cannot be is a ConfigurationError, before anything is read."""
    with pytest.raises(ConfigurationError):
        read(write("csv"), **options)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.edf", b"", "is empty"),
        ("a.csv.gz", b"\x1f\x8b\x08\x00abc", "is compressed"),
        ("scan.pdf", b"%PDF-1.7", "is a PDF document"),
        ("strip.png", b"\x89PNG\r\n\x1a\n", "is a picture"),
        ("a.mat", b"MATLAB 7.3 MAT-file, Platform", "is a MATLAB 7.3 file"),
        ("a.zip", b"PK\x03\x04" + bytes(600), "is an archive"),
        ("letter.txt", b"Dear Sir,\nno numbers here.\n", "is not a recording"),
        ("page.html", b"<html><body>1,2,3</body></html>", "its root is <html>"),
        ("rec.ann", b"ANN  1.0" + bytes(600), "annotation file without a signal"),
        ("noise.edf", bytes(range(256)) * 4, "it is named as EDF, and its content is not"),
    ],
)
def test_what_is_not_a_recording_is_named(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    """A file that is no recording is refused in one sentence that says what it is, where that can be told."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FormatError, match=re.escape(sentence)) as caught:
        read(tmp_path / name)
    assert caught.value.hint


def test_the_content_decides_and_not_the_extension(write: Callable[[str], Path], tmp_path: Path) -> None:
    """An EDF file named .txt is read as EDF."""
    path = write("edf")
    shutil.copyfile(path, tmp_path / "renamed.txt")
    assert read(tmp_path / "renamed.txt").source == "edf"


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    """A path that is not there, and one that is a folder, are each one sentence."""
    with pytest.raises(RecordNotFoundError, match="no recording at"):
        read(tmp_path / "nothing.edf")
    with pytest.raises(RecordNotFoundError, match="is a folder"):
        read(tmp_path)


def test_a_recording_of_missing_values_has_no_samples(tmp_path: Path) -> None:
    """A recording in which every value is missing is refused; infinite values are too, with their place."""
    np.save(tmp_path / "nan.npy", np.full(100, np.nan))
    with pytest.raises(SignalError, match="every value of nan is missing"):
        read(tmp_path / "nan.npy", fs=100, unit="mV")
    np.save(tmp_path / "inf.npy", np.where(np.arange(100) == 50, np.inf, 0.0))
    with pytest.raises(SignalError, match=r"inf is infinite at 0\.500 s"):
        read(tmp_path / "inf.npy", fs=100, unit="mV")


def test_voltages_that_no_ecg_has_are_noted(tmp_path: Path) -> None:
    """Volts given as millivolts are read, and the notes ask to check the unit."""
    np.save(tmp_path / "x.npy", np.linspace(-5000, 5000, 100))
    assert "check the unit" in read(tmp_path / "x.npy", fs=100, unit="mV").notes[-1]


@pytest.mark.parametrize(("kind", "package"), [("dicom", "pydicom"), ("scp-ecg", "ecgdatakit.parsing.parser")])
def test_a_missing_package_is_named_with_its_cure(
    kind: str, package: str, write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the package that a format needs, the error names it and the command that installs it."""
    path = write(kind)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependencyError, match=f"needs the package '{package.split('.', maxsplit=1)[0]}'") as caught:
        read(path)
    assert caught.value.hint == 'Run: pip install "beatlens[formats]"'


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read every file")
def test_a_file_that_may_not_be_read(write: Callable[[str], Path]) -> None:
    """A file without permission is one sentence."""
    path = write("edf")
    path.chmod(0)
    with pytest.raises(BeatlensError):
        read(path)


REAL = {
    "aecg-minimum.xml": ("hl7-aecg", 1, 13, 500.0),
    "aecg.xml": ("hl7-aecg", 12, 5000, 500.0),
    "ecg.edf": ("edf", 1, 12000, 300.0),
    "example.scp": ("scp-ecg", 12, 5000, 500.0),
    "holter.ecg": ("ishne", 12, 95573, 1000.0),
    "muse.xml": ("ge-muse", 8, 5000, 500.0),
    "sierra-1-04.xml": ("philips-sierra", 12, 5500, 500.0),
    "twelve-lead.dcm": ("dicom", 12, 10000, 1000.0),
}


@pytest.mark.database
@pytest.mark.parametrize("name", REAL)
def test_real_files_agree_with_another_reader(name: str, formats_folder: Path) -> None:
    """Every real file gives the leads, rate and length it holds, and the voltages that ecgdatakit finds."""
    from ecgdatakit.parsing.parser import FileParser

    record = read(formats_folder / name)
    assert (record.source, record.n_leads, record.n_samples, record.fs) == REAL[name]
    for lead in FileParser.parse(formats_folder / name).leads:
        ours = record.lead(lead.label)
        assert np.isfinite(ours).mean() > 0.7
        np.testing.assert_allclose(ours[np.isfinite(ours)], lead.samples[np.isfinite(ours)], atol=2e-6)


@pytest.mark.database
def test_a_vendors_scp_that_is_none_is_one_sentence(formats_folder: Path) -> None:
    """A file named .SCP that is not SCP-ECG is refused in one sentence that says so."""
    with pytest.raises(
        FormatError, match=r"^not-scp\.SCP is not a recording .* it is named as SCP-ECG, and its content is not$"
    ):
        read(formats_folder / "not-scp.SCP")


@pytest.mark.database
def test_an_empty_aecg_is_one_sentence(formats_folder: Path) -> None:
    """An aECG without a series of samples is refused."""
    with pytest.raises(FormatError, match="No rhythm series"):
        read(formats_folder / "aecg-empty.xml")
