"""WFDB: every format, segments, samples per frame, annotations beside, sizes and checksums."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import wfdb

from beatlens.errors import FormatError, RecordNotFoundError, SignalError
from beatlens.records import read
from beatlens.records.request import Request
from beatlens.records.wfdb_format import read_annotations, read_wfdb

Writer = Callable[..., Path]


@pytest.fixture
def record(synthetic: ModuleType, tmp_path: Path) -> Writer:
    def written(fmt: str = "212", name: str = "rec", n_samples: int = 2000, **options: object) -> Path:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return synthetic.write_wfdb(tmp_path, synthetic.beats(n_samples), fmt=fmt, name=name, **options)

    return written


@pytest.mark.parametrize("fmt", ["16", "24", "32", "80", "212", "508", "516", "524"])
def test_every_format_that_can_be_written(fmt: str, record: Writer) -> None:
    """Each format gives what the wfdb package gives for the whole record, to the bit, and the same for a part."""
    path = record(fmt, n_samples=1000)
    ours, theirs = read_wfdb(path), wfdb.rdrecord(str(path))
    np.testing.assert_array_equal(ours.signal, theirs.p_signal.astype(np.float32))
    part = read_wfdb(path, Request(start_s=0.2, end_s=0.6))
    np.testing.assert_array_equal(part.signal, ours.signal[50:150])


@pytest.mark.parametrize("fmt", ["8", "61", "160", "310", "311"])
def test_formats_that_are_only_read(fmt: str, tmp_path: Path) -> None:
    """Formats that the package reads but does not write give what it gives."""
    (tmp_path / "x.hea").write_text(f"x 1 100 120\nx.dat {fmt} 100 12 0 7\n")
    (tmp_path / "x.dat").write_bytes(np.random.default_rng(3).integers(0, 120, 240, dtype=np.uint8).tobytes())
    ours, theirs = read_wfdb(tmp_path / "x"), wfdb.rdrecord(str(tmp_path / "x"), return_res=32)
    np.testing.assert_array_equal(ours.signal, theirs.p_signal)


def test_blocks_join_without_a_seam(record: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small blocks give what one block gives."""
    whole = read_wfdb(record())
    monkeypatch.setattr("beatlens.records.wfdb_format._BLOCK", 77)
    np.testing.assert_array_equal(read_wfdb(record()).signal, whole.signal)


def test_a_signal_file_that_is_too_short(record: Writer) -> None:
    """The sentence says how many samples of how many are there, and the rest is readable."""
    path = record("16")
    dat = path.with_suffix(".dat")
    dat.write_bytes(dat.read_bytes()[:-400])
    with pytest.raises(FormatError, match="record rec is truncated: it holds 1900 of 2000 samples a lead"):
        read(path)
    assert read(path, end_s=7.6).n_samples == 1900


def test_a_changed_sample_does_not_pass_the_checksum(record: Writer) -> None:
    """One flipped bit in the signal file is found by the header's checksum; a part, which has none, is still read."""
    path = record("16")
    dat = path.with_suffix(".dat")
    raw = bytearray(dat.read_bytes())
    raw[4000] ^= 4
    dat.write_bytes(raw)
    with pytest.raises(FormatError, match="does not agree with the checksum of lead 'II'"):
        read(path)
    assert read(path, end_s=7).n_samples == 1750


def test_missing_files(record: Writer, tmp_path: Path) -> None:
    """A missing header, signal file or annotation file is named."""
    path = record()
    with pytest.raises(RecordNotFoundError, match="no annotation file"):
        read_annotations(path)
    path.with_suffix(".dat").unlink()
    with pytest.raises(RecordNotFoundError, match=r"a signal file of record rec is missing: rec\.dat"):
        read(path)
    with pytest.raises(RecordNotFoundError, match="no WFDB header"):
        read_wfdb(tmp_path / "none")


def test_annotations_beside_a_record_come_along(record: Writer, tmp_path: Path) -> None:
    """The .atr file beside a record is read with it; in a part the marks count from the part's start."""
    path = record()
    wfdb.wrann(
        "rec", "atr", np.array([100, 600, 1900]), symbol=["N", "V", "+"], aux_note=["", "", "(AFIB"], write_dir=str(tmp_path)
    )
    whole, part = read(path), read(path.with_suffix(".hea"), start_s=2.0, end_s=4.0)
    assert whole.annotations is not None
    assert whole.annotations.symbols.tolist() == ["N", "V", "+"]
    assert whole.annotations.aux_notes == ("", "", "(AFIB")
    assert part.annotations is not None
    assert part.annotations.samples.tolist() == [100]
    path.with_suffix(".atr").write_bytes(b"\x01")
    with pytest.raises(FormatError, match=r"rec\.atr"):
        read(path)


def test_the_signal_file_stands_for_its_record(record: Writer) -> None:
    """Naming the .dat or the .hea gives the record."""
    path = record()
    for name in (path.with_suffix(".dat"), path.with_suffix(".hea"), str(path)):
        assert read(name).lead_names == ("II", "V1")


def test_a_table_beside_a_header_is_still_a_table(record: Writer) -> None:
    """A CSV file of the record's name is read as CSV."""
    table = record().with_suffix(".csv")
    table.write_text("time (s),V3 (mV)\n" + "".join(f"{n / 250},{n % 7}\n" for n in range(500)))
    assert read(table).lead_names == ("V3",)


def test_a_signal_with_more_samples_a_frame_keeps_its_rate(tmp_path: Path) -> None:
    """ECG at four samples a frame comes back at four times the frame rate, and slower channels are left out with a note."""
    rng = np.random.default_rng(1)
    fast, slow = rng.integers(-400, 400, 400), rng.integers(-400, 400, 100)
    frames = np.concatenate([fast.reshape(100, 4), slow.reshape(100, 1)], axis=1).astype("<i2")
    (tmp_path / "x.dat").write_bytes(frames.tobytes())
    sums = [int(values.sum()) & 0xFFFF for values in (fast, slow)]
    sums = [value - 65536 if value > 32767 else value for value in sums]
    (tmp_path / "x.hea").write_text(
        f"x 2 125 100\nx.dat 16x4 200 16 0 {fast[0]} {sums[0]} 0 II\nx.dat 16 200 16 0 {slow[0]} {sums[1]} 0 V5\n"
    )
    found = read(tmp_path / "x", leads="II")
    assert found.fs == 500
    np.testing.assert_allclose(found.signal[:, 0], fast / 200, atol=1e-6)
    np.testing.assert_allclose(read(tmp_path / "x", leads="II", start_s=0.4).signal[:, 0], fast[200:] / 200, atol=1e-6)
    both = read(tmp_path / "x")
    assert both.lead_names == ("II",)
    assert "of another rate than 500 Hz: V5" in both.notes[0]


def test_segments_and_gaps(record: Writer, tmp_path: Path) -> None:
    """Segments follow each other, a gap is NaN, and a part may cross them."""
    first, second = read(record(name="s1", n_samples=500)), read(record(name="s2", n_samples=700))
    (tmp_path / "multi.hea").write_text("multi/3 2 250 1300\ns1 500\n~ 100\ns2 700\n")
    found = read(tmp_path / "multi")
    assert found.n_samples == 1300
    np.testing.assert_array_equal(found.signal[:500], first.signal)
    assert np.isnan(found.signal[500:600]).all()
    np.testing.assert_array_equal(found.signal[600:], second.signal)
    np.testing.assert_array_equal(read(tmp_path / "multi", start_s=1.6, end_s=3.2).signal, found.signal[400:800])


def test_a_variable_layout_fills_the_leads_that_a_segment_has(record: Writer, tmp_path: Path) -> None:
    """In a record of variable layout a lead is NaN in the segments that lack it."""
    record(name="s1", n_samples=500)
    record(name="s2", n_samples=500, leads=("II", "V5"))
    (tmp_path / "layout.hea").write_text("layout 3 250 0\n~ 0 200 0 0 0 0 0 II\n~ 0 200 0 0 0 0 0 V1\n~ 0 200 0 0 0 0 0 V5\n")
    (tmp_path / "multi.hea").write_text("multi/3 3 250 1000\nlayout 0\ns1 500\ns2 500\n")
    found = read(tmp_path / "multi")
    assert found.lead_names == ("II", "V1", "V5")
    known = np.isfinite(found.signal)
    assert known[:, 0].all()
    assert known[:500, 1].all()
    assert not known[500:, 1].any()
    assert not known[:500, 2].any()


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("multi/2 2 250 9999\ns1 500\ns1 500\n", "must add up to its 9999 samples"),
        ("multi/1 2 250 500\nmulti 500\n", "names itself"),
        ("multi/1 2 250 999999999999\n~ 999999999999\n", "has no segment with a signal"),
        ("multi/2 2 250 1000000500\ns1 500\n~ 1000000000\n", "claims 1000000500 samples of 2 leads"),
        ("multi/1 2 250 900\ns1 900\n", "holds 500 of 900 samples"),
    ],
)
def test_segments_that_cannot_be(header: str, sentence: str, record: Writer, tmp_path: Path) -> None:
    """Segments that do not add up, refer to themselves, or claim what no file can hold are refused before memory is taken."""
    record(name="s1", n_samples=500)
    (tmp_path / "multi.hea").write_text(header)
    with pytest.raises(FormatError, match=sentence):
        read(tmp_path / "multi")


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("rec 2 250 2000\n", FormatError),
        ("rec 1 250 2000\nrec.dat 99 200 12 0 0 0 0 II\n", FormatError),
        ("rec 1 250 2000\nrec.dat 16 0.0000001e99 12 0 0 0 0 II\n", FormatError),
        ("rec 1 0 2000\nrec.dat 16 200 12 0 0 0 0 II\n", FormatError),
        ("rec 1 250 2000\nrec.dat 16 200/mmHg 12 0 0 0 0 ABP\n", SignalError),
        ("\n", FormatError),
    ],
)
def test_headers_that_cannot_be(header: str, kind: type[Exception], record: Writer) -> None:
    """A header without signals, of an unknown format, gain, rate or unit, is one sentence."""
    path = record("16")
    path.with_suffix(".hea").write_text(header)
    with pytest.raises(kind):
        read(path)


@pytest.mark.database
@pytest.mark.parametrize("name", ["100", "114", "207"])
def test_mitdb_is_read_as_the_package_reads_it(name: str, mitdb_folder: Path) -> None:
    """The MIT-BIH records give, to the bit, what the wfdb package gives; their checksums agree."""
    ours = read(mitdb_folder / name)
    theirs = wfdb.rdrecord(str(mitdb_folder / name), return_res=32)
    np.testing.assert_array_equal(ours.signal, theirs.p_signal)
    assert ours.lead_names == tuple(theirs.sig_name)
    assert ours.annotations is not None
    assert len(ours.annotations) == len(wfdb.rdann(str(mitdb_folder / name), "atr").sample)
