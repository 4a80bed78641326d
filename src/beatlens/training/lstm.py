"""An LSTM layer's forward pass with a backward pass of its own, for training.

Differentiated as written, a loop over time adds each step's share to the gradient of the weights within the loop: a small
product and a pass over a megabyte, 180 times. Here the loop backwards only finds how the loss moves with the gates; the
gradients of the weights are then one large product each, over all steps at once. In bfloat16 the factors of the products are
rounded to eight bits of mantissa and their sums kept in float32, as are weights, states and gradients.

The equations are those of Hochreiter and Schmidhuber, Neural Computation 9(8):1735-1780 (1997), with the forget gate of Gers,
Schmidhuber and Cummins, Neural Computation 12(10):2451-2471 (2000). Gates in Keras's order: input, forget, candidate, output.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from beatlens.models.engine import load_keras


def walk_layers(model: Any, precision: str) -> Callable[[Any, Any, Any], tuple[Any, list[Any]]]:
    """Return the training forward pass of a sequential model, its plain LSTM layers by `lstm_layer`.

    Parameters
    ----------
    model : keras.Sequential
    precision : {"float32", "bfloat16"}
        Of the factors in the products of the LSTM layers.

    Returns
    -------
    callable
        From trainable values, other values and inputs (n, ...) to outputs (n, ...) and new other values: what
        ``model.stateless_call(..., training=True)`` returns, up to rounding.
    """
    keras = load_keras()

    def forward(trainable: Any, other: Any, x: Any) -> tuple[Any, list[Any]]:
        variables = [*model.trainable_variables, *model.non_trainable_variables]
        with keras.StatelessScope(state_mapping=list(zip(variables, [*trainable, *other], strict=True))) as scope:
            values = x
            for layer in model.layers:
                values = _run_lstm(layer, values, precision) if _is_plain_lstm(layer) else layer(values, training=True)
        moved = [scope.get_current_value(variable) for variable in model.non_trainable_variables]
        return values, [old if new is None else new for old, new in zip(other, moved, strict=True)]

    return forward


def _is_plain_lstm(layer: Any) -> bool:
    keras = load_keras()
    sigmoid, tanh = keras.activations.sigmoid, keras.activations.tanh
    return (
        isinstance(layer, keras.layers.LSTM)
        and (layer.activation, layer.recurrent_activation) == (tanh, sigmoid)
        and layer.use_bias
        and not (layer.dropout or layer.recurrent_dropout or layer.go_backwards or layer.stateful or layer.return_state)
    )


def _run_lstm(layer: Any, values: Any, precision: str) -> Any:
    import jax.numpy as jnp

    cell = layer.cell
    weights = (cell.kernel.value, cell.recurrent_kernel.value, cell.bias.value)
    states = lstm_layer(precision)(jnp.swapaxes(values, 0, 1), *weights)
    return jnp.swapaxes(states, 0, 1) if layer.return_sequences else states[-1]


@cache
def lstm_layer(precision: str) -> Callable[[Any, Any, Any, Any], Any]:
    """Return a differentiable LSTM over a sequence that starts from zero states.

    Parameters
    ----------
    precision : {"float32", "bfloat16"}
        Of the factors of matrix products.

    Returns
    -------
    callable
        From x (n_steps, n, n_inputs), kernel (n_inputs, 4 units), recurrent kernel (units, 4 units) and bias (4 units,) to
        the states (n_steps, n, units). JAX's reverse mode goes through it.
    """
    import jax

    def run(x: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
        return _forward(x, kernel, recurrent, bias, precision)[0]

    def forward(x: Any, kernel: Any, recurrent: Any, bias: Any) -> tuple[Any, Any]:
        kept = _forward(x, kernel, recurrent, bias, precision)
        return kept[0], (x, kernel, recurrent, kept)

    def backward(residuals: Any, d_states: Any) -> tuple[Any, ...]:
        return _backward(residuals, d_states, precision)

    layer: Any = jax.custom_vjp(run)
    layer.defvjp(forward, backward)
    return layer  # type: ignore[no-any-return]


def _product(a: Any, b: Any, precision: str) -> Any:
    import jax.numpy as jnp

    return jnp.dot(a.astype(precision), b.astype(precision), preferred_element_type=jnp.float32)


def _sigmoid(x: Any) -> Any:
    import jax.numpy as jnp

    return 0.5 * jnp.tanh(0.5 * x) + 0.5  # of the forms of it, the fastest that XLA makes on a CPU


def _forward(x: Any, kernel: Any, recurrent: Any, bias: Any, precision: str) -> tuple[Any, ...]:
    """Return states, the four gates and the cells, each (n_steps, n, units)."""
    import jax
    import jax.numpy as jnp

    (n_steps, n, n_inputs), units = x.shape, recurrent.shape[0]
    # One input is multiplied as it is: its product is too small for a matrix kernel, and rounding it would cost accuracy.
    from_input = x * kernel[0] if n_inputs == 1 else _product(x.reshape(-1, n_inputs), kernel, precision)
    from_input = from_input.reshape(n_steps, n, 4 * units) + bias

    def advance(carry: Any, own: Any) -> tuple[Any, Any]:
        state, cell = carry
        z = own + _product(state, recurrent, precision)  # (n, 4 units)
        enter, forget = _sigmoid(z[:, :units]), _sigmoid(z[:, units : 2 * units])
        candidate, leave = jnp.tanh(z[:, 2 * units : 3 * units]), _sigmoid(z[:, 3 * units :])
        cell = forget * cell + enter * candidate
        state = leave * jnp.tanh(cell)
        return (state, cell), (state, enter, forget, candidate, leave, cell)

    zeros = jnp.zeros((n, units), jnp.float32)
    kept: tuple[Any, ...] = jax.lax.scan(advance, (zeros, zeros), from_input)[1]
    return kept


def _backward(residuals: Any, d_states: Any, precision: str) -> tuple[Any, ...]:
    """Return the gradients of x, kernel, recurrent kernel and bias."""
    import jax
    import jax.numpy as jnp

    x, kernel, recurrent, (states, *gates, cells) = residuals
    (_, n, n_inputs), units = x.shape, recurrent.shape[0]
    blocks = [slice(k * units, (k + 1) * units) for k in range(4)]
    zeros = jnp.zeros((n, units), jnp.float32)

    def retreat(carry: Any, kept: Any) -> tuple[Any, Any]:
        d_state, d_cell = carry
        d_own, enter, forget, candidate, leave, cell, cell_before = kept
        d_state = d_state + d_own
        squashed = jnp.tanh(cell)
        d_cell = d_cell + d_state * leave * (1 - squashed * squashed)
        d_gates = (
            d_cell * candidate * enter * (1 - enter),
            d_cell * cell_before * forget * (1 - forget),
            d_cell * enter * (1 - candidate * candidate),
            d_state * squashed * leave * (1 - leave),
        )
        back = sum(_product(d, recurrent[:, block].T, precision) for d, block in zip(d_gates, blocks, strict=True))
        return (back, d_cell * forget), d_gates

    before = jnp.concatenate([zeros[None], cells[:-1]])
    _, d_gates = jax.lax.scan(retreat, (zeros, zeros), (d_states, *gates, cells, before), reverse=True)
    flat = [d.reshape(-1, units) for d in d_gates]
    state_before = jnp.concatenate([zeros[None], states[:-1]]).reshape(-1, units)
    d_recurrent = jnp.concatenate([_product(state_before.T, d, precision) for d in flat], axis=1)
    inputs = x.reshape(-1, n_inputs)
    d_kernel = jnp.concatenate([_product(inputs.T, d, precision) for d in flat], axis=1)
    d_x = sum(_product(d, kernel[:, block].T, precision) for d, block in zip(flat, blocks, strict=True))
    return jnp.asarray(d_x).reshape(x.shape), d_kernel, d_recurrent, jnp.concatenate([d.sum(axis=0) for d in flat])
