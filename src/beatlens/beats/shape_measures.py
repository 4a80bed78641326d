"""Measures of the shape of complexes that several families of features share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from beatlens.beats.morphology import FS, SHIFT_REACH, TINY

Array = npt.NDArray[np.floating]


def corr_rows(a: Array, b: Array) -> Array:
    """Correlate each row of ``a`` (n, k) with the row of ``b`` (n, k) or (k,), after taking both means away."""
    a = a - a.mean(axis=-1, keepdims=True)
    b = b - b.mean(axis=-1, keepdims=True)
    return np.asarray((a * b).sum(axis=-1) / (np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1)) + TINY))


def row_likeness(a: Array, b: Array) -> Array:
    """Return ``2 a.b / (a.a + b.b)`` of each row of ``a`` (n, k) with that of ``b`` (n, k), or with its only one."""
    return np.asarray(2 * (a * b).sum(axis=1) / ((a**2).sum(axis=1) + (b**2).sum(axis=1) + TINY))


def shifted_corr(w: Array, template: Array, part: slice) -> Array:
    """Return the best correlation of a part of each beat with that of the template, moved two samples either way."""
    shifts = range(-SHIFT_REACH, SHIFT_REACH + 1)
    all_corr = np.stack(
        [corr_rows(w[:, part.start + s : part.stop + s].reshape(len(w), -1), template[part].reshape(-1)) for s in shifts]
    )
    return np.asarray(all_corr.max(axis=0))


def width_ms(qrs: Array) -> Array:
    """Twice the standard deviation in time of the squared slope, in ms: the spread of the steep part, without thresholds."""
    power = (np.diff(qrs, axis=1) ** 2).sum(axis=2) + 1e-9
    at = np.arange(power.shape[1]) * 1000 / FS
    centre = (power * at).sum(axis=1) / power.sum(axis=1)
    return np.asarray(2 * np.sqrt((power * (at - centre[:, None]) ** 2).sum(axis=1) / power.sum(axis=1)))
