"""The training loop: it learns, stops, and goes on after a kill as if nothing had happened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beatlens.errors import ConfigurationError, FormatError
from beatlens.models.engine import load_keras
from beatlens.training.fit import CHECKPOINT, FitData, FitSettings, StepReport, fit_binary

SETTINGS = FitSettings(
    epochs=3,
    batch_size=32,
    learning_rate=0.01,
    schedule="cosine",
    warmup_fraction=0.1,
    clip_norm=1.0,
    patience=5,
    seed=7,
    checkpoint_every_s=1e-9,
)


class KilledError(Exception):
    """Stands for a kill at any moment."""


def make_model() -> Any:
    """A small network with dropout, so that its random state matters."""
    keras = load_keras()
    keras.utils.set_random_seed(3)
    layers = keras.layers
    return keras.Sequential([keras.Input((20, 1)), layers.LSTM(4), layers.Dropout(0.3), layers.Dense(1, activation="sigmoid")])


def make_data(n: int = 100) -> FitData:
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2
    x = (rng.normal(size=(n, 20, 1)) + y[:, None, None]).astype(np.float32)
    return FitData(x, y, x[:40], y[:40])


def fit_undisturbed(folder: Path, settings: FitSettings = SETTINGS) -> Any:
    model = make_model()
    fit_binary(model, make_data(), settings, folder=folder)
    return model


def test_it_learns(tmp_path: Path) -> None:
    """A wave that the label moves is told apart after a few epochs."""
    model = make_model()
    history = fit_binary(model, make_data(), replace(SETTINGS, epochs=15, learning_rate=0.05), folder=tmp_path)
    assert history[-1].validation_loss < 0.6 * history[0].validation_loss
    assert history[-1].validation_accuracy > 0.9


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return fit_undisturbed(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("killed_at", [1, 4, 10])
def test_a_killed_run_ends_with_the_same_weights(tmp_path: Path, undisturbed: Any, killed_at: int) -> None:
    """Killed after the first step, at the end of an epoch, or near the end of the run: bit for bit."""
    steps: list[StepReport] = []

    def kill(report: StepReport) -> None:
        steps.append(report)
        if len(steps) == killed_at:
            raise KilledError

    with pytest.raises(KilledError):
        fit_binary(make_model(), make_data(), SETTINGS, folder=tmp_path / "killed", on_step=kill)
    resumed = make_model()
    fit_binary(resumed, make_data(), SETTINGS, folder=tmp_path / "killed", resume=True)
    for ours, theirs in zip(resumed.get_weights(), undisturbed.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_best_epoch_is_restored_and_patience_ends_it(tmp_path: Path) -> None:
    """With a learning rate that only does harm, it stops, and keeps the weights of the best epoch."""
    settings = replace(SETTINGS, epochs=30, learning_rate=3.0, schedule="constant", clip_norm=None, patience=2)
    model = make_model()
    data = make_data()
    history = fit_binary(model, data, settings, folder=tmp_path)
    losses = [figures.validation_loss for figures in history]
    best = int(np.argmin(losses))
    assert len(history) == best + 1 + 2 < 30
    probability = np.clip(model.predict(data.x_validation, verbose=0)[:, 0], 1e-7, 1 - 1e-7)
    loss = -np.mean(np.where(data.y_validation, np.log(probability), np.log1p(-probability)))
    assert loss == pytest.approx(losses[best], rel=1e-3)


def test_the_last_batch_counts_only_the_beats_that_it_has(tmp_path: Path) -> None:
    """Padding neither moves the loss nor counts as a hit."""
    history = fit_binary(make_model(), make_data(33), replace(SETTINGS, epochs=1), folder=tmp_path)
    assert 0 <= history[0].accuracy <= 1
    assert (history[0].accuracy * 33) == pytest.approx(round(history[0].accuracy * 33))


def test_other_settings_are_refused(tmp_path: Path) -> None:
    """A run that started with one learning rate does not go on with another; how often it saves does not matter."""
    fit_undisturbed(tmp_path, replace(SETTINGS, epochs=1))
    with pytest.raises(ConfigurationError, match="epochs, learning_rate changed"):
        fit_binary(make_model(), make_data(), replace(SETTINGS, learning_rate=0.5), folder=tmp_path, resume=True)
    same = replace(SETTINGS, epochs=1, checkpoint_every_s=5.0)
    assert len(fit_binary(make_model(), make_data(), same, folder=tmp_path, resume=True)) == 1


def test_a_damaged_checkpoint_is_one_sentence(tmp_path: Path) -> None:
    """With what to do."""
    (tmp_path / CHECKPOINT).write_bytes(b"nothing of the kind")
    with pytest.raises(FormatError, match="is not a checkpoint") as caught:
        fit_binary(make_model(), make_data(), SETTINGS, folder=tmp_path, resume=True)
    assert "--resume" in str(caught.value.hint)


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    """By the shapes of its weights."""
    fit_undisturbed(tmp_path, replace(SETTINGS, epochs=1))
    keras = load_keras()
    other = keras.Sequential([keras.Input((20, 1)), keras.layers.Flatten(), keras.layers.Dense(1, activation="sigmoid")])
    with pytest.raises(ConfigurationError, match="for another model"):
        fit_binary(other, make_data(), replace(SETTINGS, epochs=1), folder=tmp_path, resume=True)
