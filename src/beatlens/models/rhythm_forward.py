"""``rhythm-lstm``'s networks over whole sequences of beats, all of them at once: a pure function, without Keras.

It says what the Keras networks say, to the rounding of the last digits, and does the same work in fewer and larger products.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from beatlens.models.rhythm_weights import DENSE, Cell, RhythmWeights

if TYPE_CHECKING:
    import jax

CLIP: Final = 5.0
"""Scaled features are limited to this size."""


def forward(weights: RhythmWeights, features: jax.Array, mask: jax.Array) -> jax.Array:
    """Return the mean logits of the networks, shape (n, beats, classes).

    Parameters
    ----------
    weights : RhythmWeights
    features : array of shape (n, beats, n_features)
    mask : array of shape (n, beats, 1)
        1 where there is a beat, 0 elsewhere.
    """
    import jax
    import jax.numpy as jnp

    n, length, n_features = features.shape
    (kernel, bias), (joined, joined_bias), (last, last_bias) = (weights.dense[name] for name in DENSE)
    n_networks, width = len(kernel), kernel.shape[2]

    in_order = jnp.swapaxes(features, 0, 1).reshape(1, length * n, n_features)
    scaled = jnp.clip((in_order - weights.mean[:, None]) / weights.spread[:, None], -CLIP, CLIP)
    rows = jax.nn.relu(scaled @ kernel + bias[:, None]) * jnp.swapaxes(mask, 0, 1).reshape(1, length * n, 1)
    beats = jnp.swapaxes(rows.reshape(n_networks, length, n, width), 0, 1)  # (beats, networks, n, width)
    before, after = (_read(cell, beats, backwards=bool(side)) for side, cell in enumerate(weights.cells))
    units = before.shape[-1]
    before, after = (jnp.swapaxes(read, 0, 1).reshape(n_networks, length * n, units) for read in (before, after))
    # The product with what is read forwards, backwards, and with the rows, side by side, without laying them so.
    parts = before @ joined[:, :units] + after @ joined[:, units : 2 * units] + rows @ joined[:, 2 * units :]
    hidden = jax.nn.relu(parts + joined_bias[:, None])
    logits = (hidden @ last + last_bias[:, None]).mean(axis=0)
    return jnp.swapaxes(logits.reshape(length, n, -1), 0, 1)


def _read(cell: Cell, beats: jax.Array, *, backwards: bool) -> jax.Array:
    """Return what one direction of the recurrent layer says at each beat, shape (beats, networks, n, units)."""
    import jax
    import jax.numpy as jnp

    both = jnp.concatenate([cell.kernel, cell.recurrent], axis=1)
    _, n_networks, n, _ = beats.shape
    start = jnp.zeros((n_networks, n, cell.recurrent.shape[1]), beats.dtype)

    def read(carried: tuple[jax.Array, jax.Array], row: jax.Array) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        hidden, kept = carried
        gates = jnp.concatenate([row, hidden], axis=2) @ both + cell.bias[:, None]
        into, keep, new, out = jnp.split(gates, 4, axis=2)
        kept = jax.nn.sigmoid(keep) * kept + jax.nn.sigmoid(into) * jnp.tanh(new)
        hidden = jax.nn.sigmoid(out) * jnp.tanh(kept)
        return (hidden, kept), hidden

    return jax.lax.scan(read, (start, start), beats, reverse=backwards)[1]
