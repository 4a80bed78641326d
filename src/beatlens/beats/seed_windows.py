"""The ``seed`` protocol's data: one window a beat, balanced, split at random.

Beats of one patient stand on both sides of this split. It reproduces the demo that Beatlens grew from, and says nothing of
how a model does on patients that it has not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly

from beatlens.beats.windows import cut_windows, zscore
from beatlens.databases import mitdb
from beatlens.errors import ConfigurationError
from beatlens.labels import SEED_SKIPPED_SYMBOLS, seed_labels
from beatlens.records import Record

BEFORE: Final = 90
AFTER: Final = 90
FS: Final = 360.0
LEAK_NOTE: Final = "Beats of one patient stand on both sides of this split: its figures say nothing of unseen patients."


@dataclass(frozen=True, eq=False)
class SeedBeats:
    """Windows of beats with what they are and where they come from, one row a beat.

    Parameters
    ----------
    windows : ndarray of float32, shape (n_beats, 180)
        First lead at 360 Hz, 90 samples before the annotation and 90 from it on, z-scored.
    labels : ndarray of int64, shape (n_beats,)
        0 normal (symbol ``N``), 1 abnormal.
    records, symbols : ndarray of str, shape (n_beats,)
        Record name and annotation symbol.
    samples : ndarray of int64, shape (n_beats,)
        Sample number of the annotation.
    """

    windows: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    records: npt.NDArray[np.str_]
    symbols: npt.NDArray[np.str_]
    samples: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: npt.NDArray[np.integer]) -> SeedBeats:
        """Return these rows, in this order."""
        return SeedBeats(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True, eq=False)
class SeedSplit:
    """The three parts of the ``seed`` protocol; early stopping looks at ``validation`` only."""

    train: SeedBeats
    validation: SeedBeats
    test: SeedBeats


def load_seed_beats(
    records: Sequence[str] = mitdb.RECORDS,
    *,
    folder: Path | None = None,
    on_record: Callable[[str], None] | None = None,
) -> SeedBeats:
    """Read every beat of the protocol from the MIT-BIH Arrhythmia Database.

    Every annotation other than ``+`` and ``~`` whose window fits inside the record counts as a beat: 110,714 in all 48
    records.

    Parameters
    ----------
    records : sequence of str
        Which records.
    folder : Path, optional
        Where the database is; found by `beatlens.databases.mitdb.find_database` if not given.
    on_record : callable, optional
        Called with the name of each record that has been read.

    Raises
    ------
    RecordNotFoundError
        If the database is not found.
    """
    folder = folder or mitdb.find_database()
    parts = []
    for name in records:
        parts.append(_beats_of_record(name, folder))
        if on_record:
            on_record(name)
    return SeedBeats(*(np.concatenate([getattr(part, name) for part in parts]) for name in SeedBeats.__dataclass_fields__))


def _beats_of_record(name: str, folder: Path) -> SeedBeats:
    record = mitdb.read_mitdb(name, folder)
    marks = record.annotations
    if marks is None:
        raise ConfigurationError(f"record {name} must have annotations")
    marks = marks.select(~np.isin(marks.symbols, list(SEED_SKIPPED_SYMBOLS)))
    windows, inside = cut_windows(record.signal[:, 0], marks.samples, before=BEFORE, after=AFTER)
    symbols = marks.symbols[inside]
    return SeedBeats(
        windows=zscore(windows),
        labels=seed_labels(symbols),
        records=np.full(len(symbols), name),
        symbols=symbols,
        samples=marks.samples[inside],
    )


def seed_windows_of(
    record: Record, r_samples: npt.NDArray[np.integer], *, lead: int = 0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], tuple[str, ...]]:
    """Cut the protocol's windows out of any recording.

    Parameters
    ----------
    record : Record
        At any sampling rate: one lead is resampled to 360 Hz where it must be.
    r_samples : ndarray of int, shape (n_beats,)
        R peaks, as sample numbers of ``record``.
    lead : int
        Which lead.

    Returns
    -------
    windows : ndarray of float32, shape (n_judged, 180)
        Z-scored.
    judged : ndarray of bool, shape (n_beats,)
        Which beats have a window: whole, and without a gap.
    reasons : tuple of str
        Why a beat has none; empty where it has one.
    """
    signal = record.signal[:, lead]
    positions = np.asarray(r_samples, dtype=np.int64)
    if record.fs != FS:
        signal = _resample_keeping_gaps(signal, record.fs)
        positions = np.rint(positions * (FS / record.fs)).astype(np.int64)
    windows, inside = cut_windows(signal, positions, before=BEFORE, after=AFTER)
    whole = np.isfinite(windows).all(axis=1)
    varied = np.ptp(np.nan_to_num(windows), axis=1) > 0
    judged = inside.copy()
    judged[inside] = whole & varied
    reasons = np.where(inside, "", "too near an end of the recording").astype(object)
    reasons[inside] = np.where(~whole, "a gap in the signal", np.where(~varied, "a flat signal", ""))
    return zscore(windows[whole & varied]), judged, tuple(reasons.tolist())


def _resample_keeping_gaps(signal: npt.NDArray[np.float32], fs: float) -> npt.NDArray[np.float32]:
    """Resample to 360 Hz with a polyphase filter; what touches a gap becomes a gap."""
    gaps = ~np.isfinite(signal)
    ratio = Fraction(FS / fs).limit_denominator(1000)
    resampled = resample_poly(np.where(gaps, 0, signal), ratio.numerator, ratio.denominator, padtype="line")
    if gaps.any():
        source = np.minimum((np.arange(len(resampled)) * fs / FS).astype(np.int64), len(signal) - 1)
        resampled[gaps[source]] = np.nan
    return np.asarray(resampled, dtype=np.float32)


def balance_beats(beats: SeedBeats, *, seed: int = 42) -> SeedBeats:
    """Return all abnormal beats and as many normal ones, drawn at random, in the order of the input."""
    normal = np.flatnonzero(beats.labels == 0)
    abnormal = np.flatnonzero(beats.labels == 1)
    n_kept = min(len(normal), len(abnormal))
    drawn = np.random.default_rng(seed).choice(normal, n_kept, replace=False)
    return beats.take(np.sort(np.concatenate([drawn, abnormal])))


def split_beats(beats: SeedBeats, *, test_fraction: float = 0.2, validation_fraction: float = 0.1, seed: int = 42) -> SeedSplit:
    """Split at random, stratified by label; the validation part is taken from the training part.

    Parameters
    ----------
    beats : SeedBeats
        Balanced or not.
    test_fraction : float
        Share of the beats that is held out, between 0 and 1.
    validation_fraction : float
        Share of the remaining beats that early stopping looks at, between 0 and 1.
    seed : int
        Of the random generator.

    Raises
    ------
    ConfigurationError
        If a fraction is not between 0 and 1, or a part would have no beat of one label.
    """
    for name, value in (("test_fraction", test_fraction), ("validation_fraction", validation_fraction)):
        if not 0 < value < 1:
            raise ConfigurationError(f"'{name}' must lie between 0 and 1; got {value}")
    rng = np.random.default_rng(seed)
    parts: tuple[list[npt.NDArray[np.int64]], ...] = ([], [], [])
    for label in (0, 1):
        rows = rng.permutation(np.flatnonzero(beats.labels == label))
        n_test = round(test_fraction * len(rows))
        n_validation = round(validation_fraction * (len(rows) - n_test))
        if n_test < 1 or n_validation < 1 or n_test + n_validation >= len(rows):
            raise ConfigurationError(
                f"each part must have beats of both labels; got {len(rows)} with label {label} to split",
                hint="Use more records.",
            )
        bounds = (n_test, n_test + n_validation)
        for part, chosen in zip(parts, np.split(rows, bounds), strict=True):
            part.append(chosen)
    test, validation, train = (beats.take(np.sort(np.concatenate(part))) for part in parts)
    return SeedSplit(train=train, validation=validation, test=test)
