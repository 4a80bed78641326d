"""Signals made ready: gaps and flat parts as masks, another rate, no baseline wander, no mains hum, the polarity.

All filters are zero-phase (run forwards and backwards), so that no wave moves. Gaps are NaN. They are carried: a function
that must fill them to do its work puts NaN back in the same place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import signal as dsp

from beatlens.errors import SignalError

Float = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

FLAT_S: Final = 1.0
"""A lead that keeps exactly the same value for at least this long is flat there."""
SATURATED_S: Final = 0.05
"""A lead that stays at its own largest or smallest value for at least this long is saturated there."""
MIN_DURATION_S: Final = 1.0
MIN_FS: Final = 50.0
_PIECE: Final = 1 << 16


@dataclass(frozen=True, eq=False)
class Masks:
    """What is wrong with each sample of each lead.

    Parameters
    ----------
    gap : ndarray of bool, shape (n_samples, n_leads)
        Nothing was recorded (NaN or infinite).
    flat : ndarray of bool, shape (n_samples, n_leads)
        The lead keeps one value for a second or more.
    saturated : ndarray of bool, shape (n_samples, n_leads)
        The lead stays at the end of its range for 50 ms or more.
    """

    gap: Mask
    flat: Mask
    saturated: Mask

    @property
    def usable(self) -> Mask:
        """Samples with nothing wrong, shape (n_samples, n_leads)."""
        usable: Mask = ~(self.gap | self.flat | self.saturated)
        return usable


def check_signal(signal: npt.ArrayLike, fs: float, *, name: str = "signal") -> Float:
    """Return a signal as float32 of shape (n_samples, n_leads), once it is known to be usable.

    Parameters
    ----------
    signal : array_like of shape (n_samples,) or (n_samples, n_leads)
        Voltage, in any unit.
    fs : float
        Sampling rate in Hz.
    name : str
        What to call it in the error.

    Raises
    ------
    SignalError
        If the shape, the rate or the length is not usable.
    """
    values = np.asarray(signal)
    if values.dtype.kind not in "fiu":
        raise SignalError(f"'signal' must hold real numbers; got {values.dtype}, in {name}")
    if values.ndim not in (1, 2) or not values.size:
        raise SignalError(f"'signal' must have shape (n_samples,) or (n_samples, n_leads); got {values.shape}, in {name}")
    if not (np.isfinite(fs) and fs >= MIN_FS):
        raise SignalError(f"'fs' must be at least {MIN_FS:g} Hz; got {fs}, in {name}")
    if len(values) < MIN_DURATION_S * fs:
        raise SignalError(
            f"'signal' must last at least {MIN_DURATION_S:g} s; got {len(values) / fs:.3g} s, in {name}",
            hint="Give samples along the first axis, leads along the second.",
        )
    values = values[:, None] if values.ndim == 1 else values
    if values.dtype != np.float32:
        values = values - np.array([_large_offset(lead) for lead in values.T])
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, that is, a gap
        return values.astype(np.float32, copy=False)


def _large_offset(lead: npt.NDArray[Any]) -> float:
    """Return the middle of a lead where it is so large that it would cost float32 its resolution, else 0."""
    known = lead[np.isfinite(lead)]
    middle = float(np.median(known[:: max(len(known) // 100_000, 1)])) if len(known) else 0.0
    return middle if abs(middle) > 1e3 else 0.0


def find_gaps(values: npt.NDArray[np.floating]) -> Mask:
    """Return where nothing was recorded: NaN or infinite; same shape."""
    gaps: Mask = ~np.isfinite(values)
    return gaps


def find_flat(values: npt.NDArray[np.floating], fs: float, *, min_s: float = FLAT_S) -> Mask:
    """Return where one lead keeps exactly one value for at least ``min_s`` seconds; shape (n_samples,)."""
    length = max(round(min_s * fs), 4)
    return _runs_among(values, _in_constant_blocks(values, length), length)


def find_saturated(values: npt.NDArray[np.floating], fs: float, *, min_s: float = SATURATED_S) -> Mask:
    """Return where one lead stays at its largest or smallest value for at least ``min_s`` seconds; shape (n_samples,)."""
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(len(values), np.bool_)
    low, high = np.min(values, where=finite, initial=np.inf), np.max(values, where=finite, initial=-np.inf)
    at_end = (values == low) | (values == high)
    if high <= low:
        return np.zeros(len(values), np.bool_)
    return _runs_among(values, np.flatnonzero(at_end), max(round(min_s * fs), 2))


def find_masks(signal: npt.NDArray[np.floating], fs: float) -> Masks:
    """Return the gaps, the flat and the saturated parts of each lead of a signal of shape (n_samples, n_leads)."""
    leads = signal.T
    return Masks(
        gap=find_gaps(signal),
        flat=np.stack([find_flat(lead, fs) for lead in leads], axis=1),
        saturated=np.stack([find_saturated(lead, fs) for lead in leads], axis=1),
    )


def find_usable(values: npt.NDArray[np.floating], fs: float) -> Mask:
    """Return where one lead is neither missing nor flat nor saturated; shape (n_samples,)."""
    usable: Mask = ~(find_gaps(values) | find_flat(values, fs) | find_saturated(values, fs))
    return usable


def fill_gaps(values: npt.NDArray[np.floating]) -> Float:
    """Return one lead with its gaps bridged by straight lines; zeros where there is nothing at all."""
    known = np.isfinite(values)
    if known.all():
        return np.asarray(values, dtype=np.float32)
    if not known.any():
        return np.zeros(len(values), np.float32)
    filled = np.array(values, dtype=np.float32)
    filled[~known] = np.interp(np.flatnonzero(~known), np.flatnonzero(known), values[known])
    return filled


def resample(signal: npt.NDArray[np.floating], fs: float, new_fs: float) -> Float:
    """Bring a signal to another sampling rate with a polyphase anti-aliasing filter.

    Parameters
    ----------
    signal : ndarray of shape (n_samples, n_leads) or (n_samples,)
        Voltage in mV; gaps are NaN and stay where they are.
    fs, new_fs : float
        Its rate and the wanted one in Hz. Sample ``i`` of the result lies at ``i / new_fs`` seconds.

    Returns
    -------
    ndarray of float32, shape (ceil(n_samples * new_fs / fs), n_leads) or without the last axis

    Raises
    ------
    SignalError
        If a rate is not positive.
    """
    if not (np.isfinite([fs, new_fs]).all() and fs > 0 and new_fs > 0):
        raise SignalError(f"'fs' and 'new_fs' must be positive numbers of Hz; got {fs} and {new_fs}")
    if fs == new_fs:
        return np.array(signal, dtype=np.float32)
    ratio = Fraction(new_fs / fs).limit_denominator(10_000)
    return _each_lead(signal, lambda x: _resample_lead(x, ratio))


def remove_baseline(signal: npt.NDArray[np.floating], fs: float, *, cutoff_hz: float = 0.5) -> Float:
    """Remove baseline wander: a zero-phase Butterworth high-pass of second order, -6 dB at ``cutoff_hz``; NaN is carried.

    The default keeps ST segments (AHA/ACC/HRS recommend at most 0.67 Hz for zero-phase filters: Kligfield et al.,
    Circulation 115:1306-1324, 2007).
    """
    sos = dsp.butter(2, cutoff_hz, "highpass", fs=fs, output="sos")
    return _each_lead(signal, lambda x: _filter_lead(x, sos))


def remove_mains(signal: npt.NDArray[np.floating], fs: float, *, mains_hz: float = 50.0, width_hz: float = 2.0) -> Float:
    """Remove mains hum: zero-phase notches at ``mains_hz`` and its multiples below the Nyquist rate; NaN is carried."""
    tones = np.arange(mains_hz, 0.49 * fs, mains_hz)
    sections = [dsp.tf2sos(*dsp.iirnotch(tone, tone / width_hz, fs=fs)) for tone in tones.tolist()]
    if not sections:
        return np.array(signal, dtype=np.float32)
    sos = np.concatenate(sections)
    return _each_lead(signal, lambda x: _filter_lead(x, sos))


def filter_both_ways(values: npt.NDArray[np.floating], sos: npt.NDArray[np.float64]) -> Float:
    """Return ``scipy.signal.sosfiltfilt(sos, values)`` of one lead as float32, to the same bit, in a third of the memory.

    The lead is filtered in pieces that hand on the filter's state, and the way back overwrites the way there.
    """
    edge = 3 * (2 * len(sos) + 1 - int(min((sos[:, 2] == 0).sum(), (sos[:, 5] == 0).sum())))
    if len(values) <= edge:
        return np.asarray(dsp.sosfiltfilt(sos, values), dtype=np.float32)
    mirrored = 2 * values[0] - values[edge:0:-1], values, 2 * values[-1] - values[-2 : -edge - 2 : -1]
    x = np.concatenate(mirrored)
    start_state = dsp.sosfilt_zi(sos)
    y = np.empty(len(x))
    state = start_state * float(x[0])
    for at in range(0, len(x), _PIECE):
        y[at : at + _PIECE], state = dsp.sosfilt(sos, x[at : at + _PIECE], zi=state)
    del x
    state = start_state * y[-1]
    for stop in range(len(y), 0, -_PIECE):
        back = slice(max(0, stop - _PIECE), stop)
        filtered, state = dsp.sosfilt(sos, y[back][::-1], zi=state)
        y[back] = filtered[::-1]
    return y[edge:-edge].astype(np.float32)


def find_polarity(values: npt.NDArray[np.floating], fs: float, r_samples: npt.NDArray[np.integer]) -> int:
    """Return 1 if the QRS complexes of one lead mostly point upwards, -1 if downwards.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        The lead, in any unit.
    fs : float
        Sampling rate in Hz.
    r_samples : ndarray of int, shape (n_beats,)
        Where the QRS complexes are.

    Returns
    -------
    int
        The sign of the median over the beats of the largest deflection within 60 ms, from the median of 200 ms around.
    """
    if not len(r_samples):
        return 1
    x = fill_gaps(values)
    half = int(0.2 * fs)
    index = np.clip(np.asarray(r_samples)[:, None] + np.arange(-half, half + 1), 0, len(x) - 1)
    windows = x[index]
    windows = windows - np.median(windows, axis=1, keepdims=True)
    near = windows[:, half - int(0.06 * fs) : half + int(0.06 * fs) + 1]
    main = np.take_along_axis(near, np.abs(near).argmax(axis=1)[:, None], axis=1)
    return -1 if np.median(main) < 0 else 1


def _each_lead(signal: npt.NDArray[np.floating], work: Callable[[npt.NDArray[np.floating]], Float]) -> Float:
    if signal.ndim == 1:
        return work(signal)
    return np.stack([work(lead) for lead in signal.T], axis=1)


def _resample_lead(values: npt.NDArray[np.floating], ratio: Fraction) -> Float:
    x = fill_gaps(values)
    offset = np.float32(np.median(x))  # the filter takes what lies outside the recording for zero
    new = (dsp.resample_poly(x - offset, ratio.numerator, ratio.denominator) + offset).astype(np.float32)
    gaps = find_gaps(values)
    if gaps.any():
        index = np.minimum(np.rint(np.arange(len(new)) / float(ratio)).astype(np.int64), len(values) - 1)
        new[gaps[index]] = np.nan
    return new


def _filter_lead(values: npt.NDArray[np.floating], sos: npt.NDArray[np.float64]) -> Float:
    x = fill_gaps(values).astype(np.float64)
    padding = min(3 * (2 * len(sos) + 1) * 10, len(x) - 1)
    filtered = dsp.sosfiltfilt(sos, x, padlen=padding).astype(np.float32)
    filtered[find_gaps(values)] = np.nan
    return filtered


def _runs_among(values: npt.NDArray[np.floating], index: npt.NDArray[np.intp], length: int) -> Mask:
    """Return the samples that belong to a run of at least ``length`` equal values, all of them listed in ``index``."""
    mask = np.zeros(len(values), np.bool_)
    if len(index) < length:
        return mask
    starts = np.flatnonzero((np.diff(index, prepend=-2) != 1) | np.append(True, values[index[1:]] != values[index[:-1]]))
    lengths = np.diff(np.append(starts, len(index)))
    mask[index[np.repeat(lengths >= length, lengths)]] = True
    return mask


def _in_constant_blocks(values: npt.NDArray[np.floating], length: int) -> npt.NDArray[np.intp]:
    """Return the samples that may belong to a run of ``length`` equal values.

    Such a run holds at least one whole block of half that length: only constant blocks and their neighbours need a closer
    look, which spares a day-long recording most of the work and of the memory.
    """
    block = length // 2
    n_blocks = len(values) // block
    blocks = values[: n_blocks * block].reshape(n_blocks, block)
    near = np.append(blocks[:, 0] == blocks[:, -1], False)
    rows = np.flatnonzero(near)
    near[rows] = (blocks[rows] == blocks[rows, :1]).all(axis=1)
    near[:-1] |= near[1:].copy()
    near[1:] |= near[:-1].copy()
    return np.flatnonzero(np.repeat(near, block)[: len(values)])
