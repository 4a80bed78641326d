"""How far a stretch of a lead can be trusted: an index from 0 (useless) to 1 (clean), one per lead and 10 s.

Three properties that tell an ECG from noise without knowing where its beats are, each turned into a share from 0 to 1 and
multiplied, together with the share of samples that were recorded at all:

* **spikes**: the kurtosis of the lead from 4 to 20 Hz. QRS complexes are rare and tall: 8 and more; noise is near 3.
* **purity**: the power from 4 to 20 Hz as a share of that from 4 Hz upwards (to 60 Hz): muscle noise and hum lower it.
* **steadiness**: the power below 1 Hz as a share of that below 20 Hz: wander and electrode motion raise it.

The first is kSQI and the others are relatives of pSQI and basSQI of Clifford et al., Physiol Meas 33:1419-1433 (2012); the
ramps between useless and clean were set by hand on DS1 of the MIT-BIH Arrhythmia Database with and without synthetic noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens._threads import map_threads
from beatlens.beats.signals import check_signal, find_usable

Float = npt.NDArray[np.float32]

WINDOW_S: Final = 10.0
SPIKES: Final = (3.0, 8.0)
PURITY: Final = (0.25, 0.7)
WANDER: Final = (0.98, 0.7)
WANDER_WEIGHT: Final = 0.5
"""Wander alone halves the index at most: a beat is still seen through it."""
_CHUNK: Final = 512  # windows at a time: bounds the memory


@dataclass(frozen=True, eq=False)
class SignalQuality:
    """The quality of each lead over time.

    Parameters
    ----------
    values : ndarray of float32, shape (n_windows, n_leads)
        From 0 to 1. The last window ends with the recording and may overlap the one before it.
    starts_s : ndarray of float64, shape (n_windows,)
        Where each window starts, in seconds.
    window_s : float
        Length of a window in seconds: 10, or the recording's length where that is shorter.
    """

    values: Float
    starts_s: npt.NDArray[np.float64]
    window_s: float

    def at(self, times_s: npt.NDArray[np.floating]) -> Float:
        """Return the quality of each lead at some times; shape (n_times, n_leads)."""
        index = np.clip(np.searchsorted(self.starts_s, times_s, side="right") - 1, 0, len(self.starts_s) - 1)
        return self.values[index]

    def overall(self) -> Float:
        """Return the mean quality of each lead, shape (n_leads,)."""
        overall: Float = self.values.mean(axis=0)
        return overall


def assess_signal(signal: npt.ArrayLike, fs: float) -> SignalQuality:
    """Judge each lead in windows of 10 s.

    Parameters
    ----------
    signal : array_like of shape (n_samples, n_leads) or (n_samples,)
        Voltage, in any unit; NaN in gaps.
    fs : float
        Sampling rate in Hz.

    Returns
    -------
    SignalQuality

    Raises
    ------
    SignalError
        If the signal is shorter than a second, or of the wrong shape or rate.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(3600)
    >>> bool(assess_signal(noise, 360).overall()[0] < 0.1)
    True
    """
    values = check_signal(signal, fs)
    length = min(int(WINDOW_S * fs), len(values))
    starts = np.arange(0, len(values) - length + 1, length)
    if starts[-1] + length < len(values):
        starts = np.append(starts, len(values) - length)

    def judge(lead: int) -> Float:
        column = values[:, lead]
        views = np.lib.stride_tricks.sliding_window_view(column, length)
        masks = np.lib.stride_tricks.sliding_window_view(find_usable(column, fs), length)
        parts = [starts[i : i + _CHUNK] for i in range(0, len(starts), _CHUNK)]
        return np.concatenate([_judge(views[part], masks[part], fs) for part in parts])

    quality = np.stack(list(map_threads(judge, range(values.shape[1]))), axis=1)
    return SignalQuality(quality, starts / fs, length / fs)


def _judge(windows: Float, usable: npt.NDArray[np.bool_], fs: float) -> Float:
    share = usable.mean(axis=1)
    known = np.isfinite(windows)
    mean = np.sum(windows, axis=1, where=known, keepdims=True) / np.maximum(known.sum(axis=1, keepdims=True), 1)
    spectrum = np.fft.rfft(np.where(known, windows - mean, np.float32(0)), axis=1)
    f = np.fft.rfftfreq(windows.shape[1], 1 / fs)
    power = spectrum.real**2 + spectrum.imag**2

    def between(low: float, high: float) -> npt.NDArray[np.float64]:
        first, last = np.searchsorted(f, [low, high]).tolist()
        total: npt.NDArray[np.float64] = power[:, first:last].sum(axis=1, dtype=np.float64)
        return total

    qrs, wide, slow, all_slow = between(4, 20), between(4, min(60.0, fs / 2)), between(0, 1), between(0, 20)
    n_kept = int(np.searchsorted(f, 25.0))  # the band-limited lead is rebuilt at some 50 Hz: enough for its kurtosis
    band = np.fft.irfft(np.where((f[:n_kept] >= 4) & (f[:n_kept] < 20), spectrum[:, :n_kept], 0), axis=1)
    squared = band**2
    energy = squared.mean(axis=1)
    kurtosis = _ratio((squared**2).mean(axis=1), energy**2)
    spikes = _ramp(np.log(np.maximum(kurtosis, 1)), np.log(SPIKES[0]), np.log(SPIKES[1]))
    steady = 1 - WANDER_WEIGHT * (1 - _ramp(_ratio(slow, all_slow), *WANDER))
    quality: Float = (share * spikes * _ramp(_ratio(qrs, wide), *PURITY) * steady).astype(np.float32)
    return quality


def _ramp(x: npt.NDArray[np.floating], bad: float, good: float) -> npt.NDArray[np.floating]:
    ramp: npt.NDArray[np.floating] = np.clip((x - bad) / (good - bad), 0, 1)
    return ramp


def _ratio(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    ratio: npt.NDArray[np.floating] = np.divide(a, b, out=np.zeros_like(a), where=b > 0)
    return ratio
