"""NumPy and MATLAB arrays: shapes, what stands beside them, what is never loaded."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from beatlens.errors import FormatError, SignalError
from beatlens.records import read

X = np.round(np.random.default_rng(2).normal(size=(500, 2)), 3)


@pytest.mark.parametrize(
    "array", [X[:, 0], X[:, :1], X[:, 0][None], X, X.T, X[None], X.astype(np.float32), (X * 1000).astype(np.int16)]
)
def test_samples_by_leads_in_either_order(array: np.ndarray, tmp_path: Path) -> None:
    """One or two dimensions, leads first or last, any real dtype: the longer side is time."""
    np.save(tmp_path / "x.npy", array)
    unit = "uV" if array.dtype == np.int16 else "mV"
    record = read(tmp_path / "x.npy", fs=250, unit=unit)
    assert record.n_samples == 500
    np.testing.assert_allclose(record.signal[:, 0], X[:, 0], atol=1e-3)


@pytest.mark.parametrize("name", ["ecg", "signal", "anything"])
@pytest.mark.parametrize("kind", ["npz", "mat"])
def test_what_stands_beside_the_signal(name: str, kind: str, tmp_path: Path) -> None:
    """The rate, unit and leads beside a signal of any name are used."""
    beside = {"sampling_rate": 500.0, "units": "uV", "lead_names": np.array(["v5", "lead ii"])}
    path = tmp_path / f"x.{kind}"
    if kind == "npz":
        np.savez(path, **{name: X * 1000}, **beside)
    else:
        scipy.io.savemat(path, {name: X * 1000, **beside})
    record = read(path)
    assert (record.source, record.fs, record.lead_names) == (kind, 500.0, ("V5", "II"))
    np.testing.assert_allclose(record.signal, X, atol=1e-6)


@pytest.mark.parametrize(
    "array", [np.zeros((2, 3, 4)), np.zeros((500, 500)), np.zeros(0), np.zeros(50, complex), np.array(["a", "b"])]
)
def test_arrays_that_are_no_recording(array: np.ndarray, tmp_path: Path) -> None:
    """Three dimensions, hundreds of leads, nothing, complex numbers and texts are refused."""
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(SignalError):
        read(tmp_path / "x.npy", fs=250, unit="mV")


@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_objects_are_never_loaded(kind: str, tmp_path: Path) -> None:
    """A pickled array is refused unread."""
    path = tmp_path / f"x.{kind}"
    array = np.array([{"a": 1}, None], dtype=object)
    if kind == "npy":
        np.save(path, array)
    else:
        np.savez(path, ecg=array)
    with pytest.raises(FormatError, match="it holds Python objects"):
        read(path, fs=250, unit="mV")


def header(shape: str, descr: str = "<f8") -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize("shape", ["(1000000000000,)", "(-5,)", "(100000, 100000)", "('a',)", "(1,"])
@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_absurd_shapes_are_refused_before_memory_is_taken(shape: str, kind: str, tmp_path: Path) -> None:
    """A header that claims terabytes, or nonsense, is one sentence."""
    path = tmp_path / f"x.{kind}"
    if kind == "npy":
        path.write_bytes(header(shape) + bytes(800))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("ecg.npy", header(shape) + bytes(800))
    with pytest.raises(FormatError):
        read(path, fs=250, unit="mV")


def test_an_archive_that_unpacks_to_far_more_is_refused(tmp_path: Path) -> None:
    """A small archive of 200 MB of zeros is refused, not unpacked."""
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("ecg.npy", "w") as file:
        file.write(header("(25000000,)"))
        for _ in range(200):
            file.write(bytes(1_000_000))
    with pytest.raises(FormatError, match="far more than a file of"):
        read(tmp_path / "x.npz", fs=250, unit="mV")


def test_a_matlab_file_without_numbers(tmp_path: Path) -> None:
    """A MATLAB file that holds only text says so."""
    scipy.io.savemat(tmp_path / "x.mat", {"name": "nobody"})
    with pytest.raises(SignalError, match="must hold an array of samples"):
        read(tmp_path / "x.mat")


def test_a_challenge_signal_file_is_read_through_its_header(tmp_path: Path) -> None:
    """A .mat that a WFDB header beside it names is the record of that header."""
    counts = np.arange(-100, 100, dtype=np.int16)
    raw = b"MATLAB 5.0 MAT-file".ljust(24) + counts.tobytes()
    (tmp_path / "x.mat").write_bytes(raw)
    (tmp_path / "x.hea").write_text(f"x 1 300 200\nx.mat 16+24 1000/mV 16 0 -100 {int(counts.sum())} 0 ECG\n")
    record = read(tmp_path / "x.mat")
    assert (record.source, record.fs) == ("wfdb", 300.0)
    np.testing.assert_allclose(record.signal[:, 0], counts / 1000, atol=1e-7)
