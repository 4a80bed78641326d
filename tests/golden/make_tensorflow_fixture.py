"""Make ``small-seed-lstm-tensorflow.*``: a small network of the seed's kind, built and explained with TensorFlow.

Run with ``python tests/golden/make_tensorflow_fixture.py`` where TensorFlow (2.18 or newer) and Keras 3 are installed. The
golden files were made by this command with Keras 3.15.1 on TensorFlow 2.21.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf

HERE = Path(__file__).parent
N_BEATS, N_SAMPLES = 4, 180


def main() -> None:
    """Write the network and what TensorFlow computes with it."""
    keras.utils.set_random_seed(42)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((N_SAMPLES, 1)),
            layers.LSTM(8, return_sequences=True),
            layers.Dropout(0.4),
            layers.LSTM(8),
            layers.Dense(4, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    t = np.arange(N_SAMPLES) - 90
    widths = np.array([6, 12, 18, 24])[:, None]
    windows = np.exp(-((t / widths) ** 2)).astype(np.float32)
    windows = (windows - windows.mean(axis=1, keepdims=True)) / windows.std(axis=1, keepdims=True)
    x = tf.constant(windows[:, :, None])
    body = keras.Model(model.inputs, model.layers[-2].output)
    last = model.layers[-1]
    with tf.GradientTape() as tape:
        tape.watch(x)
        logit = tf.matmul(body(x, training=False), last.kernel) + last.bias
        total = tf.reduce_sum(logit)
    gradient = tape.gradient(total, x).numpy()[:, :, 0]
    model.save(HERE / "small-seed-lstm-tensorflow.keras")
    np.savez(
        HERE / "small-seed-lstm-tensorflow.npz",
        windows=windows,
        probability=model.predict(windows[:, :, None], verbose=0)[:, 0],
        logit=logit.numpy()[:, 0],
        gradient=gradient,
    )


if __name__ == "__main__":
    main()
