"""The table of beats as files: CSV, Parquet where pyarrow is there, and WFDB annotations."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from beatlens._io import replacing, write_text
from beatlens.analysis.result import Analysis
from beatlens.records.wfdb_marks import write_marks

ANNOTATOR: Final = "bl"
"""Extension of the annotation file."""

SYMBOLS: Final = {"normal": "N", "abnormal": "Q", "": "Q", "N": "N", "S": "S", "V": "V", "F": "F", "Q": "Q"}
"""WFDB symbol of each class. WFDB has none for "abnormal, of whatever kind", nor for a beat that was not judged: both are Q
(unclassifiable), told apart by their note."""

_DIGITS: Final = {"time_s": 4, "rr_s": 4, "probability": 4, "abnormal": 4}


def round_beats(beats: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the digits that its values deserve."""
    digits = {name: _DIGITS.get(name, 4) for name in beats.columns if beats[name].dtype.kind == "f"}
    return beats.astype(dict.fromkeys(digits, np.float64)).round(digits)


def write_csv(path: Path, beats: pd.DataFrame) -> None:
    """Write one row a beat; empty where a value is not known."""
    with replacing(path) as temporary:
        round_beats(beats).to_csv(temporary, index_label="beat", lineterminator="\n")


def write_parquet(path: Path, beats: pd.DataFrame) -> bool:
    """Write the same as Parquet if pyarrow is installed; return whether it was."""
    if find_spec("pyarrow") is None:
        return False
    with replacing(path) as temporary:
        round_beats(beats).to_parquet(temporary, index=True)
    return True


def _note(beat_class: str, probability: float, reason: str) -> str:
    if not beat_class:
        return f"not judged: {reason}"
    # A beat that a person added, or gave a class that the model does not know, has no probability.
    return f"{beat_class} {reason}" if np.isnan(probability) else f"{beat_class} {probability:.3f}"


def write_annotations(folder: Path, analysis: Analysis, *, name: str = "beats") -> Path:
    """Write the beats as a WFDB annotation file, with a header so that every tool knows its rate.

    Each beat's note holds its class and probability (``"V 0.98"``), or why it was not judged.

    Parameters
    ----------
    folder : Path
        Where to.
    analysis : Analysis
    name : str
        The record's name: letters, digits, hyphens and underscores.

    Returns
    -------
    Path
        The annotation file; read it with ``wfdb.rdann(str(folder / name), "bl")``.
    """
    beats, record = analysis.beats, analysis.record
    write_text(folder / f"{name}.hea", f"{name} 0 {record.fs:g} {record.n_samples}\n")
    path = folder / f"{name}.{ANNOTATOR}"
    notes = [
        _note(beat_class, probability, reason)
        for beat_class, probability, reason in zip(
            beats["class"].tolist(), beats["probability"].tolist(), beats["reason"].tolist(), strict=True
        )
    ]
    symbols = [SYMBOLS.get(beat_class, "Q") for beat_class in beats["class"].tolist()]
    write_marks(path, beats["sample"].to_numpy(np.int64), symbols, notes, fs=record.fs)
    return path
