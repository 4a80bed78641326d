"""The instants that mattered most."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MIN_SHARE = 0.25
"""A peak lower than this part of the highest is not worth a reader's time."""

MIN_APART_MS = 25.0
"""Peaks closer than this are one."""


def find_salient_times(
    attribution: npt.NDArray[np.floating], times_ms: npt.NDArray[np.floating], *, at_most: int = 5
) -> npt.NDArray[np.float64]:
    """Return the times of the highest peaks of an attribution's size.

    Parameters
    ----------
    attribution : ndarray of shape (n_samples, n_leads) or (n_samples,)
        Signed; leads are added in size.
    times_ms : ndarray of shape (n_samples,)
        Time of each sample relative to the R peak.
    at_most : int
        How many.

    Returns
    -------
    ndarray of float64, shape (n_peaks,)
        In ms relative to the R peak, the highest first; empty if the attribution is 0 everywhere. The first and the last
        sample count as peaks where the attribution rises towards them.

    Examples
    --------
    >>> find_salient_times(np.array([0, 0, -3.0, 0, 1.0]), np.array([-20.0, -10.0, 0.0, 10.0, 20.0])).tolist()
    [0.0, 20.0]
    """
    from scipy.signal import find_peaks

    size = np.abs(np.asarray(attribution, np.float64)).reshape(len(times_ms), -1).sum(axis=1)
    if not size.any():
        return np.zeros(0)
    step_ms = float(times_ms[1] - times_ms[0]) if len(times_ms) > 1 else MIN_APART_MS
    apart = max(1, round(MIN_APART_MS / step_ms))
    floor = MIN_SHARE * size.max()
    peaks, _ = find_peaks(np.concatenate([[0.0], size, [0.0]]), height=floor, distance=apart, prominence=floor / 2)
    ranked = peaks[np.argsort(-size[peaks - 1], kind="stable")][:at_most] - 1
    found: npt.NDArray[np.float64] = np.asarray(times_ms, np.float64)[ranked]
    return found
