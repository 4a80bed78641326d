"""The likeness features of one beat as a differentiable function of its voltage, everything about the other beats held still.

The same numbers as `beatlens.beats.likeness_features`, written for JAX; see `beatlens.explain.shape_port`. The ten beats most
like it, and the groups that it may be blended with, are those that the beat had as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from beatlens.beats.likeness_features import LAGS, LIKE_BEATS, LIKENESS_FEATURES, MAX_OTHERS, find_others, nearest_beats
from beatlens.beats.morphology import QRS, TINY, BeatShapes
from beatlens.explain.shape_port import complex_corr, complex_likeness, log_size, log_width

if TYPE_CHECKING:
    import jax

    Context = dict[str, jax.Array]

Array = npt.NDArray[np.float32]

LIKENESS_CONTEXT: Final = (
    "like_qrs",
    "like_known",
    "like_kept",
    "between_qrs",
    "between_pinv",
    "between_allowed",
    "between_early",
)
"""The names of `build_likeness_context`'s arrays."""
_KEPT: Final = [LIKENESS_FEATURES.index(name) for name in ("like_beats_prematurity", "like_beats_dominant")]


def build_likeness_context(
    shapes: BeatShapes, features: Array, pre_to_local: npt.NDArray[np.floating], rows: npt.NDArray[np.integer]
) -> dict[str, Array]:
    """Return what the likeness features of the beats ``rows`` take from the others.

    Parameters
    ----------
    shapes : BeatShapes
    features : ndarray of shape (n_beats, 12)
        Their likeness features.
    pre_to_local : ndarray of shape (n_beats,)
    rows : ndarray of int, shape (n_rows,)

    Returns
    -------
    dict of ndarray of float32, shape (n_rows, ...)
    """
    n = len(rows)
    flat = shapes.windows[:, QRS].reshape(len(shapes.windows), -1)
    nearest, _ = nearest_beats(shapes, rows)
    like = np.zeros((n, LIKE_BEATS, flat.shape[1]), np.float32)
    like[:, : nearest.shape[1]] = flat[nearest]
    d = shapes.dominant[QRS].reshape(-1).astype(np.float64)
    others = np.zeros((MAX_OTHERS, len(LAGS), flat.shape[1]))
    pinv = np.zeros((MAX_OTHERS, len(LAGS), 2, flat.shape[1]))
    allowed, early = np.zeros((n, MAX_OTHERS), bool), np.zeros(MAX_OTHERS)
    for place, group in enumerate(find_others(shapes, pre_to_local)):
        others[place] = group.complexes
        pinv[place] = [np.linalg.pinv(np.stack([d, other], axis=1)) for other in group.complexes]
        allowed[:, place], early[place] = ~group.members[rows], group.early
    found = {
        "like_qrs": like,
        "like_known": np.broadcast_to(np.arange(LIKE_BEATS) < nearest.shape[1], (n, LIKE_BEATS)),
        "like_kept": features[rows][:, _KEPT],
        "between_qrs": np.broadcast_to(others, (n, *others.shape)),
        "between_pinv": np.broadcast_to(pinv, (n, *pinv.shape)),
        "between_allowed": allowed,
        "between_early": np.broadcast_to(early, (n, MAX_OTHERS)),
    }
    return {name: values.astype(np.float32) for name, values in found.items()}


def likeness_columns(w: jax.Array, context: Context) -> jax.Array:
    """Return the columns `beatlens.beats.likeness_features.LIKENESS_FEATURES` of each beat, shape (n, 12).

    Parameters
    ----------
    w : array of shape (n, 112, leads)
        From `beatlens.explain.shape_port.scale_windows`.
    context : dict of arrays of shape (n, ...)
        From `build_likeness_context` and `beatlens.explain.rhythm_context`.
    """
    import jax.numpy as jnp

    y = w[:, QRS].reshape(len(w), -1)
    columns = [*_lead_columns(w, context["dominant"]), _like_column(y, context)]
    columns += [*jnp.moveaxis(context["like_kept"], 1, 0), *_between_columns(y, context)]
    return jnp.nan_to_num(jnp.stack(columns, axis=1))


def _lead_columns(w: jax.Array, dominant: jax.Array) -> list[jax.Array]:
    import jax.numpy as jnp

    leads = [slice(k, k + 1) for k in range(w.shape[2])]
    corr = jnp.stack([complex_corr(w[..., k], dominant[..., k], QRS) for k in leads])
    alike = jnp.stack([complex_likeness(w[:, QRS, k.start], dominant[:, QRS, k.start]) for k in leads])
    width = jnp.stack([log_width(w[:, QRS, k]) - log_width(dominant[:, QRS, k]) for k in leads])
    outside = np.r_[0 : QRS.start, QRS.stop : w.shape[1]]
    rest = w[:, outside] - dominant[:, outside]
    return [
        corr.max(axis=0),
        alike.max(axis=0),
        jnp.take_along_axis(width, corr.argmax(axis=0)[None], axis=0)[0],
        log_size(((rest - rest.mean(axis=1, keepdims=True)) ** 2).mean(axis=(1, 2))),
    ]


def _like_column(y: jax.Array, context: Context) -> jax.Array:
    import jax.numpy as jnp

    others, known = context["like_qrs"], context["like_known"] > 0
    alike = 2 * (y[:, None] * others).sum(axis=2) / ((y**2).sum(axis=1)[:, None] + (others**2).sum(axis=2) + TINY)
    return jnp.where(known.any(axis=1), jnp.where(known, alike, jnp.inf).min(axis=1), 0.0)


def _between_columns(y: jax.Array, context: Context) -> list[jax.Array]:
    import jax.numpy as jnp

    d, others, pinv = context["usual_qrs"], context["between_qrs"], context["between_pinv"]
    n = len(y)
    power = (y**2).sum(axis=1) + TINY
    on_usual, usual_power = (y * d).sum(axis=1), (d**2).sum(axis=1)
    alone = 1 - on_usual**2 / (power * usual_power + TINY)
    weights = jnp.einsum("nglkt,nt->nglk", pinv, y)
    fitted = weights[..., :1] * d[:, None, None] + weights[..., 1:] * others
    rest = ((y[:, None, None] - fitted) ** 2).sum(axis=3) / power[:, None, None]  # (n, groups, lags)
    only = 1 - jnp.einsum("nglt,nt->ngl", others, y) ** 2 / (power[:, None, None] * (others**2).sum(axis=3) + TINY)
    gain = jnp.minimum(alone[:, None], only.min(axis=2))[..., None] - rest
    allowed = (context["between_allowed"] > 0)[..., None]
    early = jnp.broadcast_to(context["between_early"][..., None], rest.shape)
    residual = jnp.concatenate([alone[:, None], jnp.where(allowed, rest, jnp.inf).reshape(n, -1)], axis=1)
    best = residual.argmin(axis=1)[:, None]

    def pick(of_alone: jax.Array, of_others: jax.Array) -> jax.Array:
        return jnp.take_along_axis(jnp.concatenate([of_alone[:, None], of_others.reshape(n, -1)], axis=1), best, axis=1)[:, 0]

    zero = jnp.zeros_like(alone)
    columns = [
        pick(on_usual / (usual_power + TINY), weights[..., 0]),
        pick(zero, weights[..., 1]),
        pick(alone, rest),
        pick(zero, gain),
        pick(zero, early),
    ]
    return [jnp.clip(column, -3, 3) for column in columns]
