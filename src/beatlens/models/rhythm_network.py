"""The network of ``rhythm-lstm``: what each beat looks like, then the sequence of beats.

Every lead of a beat goes through the same small convolutional encoder (window, and window minus the recording's dominant
beat), and the leads are averaged: any number of leads, in any order, gives an encoding of the same kind. The encoding joins
the features of rhythm and shape, and a bidirectional LSTM reads the beats in their order.
"""

from __future__ import annotations

from typing import Any, Final

from beatlens.beats.morphology import AFTER, BEFORE
from beatlens.beats.rhythm import RHYTHM_FEATURES
from beatlens.beats.shape_features import SHAPE_FEATURES
from beatlens.models.engine import load_keras

CLASSES: Final = ("N", "S", "V", "F")
SEQUENCE: Final = 128
"""Beats that the network reads at a time when it judges a recording."""
N_SAMPLES: Final = BEFORE + AFTER
N_LEADS: Final = 2
N_FEATURES: Final = len(RHYTHM_FEATURES) + len(SHAPE_FEATURES)


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
        Inputs ``features`` (n, beats, 57), ``mask`` (n, beats, 1: 1 where there is a beat) and, if it sees shapes,
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
    values = layers.Dropout(0.1)(features)
    parts = [layers.Dense(64, activation="relu", name="features_dense")(values)]  # (n, beats, 64)
    if windows:
        shape = keras.Input((None, N_SAMPLES, N_LEADS), name="windows")
        dominant = keras.Input((N_SAMPLES, N_LEADS), name="dominant")
        leads = keras.Input((N_LEADS,), name="leads")
        inputs |= {"windows": shape, "dominant": dominant, "leads": leads}
        both = ops.stack([shape, shape - ops.expand_dims(dominant, 1)], axis=-1)  # (n, beats, 112, 2 leads, 2)
        one = ops.reshape(ops.transpose(both, (0, 1, 3, 2, 4)), (-1, N_SAMPLES, 2))  # (n * beats * leads, 112, 2)
        for index, (filters, width) in enumerate(((16, 7), (24, 5), (32, 5))):
            one = layers.Conv1D(filters, width, strides=2, padding="same", activation="relu", name=f"conv_{index}")(one)
        one = layers.Dense(32, activation="relu", name="lead_encoding")(layers.Flatten()(one))  # 14 * 32 -> 32
        by_lead = ops.reshape(one, (-1, ops.shape(shape)[1], N_LEADS, 32))
        weight = ops.reshape(leads / ops.sum(leads, axis=1, keepdims=True), (-1, 1, N_LEADS, 1))
        encoded = ops.sum(by_lead * weight, axis=2)  # (n, beats, 32)
        parts.append(layers.Dropout(0.2)(encoded))
    beat = layers.Concatenate()(parts) * mask if len(parts) > 1 else parts[0] * mask
    sequence = layers.Bidirectional(layers.LSTM(n_units, return_sequences=True), name="sequence")(beat)
    joined = layers.Dropout(0.3)(layers.Concatenate()([sequence, beat]))
    hidden = layers.Dense(48, activation="relu", name="joined")(joined)
    logits = layers.Dense(len(CLASSES), name="logits")(layers.Dropout(0.2)(hidden))  # (n, beats, 4)
    return keras.Model(inputs, logits, name="rhythm_lstm")
