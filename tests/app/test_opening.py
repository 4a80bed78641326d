"""What a browser sends becomes a recording, or one clear sentence; a name that was sent is never a path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import wfdb

from beatlens.app.services import opening
from beatlens.app.services.opening import Upload, is_window, open_uploads, parse_window, shown_name
from beatlens.errors import BeatlensError, FormatError, SignalError

FS = 250


@pytest.fixture
def wfdb_files(tmp_path: Path) -> dict[str, bytes]:
    """A WFDB record of two leads with annotations, as files by name."""
    t = np.arange(20 * FS) / FS
    signal = np.stack([np.sin(7 * t), np.cos(5 * t)], axis=1)
    wfdb.wrsamp("x1", FS, ["mV", "mV"], ["II", "V1"], p_signal=signal, fmt=["16", "16"], write_dir=str(tmp_path))
    wfdb.wrann("x1", "atr", np.array([100, 300]), symbol=["N", "V"], fs=FS, write_dir=str(tmp_path))
    return {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def uploads(files: dict[str, bytes]) -> list[Upload]:
    return [Upload(name, content) for name, content in files.items()]


def test_a_wfdb_record_in_several_files(wfdb_files: dict[str, bytes]) -> None:
    """Header, signal and annotations are put together, whatever their order."""
    record = open_uploads(uploads(wfdb_files)[::-1])
    assert (record.name, record.lead_names, record.n_samples) == ("x1", ("II", "V1"), 20 * FS)
    assert record.annotations.symbols.tolist() == ["N", "V"]


def test_a_record_of_several_segments(wfdb_files: dict[str, bytes], tmp_path: Path) -> None:
    """Its header, those of its segments, their signals and its annotations are put together; between them may be a gap."""
    wfdb.wrsamp("x2", FS, ["mV"] * 2, ["II", "V1"], p_signal=np.ones((500, 2)), fmt=["16", "16"], write_dir=str(tmp_path))
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir() if not path.name.endswith(".atr")}
    head = f"whole/3 2 {FS} {20 * FS + 600}\nx1 {20 * FS}\n~ 100\nx2 500\n"
    record = open_uploads(
        uploads({**files, "whole.hea": head.encode(), "whole.atr": wfdb_files["x1.atr"], "x2.atr": b"of a segment alone"})
    )
    assert (record.name, record.lead_names, record.n_samples) == ("whole", ("II", "V1"), 20 * FS + 600)
    assert np.isnan(record.signal[20 * FS : 20 * FS + 100]).all()
    assert record.signal[-1].tolist() == pytest.approx([1.0, 1.0], abs=1e-3)
    assert record.annotations.symbols.tolist() == ["N", "V"]


def test_a_missing_signal_file_is_named(wfdb_files: dict[str, bytes]) -> None:
    """The sentence says which file the header needs."""
    del wfdb_files["x1.dat"]
    with pytest.raises(FormatError, match=r"x1\.hea needs the signal file x1\.dat") as caught:
        open_uploads(uploads(wfdb_files))
    assert "together" in caught.value.hint


@pytest.mark.parametrize("name", ["../../evil.dat", "/etc/passwd", "..\\..\\x.dat", "x1.dat\x00.txt"])
def test_a_header_cannot_name_files_outside(wfdb_files: dict[str, bytes], tmp_path: Path, name: str) -> None:
    """A header that points elsewhere reads what was sent, or nothing: never a file of this machine."""
    header = wfdb_files["x1.hea"].decode().replace("x1.dat", name.replace(" ", "")).encode()
    with pytest.raises(BeatlensError) as caught:
        open_uploads([Upload("x1.hea", header), Upload("x1.dat", wfdb_files["x1.dat"])])
    assert "beatlens-" not in caught.value.message


def test_names_with_folders_are_only_shown(
    wfdb_files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that was sent as a path is read, called by its last part, and nothing is written there."""
    monkeypatch.chdir(tmp_path)
    rows = "\n".join(f"{0.004 * k:.3f},{np.sin(k / 9):.4f}" for k in range(1000))
    record = open_uploads([Upload("../escaped/night 7.csv", f"time (s),II (mV)\n{rows}\n".encode())])
    assert record.name == "night 7"
    assert not (tmp_path.parent / "escaped").exists()


def test_the_senders_name_stands_in_the_sentence() -> None:
    """An error speaks of the file as its sender knows it."""
    with pytest.raises(FormatError, match=r"holiday\.edf is not a recording") as caught:
        open_uploads([Upload("holiday.edf", b"\x07\x08 nothing" * 50)])
    assert "uploaded-recording" not in f"{caught.value.message}{caught.value.hint}"


def test_a_missing_rate_is_asked_for_where_it_can_be_given() -> None:
    """The hint speaks of the page, not of the command line; with the rate and unit the file is read."""
    content = "\n".join(f"{np.sin(k / 9):.4f}" for k in range(1000)).encode()
    with pytest.raises(SignalError) as caught:
        open_uploads([Upload("x.csv", content)])
    assert "If the file does not say it" in caught.value.hint
    assert open_uploads([Upload("x.csv", content)], fs=250, unit="mV").duration_s == 4


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ([], "1 to 40 files"),
        ([Upload("a.edf", b"x"), Upload("b.edf", b"x")], "one header"),
        ([Upload("a.hea", b""), Upload("a.dat", b"x")], "first line is missing"),
        (
            [Upload("a.hea", b"a/2 2 360 100\ns1 50\ns2 50\n"), Upload("b.dat", b"x")],
            "a.hea needs the segment s1, which was not",
        ),
        (
            [Upload("a.hea", b"a/1 2 360 50\ns1 50\n"), Upload("s1.hea", b"s1/1 2 360 50\ns2 50\n")],
            "one header",
        ),
        ([Upload("a.hea", b"a/2 2 360 100\n"), Upload("b.dat", b"x")], "a.hea must name segments"),
        ([Upload("a.hea", b"a/1 2 360 50\na 50\n")], "no segment may have segments"),
        ([Upload("a.hea", b"a 1 360 9\n"), Upload("b.hea", b"b 1 360 9\n")], "one header"),
        ([Upload("a.hea", b"\xff\xfe"), Upload("b.dat", b"x")], "not plain text"),
        ([Upload("a.edf", b"")], "a.edf is empty"),
    ],
)
def test_what_cannot_be_opened(files: list[Upload], sentence: str) -> None:
    """Each is one sentence."""
    with pytest.raises(FormatError, match=sentence):
        open_uploads(files)


def test_too_large_and_too_long(monkeypatch: pytest.MonkeyPatch, made_up) -> None:
    """Both limits are said with what to do instead."""
    monkeypatch.setattr(opening, "MOST_MB", 0.0001)
    with pytest.raises(FormatError, match=r"at most 0.0001 MB") as caught:
        open_uploads([Upload("big.edf", b"x" * 200)])
    assert "beatlens analyze" in caught.value.hint
    monkeypatch.setattr(opening, "MOST_HOURS", 0.001)
    with pytest.raises(SignalError, match=r"at most 0\.001 h"):
        opening.check_length(made_up.make_record(made_up.RHYTHM))


@pytest.mark.parametrize("separator", [", ", "\n", "; ", " "])
def test_pasted_values(separator: str) -> None:
    """However they are parted, 180 numbers are one window with its R peak at the 91st."""
    values = np.round(np.exp(-(((np.arange(180) - 90) / 5) ** 2)), 3)
    record = parse_window(f"[{separator.join(map(str, values.tolist()))}]")
    assert is_window(record)
    assert int(record.signal[:, 0].argmax()) == 90


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1, 2, 3", "180 values; got 3"),
        ("1, two, 3", "'two' at place 2"),
        ("1 " * 180, "not all the same"),
        ("nan " * 180, "finite"),
    ],
)
def test_pasted_values_that_are_no_window(text: str, sentence: str) -> None:
    """Each is one sentence."""
    with pytest.raises(SignalError, match=sentence):
        parse_window(text)


def test_a_table_of_one_window_is_recognised() -> None:
    """The file of the first demonstration is a window, and not a recording of half a second."""
    content = "\n".join(f"{np.exp(-(((k - 90) / 5) ** 2)):.4f}" for k in range(180)).encode()
    assert is_window(open_uploads([Upload("beat.csv", content)]))


@pytest.mark.parametrize(
    ("name", "shown"), [("", "recording"), ("a/b\\c.edf", "c.edf"), ("x\x00\n.csv", "x.csv"), ("y" * 99, "y" * 80)]
)
def test_shown_names(name: str, shown: str) -> None:
    """No folder, no control character, not too long."""
    assert shown_name(name) == shown
