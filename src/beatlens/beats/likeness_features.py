"""Numbers for what other beats of the recording each beat is like, and what two of its shapes it could be made of.

These columns stand beside those of `beatlens.beats.shape_features`. They are for beats in noise (which are like no other
beat), for leads of which only one can be trusted, and for fusion beats, which lie between the usual complex and an ectopic
one, even where a recording has so many of them that they are a group of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens._rows import median_of_all
from beatlens.beats.morphology import QRS, BeatShapes, likeness, likeness_by_rows
from beatlens.beats.shape_measures import choose_fit, pair_fits, row_likeness, shifted_corr, take_fit, width_ms

Array = npt.NDArray[np.floating]

LIKENESS_FEATURES: Final = (
    "best_lead_corr",
    "best_lead_likeness",
    "best_lead_width",
    "rest_misfit",
    "like_beats_likeness",
    "like_beats_prematurity",
    "like_beats_dominant",
    "between_normal",
    "between_other",
    "between_residual",
    "between_gain",
    "between_prematurity",
)
"""Names of the columns of `likeness_features`, in their order."""

LIKE_BEATS: Final = 10
"""How many beats each is compared with: those most like it."""
MIN_GROUP: Final = 3
MAX_OTHERS: Final = 6
UNLIKE: Final = 0.7
"""Likeness to the dominant complex up to which a group is another shape."""
LAGS: Final = (-6, -3, 0, 3)
"""Samples (at 128 Hz) that an ectopic complex may lie beside the one it is part of."""


def likeness_features(shapes: BeatShapes, pre_to_local: Array) -> Array:
    """Describe each beat by the beats most like it and by the pair of shapes that it may be a blend of.

    Parameters
    ----------
    shapes : BeatShapes
    pre_to_local : ndarray of shape (n_beats,)
        That column of `beatlens.beats.rhythm.rhythm_features`.

    Returns
    -------
    ndarray of float32, shape (n_beats, len(LIKENESS_FEATURES))
        Finite. ``best_lead_*`` are of the lead that is most like the dominant beat; ``rest_misfit`` is the difference to it
        outside the complex; ``like_beats_*`` are of the ten most like beats: the least likeness among them, their median
        prematurity, the share of them in the dominant group; ``between_*`` fit a beat by the dominant complex and the
        typical one of another group than its own: both weights, what is left over, how much better than either alone, and
        how early the beats of that group are.
    """
    n = len(shapes.windows)
    if not n:
        return np.zeros((0, len(LIKENESS_FEATURES)), np.float32)
    columns = [*_lead_columns(shapes), *_like_columns(shapes, pre_to_local), *_between_columns(shapes, pre_to_local)]
    return np.asarray(np.nan_to_num(np.stack(columns, axis=1)), dtype=np.float32)


def _lead_columns(shapes: BeatShapes) -> list[Array]:
    w, dominant = shapes.windows, shapes.dominant
    leads = range(w.shape[2])
    corr = np.stack([shifted_corr(w[..., [k]], dominant[:, [k]], QRS) for k in leads])
    alike = np.stack(
        [row_likeness(w[:, QRS, k], np.broadcast_to(dominant[QRS, k], (len(w), QRS.stop - QRS.start))) for k in leads]
    )
    width = np.stack([np.log(width_ms(w[:, QRS, [k]]) / width_ms(dominant[None, QRS, [k]])) for k in leads])
    best = corr.argmax(axis=0)[None]
    outside = np.r_[0 : QRS.start, QRS.stop : w.shape[1]]
    rest = w[:, outside] - dominant[outside]
    return [
        corr.max(axis=0),
        alike.max(axis=0),
        np.take_along_axis(width, best, axis=0)[0],
        np.log(np.sqrt(((rest - rest.mean(axis=1, keepdims=True)) ** 2).mean(axis=(1, 2))) + 1e-3),
    ]


def nearest_beats(shapes: BeatShapes, rows: npt.NDArray[np.integer] | None = None) -> tuple[npt.NDArray[np.intp], Array]:
    """Return the ten beats that each complex is most like, itself apart, and how like: both of shape (n_rows, at most 10).

    ``rows``: the beats in question; all if not given.
    """
    flat = shapes.windows[:, QRS].reshape(len(shapes.windows), -1)
    asked = np.arange(len(flat)) if rows is None else np.asarray(rows)
    k = min(LIKE_BEATS, max(len(flat) - 1, 0))
    nearest, how_like = np.zeros((len(asked), k), np.intp), np.zeros((len(asked), k), np.float32)
    for first, alike in likeness_by_rows(flat[asked], flat) if k else ():
        block = slice(first, first + len(alike))
        alike[np.arange(len(alike)), asked[block]] = -2
        nearest[block] = _largest(alike, k)
        how_like[block] = np.take_along_axis(alike, nearest[block], axis=1)
    return nearest, how_like


def _largest(values: Array, k: int) -> npt.NDArray[np.intp]:
    """Return where the ``k`` largest values of each row are, in any order."""
    first = values.shape[1] - k
    places = np.flatnonzero(values >= np.partition(values, first, axis=1)[:, [first]])
    if len(places) > k * len(values):  # some are the same as the last of them
        return np.asarray(np.argpartition(values, first, axis=1)[:, first:])
    return np.asarray(places % values.shape[1]).reshape(len(values), k)


def _like_columns(shapes: BeatShapes, pre_to_local: Array) -> list[Array]:
    nearest, how_like = nearest_beats(shapes)
    if not nearest.shape[1]:
        return [np.zeros(len(nearest)), np.zeros(len(nearest)), np.ones(len(nearest))]
    return [how_like.min(axis=1), np.median(pre_to_local[nearest], axis=1), (shapes.groups[nearest] == 0).mean(axis=1)]


@dataclass(frozen=True, eq=False)
class Other:
    """A group that beats may be blended with.

    Parameters
    ----------
    members : ndarray of bool, shape (n_beats,)
    complexes : ndarray of shape (len(LAGS), n_values)
        Its typical complex at each lag, leads side by side.
    early : float
        Median prematurity of its beats.
    """

    members: npt.NDArray[np.bool_]
    complexes: npt.NDArray[np.float64]
    early: float


def find_others(shapes: BeatShapes, pre_to_local: Array) -> list[Other]:
    """Return the largest groups, six at most, that have three beats and are not like the dominant complex."""
    w, groups = shapes.windows, shapes.groups
    d = shapes.dominant[QRS].reshape(1, -1).astype(np.float64)
    present, counts = np.unique(groups, return_counts=True)
    found: list[Other] = []
    for group in [g for g in present[np.argsort(-counts, kind="stable")] if g != 0 and (groups == g).sum() >= MIN_GROUP]:
        members = groups == group
        typical = median_of_all(w[members]).astype(np.float64)
        if float(likeness(typical[QRS].reshape(1, -1), d)[0, 0]) <= UNLIKE:
            lagged = np.stack([typical[QRS.start + lag : QRS.stop + lag].reshape(-1) for lag in LAGS])
            found.append(Other(members, lagged, float(np.median(pre_to_local[members]))))
        if len(found) == MAX_OTHERS:
            break
    return found


def _between_columns(shapes: BeatShapes, pre_to_local: Array) -> list[Array]:
    n = len(shapes.windows)
    y = shapes.windows[:, QRS].reshape(n, -1).astype(np.float64)
    d = shapes.dominant[QRS].reshape(-1).astype(np.float64)
    others = find_others(shapes, pre_to_local)
    fits = pair_fits(y, d, np.reshape([group.complexes for group in others], (len(LAGS) * len(others), len(d))))
    only = fits.second_alone.reshape(len(others), len(LAGS), n).min(axis=1, initial=np.inf).repeat(len(LAGS), axis=0)
    best = choose_fit(fits, np.reshape([~group.members for group in others], (len(others), n)).repeat(len(LAGS), axis=0))
    early = np.broadcast_to(np.repeat([group.early for group in others], len(LAGS))[:, None], fits.rest.shape)
    # Weights, residual, gain, prematurity of the other; the first of each pair: of a beat that no other group helps to explain.
    alone = (fits.first_weight, np.zeros(n), fits.first_alone, np.zeros(n), np.zeros(n))
    together = (fits.weights[:, 0], fits.weights[:, 1], fits.rest, np.minimum(fits.first_alone, only) - fits.rest, early)
    return [np.clip(take_fit(best, *pair), -3, 3) for pair in zip(alone, together, strict=True)]
