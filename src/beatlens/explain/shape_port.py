"""The shape features of one beat as a differentiable function of its voltage, everything about the other beats held still.

The same numbers as `beatlens.beats.shape_features`, written for JAX: gradients with respect to every sample, and thousands of
altered copies of a beat a second. What the recording as a whole says (the dominant beat, the groups, the neighbours' P waves)
is given as context and does not change with the beat; `tests/explain/test_shape_port.py` holds the two against each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from beatlens.beats.morphology import BEFORE, FS, P_WAVE, QRS, SHIFT_REACH, T_WAVE, TINY

if TYPE_CHECKING:
    import jax

    Context = dict[str, jax.Array]

Waves = TypeVar("Waves", bound=Any)

SMALL: Final = 1e-12
"""Below this a root's slope is taken to be 0: at a flat line it would be infinite."""


def scale_windows(voltage: jax.Array, context: Context) -> jax.Array:
    """Return windows as `beatlens.beats.morphology.BeatShapes` has them, of voltage in mV: shape (n, 112, leads)."""
    import jax.numpy as jnp

    base = voltage[:, BEFORE - 12 : BEFORE - 7].mean(axis=1, keepdims=True)
    return jnp.clip((voltage - base) * context["gain"][:, None], -6, 6)


def shape_columns(w: jax.Array, context: Context) -> jax.Array:
    """Return the columns `beatlens.beats.shape_features.SHAPE_FEATURES` of each beat, shape (n, 35).

    Parameters
    ----------
    w : array of shape (n, 112, leads)
        From `scale_windows`.
    context : dict of arrays of shape (n, ...)
        From `beatlens.explain.rhythm_context`.
    """
    import jax.numpy as jnp

    flat = w[:, QRS].reshape(len(w), -1)
    columns = [
        *_complex_columns(w, context["dominant"]),
        complex_likeness(flat, context["previous_qrs"]),
        complex_likeness(context["next_qrs"], flat),
        *_p_columns(w, context),
        *jnp.moveaxis(context["group"], 1, 0),
        *_fusion_columns(flat, context),
        jnp.log(jnp.abs(jnp.diff(w, n=2, axis=1)).mean(axis=(1, 2)) + 1e-3),
    ]
    return jnp.nan_to_num(jnp.stack(columns, axis=1))


def _root(x: jax.Array) -> jax.Array:
    import jax.numpy as jnp

    return jnp.sqrt(jnp.maximum(x, SMALL))


def _corr(a: jax.Array, b: jax.Array) -> jax.Array:
    a, b = a - a.mean(axis=-1, keepdims=True), b - b.mean(axis=-1, keepdims=True)
    return (a * b).sum(axis=-1) / (_root((a**2).sum(axis=-1) * (b**2).sum(axis=-1)) + TINY)


def complex_likeness(a: jax.Array, b: jax.Array) -> jax.Array:
    """Return ``2 a.b / (a.a + b.b)`` of each row of ``a`` with that of ``b``."""
    return 2 * (a * b).sum(axis=1) / ((a**2).sum(axis=1) + (b**2).sum(axis=1) + TINY)


def complex_corr(w: jax.Array, template: jax.Array, part: slice) -> jax.Array:
    """Return the best correlation with the template, moved two samples either way; all shifts at once, to compile fast."""
    usual = template[:, part].reshape(len(w), 1, -1)
    shifts = np.arange(-SHIFT_REACH, SHIFT_REACH + 1)[:, None]
    moved = w[:, np.arange(part.start, part.stop) + shifts]  # (n, shifts, samples, leads)
    return _corr(moved.reshape(len(w), len(shifts), -1), usual).max(axis=1)


def log_width(qrs: jax.Array) -> jax.Array:
    """Return the log of the width in ms: twice the standard deviation in time of the squared slope."""
    import jax.numpy as jnp

    power = (jnp.diff(qrs, axis=1) ** 2).sum(axis=2) + 1e-9
    at = np.arange(power.shape[1], dtype=np.float32) * (1000 / FS)
    total = power.sum(axis=1)
    centre = (power * at).sum(axis=1) / total
    return jnp.log(2 * _root((power * (at - centre[:, None]) ** 2).sum(axis=1) / total))


def log_size(values: jax.Array) -> jax.Array:
    """Return the log of the root of mean squares, bounded below."""
    import jax.numpy as jnp

    return jnp.log(_root(values) + 1e-3)


def _complex_columns(w: jax.Array, dominant: jax.Array) -> list[jax.Array]:
    import jax.numpy as jnp

    n, qrs, usual = len(w), w[:, QRS], dominant[:, QRS]
    middle = (QRS.start + QRS.stop) // 2
    leads = range(w.shape[2])
    by_lead = jnp.stack([complex_corr(w[..., k : k + 1], dominant[..., k : k + 1], QRS) for k in leads])
    width = log_width(qrs)
    return [
        complex_corr(w, dominant, QRS),
        complex_likeness(qrs.reshape(n, -1), usual.reshape(n, -1)),
        complex_corr(w, dominant, slice(QRS.start, middle)),
        complex_corr(w, dominant, slice(middle, QRS.stop)),
        by_lead.min(axis=0),
        log_size((qrs**2).mean(axis=(1, 2))) - log_size((usual**2).mean(axis=(1, 2))),
        width,
        width - log_width(usual),
        jnp.log(jnp.abs(qrs).mean(axis=(1, 2)) + 1e-3) - jnp.log(jnp.abs(usual).mean(axis=(1, 2)) + 1e-3),
        complex_corr(w, dominant, T_WAVE),
        log_size(w[:, T_WAVE].var(axis=1).mean(axis=1)) - log_size(dominant[:, T_WAVE].var(axis=1).mean(axis=1)),
        _corr(w.reshape(n, -1), dominant.reshape(n, -1)),
    ]


def detrend_p(w: Waves) -> Waves:
    """Return what lies where a P wave would, its straight line taken away, leads side by side: shape (n, 29 * leads).

    Of arrays of NumPy as of JAX.
    """
    n_samples = P_WAVE.stop - P_WAVE.start
    line = np.stack([np.ones(n_samples), np.linspace(-1, 1, n_samples)], axis=1)
    rest = (np.eye(n_samples) - line @ np.linalg.pinv(line)).astype(np.float32)
    rested: Waves = (rest @ w[:, P_WAVE]).reshape(len(w), -1)  # (29, 29) @ (n, 29, leads)
    return rested


def _p_columns(w: jax.Array, context: Context) -> list[jax.Array]:
    import jax.numpy as jnp

    waves, usual, template = detrend_p(w), context["usual_p"], context["long_p"]
    norm = _root((waves**2).sum(axis=1))
    unit = waves / (norm[:, None] + 1e-3)
    along = (waves * template).sum(axis=1)
    size = _root((template**2).sum(axis=1))
    own, local = _coherence(unit, context["local_p"], context["local_width"])
    _, wide = _coherence(unit, context["wide_p"], context["wide_width"])
    return [
        jnp.log(norm / np.sqrt(waves.shape[1]) + 1e-3),
        _corr(waves, usual),
        log_size(((waves - usual) ** 2).mean(axis=1)),
        own,
        local,
        wide,
        along / (norm * size + 1e-3),
        jnp.clip(along / (size**2 + 1e-3), -3, 3),
        context["long_coherence"],
    ]


def _coherence(unit: jax.Array, others: jax.Array, width: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the likeness to the neighbours' mean P wave, and that of all pairs; ``others`` is the sum of the neighbours."""
    import jax.numpy as jnp

    own = (others * unit).sum(axis=1) / (_root((others**2).sum(axis=1)) + TINY)
    pairs = (((others + unit) ** 2).sum(axis=1) - width) / jnp.maximum(width * (width - 1), 1)
    return jnp.where(width < 2, 0.0, own), jnp.where(width < 2, 0.0, pairs)


def _fusion_columns(y: jax.Array, context: Context) -> list[jax.Array]:
    """Fit each complex by the dominant one and another of the recording, whichever other explains it best."""
    import jax.numpy as jnp

    d, others, pinv, allowed = (context[name] for name in ("usual_qrs", "other_qrs", "other_pinv", "other_allowed"))
    power = (y**2).sum(axis=1) + TINY
    on_usual, usual_power = (y * d).sum(axis=1), (d**2).sum(axis=1)
    alone = 1 - on_usual**2 / (power * usual_power + TINY)
    weights = jnp.einsum("ngkt,nt->ngk", pinv, y)
    fitted = weights[..., :1] * d[:, None] + weights[..., 1:] * others
    rest = ((y[:, None] - fitted) ** 2).sum(axis=2) / power[:, None]
    only = 1 - jnp.einsum("ngt,nt->ng", others, y) ** 2 / (power[:, None] * (others**2).sum(axis=2) + TINY)
    gain = jnp.minimum(alone[:, None], only) - rest
    residual = jnp.concatenate([alone[:, None], jnp.where(allowed, rest, jnp.inf)], axis=1)
    best = residual.argmin(axis=1)[:, None]

    def pick(of_alone: jax.Array, of_others: jax.Array) -> jax.Array:
        return jnp.take_along_axis(jnp.concatenate([of_alone[:, None], of_others], axis=1), best, axis=1)[:, 0]

    zero = jnp.zeros_like(alone)
    columns = [
        pick(on_usual / (usual_power + TINY), weights[..., 0]),
        pick(zero, weights[..., 1]),
        pick(alone, rest),
        pick(zero, gain),
    ]
    return [jnp.clip(column, -3, 3) for column in columns]
