"""What is measured of a beat beside the model's call: its voltage, its segments, its width, its likeness to the usual beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from beatlens.beats.seed_windows import AFTER, BEFORE, FS
from beatlens.explain.delineation import Delineation, delineate
from beatlens.explain.segments import label_segments
from beatlens.explain.words import Facts
from beatlens.records.record import Record

Array = npt.NDArray[np.float64]

MAX_USUAL: Final = 500
"""The usual beat is the median of at most this many, spread over the recording."""
LONG: Final = 4000
NEARBY: Final = 200
"""In a recording of more than `LONG` beats, only so many on either side of a beat say what is usual for it."""


@dataclass(frozen=True)
class Grid:
    """Where a model's windows have their samples.

    Parameters
    ----------
    fs : float
        Sampling rate of the window, in Hz.
    before, n_samples : int
        Samples before the window's zero, and in all.
    """

    fs: float
    before: int
    n_samples: int

    @property
    def times_ms(self) -> Array:
        """Time of each sample relative to the window's zero."""
        return np.asarray((np.arange(self.n_samples) - self.before) * (1000 / self.fs), np.float64)


SEED_GRID: Final = Grid(FS, BEFORE, BEFORE + AFTER)


class MeasuredBeats(NamedTuple):
    """Beats of one or more leads on the grid of a model's windows.

    Parameters
    ----------
    times_ms : ndarray of float64, shape (n_beats, n_samples)
        Relative to the R peak.
    voltage, usual : ndarray of float32, shape (n_beats, n_samples, n_leads)
        Each beat, and the recording's median one, in mV.
    segments : ndarray of int32, shape (n_beats, n_samples)
        Places in `beatlens.explain.segments.SEGMENTS`, as the first of the leads shows them.
    facts : list of Facts
        What a sentence may say of each beat.
    """

    times_ms: Array
    voltage: npt.NDArray[np.float32]
    usual: npt.NDArray[np.float32]
    segments: npt.NDArray[np.int32]
    facts: list[Facts]


def measure_beats(
    record: Record,
    samples: npt.NDArray[np.int64],
    all_samples: npt.NDArray[np.integer],
    *,
    leads: tuple[int, ...] = (0,),
    grid: Grid = SEED_GRID,
    offset_ms: Array | float = 0.0,
) -> MeasuredBeats:
    """Measure beats.

    Parameters
    ----------
    record : Record
        A recording at any rate.
    samples : ndarray of int64, shape (n_beats,)
        R peaks of the beats in question.
    all_samples : ndarray of int
        Every R peak of the recording.
    leads : tuple of int
        Which leads to show; the first is the one that is measured.
    grid : Grid
        Of the model's windows.
    offset_ms : ndarray of float64, shape (n_beats,), or float
        Where the zero of each window lies, relative to the R peak.
    """
    everyone = np.union1d(np.asarray(all_samples, np.int64), samples)
    everyone = everyone[(everyone >= 0) & (everyone < record.n_samples)]
    offset = np.broadcast_to(np.asarray(offset_ms, np.float64), len(samples))
    if len(everyone) <= LONG:
        return _measure(record.signal, record.fs, samples, everyone, leads, grid, offset)
    parts = []
    for k, sample in enumerate(samples.tolist()):
        place = int(np.searchsorted(everyone, sample))
        near = everyone[max(0, place - NEARBY) : place + NEARBY + 1]
        margin = int(5 * record.fs)
        first, last = max(0, int(near[0]) - margin), min(record.n_samples, int(near[-1]) + margin)
        own = np.array([sample - first])
        parts.append(_measure(record.signal[first:last], record.fs, own, near - first, leads, grid, offset[[k]]))
    times, voltage, usual, segments = (np.concatenate([part[field] for part in parts]) for field in range(4))
    return MeasuredBeats(times, voltage, usual, segments, [fact for part in parts for fact in part.facts])


def _measure(
    signal: npt.NDArray[np.floating],
    fs: float,
    samples: npt.NDArray[np.int64],
    everyone: npt.NDArray[np.int64],
    leads: tuple[int, ...],
    grid: Grid,
    offset_ms: Array,
) -> MeasuredBeats:
    whole = np.stack([_without_gaps(signal[:, lead]) for lead in leads], axis=1)
    times = grid.times_ms + offset_ms[:, None]
    own = np.searchsorted(everyone, samples)
    marks = delineate(whole[:, 0], fs, everyone, which=own)
    mine = Delineation(marks.marks[own] * (grid.fs / fs), grid.fs)
    zero = samples * (grid.fs / fs) + offset_ms * (grid.fs / 1000)
    segments = label_segments(mine, np.rint(zero).astype(np.int64), before=grid.before, n_samples=grid.n_samples)
    some = everyone[:: max(1, len(everyone) // MAX_USUAL)]
    voltage, of_some = _voltage(whole, fs, samples, times), _voltage(whole, fs, some, grid.times_ms[None])
    usual = _at_times(np.median(of_some, axis=0), grid.times_ms, times)
    likeness = _correlate(voltage[..., 0], usual[..., 0]) if len(everyone) > 3 else np.full(len(samples), np.nan)
    facts = _collect_facts(marks, own, everyone / fs, likeness)
    return MeasuredBeats(times, voltage, usual, segments, facts)


def _collect_facts(marks: Delineation, own: npt.NDArray[np.int64], times_s: Array, likeness: Array) -> list[Facts]:
    enough = len(times_s) > 3
    lasts, p_found = marks.duration_ms("QRS"), np.isfinite(marks.wave("P")[:, 1])
    rr_ms = np.concatenate([[np.nan], np.diff(times_s) * 1000, [np.nan]])
    usual_qrs = float(np.median(lasts)) if enough else np.nan
    usual_rr = float(np.nanmedian(rr_ms)) if enough else np.nan
    return [
        Facts(
            float(lasts[place]),
            usual_qrs,
            float(likeness[k]),
            bool(p_found[place]),
            float(rr_ms[place]),
            float(rr_ms[place + 1]),
            usual_rr,
        )
        for k, place in enumerate(own.tolist())
    ]


def _without_gaps(lead: npt.NDArray[np.floating]) -> Array:
    """Return a lead with lines across its gaps: the beats in question touch none, elsewhere a line will do."""
    signal = lead.astype(np.float64)
    known = np.isfinite(signal)
    if known.all():
        return signal
    return np.asarray(np.interp(np.arange(len(signal)), np.flatnonzero(known), signal[known]))


def _voltage(signal: Array, fs: float, samples: npt.NDArray[np.int64], times_ms: Array) -> npt.NDArray[np.float32]:
    """Return leads in mV at these times around each beat, shape (n_beats, n_times, n_leads)."""
    at = samples[:, None] + times_ms * (fs / 1000)
    place = np.arange(len(signal))
    return np.stack([np.interp(at, place, lead) for lead in signal.T], axis=2).astype(np.float32)


def _at_times(usual: npt.NDArray[np.float32], times_ms: Array, wanted_ms: Array) -> npt.NDArray[np.float32]:
    """Return the usual beat at each beat's own times, shape (n_beats, n_times, n_leads): R peak on R peak."""
    leads = [np.interp(wanted_ms, times_ms, lead) for lead in usual.T]
    return np.stack(leads, axis=2).astype(np.float32)


def _correlate(windows: npt.NDArray[np.float32], usual: npt.NDArray[np.float32]) -> Array:
    """Return the correlation of each window with its row of the usual one; NaN where one is flat."""
    a = windows.astype(np.float64) - windows.mean(axis=1, keepdims=True)
    b = usual.astype(np.float64) - usual.mean(axis=1, keepdims=True)
    size = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    found: Array = np.divide((a * b).sum(axis=1), size, out=np.full(len(a), np.nan), where=size > 0)
    return found
