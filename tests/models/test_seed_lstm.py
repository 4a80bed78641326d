"""seed-lstm: its architecture, files made by TensorFlow, and how it meets bad input."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from beatlens.errors import FormatError, HashMismatchError, RecordNotFoundError, SignalError, UnknownNameError
from beatlens.models import load_model
from beatlens.models.card import ModelCard
from beatlens.models.engine import load_keras
from beatlens.models.registry import read_keras_model
from beatlens.models.seed_lstm import SeedLSTM, build_seed_lstm
from beatlens.records import Record

GOLDEN = Path(__file__).parents[1] / "golden"


def make_card(**changes: object) -> ModelCard:
    values: dict[str, object] = {
        "name": "seed-lstm",
        "version": "0",
        "architecture": "a fixture",
        "n_parameters": 1,
        "classes": ("normal", "abnormal"),
        "fs": 360.0,
        "preprocessing": "z-score",
        "protocol": "seed",
        "protocol_note": "",
        "training_records": (),
        "data": {"name": "none", "version": "0", "licence": "none", "citation": "none"},
        "data_sha256": "",
        "configuration": {},
        "figures": {},
        "intended_use": "tests",
        "not_for": "anything else",
        "sha256": "",
    }
    return ModelCard.model_validate(values | changes)


@pytest.fixture(scope="module")
def small_model() -> SeedLSTM:
    return SeedLSTM(read_keras_model(GOLDEN / "small-seed-lstm-tensorflow.keras"), make_card())


def test_the_architecture_is_the_seeds_to_the_letter() -> None:
    """Layer by layer, with their settings."""
    layers = [(type(layer).__name__, layer.get_config()) for layer in build_seed_lstm(seed=0).layers]
    assert [name for name, _ in layers] == ["LSTM", "Dropout", "LSTM", "Dense", "Dropout", "Dense"]
    first, drop, second, dense, drop_again, last = (config for _, config in layers)
    assert (first["units"], first["return_sequences"]) == (256, True)
    assert (second["units"], second["return_sequences"]) == (256, False)
    assert (drop["rate"], drop_again["rate"]) == (0.4, 0.2)
    assert (dense["units"], dense["activation"]) == (32, "relu")
    assert (last["units"], last["activation"]) == (1, "sigmoid")
    assert build_seed_lstm().count_params() == 797_761


def check_agreement(model: SeedLSTM, expected: dict[str, np.ndarray]) -> None:
    windows = expected["windows"]
    np.testing.assert_allclose(model.predict_abnormal(windows), expected["probability"], atol=1e-5)
    np.testing.assert_allclose(model.logit(windows), expected["logit"], atol=1e-4)
    gradient = jax.grad(lambda values: model.logit(values).sum())(windows)
    np.testing.assert_allclose(gradient, expected["gradient"], atol=1e-4 * np.abs(expected["gradient"]).max())


def test_a_small_file_made_by_tensorflow_agrees(small_model: SeedLSTM) -> None:
    """Probability to 1e-5, gradient to 1e-4 of its largest value."""
    with np.load(GOLDEN / "small-seed-lstm-tensorflow.npz") as expected:
        check_agreement(small_model, dict(expected))


@pytest.mark.golden
def test_the_whole_network_made_by_tensorflow_agrees(golden_folder: Path) -> None:
    """The same for the full size, on 16 real beats."""
    folder = golden_folder / "seed-model"
    model = SeedLSTM(read_keras_model(folder / "seed-lstm-tensorflow.keras"), make_card())
    with np.load(folder / "expected.npz") as expected:
        check_agreement(model, dict(expected))


def test_the_logit_is_what_the_sigmoid_is_taken_of(small_model: SeedLSTM) -> None:
    """Dropout is off in both, and the number of beats does not matter."""
    windows = np.random.default_rng(0).normal(size=(600, 180)).astype(np.float32)
    probability = small_model.predict_abnormal(windows)
    np.testing.assert_allclose(1 / (1 + np.exp(-np.asarray(small_model.logit(windows)))), probability, atol=1e-6)
    np.testing.assert_allclose(small_model.predict_abnormal(windows[:7]), probability[:7], atol=1e-6)


def test_no_beat_is_no_probability(small_model: SeedLSTM) -> None:
    """An empty input gives an empty result."""
    assert small_model.predict_abnormal(np.zeros((0, 180))).shape == (0,)


@pytest.mark.parametrize(
    ("windows", "sentence"),
    [(np.zeros((2, 181)), r"shape \(n_beats, 180\); got \(2, 181\)"), (np.full((2, 180), np.nan), "must be finite")],
    ids=["wrong length", "NaN"],
)
def test_windows_that_cannot_be_judged_are_refused(small_model: SeedLSTM, windows: np.ndarray, sentence: str) -> None:
    """The sentence says what was expected."""
    with pytest.raises(SignalError, match=sentence):
        small_model.predict_abnormal(windows)


def test_a_recording_is_judged_beat_by_beat(small_model: SeedLSTM) -> None:
    """A beat at the edge has no class, and says why."""
    signal = np.random.default_rng(0).normal(size=(2000, 1)).astype(np.float32)
    found = small_model.predict_record(Record(signal, 360.0, ("II",)), np.array([20, 400, 900]))
    assert found.classes.tolist()[0] == ""
    assert set(found.classes[1:]) <= {"normal", "abnormal"}
    assert np.isnan(found.abnormal[0])
    assert found.reasons[0] == "too near an end of the recording"
    np.testing.assert_allclose(found.probabilities[1:].sum(axis=1), 1, atol=1e-6)
    assert ((found.abnormal > 0.5) == (found.classes == "abnormal")).all()


def test_another_network_is_refused() -> None:
    """The shapes are named."""
    keras = load_keras()
    other = keras.Sequential([keras.Input((90, 1)), keras.layers.Flatten(), keras.layers.Dense(1, activation="sigmoid")])
    with pytest.raises(FormatError, match=r"must map \(180, 1\) to \(1,\); got \(90, 1\)"):
        SeedLSTM(other, make_card())


def test_an_unknown_name_lists_the_known_ones() -> None:
    """With the closest one as a question."""
    with pytest.raises(UnknownNameError, match="there is no model 'seed-ltsm'"):
        load_model("seed-ltsm")


@pytest.mark.parametrize("content", [b"", b"not a zip file at all"])
def test_a_damaged_file_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    """Whatever Keras raises."""
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    with pytest.raises(FormatError, match="cannot be read as a Keras model"):
        read_keras_model(path)


def test_weights_without_a_card_are_refused(tmp_path: Path) -> None:
    """The hint says what belongs together."""
    (tmp_path / "model.keras").write_bytes(b"x")
    with pytest.raises(RecordNotFoundError, match="no model card"):
        load_model(tmp_path)


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    """The card's hash is checked before the file is opened."""
    (tmp_path / "model.keras").write_bytes(b"x")
    (tmp_path / "model.json").write_text(make_card(sha256="0" * 64).model_dump_json())
    with pytest.raises(HashMismatchError, match="must have the SHA-256 000000000000"):
        load_model(tmp_path)


def test_a_card_with_a_typo_is_refused(tmp_path: Path) -> None:
    """The field is named."""
    (tmp_path / "model.keras").write_bytes(b"x")
    (tmp_path / "model.json").write_text(make_card().model_dump_json().replace('"version"', '"verison"'))
    with pytest.raises(FormatError, match="is not a model card: ver"):
        load_model(tmp_path)


def test_keras_on_another_backend_is_refused() -> None:
    """Said in one sentence, in a process that imported Keras on NumPy first."""
    program = (
        "import os; os.environ['KERAS_BACKEND'] = 'numpy'; import keras\n"
        "from beatlens.models.engine import load_keras\n"
        "from beatlens.errors import MissingDependencyError\n"
        "try: load_keras()\n"
        "except MissingDependencyError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "already imported on 'numpy'" in done.stdout


def test_importing_beatlens_imports_nothing_heavy() -> None:
    """`import beatlens` and the command's frame stay instant."""
    heavy = "('keras', 'jax', 'matplotlib', 'pandas', 'scipy')"
    program = f"import sys, beatlens, beatlens.cli.main; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
