"""Where P, QRS and T begin, peak and end, in one lead with known R peaks.

The waves are found by the derivative of the smoothed signal, each at its own scale, in the order QRS, T, P; the QRS is taken
out (a line drawn through it) before the slower waves are looked for, so that its slopes do not leak into theirs. A wave that
does not stand out of the beat's own noise is absent: its marks are NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from beatlens.errors import SignalError

Array = npt.NDArray[np.float64]

WAVES: Final = ("P", "QRS", "T")
MARKS: Final = ("onset", "peak", "end")


@dataclass(frozen=True)
class Settings:
    """Scales and thresholds, chosen on the odd-numbered records of LUDB's first hundred.

    Times in ms; ``*_onset`` and ``*_end`` are shares of the steepest slope of the wave's own flank; ``*_least`` and
    ``qrs_noise`` are multiples of the beat's own noise; ``p_floor`` and ``p_tall`` are in mV.
    """

    qrs_smooth_ms: float = 5.3
    qrs_close_ms: float = 22.0
    qrs_onset: float = 0.077
    qrs_end: float = 0.077
    qrs_noise: float = 2.3
    qrs_margin_ms: float = 4.0
    t_smooth_ms: float = 13.0
    t_gap_ms: float = 80.0
    t_late: float = 0.87
    t_longest_ms: float = 420.0
    t_onset: float = 0.3
    t_end: float = 0.235
    t_least: float = 4.5
    p_smooth_ms: float = 10.0
    p_early: float = 0.27
    p_longest_ms: float = 260.0
    p_onset: float = 0.36
    p_end: float = 0.48
    p_least: float = 6.3
    p_alike: float = 0.37
    p_floor: float = 0.006
    p_tall: float = 0.32


@dataclass(frozen=True, eq=False)
class Delineation:
    """Marks of the waves of each beat.

    Parameters
    ----------
    marks : ndarray of float64, shape (n_beats, 3, 3)
        Sample number of (P, QRS, T) x (onset, peak, end); NaN where a wave is absent or cannot be seen.
    fs : float
        Sampling rate in Hz.
    """

    marks: Array
    fs: float

    def wave(self, name: str) -> Array:
        """Return onset, peak and end of one wave, shape (n_beats, 3)."""
        found: Array = self.marks[:, WAVES.index(name)]
        return found

    def duration_ms(self, name: str) -> Array:
        """Return how long each beat's wave lasts, shape (n_beats,); NaN where it is absent."""
        wave = self.wave(name)
        lasts: Array = (wave[:, 2] - wave[:, 0]) * (1000 / self.fs)
        return lasts


def delineate(
    signal: npt.NDArray[np.floating],
    fs: float,
    r_samples: npt.NDArray[np.integer],
    *,
    which: npt.NDArray[np.integer] | None = None,
    settings: Settings | None = None,
) -> Delineation:
    """Find onset, peak and end of P, QRS and T of each beat.

    Parameters
    ----------
    signal : ndarray of shape (n_samples,)
        One lead, in mV.
    fs : float
        Sampling rate in Hz.
    r_samples : ndarray of int, shape (n_beats,)
        R peaks, in the order of time.
    which : ndarray of int, optional
        Places of the beats whose P and T are wanted; NaN is given for those of the others. All if not given.
    settings : Settings, optional
        Scales and thresholds.

    Returns
    -------
    Delineation
        A wave that does not stand out, or of which the recording does not hold enough, is NaN. The QRS peak is the R peak.

    Raises
    ------
    SignalError
        If the signal is not one finite lead, or an R peak lies outside it or out of order.
    """
    from scipy.ndimage import gaussian_filter1d

    x, r = np.asarray(signal, np.float64), np.asarray(r_samples, np.int64)
    if x.ndim != 1 or not np.isfinite(x).all():
        raise SignalError(f"'signal' must be one finite lead; got shape {x.shape}, {int((~np.isfinite(x)).sum())} not finite")
    if len(r) and (r[0] < 0 or r[-1] >= len(x) or (np.diff(r) <= 0).any()):
        raise SignalError(f"'r_samples' must rise within the {len(x)} samples of the signal; got {r[0]} to {r[-1]}")
    marks = np.full((len(r), 3, 3), np.nan)
    if not len(r):
        return Delineation(marks, fs)
    lead = _Lead(x, fs, r, _intervals(r, fs), settings or Settings())
    marks[:, 1] = _mark_qrs(lead)
    flat = _draw_through(lead, marks[:, 1])
    noise = np.abs(x - gaussian_filter1d(x, 5 * lead.ms))
    wanted = np.arange(len(r)) if which is None else np.unique(which)
    before = np.unique(np.concatenate([wanted, wanted[wanted > 0] - 1]))  # no P begins before the last T has ended
    marks[:, 2] = _mark_t(lead, flat, noise, marks[:, 1], before)
    marks[:, 0] = _mark_p(lead, flat, noise, marks[:, 1], marks[:, 2, 2], wanted)
    marks[np.setdiff1d(before, wanted), 2] = np.nan
    return Delineation(marks, fs)


class _Lead(NamedTuple):
    """A lead with its R peaks and the interval before and after each, in samples."""

    x: Array
    fs: float
    r: npt.NDArray[np.int64]
    rr: Array
    settings: Settings

    @property
    def ms(self) -> float:
        """Samples in a millisecond."""
        return self.fs / 1000

    def clip(self, first: float, last: float) -> tuple[int, int]:
        """Return a stretch as whole samples inside the recording."""
        return max(0, int(first)), min(len(self.x) - 1, int(last))


class _Wave(NamedTuple):
    onset: int
    peak: int
    end: int
    height: float


def _intervals(r: npt.NDArray[np.int64], fs: float) -> Array:
    """Return the interval before and after each R peak, shape (n_beats, 2); the usual one at the ends, 0.8 s for one beat."""
    rr = np.diff(r).astype(np.float64)
    usual = [float(np.median(rr)) if len(rr) else 0.8 * fs]
    return np.stack([np.concatenate([usual, rr]), np.concatenate([rr, usual])], axis=1)


def _mark_qrs(lead: _Lead) -> Array:
    """Walk from the R peak to where the closed envelope of the slope falls below a share of the steepest slope."""
    from scipy.ndimage import gaussian_filter1d, grey_closing

    s, ms = lead.settings, lead.ms
    slope: Array = np.abs(np.gradient(gaussian_filter1d(lead.x, s.qrs_smooth_ms * ms)))
    envelope = grey_closing(slope, (max(1, round(s.qrs_close_ms * ms)),))
    margin = round(s.qrs_margin_ms * ms)
    marks = np.empty((len(lead.r), 3))
    for k, (peak, (before, after)) in enumerate(zip(lead.r.tolist(), lead.rr.tolist(), strict=True)):
        low, high = lead.clip(peak - min(150 * ms, 0.4 * before), peak + min(200 * ms, 0.4 * after))
        inner = slice(max(low, int(peak - 60 * ms)), min(high, int(peak + 60 * ms)) + 1)
        steepest = slope[inner].max()
        around = slice(*lead.clip(peak - 0.45 * before, peak + 0.6 * after))
        floor = min(s.qrs_noise * _middle(slope[around]), 0.3 * steepest)
        left = envelope[low : peak + 1][::-1] <= max(s.qrs_onset * steepest, floor)
        right = envelope[peak : high + 1] <= max(s.qrs_end * steepest, floor)
        onset = peak - int(left.argmax()) if left.any() else low
        end = peak + int(right.argmax()) if right.any() else high
        marks[k] = max(onset - margin, 0), peak, min(end + margin, len(lead.x) - 1)
    return marks


def _draw_through(lead: _Lead, qrs: Array) -> Array:
    """Return the signal with a line in place of each QRS."""
    flat, reach = lead.x.copy(), max(1, int(8 * lead.ms))
    for onset, _, end in qrs.astype(np.int64).tolist():
        left = lead.x[max(0, onset - reach) : onset + 1].mean()
        right = lead.x[end : end + reach + 1].mean()
        flat[onset : end + 1] = np.linspace(left, right, end - onset + 1)
    return flat


def _mark_t(lead: _Lead, flat: Array, noise: Array, qrs: Array, wanted: npt.NDArray[np.int64]) -> Array:
    from scipy.ndimage import gaussian_filter1d

    s, ms = lead.settings, lead.ms
    x = gaussian_filter1d(flat, s.t_smooth_ms * ms)
    slope, marks = np.gradient(x), np.full((len(lead.r), 3), np.nan)
    for k, peak, after in zip(wanted.tolist(), lead.r[wanted].tolist(), lead.rr[wanted, 1].tolist(), strict=True):
        latest = min(peak + s.t_late * after + 60 * ms, peak + s.t_longest_ms * ms)
        if k + 1 < len(lead.r):
            latest = min(latest, qrs[k + 1, 0] - 40 * ms)
        low, high = lead.clip(qrs[k, 2] + s.t_gap_ms * ms, latest)
        usual = peak + 0.3 * np.sqrt(after * lead.fs)  # T comes later in a slow rhythm, as the root of the interval
        wave = _find_wave(x, slope, (low, high), (usual, 150 * ms, 0.8), (s.t_onset, s.t_end))
        if wave and wave.height > s.t_least * _middle(noise[low : high + 1]):
            marks[k] = wave[:3]
    return marks


def _mark_p(lead: _Lead, flat: Array, noise: Array, qrs: Array, t_end: Array, wanted: npt.NDArray[np.int64]) -> Array:
    from scipy.ndimage import gaussian_filter1d

    s, ms = lead.settings, lead.ms
    x = gaussian_filter1d(flat, s.p_smooth_ms * ms)
    slope, marks = np.gradient(x), np.full((len(lead.r), 3), np.nan)
    alike = _compare_p(lead, x, qrs)
    for k, peak, before in zip(wanted.tolist(), lead.r[wanted].tolist(), lead.rr[wanted, 0].tolist(), strict=True):
        earliest = max(peak - s.p_early * before - 40 * ms, qrs[k, 0] - s.p_longest_ms * ms)
        if k and np.isfinite(t_end[k - 1]):
            earliest = max(earliest, t_end[k - 1])
        low, high = lead.clip(earliest, qrs[k, 0] - 1)
        wave = _find_wave(x, slope, (low, high), (peak - 160 * ms, 70 * ms, 0.6), (s.p_onset, s.p_end))
        if wave is None or wave.height <= max(s.p_least * _middle(noise[low : high + 1]), s.p_floor):
            continue
        if alike[k] > s.p_alike or wave.height > s.p_tall:
            marks[k] = wave[:3]
    return marks


def _compare_p(lead: _Lead, x: Array, qrs: Array) -> Array:
    """Return how alike the stretch before each QRS is to the recording's median one (a cosine): fibrillation is not.

    With fewer than four beats there is nothing to compare with, and the answer is 1.
    """
    if len(lead.r) < 4:
        return np.ones(len(lead.r))
    around = np.arange(int(-300 * lead.ms), int(-40 * lead.ms))
    stretch = x[np.clip(lead.r[:, None] + around, 0, len(x) - 1)]
    stretch -= stretch.mean(axis=1, keepdims=True)
    stretch = np.where(around < (qrs[:, 0] - lead.r)[:, None], stretch, 0.0)
    usual = np.median(stretch, axis=0)
    cosine: Array = stretch @ usual / (np.linalg.norm(stretch, axis=1) * np.linalg.norm(usual) + 1e-9)
    return cosine


def _find_wave(
    x: Array, slope: Array, stretch: tuple[int, int], prior: tuple[float, float, float], shares: tuple[float, float]
) -> _Wave | None:
    """Return the most prominent wave of either sign within a stretch, or None if there is none.

    ``prior`` is where it is expected, how far from there it may lie (a standard deviation), and the weight of a negative
    wave. An edge lies where the slope, outside the flank's steepest point, has fallen to its share.
    """
    from scipy.signal import find_peaks, peak_prominences

    low, high = stretch
    if high - low < 4:
        return None
    usual, spread, negative = prior
    best: tuple[float, int, int, float] | None = None
    for sign in (1, -1):
        part = sign * x[low : high + 1]
        peaks, _ = find_peaks(part)
        if not len(peaks):
            continue
        heights = peak_prominences(part, peaks)[0]
        scores = heights * np.exp(-0.5 * ((peaks + low - usual) / spread) ** 2) * (1.0 if sign > 0 else negative)
        top = int(scores.argmax())
        if best is None or scores[top] > best[0]:
            best = float(scores[top]), int(peaks[top]) + low, sign, float(heights[top])
    if best is None:
        return None
    _, peak, sign, height = best
    onset = peak - _edge(sign * slope[low : peak + 1][::-1], shares[0])
    end = peak + _edge(-sign * slope[peak : high + 1], shares[1])
    return _Wave(onset, peak, end, height)


def _middle(values: Array) -> float:
    """Return the median of a few samples, NaN of none: `numpy.median` takes several times as long to get there."""
    if not len(values):
        return float("nan")
    half, odd = divmod(len(values), 2)
    middle = np.partition(values, half if odd else (half - 1, half))
    return float(middle[half] if odd else (middle[half - 1] + middle[half]) / 2)


def _edge(flank: Array, share: float) -> int:
    """Return how far from the peak a wave ends: ``flank`` is its slope towards the peak, from the peak outwards."""
    turned = flank[1:] <= 0
    stop = 1 + int(turned.argmax()) if turned.any() else len(flank) - 1
    steepest = int(flank[: stop + 1].argmax())
    fallen = flank[steepest : stop + 1] <= share * flank[steepest]
    return steepest + int(fallen.argmax()) if fallen.any() else stop
