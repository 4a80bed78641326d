"""Measures of the shape of complexes that several families of features share."""

from __future__ import annotations

from typing import NamedTuple

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
    """Return the best correlation of a part of each beat with that of the template, moved two samples either way.

    Parameters
    ----------
    w : ndarray of shape (n_beats, n_samples, n_leads)
    template : ndarray of shape (n_samples, n_leads)
    part : slice
        Two samples or more from either end.

    Returns
    -------
    ndarray of float64, shape (n_beats,)
    """
    usual = template[part].astype(np.float64)
    usual = usual - usual.mean()
    # One column a shift, so that all sums of all shifts are products of matrices.
    shifts = range(2 * SHIFT_REACH + 1)
    placed, ones = (np.zeros((usual.shape[0] + 2 * SHIFT_REACH, usual.shape[1], len(shifts))) for _ in range(2))
    for shift in shifts:
        placed[shift : shift + len(usual), :, shift], ones[shift : shift + len(usual), :, shift] = usual, 1
    placed, ones = placed.reshape(-1, len(shifts)), ones.reshape(-1, len(shifts))
    values = w[:, part.start - SHIFT_REACH : part.stop + SHIFT_REACH].reshape(len(w), -1).astype(np.float64)
    power = np.maximum((values**2) @ ones - (values @ ones) ** 2 / usual.size, 0)
    corr = (values @ placed) / (np.sqrt(power * (usual**2).sum()) + TINY)
    return np.asarray(corr.max(axis=1))


class PairFits(NamedTuple):
    """Least squares fits of `pair_fits`; residuals are shares of a beat's own power.

    Parameters
    ----------
    weights : ndarray of shape (n_seconds, 2, n_beats)
    rest : ndarray of shape (n_seconds, n_beats)
        What is left over by both.
    first_alone : ndarray of shape (n_beats,)
        What is left over by the first.
    second_alone : ndarray of shape (n_seconds, n_beats)
        What is left over by the second.
    first_weight : ndarray of shape (n_beats,)
        The proportion of the first, if it stands alone.
    """

    weights: npt.NDArray[np.float64]
    rest: npt.NDArray[np.float64]
    first_alone: npt.NDArray[np.float64]
    second_alone: npt.NDArray[np.float64]
    first_weight: npt.NDArray[np.float64]


def pair_fits(y: npt.NDArray[np.float64], first: npt.NDArray[np.float64], seconds: npt.NDArray[np.float64]) -> PairFits:
    """Fit each row by the sum of two shapes in any proportions, by least squares, for each of several second shapes.

    Parameters
    ----------
    y : ndarray of shape (n_beats, n_values)
    first : ndarray of shape (n_values,)
    seconds : ndarray of shape (n_seconds, n_values)
    """
    energy = (y**2).sum(axis=1)
    power = energy + TINY
    with_first, with_second = y @ first, seconds @ y.T
    gram = np.empty((len(seconds), 2, 2))
    gram[:, 0, 0], gram[:, 1, 1] = first @ first, (seconds**2).sum(axis=1)
    gram[:, 0, 1] = gram[:, 1, 0] = seconds @ first
    inverse = np.linalg.pinv(gram, hermitian=True)  # both shapes may be the same but for their size
    weights = inverse[..., :1] * with_first + inverse[..., 1:] * with_second[:, None]
    explained = weights[:, 0] * with_first + weights[:, 1] * with_second
    return PairFits(
        weights,
        rest=(energy - explained) / power,
        first_alone=1 - with_first**2 / (power * (first @ first) + TINY),
        second_alone=1 - with_second**2 / (power * gram[:, 1, 1, None] + TINY),
        first_weight=with_first / (first @ first + TINY),
    )


def choose_fit(fits: PairFits, allowed: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Return which second shape (allowed for it: shape (n_seconds, n_beats)) leaves least of each beat, -1 where none helps."""
    rest = np.concatenate([fits.first_alone[None], np.where(allowed, fits.rest, np.inf)])
    return np.asarray(rest.argmin(axis=0) - 1)


def take_fit(best: npt.NDArray[np.intp], alone: Array, together: Array) -> Array:
    """Return the value of ``together`` (n_seconds, n_beats) of each beat's best fit, that of ``alone`` where none helps."""
    found = np.array(alone, np.float64)
    (helped,) = np.nonzero(best >= 0)
    found[helped] = together[best[helped], helped]
    return found


def width_ms(qrs: Array) -> Array:
    """Twice the standard deviation in time of the squared slope, in ms: the spread of the steep part, without thresholds."""
    power = (np.diff(qrs, axis=1) ** 2).sum(axis=2) + 1e-9
    at = np.arange(power.shape[1]) * 1000 / FS
    centre = (power * at).sum(axis=1) / power.sum(axis=1)
    return np.asarray(2 * np.sqrt((power * (at - centre[:, None]) ** 2).sum(axis=1) / power.sum(axis=1)))
