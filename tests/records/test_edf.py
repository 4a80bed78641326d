"""EDF, EDF+ and BDF: rates, interruptions, padding, headers that lie."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import ModuleType

import edfio
import numpy as np
import pytest

from beatlens.errors import FormatError, SignalError
from beatlens.records import read


@pytest.fixture
def edf(synthetic: ModuleType, tmp_path: Path) -> Path:
    return synthetic.write_edf(tmp_path, synthetic.beats())


def patch(path: Path, at: int, text: str) -> None:
    raw = bytearray(path.read_bytes())
    raw[at : at + len(text)] = text.encode("latin-1")
    path.write_bytes(raw)


def test_annotations_become_notes_at_their_sample(edf: Path) -> None:
    """A text at 2 s is a note annotation at sample 500, and moves with the part that is read."""
    found = read(edf).annotations
    assert found is not None
    assert (found.samples.tolist(), found.symbols.tolist(), found.aux_notes) == ([500], ['"'], ("cough",))
    part = read(edf, start_s=1, end_s=3).annotations
    assert part is not None
    assert part.samples.tolist() == [250]
    assert read(edf, start_s=3).annotations is None


def test_blocks_join_without_a_seam(edf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small blocks of data records give what one block gives."""
    whole = read(edf)
    monkeypatch.setattr("beatlens.records.edf._BLOCK", 1)
    np.testing.assert_array_equal(read(edf).signal, whole.signal)


def test_the_values_are_those_of_edfio(edf: Path) -> None:
    """Voltages agree with edfio's to a part in a million."""
    theirs = edfio.read_edf(edf).signals[0].data / 1000
    np.testing.assert_allclose(read(edf).lead("II"), theirs, rtol=1e-6, atol=1e-6)


def test_an_interrupted_recording_has_nan_in_its_gaps(edf: Path) -> None:
    """In EDF+D the time stamps place the data records: one that begins three seconds late leaves three seconds of NaN."""
    whole = read(edf)
    patch(edf, 192, "EDF+D")
    raw = edf.read_bytes()
    for second in (6, 5, 4):  # the last record, at 7 s, is dropped with its stamp of two digits
        raw = raw.replace(f"+{second}\x14\x14".encode(), f"+{second + 3}\x14\x14".encode())
    record_bytes = (len(raw) - 256 * 5) // 8
    raw = raw[:-record_bytes]
    edf.write_bytes(raw[:236] + b"7       " + raw[244:])
    found = read(edf)
    assert found.n_samples == 10 * 250
    np.testing.assert_array_equal(found.signal[:1000], whole.signal[:1000])
    assert np.isnan(found.signal[1000:1750]).all()
    np.testing.assert_array_equal(found.signal[1750:], whole.signal[1000:1750])
    assert "interrupted" in found.notes[-1]
    np.testing.assert_array_equal(read(edf, start_s=3.5, end_s=8).signal, found.signal[875:2000])


def test_padding_at_the_end_is_not_signal(tmp_path: Path) -> None:
    """A last stretch of the lowest count, with which converters fill a data record, comes back as NaN with a note."""
    signal = np.sin(np.arange(1500) / 10)
    signal[1000:] = -5.0
    channel = edfio.EdfSignal(signal, 250, label="ECG", physical_dimension="mV", physical_range=(-5, 5))
    edfio.Edf([channel], data_record_duration=6).write(tmp_path / "x.edf")
    found = read(tmp_path / "x.edf")
    assert np.isfinite(found.signal[:1000]).all()
    assert np.isnan(found.signal[1000:]).all()
    assert "The last 2.0 s hold the lowest count" in found.notes[0]


def test_leads_of_another_rate_are_left_out(tmp_path: Path) -> None:
    """Of leads with two rates the more common one is read; the other is named, and can be read by its name."""
    channels = [
        edfio.EdfSignal(np.zeros(250 * n) + k, 250.0 * n / 2, label=label, physical_dimension="mV", physical_range=(-5, 5))
        for k, (label, n) in enumerate([("II", 2), ("V1", 2), ("V5", 4)])
    ]
    edfio.Edf(channels, data_record_duration=2).write(tmp_path / "x.edf")
    found = read(tmp_path / "x.edf")
    assert (found.lead_names, found.fs) == (("II", "V1"), 250.0)
    assert found.notes == ("Left out, of another rate than 250 Hz: V5.",)
    assert read(tmp_path / "x.edf", leads="V5").fs == 500


def test_a_file_that_was_never_closed(edf: Path) -> None:
    """Where the header leaves the number of data records at -1, the file's size gives it."""
    whole = read(edf)
    patch(edf, 236, "-1      ")
    np.testing.assert_array_equal(read(edf).signal, whole.signal)


def test_a_unit_that_is_not_stated_is_asked_for(synthetic: ModuleType, tmp_path: Path) -> None:
    """An ECG channel without a dimension is refused until the caller gives one."""
    path = synthetic.write_edf(tmp_path, synthetic.beats(), unit="")
    with pytest.raises(SignalError, match="unit of voltage must be known"):
        read(path)
    assert read(path, unit="mV").n_samples == 2000


def test_a_file_without_ecg(tmp_path: Path) -> None:
    """A sleep recording without an ECG channel is refused, its channels named."""
    channel = edfio.EdfSignal(np.zeros(500), 100, label="EEG Fpz-Cz", physical_dimension="uV", physical_range=(-1, 1))
    edfio.Edf([channel]).write(tmp_path / "x.edf")
    with pytest.raises(SignalError, match=r"must have an ECG lead; x\.edf has EEG Fpz-Cz"):
        read(tmp_path / "x.edf")


@pytest.mark.parametrize(
    ("at", "text", "sentence"),
    [
        (252, "9999", "cannot be"),
        (252, "0   ", "cannot be"),
        (252, "abcd", "cannot be read"),
        (244, "-1      ", "cannot be"),
        (236, "99999999", "holds 2000 of 24999999750 samples"),
        (256 + 4 * 216, "99999   ", "is truncated"),
        (256 + 4 * 104, "5       5       5       5       5       5       ", "must be two different numbers"),
    ],
)
def test_headers_that_cannot_be(edf: Path, at: int, text: str, sentence: str) -> None:
    """Absurd numbers in a header are refused in one sentence, before memory is taken for them."""
    patch(edf, at, text)
    with pytest.raises(FormatError, match=sentence):
        read(edf)


@pytest.mark.parametrize(
    ("recording", "date", "expected"),
    [
        ("Startdate 02-MAR-2021 X X X", "01.01.85", dt.datetime(2021, 3, 2, 1, 2, 3)),
        ("Startdate X X X X", "01.01.85", None),
        ("Holter of a day", "31.12.99", dt.datetime(1999, 12, 31, 1, 2, 3)),
        ("Holter of a day", "31.12.84", dt.datetime(2084, 12, 31, 1, 2, 3)),
        ("Holter of a day", "yy.mm.dd", None),
    ],
)
def test_the_start_is_the_one_with_four_digits(edf: Path, recording: str, date: str, expected: dt.datetime | None) -> None:
    """EDF+'s date goes before EDF's; a blanked or impossible one is None."""
    patch(edf, 88, recording.ljust(80))
    patch(edf, 168, date)
    assert read(edf).start_time == expected
