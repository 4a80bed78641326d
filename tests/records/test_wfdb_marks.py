"""Annotation files: the bytes of PhysioNet's own package, and read back by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import wfdb

from beatlens.errors import OutputError
from beatlens.records.wfdb_marks import write_marks


@pytest.mark.parametrize("fs", [360, 250.5])
@pytest.mark.parametrize("with_notes", [True, False])
def test_the_bytes_are_those_of_wfdb(tmp_path: Path, fs: float, with_notes: bool) -> None:
    """Steps of every size, notes of even and odd length, and none."""
    rng = np.random.default_rng(0)
    samples = np.cumsum(
        np.concatenate([[7], rng.integers(1, 1100, 300), [1022, 1023, 1024, 65_535, 65_536, 70_000, 3_000_000]])
    )
    symbols = rng.choice(list("NSVFQ/"), len(samples)).tolist()
    notes = rng.choice(["", "V 0.981", "N 1.0", "not judged: the signal is missing around the beat"], len(samples)).tolist()
    write_marks(tmp_path / "ours.bl", samples, symbols, notes if with_notes else (), fs=fs)
    wfdb.wrann("theirs", "bl", samples, symbols, aux_note=notes if with_notes else None, fs=fs, write_dir=str(tmp_path))
    theirs = (tmp_path / "theirs.bl").read_bytes()
    # After the rate, the package goes back a sample and on again, which changes nothing.
    detour = b"\x00\xec\xff\xff\xff\xff\x01\x00"
    assert (tmp_path / "ours.bl").read_bytes() == theirs.replace(detour, b"", 1)


def test_it_is_read_back(tmp_path: Path) -> None:
    """The first sample may be a mark; a note is cut at what its length can tell."""
    write_marks(tmp_path / "made.bl", np.array([0, 5, 5, 2000]), list("NVSF"), ["", "x" * 300, "", "F"], fs=128)
    found = wfdb.rdann(str(tmp_path / "made"), "bl")
    assert found.sample.tolist() == [0, 5, 5, 2000]
    assert found.symbol == list("NVSF")
    assert found.aux_note == ["", "x" * 255, "", "F"]
    assert found.fs == 128


def test_no_marks_are_an_empty_file(tmp_path: Path) -> None:
    write_marks(tmp_path / "made.bl", np.zeros(0, np.int64), [], fs=360)
    assert len(wfdb.rdann(str(tmp_path / "made"), "bl").sample) == 0


@pytest.mark.parametrize("name", ["beats", "beats.1", "beats.b-l"])
def test_the_extension_must_be_an_annotator(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="letters alone"):
        write_marks(tmp_path / name, np.array([3]), ["N"], fs=360)
    assert not list(tmp_path.iterdir())
