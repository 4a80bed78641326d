"""The seed network, explained on JAX, agrees with what TensorFlow and tf-keras-vis say of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import expit

from beatlens.explain.methods import attribute, predict_logits
from beatlens.explain.seed import USUAL, WINDOW, network_subject, seed_inputs, seed_subject
from beatlens.explain.subject import Subject
from beatlens.models.card import ModelCard
from beatlens.models.registry import read_keras_model
from beatlens.models.seed_lstm import SeedLSTM

pytestmark = pytest.mark.golden


@pytest.fixture(scope="module")
def expected(golden_folder: Path) -> dict[str, npt.NDArray[np.float32]]:
    with np.load(golden_folder / "seed-model" / "expected.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def subject(golden_folder: Path) -> Subject:
    card = ModelCard.model_construct(name="seed-lstm")
    return network_subject(SeedLSTM(read_keras_model(golden_folder / "seed-model" / "seed-lstm-tensorflow.keras"), card))


def test_probabilities_agree_with_tensorflow(subject: Subject, expected: dict[str, npt.NDArray[np.float32]]) -> None:
    logits = predict_logits(subject, {WINDOW: expected["windows"]})
    np.testing.assert_allclose(expit(logits), expected["probability"], atol=1e-5)


def test_gradient_agrees_with_the_gradient_tape(subject: Subject, expected: dict[str, npt.NDArray[np.float32]]) -> None:
    """To 1e-4 of its largest value."""
    slopes = attribute(subject, {WINDOW: expected["windows"]}).values[WINDOW]
    assert np.abs(slopes - expected["gradient"]).max() <= 1e-4 * np.abs(expected["gradient"]).max()


def test_scaled_saliency_agrees_with_tf_keras_vis(subject: Subject, expected: dict[str, npt.NDArray[np.float32]]) -> None:
    """|gradient|, scaled to 0..1 in each beat, within 0.02."""
    size = np.abs(attribute(subject, {WINDOW: expected["windows"]}).values[WINDOW])
    low, high = size.min(axis=1, keepdims=True), size.max(axis=1, keepdims=True)
    assert np.abs((size - low) / (high - low) - expected["saliency"]).max() <= 0.02


def test_the_level_and_size_of_a_window_do_not_count(golden_folder: Path, expected: dict[str, npt.NDArray[np.float32]]) -> None:
    """The z-scoring is part of what is explained: in mV or scaled, the model says the same, and slopes along either are 0."""
    card = ModelCard.model_construct(name="seed-lstm")
    model = SeedLSTM(read_keras_model(golden_folder / "seed-model" / "seed-lstm-tensorflow.keras"), card)
    windows = expected["windows"]
    scaled = seed_inputs(windows, windows, np.zeros_like(windows))
    slopes = attribute(seed_subject(model), scaled).values[WINDOW]
    size = np.abs(slopes).sum(axis=1)
    assert (np.abs(slopes.sum(axis=1)) <= 1e-3 * size).all()
    assert (np.abs((slopes * windows).sum(axis=1)) <= 1e-3 * size).all()
    bare = predict_logits(network_subject(model), {WINDOW: windows})
    moved = predict_logits(seed_subject(model), {**scaled, WINDOW: 0.4 * windows + 0.2})
    np.testing.assert_allclose(moved, bare, atol=1e-3)


def test_the_usual_beat_stands_at_the_level_and_in_the_units_of_the_window() -> None:
    """A beat that is the usual one, but for a wandering baseline, does not differ from it."""
    usual = np.random.default_rng(0).normal(size=(1, 180)).astype(np.float32)
    voltage = usual + 0.7
    windows = (voltage - voltage.mean()) / voltage.std()
    np.testing.assert_allclose(seed_inputs(windows, voltage, usual)[USUAL], windows, atol=1e-4)
