"""What is measured of a beat beside the model's call: its voltage, its segments, its width, its likeness to the usual beat."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from beatlens.beats.seed_windows import AFTER, BEFORE, FS
from beatlens.explain.delineation import Delineation, delineate
from beatlens.explain.segments import label_segments
from beatlens.explain.words import Facts
from beatlens.records.record import Record

MAX_USUAL = 500
"""The usual beat is the median of at most this many, spread over the recording."""


class MeasuredBeats(NamedTuple):
    """Beats of one lead in the seed's window (180 samples at 360 Hz).

    Parameters
    ----------
    times_ms : ndarray of float64, shape (n_samples,)
        Relative to the R peak.
    voltage : ndarray of float32, shape (n_beats, n_samples)
        In mV.
    segments : ndarray of int32, shape (n_beats, n_samples)
        Places in `beatlens.explain.segments.SEGMENTS`.
    facts : list of Facts
        What a sentence may say of each beat.
    """

    times_ms: npt.NDArray[np.float64]
    voltage: npt.NDArray[np.float32]
    segments: npt.NDArray[np.int32]
    facts: list[Facts]


def measure_beats(
    record: Record, samples: npt.NDArray[np.int64], all_samples: npt.NDArray[np.integer], *, lead: int = 0
) -> MeasuredBeats:
    """Measure beats of one lead.

    Parameters
    ----------
    record : Record
        A recording at any rate.
    samples : ndarray of int64, shape (n_beats,)
        R peaks of the beats in question.
    all_samples : ndarray of int
        Every R peak of the recording.
    lead : int
        Which lead.
    """
    times = np.asarray((np.arange(BEFORE + AFTER) - BEFORE) * (1000 / FS), np.float64)
    signal = record.signal[:, lead].astype(np.float64)
    known = np.isfinite(signal)
    if not known.all():  # the beats in question touch no gap; elsewhere a line will do
        signal = np.interp(np.arange(len(signal)), np.flatnonzero(known), signal[known])
    everyone = np.union1d(np.asarray(all_samples, np.int64), samples)
    everyone = everyone[(everyone >= 0) & (everyone < len(signal))]
    marks = delineate(signal, record.fs, everyone)
    mine = Delineation(marks.marks[np.searchsorted(everyone, samples)] * (FS / record.fs), FS)
    r_samples = np.rint(samples * (FS / record.fs)).astype(np.int64)
    segments = label_segments(mine, r_samples, before=BEFORE, n_samples=len(times))
    some = everyone[:: max(1, len(everyone) // MAX_USUAL)]
    voltage, of_some = (_voltage(signal, record.fs, at, times) for at in (samples, some))
    enough = len(everyone) > 3
    likeness = _correlate(voltage, np.median(of_some, axis=0)) if enough else np.full(len(samples), np.nan)
    usual = float(np.median(marks.duration_ms("QRS"))) if enough else np.nan
    lasts, p_found = mine.duration_ms("QRS"), np.isfinite(mine.wave("P")[:, 1])
    facts = [Facts(float(lasts[k]), usual, float(likeness[k]), bool(p_found[k])) for k in range(len(samples))]
    return MeasuredBeats(times, voltage, segments, facts)


def _voltage(
    signal: npt.NDArray[np.float64], fs: float, samples: npt.NDArray[np.int64], times_ms: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """Return a lead in mV at these times around each beat, shape (n_beats, n_times)."""
    at = samples[:, None] + times_ms * (fs / 1000)
    return np.interp(at, np.arange(len(signal)), signal).astype(np.float32)


def _correlate(windows: npt.NDArray[np.float32], usual: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the correlation of each window with the usual one; NaN where one is flat."""
    a = windows.astype(np.float64) - windows.mean(axis=1, keepdims=True)
    b = usual.astype(np.float64) - usual.mean()
    size = np.linalg.norm(a, axis=1) * np.linalg.norm(b)
    found: npt.NDArray[np.float64] = np.divide(a @ b, size, out=np.full(len(a), np.nan), where=size > 0)
    return found
