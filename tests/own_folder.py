"""A folder of made-up WFDB records with beat annotations, and the table of their patients."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import wfdb


def write_folder(
    folder: Path,
    patients: Sequence[tuple[str, str]],
    *,
    fs: int = 250,
    duration_s: float = 40.0,
    annotator: str = "atr",
    leads: int = 2,
) -> Path:
    """Write one record for each (record, patient); every fifth beat or so is ventricular. Return the table."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, _ in patients:
        write_record(folder, name, fs=fs, duration_s=duration_s, annotator=annotator, leads=leads)
    table = folder.parent / f"{folder.name}.csv"
    table.write_text("record,patient\n" + "".join(f"{name},{patient}\n" for name, patient in patients), encoding="utf-8")
    return table


def write_record(
    folder: Path, name: str, *, fs: int = 250, duration_s: float = 40.0, annotator: str = "atr", leads: int = 2, seed: int = 0
) -> npt.NDArray[np.int64]:
    """Write one record with its annotations; the rhythm is drawn from the name and the seed. Return the R peaks."""
    rng = np.random.default_rng([seed, *name.encode()])
    times, kinds = [0.6], ["N"]
    while times[-1] < duration_s - 1.6:
        early = rng.random() < 0.2 and kinds[-1] == "N"
        times.append(times[-1] + (0.5 if early else 1.0 if kinds[-1] == "V" else 0.8) * rng.normal(1, 0.06))
        kinds.append("V" if early else "N")
    r = np.round(np.array(times) * fs).astype(np.int64)
    t = np.arange(int(duration_s * fs)) / fs
    signal = 0.01 * rng.normal(size=(len(t), leads))
    for at, kind in zip(times, kinds, strict=True):
        width, height = (0.05, -1.4) if kind == "V" else (0.015, 1.0)
        signal += (height * np.exp(-(((t - at) / width) ** 2)))[:, None] * np.linspace(1, 0.6, leads)
        if kind == "N":
            signal += (0.15 * np.exp(-(((t - at + 0.16) / 0.03) ** 2)))[:, None]
        signal += (0.25 * np.exp(-(((t - at - 0.28) / 0.06) ** 2)))[:, None]
    wfdb.wrsamp(
        name,
        fs=fs,
        units=["mV"] * leads,
        sig_name=["MLII", "V5"][:leads],
        p_signal=signal,
        fmt=["16"] * leads,
        write_dir=str(folder),
    )
    wfdb.wrann(name, annotator, r, symbol=kinds, fs=fs, write_dir=str(folder))
    return r
