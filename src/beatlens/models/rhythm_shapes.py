"""Beats of one shape agree on whether they are ventricular.

Where a beat comes from shows in its shape, and beats of one recording that look alike come from the same place. The network
judges each beat by itself and its rhythm, and so calls some of a shape V and others not, as their intervals and the noise on
them differ. Here each beat also hears those that look like it; one that noise has made unlike the others hears the nearest.
Of S and N this would be wrong: they look alike, and only the rhythm tells them apart.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens.beats.morphology import QRS, ROWS, Array, are_alike, likeness_by_rows
from beatlens.models.rhythm_network import CLASSES

OWN: Final = 0.4
"""What a beat's own log odds count; this and what follows was chosen on DS1, as it is and under recorded noise."""
FEW: Final = 10
"""A beat that has fewer of its shape, itself among them, hears the nearest until it hears so many."""
NEAR: Final = 0.8
"""Likeness that the nearest must have."""


def hear_like_beats(logits: npt.NDArray[np.floating], windows: Array) -> npt.NDArray[np.float64]:
    """Return the logits with the log odds of V moved six tenths of the way to their mean over the beats that look alike.

    Parameters
    ----------
    logits : ndarray of shape (n_beats, 4)
        Of N, S, V, F, for the beats of one stretch.
    windows : ndarray of float32, shape (n_beats, 112, n_leads)
        The same beats as `beatlens.beats.morphology.BeatShapes` has them. Of one shape are those whose QRS complexes have a
        likeness of 0.9 or more (`beatlens.beats.morphology.likeness`), each beat with itself among them. A beat of a shape of
        fewer than ten also hears the most like it, up to ten in all, if they have a likeness of 0.8 or more.

    Returns
    -------
    ndarray of float64, shape (n_beats, 4)
        Only V's column differs, so that the others keep their proportions.
    """
    heard = np.array(logits, np.float64)
    if not len(heard):
        return heard
    ventricular = CLASSES.index("V")
    others = np.logaddexp.reduce(np.delete(heard, ventricular, axis=1), axis=1)
    odds = heard[:, ventricular] - others
    mean = np.empty(len(heard))
    hears = _who_hears_whom(windows[:, QRS].reshape(len(windows), -1))
    for first in range(0, len(hears), ROWS):
        among = hears[first : first + ROWS].astype(np.float64)
        mean[first : first + ROWS] = (among @ odds) / among.sum(axis=1)
    heard[:, ventricular] = others + OWN * odds + (1 - OWN) * mean
    return heard


def _who_hears_whom(flat: Array) -> npt.NDArray[np.bool_]:
    """Return which beats (columns) each beat (row) hears."""
    hears = are_alike(flat)
    alone = np.flatnonzero(hears.sum(axis=1) < FEW)
    for first, rows in likeness_by_rows(flat[alone], flat):
        beats = alone[first : first + len(rows), None]
        nearest = np.argpartition(rows, -min(FEW, len(flat)), axis=1)[:, -FEW:]
        hears[beats, nearest] |= np.take_along_axis(rows, nearest, axis=1) >= NEAR
    return hears
