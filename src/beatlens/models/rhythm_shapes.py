"""Beats of one shape agree on whether they are ventricular.

Where a beat comes from shows in its shape, and beats of one recording that look alike come from the same place. The network
judges each beat by itself and its rhythm, and so calls some of a shape V and others not, as their intervals and the noise on
them differ. Here each beat also hears those that look like it. Of S and N this would be wrong: they look alike, and only the
rhythm tells them apart.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens.beats.morphology import QRS, ROWS, Array, are_alike
from beatlens.models.rhythm_network import CLASSES

OWN: Final = 0.5
"""What a beat's own log odds count; chosen on DS1, with the likeness from which on beats are of one shape."""


def hear_like_beats(logits: npt.NDArray[np.floating], windows: Array) -> npt.NDArray[np.float64]:
    """Return the logits with the log odds of V moved half way to their mean over the beats of the same shape.

    Parameters
    ----------
    logits : ndarray of shape (n_beats, 4)
        Of N, S, V, F, for the beats of one stretch.
    windows : ndarray of float32, shape (n_beats, 112, n_leads)
        The same beats as `beatlens.beats.morphology.BeatShapes` has them. Of one shape are those whose QRS complexes have a
        likeness of 0.9 or more (`beatlens.beats.morphology.likeness`), each beat with itself among them.

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
    alike = are_alike(windows[:, QRS].reshape(len(windows), -1))
    for first in range(0, len(alike), ROWS):
        among = alike[first : first + ROWS].astype(np.float64)
        mean[first : first + ROWS] = (among @ odds) / among.sum(axis=1)
    heard[:, ventricular] = others + OWN * odds + (1 - OWN) * mean
    return heard
