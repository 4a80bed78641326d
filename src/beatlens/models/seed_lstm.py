"""``seed-lstm``: the network of the demo that Beatlens grew from, to the letter.

Input 180 samples of one lead at 360 Hz, z-scored per window; LSTM 256 returning sequences, dropout 0.4, LSTM 256, dense 32
ReLU, dropout 0.2, dense 1 sigmoid: the probability that the beat is abnormal.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from beatlens.beats.seed_windows import AFTER, BEFORE, FS, seed_windows_of
from beatlens.errors import FormatError, SignalError
from beatlens.models.card import ModelCard
from beatlens.models.engine import load_keras
from beatlens.models.predictions import BeatPredictions
from beatlens.records import Record

N_SAMPLES: Final = BEFORE + AFTER
DOUBT: Final = 0.2
"""A probability nearer to one half than this is marked as uncertain."""


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


class SeedLSTM:
    """The trained network with its card.

    Parameters
    ----------
    keras_model : keras.Model
        Of `build_seed_lstm`'s architecture, or another with one sigmoid at the end of a `Dense` layer.
    card : ModelCard
        Where its weights come from.

    Raises
    ------
    FormatError
        If the network does not take windows of 180 samples or does not end in one sigmoid.
    """

    classes: Final = ("normal", "abnormal")
    fs: Final = FS
    batch_size: Final = 512
    few: Final = 16

    def __init__(self, keras_model: Any, card: ModelCard) -> None:
        last = keras_model.layers[-1]
        if keras_model.input_shape[1:] != (N_SAMPLES, 1) or keras_model.output_shape[1:] != (1,):
            raise FormatError(
                f"a seed-lstm network must map (180, 1) to (1,); got {keras_model.input_shape[1:]} to "
                f"{keras_model.output_shape[1:]}"
            )
        if getattr(last, "activation", None) is not load_keras().activations.sigmoid:
            raise FormatError("a seed-lstm network must end in one sigmoid")
        self.keras_model = keras_model
        self.card = card
        self.name = card.name
        self._body = keras_model.layers[:-1]
        self._last = last

    def logit(self, windows: Any) -> Any:
        """Return the log-odds that a beat is abnormal: a pure function of JAX arrays, differentiable, without dropout.

        Parameters
        ----------
        windows : array of shape (n_beats, 180)
            Z-scored windows.

        Returns
        -------
        array of shape (n_beats,)
        """
        values = windows[:, :, None]
        for layer in self._body:
            values = layer(values)
        return (values @ self._last.kernel.value + self._last.bias.value)[:, 0]

    def predict_abnormal(self, windows: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Return the probability that each beat is abnormal.

        Parameters
        ----------
        windows : ndarray of shape (n_beats, 180)
            Z-scored windows (`beatlens.beats.windows.zscore`).

        Returns
        -------
        ndarray of float32, shape (n_beats,)

        Raises
        ------
        SignalError
            If the windows have another shape or hold a value that is not finite.
        """
        windows = np.asarray(windows, dtype=np.float32)
        if windows.ndim != 2 or windows.shape[1] != N_SAMPLES:
            raise SignalError(f"'windows' must have shape (n_beats, {N_SAMPLES}); got {windows.shape}")
        if not np.isfinite(windows).all():
            raise SignalError("'windows' must be finite; got NaN or infinity", hint="Leave out beats that lie in a gap.")
        probability = np.empty(len(windows), np.float32)
        size = self.few if len(windows) <= self.few else self.batch_size  # two shapes, each compiled once
        for start in range(0, len(windows), size):
            part = windows[start : start + size]
            padded = np.zeros((size, N_SAMPLES), np.float32)
            padded[: len(part)] = part
            probability[start : start + len(part)] = self._compiled(padded)[: len(part)]
        return probability

    def predict_record(self, record: Record, r_samples: npt.NDArray[np.integer]) -> BeatPredictions:
        """Judge the beats of a recording from its first lead.

        Parameters
        ----------
        record : Record
            At any sampling rate; its first lead is used, resampled to 360 Hz where it must be.
        r_samples : ndarray of int, shape (n_beats,)
            R peaks, as sample numbers of ``record``.

        Returns
        -------
        BeatPredictions
            A beat too near the ends of the recording, or in a gap, is not judged; the reason says so.
        """
        windows, judged, reasons = seed_windows_of(record, r_samples)
        abnormal = np.full(len(r_samples), np.nan, np.float32)
        abnormal[judged] = self.predict_abnormal(windows)
        classes = np.where(judged, np.where(abnormal > 0.5, *reversed(self.classes)), "")
        doubtful = judged & (np.abs(abnormal - 0.5) < DOUBT)
        return BeatPredictions(
            class_names=self.classes,
            classes=classes,
            probabilities=np.stack([1 - abnormal, abnormal], axis=1),
            abnormal=abnormal,
            uncertain=~judged | doubtful,
            reasons=tuple("the two classes are about as likely" if d else r for d, r in zip(doubtful, reasons, strict=True)),
        )

    @cached_property
    def _compiled(self) -> Any:
        import jax

        return jax.jit(lambda windows: jax.nn.sigmoid(self.logit(windows)))
