"""ISHNE Holter: header, checksum, length, blocks."""

from __future__ import annotations

import struct
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from beatlens.errors import FormatError
from beatlens.records import read


@pytest.fixture
def holter(synthetic: ModuleType, tmp_path: Path) -> Path:
    return synthetic.write_ishne(tmp_path, synthetic.beats())


def test_a_changed_header_does_not_pass_its_checksum(holter: Path) -> None:
    """One changed letter of the header is found."""
    raw = bytearray(holter.read_bytes())
    raw[30] ^= 1
    holter.write_bytes(raw)
    with pytest.raises(FormatError, match="does not agree with its checksum"):
        read(holter)


def test_blocks_join_without_a_seam(holter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small blocks give what one block gives."""
    whole = read(holter)
    monkeypatch.setattr("beatlens.records.ishne._CHUNK", 7)
    np.testing.assert_array_equal(read(holter).signal, whole.signal)


def test_a_length_that_no_file_has(synthetic: ModuleType, tmp_path: Path) -> None:
    """A header that claims two thousand million samples is refused before memory is taken, with the true number."""
    path = synthetic.write_ishne(tmp_path, synthetic.beats(), n_samples=2_000_000_000)
    with pytest.raises(FormatError, match="holds 2000 of 2000000000 samples a lead"):
        read(path)


@pytest.mark.parametrize(("at", "value", "sentence"), [(10, 1 << 30, "points outside"), (22, 100, "points outside")])
def test_offsets_outside_the_file(holter: Path, at: int, value: int, sentence: str) -> None:
    """A block or samples that lie outside the file are refused."""
    raw = bytearray(holter.read_bytes())
    struct.pack_into("<i", raw, at, value)
    holter.write_bytes(raw)
    with pytest.raises(FormatError, match=sentence):
        read(holter)


def test_a_file_that_ends_in_its_header(holter: Path) -> None:
    """A header that is cut is one sentence with its numbers."""
    holter.write_bytes(holter.read_bytes()[:300])
    with pytest.raises(FormatError, match="after 300 of 522 bytes"):
        read(holter)
