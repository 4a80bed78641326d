"""Windows of a fixed number of samples around each beat."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from beatlens.errors import SignalError

STD_FLOOR = 1e-6
"""Added to the standard deviation by `zscore`, so that a flat window becomes zeros."""


def cut_windows(
    signal: npt.NDArray[np.floating], r_samples: npt.NDArray[np.integer], *, before: int, after: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Cut one window a beat out of a signal.

    Parameters
    ----------
    signal : ndarray of shape (n_samples, n_leads) or (n_samples,)
        Voltage in mV.
    r_samples : ndarray of int, shape (n_beats,)
        Sample number of each R peak.
    before, after : int
        The window is ``signal[r - before : r + after]``.

    Returns
    -------
    windows : ndarray of float32, shape (n_inside, before + after, n_leads) or (n_inside, before + after)
        The windows that fit inside the signal, in the order of ``r_samples``.
    inside : ndarray of bool, shape (n_beats,)
        Which beats those are.

    Raises
    ------
    SignalError
        If the window is empty.

    Examples
    --------
    >>> windows, inside = cut_windows(np.arange(10.0), np.array([1, 5, 9]), before=2, after=3)
    >>> windows.tolist(), inside.tolist()
    ([[3.0, 4.0, 5.0, 6.0, 7.0]], [False, True, False])
    """
    if before < 0 or after < 0 or before + after == 0:
        raise SignalError(f"'before' and 'after' must span at least one sample; got {before} and {after}")
    r_samples = np.asarray(r_samples)
    inside = (r_samples >= before) & (r_samples + after <= len(signal))
    n_inside = int(inside.sum())
    if not n_inside:
        return np.empty((0, before + after, *signal.shape[1:]), np.float32), inside
    views = np.lib.stride_tricks.sliding_window_view(signal, before + after, axis=0)
    windows = views[r_samples[inside] - before]
    if signal.ndim == 2:
        windows = windows.transpose(0, 2, 1)
    return np.ascontiguousarray(windows, dtype=np.float32), inside


def zscore(windows: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Return each window with mean 0 and standard deviation 1, along its samples.

    Parameters
    ----------
    windows : ndarray of shape (n_beats, n_samples) or (n_beats, n_samples, n_leads)
        Voltage in mV, or any other unit.

    Returns
    -------
    ndarray of float32, same shape
        ``(x - mean) / (std + 1e-6)``; zeros where the window is flat.

    Raises
    ------
    SignalError
        If a window holds a value that is not finite.
    """
    finite = np.isfinite(windows).all(axis=tuple(range(1, windows.ndim)))
    if not finite.all():
        raise SignalError(
            f"windows must be finite; got NaN or infinity in {int((~finite).sum())} of {len(windows)}, first in window "
            f"{int(np.argmin(finite))}",
            hint="Leave out the beats that lie in a gap of the signal.",
        )
    values = np.asarray(windows, dtype=np.float64)
    centred = values - values.mean(axis=1, keepdims=True)
    scaled: npt.NDArray[np.float32] = (centred / (values.std(axis=1, keepdims=True) + STD_FLOOR)).astype(np.float32)
    return scaled
