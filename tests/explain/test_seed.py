"""The seed network, explained on JAX, agrees with what TensorFlow and tf-keras-vis say of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import expit

from beatlens.explain.methods import attribute, predict_logits
from beatlens.explain.seed import WINDOW, network_subject
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
