"""The training pass of an LSTM: Keras's own results and gradients, from a backward pass that was written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from beatlens.models.engine import load_keras
from beatlens.training.lstm import walk_layers

RNG = np.random.default_rng(5)
X = RNG.normal(size=(6, 15, 1)).astype(np.float32)


def make_model(*, dropout: float = 0.0, backwards: bool = False) -> Any:
    keras = load_keras()
    keras.utils.set_random_seed(11)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((15, 1)),
            layers.LSTM(8, return_sequences=True),
            layers.Dropout(dropout),
            layers.LSTM(5, go_backwards=backwards),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def pass_and_gradients(model: Any, forward: Any) -> tuple[Any, Any, list[Any]]:
    """Outputs, new other values, and the gradients of a sum that every output moves differently."""
    import jax

    trainable = [variable.value for variable in model.trainable_variables]
    other = [variable.value for variable in model.non_trainable_variables]

    def loss(values: Any) -> Any:
        outputs, moved = forward(values, other, X)
        return (outputs[:, 0] * np.arange(1, len(X) + 1)).sum(), (outputs, moved)

    gradients, (outputs, moved) = jax.grad(loss, has_aux=True)(trainable)
    return outputs, moved, gradients


def kerass_own(model: Any) -> Any:
    return lambda trainable, other, x: model.stateless_call(trainable, other, x, training=True)


@pytest.mark.parametrize("backwards", [False, True], ids=["by hand", "left to Keras"])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_it_is_what_keras_computes(dropout: float, backwards: bool) -> None:
    """Outputs, every gradient and the state of the dropout masks, to float32's rounding."""
    model = make_model(dropout=dropout, backwards=backwards)
    outputs, moved, gradients = pass_and_gradients(model, walk_layers(model, "float32"))
    true_outputs, true_moved, true_gradients = pass_and_gradients(model, kerass_own(model))
    np.testing.assert_allclose(outputs, true_outputs, rtol=1e-5)
    for ours, theirs in zip([*moved, *gradients], [*true_moved, *true_gradients], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_bfloat16_rounds_products_only() -> None:
    """Its gradients point where those of float32 do, are not the same, and come back as float32."""
    model = make_model()
    _, _, gradients = pass_and_gradients(model, walk_layers(model, "bfloat16"))
    _, _, exact = pass_and_gradients(model, walk_layers(model, "float32"))
    ours, theirs = (np.concatenate([np.ravel(values) for values in each]) for each in (gradients, exact))
    assert ours.dtype == np.float32
    assert not np.array_equal(ours, theirs)
    assert np.linalg.norm(ours - theirs) < 0.02 * np.linalg.norm(theirs)
