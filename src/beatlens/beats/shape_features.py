"""Numbers for the shape of each beat: the columns that stand beside those of `beatlens.beats.rhythm`."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens._rows import median_of_all, quantiles_of_rows
from beatlens.beats.morphology import P_WAVE, QRS, T_WAVE, TINY, BeatShapes, likeness
from beatlens.beats.rhythm import LOCAL_HALF, neighbour_index
from beatlens.beats.shape_measures import choose_fit, corr_rows, pair_fits, row_likeness, shifted_corr, take_fit, width_ms

Array = npt.NDArray[np.floating]

SHAPE_FEATURES: Final = (
    "qrs_corr",
    "qrs_likeness",
    "qrs_corr_first_half",
    "qrs_corr_second_half",
    "qrs_corr_lowest_lead",
    "qrs_size",
    "qrs_width",
    "qrs_width_to_dominant",
    "qrs_area",
    "t_corr",
    "t_size",
    "beat_corr",
    "previous_qrs_likeness",
    "next_qrs_likeness",
    "p_size",
    "p_corr_dominant",
    "p_change_dominant",
    "p_corr_neighbours",
    "p_coherence_local",
    "p_coherence_wide",
    "p_corr_long",
    "p_share_long",
    "p_coherence_long",
    "group_share",
    "group_is_dominant",
    "group_prematurity",
    "group_prematurity_spread",
    "group_corr",
    "group_width",
    "group_count",
    "fusion_normal",
    "fusion_other",
    "fusion_residual",
    "fusion_gain",
    "noise",
)
"""Names of the columns of `shape_features`, in their order."""

MAX_PARTNERS: Final = 11
"""Groups beside the dominant one that a fusion beat may be made of."""


def shape_features(shapes: BeatShapes, pre_to_local: Array, pre_rr: Array) -> Array:
    """Describe the shape of each beat beside the dominant beat, its neighbours and its group.

    Parameters
    ----------
    shapes : BeatShapes
    pre_to_local, pre_rr : ndarray of shape (n_beats,)
        Those columns of `beatlens.beats.rhythm.rhythm_features`.

    Returns
    -------
    ndarray of float32, shape (n_beats, len(SHAPE_FEATURES))
        Finite.
    """
    w, dominant, groups = shapes.windows, shapes.dominant, shapes.groups
    n = len(w)
    if not n:
        return np.zeros((0, len(SHAPE_FEATURES)), np.float32)
    qrs_columns = _complex_columns(w, dominant)
    flat = w[:, QRS].reshape(n, -1)
    alike_before = row_likeness(flat, np.roll(flat, 1, axis=0))
    alike_after = np.roll(alike_before, -1)
    columns = [
        *qrs_columns,
        alike_before,
        alike_after,
        *_p_columns(w, dominant, pre_rr),
        *_group_columns(w, dominant, groups, pre_to_local),
        *_fusion_columns(w, dominant, groups),
        np.log(np.abs(np.diff(w, n=2, axis=1)).mean(axis=(1, 2)) + 1e-3),
    ]
    return np.asarray(np.nan_to_num(np.stack(columns, axis=1)), dtype=np.float32)


def _complex_columns(w: Array, dominant: Array) -> list[Array]:
    n = len(w)
    qrs, usual = w[:, QRS], dominant[QRS]
    corr = shifted_corr(w, dominant, QRS)
    middle = (QRS.start + QRS.stop) // 2
    first, second = slice(QRS.start, middle), slice(middle, QRS.stop)
    by_lead = np.stack([shifted_corr(w[..., [k]], dominant[:, [k]], QRS) for k in range(w.shape[2])])
    width = np.log(width_ms(qrs))
    usual_width = np.log(width_ms(usual[None]))[0]
    size = np.log(np.sqrt((qrs**2).mean(axis=(1, 2))) + 1e-3) - np.log(np.sqrt((usual**2).mean()) + 1e-3)
    t = w[:, T_WAVE]
    t_size = np.log(np.sqrt(t.var(axis=1).mean(axis=1)) + 1e-3) - np.log(np.sqrt(dominant[T_WAVE].var(axis=0).mean()) + 1e-3)
    return [
        corr,
        row_likeness(qrs.reshape(n, -1), np.broadcast_to(usual.reshape(-1), (n, usual.size))),
        shifted_corr(w, dominant, first),
        shifted_corr(w, dominant, second),
        by_lead.min(axis=0),
        size,
        width,
        width - usual_width,
        np.log(np.abs(qrs).mean(axis=(1, 2)) + 1e-3) - np.log(np.abs(usual).mean() + 1e-3),
        shifted_corr(w, dominant, T_WAVE),
        t_size,
        corr_rows(w.reshape(n, -1), dominant.reshape(-1)),
    ]


def _p_waves(w: Array) -> Array:
    """Return what lies where a P wave would, its straight line taken away, leads side by side: shape (n_beats, n)."""
    segment = w[:, P_WAVE].astype(np.float64)
    at = np.linspace(-1, 1, segment.shape[1])
    line = np.stack([np.ones_like(at), at], axis=1)
    away = np.kron(np.eye(len(at)) - line @ np.linalg.pinv(line), np.eye(w.shape[2]))
    return np.asarray(segment.reshape(len(w), -1) @ away, dtype=np.float32)


def _coherence(unit: Array, half: int) -> tuple[Array, Array]:
    """Return each beat's likeness to its neighbours' mean P wave, and the mean likeness of all pairs of neighbours."""
    index = neighbour_index(len(unit), half)
    width = index.shape[1]
    if width < 2:
        return np.zeros(len(unit)), np.zeros(len(unit))
    total = np.concatenate([np.zeros((1, unit.shape[1])), np.cumsum(unit, axis=0, dtype=np.float64)])
    sums = total[index[:, -1] + 1] - total[index[:, 0]]
    others = sums - unit
    own = (others * unit).sum(axis=1) / (np.sqrt((others**2).sum(axis=1)) + TINY)
    pairs = ((sums**2).sum(axis=1) - width) / (width * (width - 1))
    return own, pairs


def _p_columns(w: Array, dominant: Array, pre_rr: Array) -> list[Array]:
    waves = _p_waves(w)
    usual = _p_waves(dominant[None])[0]
    norm = np.sqrt((waves**2).sum(axis=1))
    unit = waves / (norm[:, None] + 1e-3)
    own, local = _coherence(unit, LOCAL_HALF - 1)
    _, wide = _coherence(unit, 30)
    # After the longest intervals a conducted P wave is the likeliest, whatever the majority of the beats is.
    usual_complex = shifted_corr(w, dominant, QRS) > 0.8
    if not usual_complex.any():
        usual_complex[:] = True
    after_long = usual_complex & (pre_rr >= np.quantile(pre_rr[usual_complex], 0.85))
    template = np.median(waves[after_long], axis=0)
    k = int(after_long.sum())
    total = unit[after_long].sum(axis=0)
    coherence_long = ((total**2).sum() - k) / (k * (k - 1)) if k > 1 else 0.0
    size = np.sqrt((template**2).sum())
    return [
        np.log(norm / np.sqrt(waves.shape[1]) + 1e-3),
        corr_rows(waves, usual),
        np.log(np.sqrt(((waves - usual) ** 2).mean(axis=1)) + 1e-3),
        own,
        local,
        wide,
        waves @ template / (norm * size + 1e-3),
        np.clip(waves @ template / (size**2 + 1e-3), -3, 3),
        np.full(len(w), coherence_long),
    ]


def _group_columns(w: Array, dominant: Array, groups: npt.NDArray[np.int64], pre_to_local: Array) -> list[Array]:
    n = len(w)
    present, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    members = [np.flatnonzero(inverse == k) for k in range(len(present))]
    typical = np.stack([median_of_all(w[of_group[:200]]) for of_group in members])
    early = np.concatenate([quantiles_of_rows(pre_to_local[None, of_group], 0.2, 0.5, 0.8) for of_group in members], axis=1).T
    rows = (
        early[:, 1],
        early[:, 2] - early[:, 0],
        shifted_corr(typical, dominant, QRS),
        np.log(width_ms(typical[:, QRS])) - np.log(width_ms(dominant[None, QRS])),
        np.log(counts),
    )
    return [np.log(counts[inverse] / n), (groups == 0).astype(np.float64), *(row[inverse] for row in rows)]


def find_partners(
    w: Array, dominant: Array, groups: npt.NDArray[np.int64]
) -> list[tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]]:
    """Return the typical complexes that a beat may be blended of beside the dominant one, eleven at most; which beats each."""
    d = dominant[QRS].reshape(1, -1).astype(np.float64)
    present, counts = np.unique(groups, return_counts=True)
    found = []
    for k in np.argsort(-counts)[: MAX_PARTNERS + 1]:
        if present[k] == 0 or counts[k] < 2:
            continue
        members = groups == present[k]
        typical = median_of_all(w[members, QRS]).reshape(-1).astype(np.float64)
        if float(likeness(typical[None], d)[0, 0]) <= 0.6:
            # A beat must not be explained by itself: a group of two or three is mostly the beat.
            found.append((typical, ~members if counts[k] < 4 else np.ones(len(w), bool)))
    return found


def _fusion_columns(w: Array, dominant: Array, groups: npt.NDArray[np.int64]) -> list[Array]:
    """Fit each complex by the dominant one and another of the recording, whichever other explains it best."""
    n = len(w)
    d = dominant[QRS].reshape(-1).astype(np.float64)
    partners = find_partners(w, dominant, groups)
    others = np.reshape([typical for typical, _ in partners], (len(partners), len(d)))
    fits = pair_fits(w[:, QRS].reshape(n, -1).astype(np.float64), d, others)
    gain = np.minimum(fits.first_alone, fits.second_alone) - fits.rest
    best = choose_fit(fits, np.reshape([allowed for _, allowed in partners], fits.rest.shape))
    alone = (fits.first_weight, np.zeros(n), fits.first_alone, np.zeros(n))
    together = (fits.weights[:, 0], fits.weights[:, 1], fits.rest, gain)
    return [np.clip(take_fit(best, *pair), -3, 3) for pair in zip(alone, together, strict=True)]
