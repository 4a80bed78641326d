"""Small recordings on disk, for the tests of many of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wfdb


@pytest.fixture(scope="session")
def write_recording(made_up: Any) -> Callable[..., Path]:
    """Return a function that writes a made-up recording as a WFDB record and returns its header."""

    def write(folder: Path, name: str, *, seconds: float = 20.0, wide: int = 7) -> Path:
        n = int(seconds / 0.8)
        beats = [(0.8, "V" if place % wide == wide - 1 else "N") for place in range(n)]
        record = made_up.make_record(beats)
        folder.mkdir(parents=True, exist_ok=True)
        wfdb.wrsamp(
            name,
            fs=record.fs,
            units=["mV"],
            sig_name=["II"],
            p_signal=record.signal.astype(np.float64),
            fmt=["16"],
            adc_gain=[1000.0],
            baseline=[0],
            write_dir=str(folder),
        )
        return folder / f"{name}.hea"

    return write


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory, write_recording: Callable[..., Path]) -> Path:
    """A folder with three recordings of different lengths, and one damaged file; not to be changed."""
    folder = tmp_path_factory.mktemp("recordings")
    for place, name in enumerate(["one", "two", "deep/three"]):
        path = folder / name
        write_recording(path.parent, path.name, seconds=20 + 4 * place)
    (folder / "bad.edf").write_bytes(b"\x00\x01 not a recording")
    return folder
