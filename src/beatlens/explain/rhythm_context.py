"""Everything about the other beats of a stretch that the shape features of one beat depend on, one row a beat."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens.beats.morphology import QRS, BeatShapes, cut_padded
from beatlens.beats.rhythm import LOCAL_HALF, neighbour_index
from beatlens.beats.shape_features import MAX_PARTNERS, SHAPE_FEATURES, find_partners
from beatlens.explain.shape_port import detrend_p

Array = npt.NDArray[np.float32]

WIDE_P: Final = 30
GROUP: Final = slice(SHAPE_FEATURES.index("group_share"), SHAPE_FEATURES.index("group_count") + 1)


def build_context(
    x: Array, r_samples: npt.NDArray[np.integer], shapes: BeatShapes, features: Array, pre_rr: npt.NDArray[np.floating]
) -> tuple[Array, dict[str, Array]]:
    """Return the voltage of each beat's window, and its context.

    Parameters
    ----------
    x : ndarray of shape (n_samples, n_leads)
        The prepared signal (128 Hz), in mV.
    r_samples : ndarray of int, shape (n_beats,)
        Aligned R positions.
    shapes : BeatShapes
        Of these beats.
    features : ndarray of shape (n_beats, 35)
        Their shape features.
    pre_rr : ndarray of shape (n_beats,)
        Log of the interval before each.

    Returns
    -------
    voltage : ndarray of float32, shape (n_beats, 112, n_leads)
        In mV.
    context : dict of ndarray of float32, shape (n_beats, ...)
        ``gain`` turns mV into the scale of the windows; the others are as `beatlens.explain.shape_port` needs them.
    """
    voltage = cut_padded(x, r_samples)
    n = len(voltage)
    flat = shapes.windows[:, QRS].reshape(n, -1)
    following = np.roll(flat, -1, axis=0)
    context: dict[str, Array] = {
        "gain": _repeat(shapes.gain, n),
        "dominant": _repeat(shapes.dominant, n),
        "previous_qrs": np.roll(flat, 1, axis=0),
        "next_qrs": following,
        "group": features[:, GROUP],
        **_p_context(shapes, features, pre_rr),
        **_fusion_context(shapes),
    }
    return voltage, {name: np.asarray(values, np.float32) for name, values in context.items()}


def _repeat(row: npt.NDArray[np.floating], n: int) -> Array:
    return np.broadcast_to(np.asarray(row, np.float32), (n, *row.shape))


def _p_context(shapes: BeatShapes, features: Array, pre_rr: npt.NDArray[np.floating]) -> dict[str, npt.NDArray[np.floating]]:
    n = len(shapes.windows)
    waves = detrend_p(shapes.windows)
    unit = waves / (np.sqrt((waves**2).sum(axis=1))[:, None] + 1e-3)
    usual_complex = features[:, SHAPE_FEATURES.index("qrs_corr")] > 0.8
    if not usual_complex.any():
        usual_complex[:] = True
    after_long = usual_complex & (pre_rr >= np.quantile(pre_rr[usual_complex], 0.85))
    context: dict[str, npt.NDArray[np.floating]] = {
        "usual_p": _repeat(detrend_p(shapes.dominant[None])[0], n),
        "long_p": _repeat(np.median(waves[after_long], axis=0), n),
        "long_coherence": features[:, SHAPE_FEATURES.index("p_coherence_long")],
    }
    total = np.concatenate([np.zeros((1, unit.shape[1])), np.cumsum(unit, axis=0, dtype=np.float64)])
    for name, half in (("local", LOCAL_HALF - 1), ("wide", WIDE_P)):
        index = neighbour_index(n, half)
        context[f"{name}_p"] = total[index[:, -1] + 1] - total[index[:, 0]] - unit
        context[f"{name}_width"] = np.full(n, float(index.shape[1]))
    return context


def _fusion_context(shapes: BeatShapes) -> dict[str, npt.NDArray[np.floating]]:
    """Return the typical complexes that a beat may be blended of, and which of them may explain it."""
    w, groups = shapes.windows, shapes.groups
    n, n_values = len(w), w[0, QRS].size
    d = shapes.dominant[QRS].reshape(-1).astype(np.float64)
    others, pinv = np.zeros((MAX_PARTNERS, n_values)), np.zeros((MAX_PARTNERS, 2, n_values))
    allowed = np.zeros((n, MAX_PARTNERS), bool)
    for place, (typical, for_beats) in enumerate(find_partners(w, shapes.dominant, groups)):
        others[place], pinv[place] = typical, np.linalg.pinv(np.stack([d, typical], axis=1))
        allowed[:, place] = for_beats
    return {
        "usual_qrs": _repeat(d, n),
        "other_qrs": _repeat(others, n),
        "other_pinv": _repeat(pinv, n),
        "other_allowed": allowed,
    }
