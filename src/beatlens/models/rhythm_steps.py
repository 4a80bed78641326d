"""``rhythm-lstm`` opened beat by beat: the same network, with what the other beats say as an input of its own.

The logits of one beat depend on its own row and on the two states that the recurrent layer brings to it, one from the beats
before and one from those after it. With those states at hand, one beat can be asked again and again, changed in any way, at the
cost of a single step instead of a whole sequence; the answer is the network's own, not an approximation.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from beatlens.errors import FormatError
from beatlens.models.engine import load_jax
from beatlens.models.programs import digest_arrays
from beatlens.models.rhythm_forward import CLIP
from beatlens.models.rhythm_network import N_LEADS, networks_of
from beatlens.models.rhythm_weights import RhythmWeights, weights_of

if TYPE_CHECKING:
    import jax

STATES: Final = ("hidden before", "cell before", "hidden after", "cell after")
"""What the recurrent layer brings to a beat, from the beats before it and from those after it."""


class RhythmSteps:
    """The weights of a rhythm network, or of several whose logits are averaged, and the network's parts as pure functions.

    Parameters
    ----------
    weights : RhythmWeights
    encoders : sequence of keras.Model
        Where the networks see the shape of the beats, the convolutional encoder of each.
    temperature : float
        Divides the logits.

    Raises
    ------
    FormatError
        If only some of the networks have an encoder.
    """

    def __init__(self, weights: RhythmWeights, encoders: Sequence[Any] = (), temperature: float = 1.0) -> None:
        load_jax()
        self.temperature = float(temperature)
        self.n_networks, self.n_units = weights.cells[0].recurrent.shape[:2]
        self.mean, self.spread, self.dense, self.cells = weights
        self.encoders = tuple(encoders)
        if self.encoders and len(self.encoders) != self.n_networks:
            raise FormatError("either every averaged network sees the shape of the beats, or none")

    @classmethod
    def of_keras(cls, keras_model: Any, temperature: float = 1.0) -> RhythmSteps:
        """Open a Keras network, or an average of such, that `beatlens.models.rhythm_network` built."""
        networks = networks_of(keras_model)
        encoders = [layer for network in networks for layer in network.layers if layer.name == "lead_encoder"]
        return cls(weights_of(networks), encoders, temperature)

    @property
    def weights(self) -> dict[str, Any]:
        """What was learned, by layer, the first first; the convolutional encoders keep theirs."""
        return {
            "features_dense": self.dense["features_dense"],
            "sequence": self.cells,
            "joined": self.dense["joined"],
            "logits": self.dense["logits"],
        }

    @property
    def identity(self) -> str:
        """What tells the network from every other; empty if it has convolutional encoders, which Keras keeps."""
        return "" if self.encoders else digest_arrays((self.mean, self.spread, self.weights, self.temperature))

    def replaced(self, weights: dict[str, Any]) -> RhythmSteps:
        """Return the network with other weights of the same shapes."""
        other = copy.copy(self)
        other.cells = weights["sequence"]
        other.dense = {name: weights[name] for name in self.dense}
        return other

    def encode_rows(
        self,
        features: jax.Array,
        windows: jax.Array | None = None,
        dominant: jax.Array | None = None,
        *,
        maps: jax.Array | None = None,
    ) -> jax.Array:
        """Return what the recurrent layer is given of each beat, shape (n, networks, d).

        Parameters
        ----------
        features : array of shape (n, n_features)
        windows, dominant : arrays of shape (n, 112, n_leads)
            Needed where the networks see the shape of the beats.
        maps : array of shape (n, steps, networks, leads, maps), optional
            From `shape_maps`, in place of the two.
        """
        import jax.numpy as jnp

        xp = _array_module(features)
        kernel, bias = self.dense["features_dense"]
        scaled = xp.clip((features[:, None] - self.mean) / self.spread, -CLIP, CLIP)  # (n, networks, features)
        rows = _relu(xp.einsum("nkf,kfd->nkd", scaled, kernel) + bias)
        if not self.encoders:
            return rows
        maps = self.shape_maps(windows, dominant) if maps is None else maps
        return jnp.concatenate([rows, self.read_maps(maps)], axis=2)

    def shape_maps(self, windows: jax.Array | None, dominant: jax.Array | None) -> jax.Array:
        """Return the last feature maps of the convolutional encoders, shape (n, steps, networks, leads, maps)."""
        import jax.numpy as jnp

        if windows is None or dominant is None:
            raise FormatError("a network that sees the shape of the beats must be given their windows")
        pairs = jnp.stack([windows, windows - dominant], axis=-1)  # (n, 112, leads, 2)
        per_network = []
        for encoder in self.encoders:
            leads = []
            for lead in range(windows.shape[2]):
                values = pairs[:, None, :, lead]  # (n, 1, 112, 2)
                for layer in _convolutions(encoder)[:-1]:
                    values = layer(values)
                leads.append(values[:, 0])
            per_network.append(jnp.stack(leads, axis=2))
        return jnp.stack(per_network, axis=2)

    def read_maps(self, maps: jax.Array) -> jax.Array:
        """Return the encodings, averaged over the leads, of feature maps: shape (n, networks, d)."""
        import jax.numpy as jnp

        n_leads = min(maps.shape[3], N_LEADS)
        rows = []
        for number, encoder in enumerate(self.encoders):
            last = _convolutions(encoder)[-1]
            rows.append(sum(last(maps[:, None, :, number, lead])[:, 0, 0] for lead in range(n_leads)) / n_leads)
        return jnp.stack(rows, axis=1)

    def step(self, side: int, row: jax.Array, hidden: jax.Array, cell: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Read one more beat, forwards (``side`` 0) or backwards (1); every array has shape (n, networks, ...).

        Arrays of NumPy give such: a few steps are not worth a program.
        """
        xp, weights = _array_module(row), self.cells[side]
        gates = xp.einsum("nkd,kdu->nku", row, weights.kernel) + xp.einsum("nkd,kdu->nku", hidden, weights.recurrent)
        into, keep, new, out = xp.split(gates + weights.bias, 4, axis=2)
        cell = _sigmoid(keep) * cell + _sigmoid(into) * xp.tanh(new)
        return _sigmoid(out) * xp.tanh(cell), cell

    def states(self, rows: jax.Array) -> jax.Array:
        """Return what is brought to each beat of each sequence, shape (n, beats, 4, networks, units), as in `STATES`.

        Parameters
        ----------
        rows : array of shape (n, beats, networks, d)
            Masked: 0 where there is no beat.
        """
        import jax
        import jax.numpy as jnp

        in_order = jnp.moveaxis(rows, 1, 0)
        zero = jnp.zeros((rows.shape[0], self.n_networks, self.n_units), rows.dtype)

        def read(side: int) -> Any:
            def one(carried: Any, row: jax.Array) -> Any:
                return self.step(side, row, *carried), jnp.stack(carried)

            return jax.lax.scan(one, (zero, zero), in_order, reverse=side == 1)[1]

        both = jnp.concatenate([read(0), read(1)], axis=1)  # (beats, 4, n, networks, units)
        return jnp.transpose(both, (2, 0, 1, 3, 4))

    def logits(self, row: jax.Array, brought: jax.Array) -> jax.Array:
        """Return the calibrated logits of each beat, shape (n, classes).

        Parameters
        ----------
        row : array of shape (n, networks, d)
            From `encode_rows`.
        brought : array of shape (n, 4, networks, units)
            From `states`.
        """
        import jax
        import jax.numpy as jnp

        before, _ = self.step(0, row, brought[:, 0], brought[:, 1])
        after, _ = self.step(1, row, brought[:, 2], brought[:, 3])
        (kernel, bias), (last, last_bias) = self.dense["joined"], self.dense["logits"]
        joined = jnp.concatenate([before, after, row], axis=2)
        hidden = jax.nn.relu(jnp.einsum("nkd,kdu->nku", joined, kernel) + bias)
        each = jnp.einsum("nkd,kdc->nkc", hidden, last) + last_bias
        return each.mean(axis=1) / self.temperature


def _array_module(values: Any) -> Any:
    """Return NumPy for its arrays, ``jax.numpy`` for others."""
    import jax.numpy as jnp

    return np if isinstance(values, np.ndarray) else jnp


def _relu(values: Any) -> Any:
    import jax

    return np.maximum(values, 0) if isinstance(values, np.ndarray) else jax.nn.relu(values)


def _sigmoid(values: Any) -> Any:
    import jax
    from scipy.special import expit

    return expit(values) if isinstance(values, np.ndarray) else jax.nn.sigmoid(values)


def _convolutions(encoder: Any) -> list[Any]:
    return [layer for layer in encoder.layers if hasattr(layer, "kernel")]
