"""``seed-lstm``: the network of the demo that Beatlens grew from, to the letter.

Input 180 samples of one lead at 360 Hz, z-scored per window; LSTM 256 returning sequences, dropout 0.4, LSTM 256, dense 32
ReLU, dropout 0.2, dense 1 sigmoid: the probability that the beat is abnormal.
"""

from __future__ import annotations

from typing import Any, Final

from beatlens.models.engine import load_keras

N_SAMPLES: Final = 180


def build_seed_lstm(*, seed: int | None = None) -> Any:
    """Build the untrained network.

    Parameters
    ----------
    seed : int, optional
        Seeds the initial weights and the dropout masks.

    Returns
    -------
    keras.Model
        Input (n_beats, 180, 1), output (n_beats, 1): probability of an abnormal beat.
    """
    keras = load_keras()
    if seed is not None:
        keras.utils.set_random_seed(seed)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((N_SAMPLES, 1), name="window"),  # (n_beats, 180, 1)
            layers.LSTM(256, return_sequences=True),  # (n_beats, 180, 256)
            layers.Dropout(0.4),
            layers.LSTM(256),  # (n_beats, 256)
            layers.Dense(32, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(1, activation="sigmoid"),  # (n_beats, 1)
        ],
        name="seed_lstm",
    )
