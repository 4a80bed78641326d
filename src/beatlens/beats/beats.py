"""A recording as beats: R peaks, windows at a model's rate, intervals, quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from beatlens.beats.detector import find_r_peaks
from beatlens.beats.leads import choose_leads
from beatlens.beats.quality import assess_signal
from beatlens.beats.signals import check_signal, find_gaps, resample
from beatlens.beats.windows import cut_windows
from beatlens.errors import SignalError
from beatlens.records import Record

Float = npt.NDArray[np.float32]

RR_FEATURES: Final = ("pre_s", "post_s", "pre_to_local", "post_to_local", "pre_to_record")
"""Names of the columns of `Beats.rr`."""
LOCAL_BEATS: Final = 11


@dataclass(frozen=True, eq=False)
class Beats:
    """The beats of one recording, one row a beat.

    Parameters
    ----------
    r_samples : ndarray of int64, shape (n_beats,)
        Sample number of each R peak in the recording, increasing.
    fs : float
        Sampling rate of the recording in Hz.
    windows : ndarray of float32, shape (n_beats, n_samples, n_leads)
        Voltage around each R peak at ``windows_fs``, in the recording's unit. NaN where the recording has a gap or ends.
    windows_fs : float
        Sampling rate of the windows in Hz.
    lead_names : tuple of str
        Leads of the windows.
    rr : ndarray of float32, shape (n_beats, 5)
        Columns as `RR_FEATURES` names them: the interval before and after in seconds, both as a ratio to the median of the
        eleven intervals around, and the first as a ratio to the recording's median. NaN for the first and the last beat and
        across a gap, where there is no interval.
    quality : ndarray of float32, shape (n_beats, n_leads)
        Quality of each lead around that time, from 0 to 1; see `beatlens.beats.quality`.
    confidence : ndarray of float32, shape (n_beats,)
        How sure the detector is that there is a beat, from 0.5 to 1; NaN where the R peaks were given.
    notes : tuple of str
        What was decided, one sentence each.
    """

    r_samples: npt.NDArray[np.int64]
    fs: float
    windows: Float
    windows_fs: float
    lead_names: tuple[str, ...]
    rr: Float
    quality: Float
    confidence: Float
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.r_samples)

    @property
    def times_s(self) -> npt.NDArray[np.float64]:
        """Time of each R peak in seconds, shape (n_beats,)."""
        return self.r_samples / self.fs

    @property
    def complete(self) -> npt.NDArray[np.bool_]:
        """Whether each window lies inside the recording and holds no gap, shape (n_beats,)."""
        return np.asarray(np.isfinite(self.windows).all(axis=(1, 2)))


def segment_beats(
    record: Record,
    *,
    r_samples: npt.ArrayLike | None = None,
    leads: Sequence[str] | None = None,
    fs: float = 360.0,
    before: int = 90,
    after: int = 90,
) -> Beats:
    """Turn a recording into beats.

    Parameters
    ----------
    record : Record
        The recording; gaps are NaN.
    r_samples : array_like of int, shape (n_beats,), optional
        Sample number of each R peak; found by `beatlens.beats.detector.find_r_peaks` if not given.
    leads : sequence of str, optional
        Leads to use; up to two good ones if not given.
    fs : float
        Sampling rate of the windows in Hz.
    before, after : int
        A window holds this many samples, at ``fs``, before the R peak and from it on.

    Returns
    -------
    Beats

    Raises
    ------
    SignalError
        If the signal cannot be used, or the R peaks lie outside it or do not increase.
    RecordNotFoundError
        If there is no lead of a wanted name.
    """
    signal = check_signal(record.signal, record.fs, name=record.name)
    quality = assess_signal(signal, record.fs)
    choice = choose_leads(signal, record.fs, record.lead_names, wanted=leads, quality=quality, where=record.name)
    if r_samples is None:
        found = find_r_peaks(record, leads=choice.names)
        samples, confidence = found.samples, found.confidence
    else:
        samples = _check_peaks(r_samples, len(signal), record.name)
        confidence = np.full(len(samples), np.nan, np.float32)
    notes, columns = choice.notes, list(choice.indices)
    signal = signal if columns == list(range(signal.shape[1])) else signal[:, columns]
    gaps = np.logical_and.reduce([find_gaps(lead) for lead in signal.T])
    inside_gap = gaps[samples]
    if inside_gap.any():
        samples, confidence = samples[~inside_gap], confidence[~inside_gap]
        notes = (*notes, f"{int(inside_gap.sum())} given R peaks were left out: they lie in a gap")
    times = samples / record.fs
    return Beats(
        r_samples=samples,
        fs=record.fs,
        windows=_cut(signal, samples, record.fs, fs, (before, after)),
        windows_fs=fs,
        lead_names=choice.names,
        rr=rr_features(times, broken=_gap_before(gaps, samples)),
        quality=quality.at(times)[:, columns],
        confidence=confidence,
        notes=notes,
    )


def rr_features(times_s: npt.NDArray[np.floating], *, broken: npt.NDArray[np.bool_] | None = None) -> Float:
    """Return the intervals around each beat; see `Beats.rr`.

    Parameters
    ----------
    times_s : ndarray of shape (n_beats,)
        Times of the R peaks in seconds, increasing.
    broken : ndarray of bool, shape (n_beats,), optional
        Beats before which, since the previous one, the recording has a gap: that interval is not one.

    Returns
    -------
    ndarray of float32, shape (n_beats, 5)
    """
    n = len(times_s)
    if not n:
        return np.zeros((0, len(RR_FEATURES)), np.float32)
    pre = np.diff(np.asarray(times_s, dtype=np.float64), prepend=np.nan)
    if broken is not None:
        pre[broken] = np.nan
    post = np.append(pre[1:], np.nan)
    known = np.isfinite(pre)
    local = np.full(n, np.nan)
    if known.any():
        size = min(LOCAL_BEATS, int(known.sum()))
        medians = ndimage.median_filter(pre[known], size=size, mode="nearest")
        local = np.interp(np.arange(n), np.flatnonzero(known), medians)
    record = np.median(pre[known]) if known.any() else np.nan
    return np.stack([pre, post, pre / local, post / local, pre / record], axis=1).astype(np.float32)


def _check_peaks(r_samples: npt.ArrayLike, n_samples: int, name: str) -> npt.NDArray[np.int64]:
    samples = np.asarray(r_samples)
    if samples.ndim != 1 or (samples.size and samples.dtype.kind not in "iu"):
        raise SignalError(
            f"'r_samples' must be whole numbers of shape (n_beats,); got {samples.dtype} {samples.shape}, in {name}"
        )
    samples = samples.astype(np.int64)
    if samples.size and (samples.min() < 0 or samples.max() >= n_samples):
        raise SignalError(
            f"'r_samples' must lie in 0 to {n_samples - 1}; got {samples.min()} to {samples.max()}, in {name}",
            hint="Give sample numbers at the recording's own rate.",
        )
    if (np.diff(samples) <= 0).any():
        where = int(np.argmax(np.diff(samples) <= 0)) + 1
        raise SignalError(f"'r_samples' must increase; got {samples[where]} after {samples[where - 1]}, in {name}")
    return samples


def _cut(signal: Float, samples: npt.NDArray[np.int64], fs: float, new_fs: float, span: tuple[int, int]) -> Float:
    if fs != new_fs:
        signal, samples = resample(signal, fs, new_fs), np.rint(samples * (new_fs / fs)).astype(np.int64)
    found, inside = cut_windows(signal, samples, before=span[0], after=span[1])
    if inside.all():
        return found
    windows = np.full((len(samples), *found.shape[1:]), np.nan, np.float32)
    windows[inside] = found
    return windows


def _gap_before(gaps: npt.NDArray[np.bool_], samples: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return the beats that are parted from the one before by a gap in every lead."""
    missing = np.flatnonzero(gaps)
    n_before = np.searchsorted(missing, samples)
    return np.diff(n_before, prepend=n_before[:1]) > 0
