"""What the shape of each beat says, beside the other beats of the same recording.

A beat is described by its likeness to the recording's own dominant beat, to its neighbours and to the group of beats that it
belongs to; no absolute amplitude, no polarity and no number of leads enters, so that the same columns serve any recording.
All of it works on one stretch of a recording (half an hour at most, to keep the matrix of likenesses small).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens._rows import median_of_all
from beatlens.errors import SignalError

Array = npt.NDArray[np.float32]

FS: Final = 128.0
"""Sampling rate, in Hz, that beats are described at."""
BEFORE: Final = 48
AFTER: Final = 64
"""Samples of a window before the R peak, and from it on (at 128 Hz: 375 and 500 ms)."""
BAND_HZ: Final = (0.5, 40.0)

QRS: Final = slice(BEFORE - 14, BEFORE + 18)
"""Samples of a window that hold the complex; and those that hold the P wave before it, the T wave after it."""
P_WAVE: Final = slice(BEFORE - 38, BEFORE - 9)
T_WAVE: Final = slice(BEFORE + 18, BEFORE + 58)
ALIGN_REACH: Final = 8
SHIFT_REACH: Final = 2
ALIKE: Final = 0.9
MAX_GROUPS: Final = 40
TINY: Final = 1e-6
ROWS: Final = 64


def prepare_signal(signal: npt.NDArray[np.floating], fs: float) -> Array:
    """Return the signal at 128 Hz, between 0.5 and 40 Hz, gaps filled by straight lines.

    Parameters
    ----------
    signal : ndarray of shape (n_samples, n_leads)
        Voltage in mV; NaN in gaps.
    fs : float
        Its sampling rate in Hz, at least 80.

    Returns
    -------
    ndarray of float32, shape (about n_samples * 128 / fs, n_leads)
        Sample ``i`` is at ``i / 128`` seconds.

    Raises
    ------
    SignalError
        If the rate is too low to show the shape of a beat.
    """
    from scipy.signal import butter, resample_poly, sosfiltfilt

    if not fs >= 80:
        raise SignalError(f"'fs' must be at least 80 Hz to describe the shape of beats; got {fs}")
    leads = np.ascontiguousarray(_fill_gaps(np.asarray(signal, dtype=np.float64)).T)  # filters are faster along whole leads
    ratio = Fraction(FS / fs).limit_denominator(2000)
    if ratio != 1:
        leads = resample_poly(leads, ratio.numerator, ratio.denominator, axis=1, padtype="line")
    sos = butter(2, BAND_HZ, "bandpass", fs=FS, output="sos")
    filtered = sosfiltfilt(sos, leads, axis=1, padlen=min(leads.shape[1] - 1, 256))
    return np.ascontiguousarray(filtered.T, dtype=np.float32)


def _fill_gaps(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    bad = ~np.isfinite(x)
    if not bad.any():
        return x
    filled = x.copy()
    at = np.arange(len(x))
    for lead in range(x.shape[1]):
        gap = bad[:, lead]
        filled[gap, lead] = np.interp(at[gap], at[~gap], x[~gap, lead]) if not gap.all() else 0.0
    return filled


def align_beats(x: Array, r_samples: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Move each R position to where the complex is steepest nearby (60 ms either way), all leads taken together.

    Annotators and detectors mark different points of a complex; likenesses need one rule.

    Parameters
    ----------
    x : ndarray of shape (n_samples, n_leads)
        The prepared signal (128 Hz).
    r_samples : ndarray of int, shape (n_beats,)

    Returns
    -------
    ndarray of int64, shape (n_beats,)
    """
    scale = np.quantile(np.abs(np.diff(x, axis=0)), 0.99, axis=0) + TINY
    steep = np.zeros(len(x))
    steep[1:] = ((np.diff(x, axis=0) / scale) ** 2) @ np.ones(x.shape[1])  # faster than a sum over so few leads
    smooth = np.convolve(steep, np.hanning(13)[1:-1], mode="same")
    reach = np.arange(-ALIGN_REACH, ALIGN_REACH + 1)
    at = np.clip(np.asarray(r_samples)[:, None] + reach, 0, len(x) - 1)
    # The pull towards the given position settles ties in favour of the reader's mark.
    best = np.argmax(smooth[at] * (1 - 0.03 * np.abs(reach)), axis=1)
    moved: npt.NDArray[np.int64] = np.asarray(r_samples, dtype=np.int64) + reach[best]
    return moved


def cut_padded(x: Array, r_samples: npt.NDArray[np.integer]) -> Array:
    """Return one window a beat, shape (n_beats, BEFORE + AFTER, n_leads); the signal's edge values stand in beyond its ends."""
    at = np.clip(np.asarray(r_samples)[:, None] + np.arange(-BEFORE, AFTER), 0, len(x) - 1)
    return x[at]


@dataclass(frozen=True, eq=False)
class BeatShapes:
    """The beats of one stretch of a recording, comparable with those of any other.

    Parameters
    ----------
    windows : ndarray of float32, shape (n_beats, 112, n_leads)
        Each lead divided by the size of the usual complex, its main deflection upwards, its mean over the PR segment zero.
    dominant : ndarray of float32, shape (112, n_leads)
        The dominant beat.
    groups : ndarray of int, shape (n_beats,)
        Which group of like beats each belongs to; 0 is the dominant group.
    gain : ndarray of float32, shape (n_leads,)
        What each lead was multiplied by: negative where it was turned over.
    """

    windows: Array
    dominant: Array
    groups: npt.NDArray[np.int64]
    gain: Array


def describe_shapes(x: Array, r_samples: npt.NDArray[np.integer]) -> BeatShapes:
    """Cut, scale and group the beats of a prepared signal.

    Parameters
    ----------
    x : ndarray of shape (n_samples, n_leads)
        From `prepare_signal`.
    r_samples : ndarray of int, shape (n_beats,)
        R positions at 128 Hz, aligned.
    """
    windows = cut_padded(x, r_samples)
    base = windows[:, BEFORE - 12 : BEFORE - 7].mean(axis=1, keepdims=True)
    windows = windows - base
    size = np.median(np.ptp(windows[:, QRS], axis=1), axis=0)
    windows = windows / (size + 1e-3)
    groups = group_beats(windows[:, QRS])
    dominant = median_of_all(windows[groups == 0])
    qrs = dominant[QRS]
    sign = np.sign(np.take_along_axis(qrs, np.abs(qrs).argmax(axis=0)[None], axis=0)[0])
    sign[sign == 0] = 1
    # Artefacts a hundred times the usual complex say no more than those of ten times.
    return BeatShapes(
        np.clip(windows * sign, -6, 6).astype(np.float32),
        (dominant * sign).astype(np.float32),
        groups,
        (sign / (size + 1e-3)).astype(np.float32),
    )


def group_beats(complexes: Array) -> npt.NDArray[np.int64]:
    """Group like complexes, the group of most likenesses first.

    Likeness is ``2 a.b / (a.a + b.b)``, 1 for equal complexes and lower for another shape *or* size. The beat with the most
    neighbours of likeness 0.9 founds a group with them; then the same among the beats that are left.

    Parameters
    ----------
    complexes : ndarray of shape (n_beats, n_samples, n_leads)

    Returns
    -------
    ndarray of int64, shape (n_beats,)
        Group of each beat, from 0 on; a beat unlike all others is a group of its own, up to group 39, which takes the rest.
    """
    flat = complexes.reshape(len(complexes), -1)
    alike = are_alike(flat)
    groups = np.full(len(flat), MAX_GROUPS - 1, np.int64)
    free = np.ones(len(flat), bool)
    count = alike.sum(axis=1).astype(np.int64)
    for group in range(MAX_GROUPS - 1):
        if not free.any():
            break
        members = alike[int(np.argmax(np.where(free, count, -1)))] & free
        groups[members] = group
        free &= ~members
        count -= alike[members].sum(axis=0)  # the matrix is symmetric, and its rows are faster to read than its columns
    return groups


def are_alike(flat: Array) -> npt.NDArray[np.bool_]:
    """Return ``likeness(flat, flat) >= ALIKE``, each with itself alike even where it is zero."""
    alike = np.empty((len(flat), len(flat)), np.bool_)
    for first, rows in likeness_by_rows(flat, flat):
        np.greater_equal(rows, ALIKE, out=alike[first : first + len(rows)])
    np.fill_diagonal(alike, True)
    return alike


def likeness_by_rows(a: Array, b: Array) -> Iterator[tuple[int, Array]]:
    """Yield ``likeness(a, b)`` some rows at a time, with the number of the first: they stay in the processor's cache."""
    power, power_b = (a**2).sum(axis=1), (b**2).sum(axis=1) + np.float32(TINY)
    for first in range(0, len(a), ROWS):
        rows = a[first : first + ROWS] @ b.T
        rows *= 2
        rows /= power[first : first + ROWS, None] + power_b
        yield first, rows


def likeness(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> Array:
    """Return ``2 a.b / (a.a + b.b)`` of each row of ``a`` with each of ``b``, shape (len(a), len(b)), from -1 to 1."""
    power = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None]
    return np.asarray(2 * (a @ b.T) / (power + TINY), dtype=np.float32)
