"""The network of ``rhythm-lstm``: what each beat looks like, then the sequence of beats.

Every lead of a beat goes through the same small convolutional encoder (window, and window minus the recording's dominant
beat), and the leads are averaged: any number of leads, in any order, gives an encoding of the same kind. The encoding joins
the features of rhythm and shape, and a bidirectional LSTM reads the beats in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from beatlens.beats.likeness_features import LIKENESS_FEATURES
from beatlens.beats.morphology import AFTER, BEFORE
from beatlens.beats.rhythm import RHYTHM_FEATURES
from beatlens.beats.shape_features import SHAPE_FEATURES
from beatlens.models.engine import load_keras

CLASSES: Final = ("N", "S", "V", "F")
N_SAMPLES: Final = BEFORE + AFTER
N_LEADS: Final = 2
N_FEATURES: Final = len(RHYTHM_FEATURES) + len(SHAPE_FEATURES) + len(LIKENESS_FEATURES)


def build_rhythm_network(*, seed: int | None = None, n_units: int = 48, windows: bool = True) -> Any:
    """Build the untrained network.

    Parameters
    ----------
    seed : int, optional
        Seeds the initial weights and the dropout masks.
    n_units : int
        Of the LSTM, each way.
    windows : bool
        Whether it sees the shape of the beats itself, beside the features.

    Returns
    -------
    keras.Model
        Inputs ``features`` (n, beats, 69), ``mask`` (n, beats, 1: 1 where there is a beat) and, if it sees shapes,
        ``windows`` (n, beats, 112, 2), ``dominant`` (n, 112, 2) and ``leads`` (n, 2: 1 where there is a lead); output
        (n, beats, 4): logits of N, S, V, F.
    """
    keras = load_keras()
    if seed is not None:
        keras.utils.set_random_seed(seed)
    layers, ops = keras.layers, keras.ops
    features = keras.Input((None, N_FEATURES), name="features")
    mask = keras.Input((None, 1), name="mask")
    inputs = {"features": features, "mask": mask}
    scaled = ops.clip(layers.Normalization(name="scaling")(features), -5.0, 5.0)
    values = layers.SpatialDropout1D(0.1)(scaled)  # a feature is lost for a whole sequence, so that none is relied on alone
    parts = [layers.Dense(64, activation="relu", name="features_dense")(values)]  # (n, beats, 64)
    if windows:
        shape = keras.Input((None, N_SAMPLES, N_LEADS), name="windows")
        dominant = keras.Input((N_SAMPLES, N_LEADS), name="dominant")
        leads = keras.Input((N_LEADS,), name="leads")
        inputs |= {"windows": shape, "dominant": dominant, "leads": leads}
        encoder = _lead_encoder(keras)
        usual = ops.expand_dims(dominant, 1)  # (n, 1, 112, 2)
        share = ops.expand_dims(leads / ops.sum(leads, axis=1, keepdims=True), 1)  # (n, 1, 2)
        encoded = 0.0
        for lead in range(N_LEADS):
            own, difference = shape[..., lead], shape[..., lead] - usual[..., lead]  # (n, beats, 112)
            encoded += encoder(ops.stack([own, difference], axis=-1)) * share[:, :, lead : lead + 1]  # (n, beats, 32)
        parts.append(layers.Dropout(0.2)(encoded))
    beat = layers.Concatenate()(parts) * mask if len(parts) > 1 else parts[0] * mask
    sequence = layers.Bidirectional(layers.LSTM(n_units, return_sequences=True), name="sequence")(beat)
    joined = layers.Dropout(0.3)(layers.Concatenate()([sequence, beat]))
    hidden = layers.Dense(48, activation="relu", name="joined")(joined)
    logits = layers.Dense(len(CLASSES), name="logits")(layers.Dropout(0.2)(hidden))  # (n, beats, 4)
    return keras.Model(inputs, logits, name="rhythm_lstm")


def _lead_encoder(keras: Any) -> Any:
    """Return the encoder of one lead of each beat: (n, beats, 112, 2) to (n, beats, 32).

    Kernels of height 1 in two dimensions are convolutions along each window that leave the beats apart.
    """
    layers = keras.layers
    given = keras.Input((None, N_SAMPLES, 2))
    values = given
    for filters, width in ((16, 7), (24, 5), (32, 5)):
        values = layers.Conv2D(filters, (1, width), strides=(1, 2), padding="same", activation="relu")(values)
    values = layers.Conv2D(32, (1, N_SAMPLES // 8), activation="relu")(values)  # (n, beats, 1, 32)
    return keras.Model(given, keras.ops.squeeze(values, axis=2), name="lead_encoder")


def average_networks(networks: Sequence[Any]) -> Any:
    """Return one network whose logits are the mean of those of several of the same inputs; a single one as it is."""
    if len(networks) == 1:
        return networks[0]
    keras = load_keras()
    inputs = {tensor.name: keras.Input(tensor.shape[1:], name=tensor.name) for tensor in networks[0].inputs}
    for number, network in enumerate(networks):
        network.name = f"{network.name}_{number}"
    logits = keras.layers.Average(name="logits")([network(inputs) for network in networks])
    return keras.Model(inputs, logits, name="rhythm_lstm")


def networks_of(model: Any) -> list[Any]:
    """Return the networks that `average_networks` put together; the model itself if it is a single one."""
    nested = [layer for layer in model.layers if any(part.name == "sequence" for part in getattr(layer, "layers", ()))]
    return nested or [model]


def copy_network(source: Any, target: Any) -> None:
    """Give a network the weights and the scaling of another one of the same architecture; raise ValueError if it is another."""
    target.set_weights(source.get_weights())
    target.get_layer("scaling").finalize_state()  # what it computes from its weights is not one of them
