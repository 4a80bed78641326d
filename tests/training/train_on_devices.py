"""Run by test_devices.py in processes of its own: train small networks on however many devices there are, keep the weights."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from beatlens.beats.morphology import AFTER, BEFORE
from beatlens.models.engine import load_keras
from beatlens.models.rhythm_encoding import EncodedBeats
from beatlens.models.rhythm_network import N_FEATURES
from beatlens.training.devices import join_hosts, spread_over
from beatlens.training.fit import FitData, FitSettings, fit_binary
from beatlens.training.rhythm import Example, RhythmTraining
from beatlens.training.rhythm_fit import fit

SETTINGS = FitSettings(
    epochs=2, batch_size=16, learning_rate=0.003, schedule="cosine", warmup_fraction=0.1, clip_norm=1.0, patience=5, seed=7
)
RHYTHM = RhythmTraining(epochs=2, batch_size=8, sequence=16, units=5, networks=1, windows=True, composed=1)


def seed_weights(devices: int) -> list[np.ndarray]:
    """A network like the seed's, with dropout: the masks must be those of one device too. The last batch is not full."""
    keras = load_keras()
    keras.utils.set_random_seed(3)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((20, 1)),
            layers.LSTM(8, return_sequences=True),
            layers.Dropout(0.4),
            layers.LSTM(8),
            layers.Dropout(0.2),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    rng = np.random.default_rng(0)
    y = np.arange(100) % 2
    x = (rng.normal(size=(100, 20, 1)) + y[:, None, None]).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        settings = replace(SETTINGS, devices=devices)
        history = fit_binary(model, FitData(x, y, x[:30], y[:30]), settings, folder=Path(folder))
    return [*model.get_weights(), np.array([figures.validation_loss for figures in history])]


def rhythm_weights(devices: int) -> list[np.ndarray]:
    """A rhythm-lstm that sees windows and features."""
    rng = np.random.default_rng(3)
    examples = []
    for name in "abc":
        labels = np.where(rng.random(150) < 0.3, 2, 0).astype(np.int64)
        features = rng.normal(size=(150, N_FEATURES)).astype(np.float32)
        windows = rng.normal(size=(150, BEFORE + AFTER, 2)).astype(np.float32)
        examples.append(Example("real", frozenset(name), EncodedBeats(features, windows, windows[0], np.arange(150)), labels))
    losses: list[float] = []
    model = fit(RHYTHM.model_copy(update={"devices": devices}), examples, lambda _, loss: losses.append(loss))
    return [*model.get_weights(), np.array(losses)]


def main() -> None:
    """``train_on_devices.py FILE.npz WHAT=DEVICES ...``: WHAT is seed or rhythm, DEVICES as in the settings."""
    join_hosts()
    import jax

    out, *wanted = sys.argv[1:]
    kept = {"seen": [np.array([jax.device_count(), jax.process_count()])]}
    for word in wanted:
        what, _, devices = word.partition("=")
        kept[word] = {"seed": seed_weights, "rhythm": rhythm_weights}[what](int(devices))
    spread = spread_over(0, 8)
    if spread.n_devices > 1 and jax.process_count() == 1:
        rows = np.zeros((8, 3), np.float32)
        kept["shares"] = [
            np.array([part.data.shape for part in placed.addressable_shards])
            for placed in (spread.share(rows), spread.copy(rows))
        ]
    np.savez(Path(out), **{f"{name}/{k}": value for name, values in kept.items() for k, value in enumerate(values)})


if __name__ == "__main__":
    main()
