"""Models as ONNX files: the same figures as Keras, on any number of sequences and beats, with what the file is inside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

from beatlens.errors import ConfigurationError, FormatError, MissingDependencyError
from beatlens.models import load_model
from beatlens.models.engine import load_keras
from beatlens.models.onnx_export import compare_with_keras, export_onnx
from beatlens.models.onnx_graph import CONVERTERS, GraphBuilder, Value
from beatlens.models.rhythm_lstm import RhythmLSTM, empty_inputs
from beatlens.models.rhythm_network import average_networks, build_rhythm_network

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Path]]:
    """Both shipped models with their ONNX files."""
    folder = tmp_path_factory.mktemp("onnx")
    found = {}
    for name in ("rhythm-lstm", "seed-lstm"):
        model = load_model(name)
        export_onnx(model, folder / f"{name}.onnx")
        found[name] = model, folder / f"{name}.onnx"
    return found


def session_of(path: Path) -> Any:
    return ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def inputs_of(model: RhythmLSTM, size: int, length: int, n_beats: int) -> dict[str, np.ndarray]:
    """Noise in the inputs that the network reads; beats from ``n_beats`` on are padding."""
    rng = np.random.default_rng(1)
    names = {tensor.name for tensor in model.keras_model.inputs}
    given = {name: value for name, value in empty_inputs(size, length).items() if name in names}
    for name in given.keys() - {"mask", "leads"}:
        given[name] = rng.normal(size=given[name].shape).astype(np.float32)
    given["mask"][:, :n_beats] = 1
    return given


@pytest.mark.parametrize(("size", "length"), [(1, 1), (2, 30), (5, 256)])
def test_rhythm_lstm_agrees(exported: dict[str, Any], size: int, length: int) -> None:
    """Calibrated logits and probabilities to 1e-4, whatever the number of sequences and beats, padding included."""
    model, path = exported["rhythm-lstm"]
    given = inputs_of(model, size, length, max(1, length - 4))
    logits, probabilities = session_of(path).run(["logits", "probabilities"], given)
    expected = np.asarray(model.logits(given))
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    np.testing.assert_allclose(probabilities, softmax(expected, axis=-1), atol=1e-4)
    assert np.ptp(expected) > 0.1


@pytest.mark.parametrize("n_beats", [1, 600])
def test_seed_lstm_agrees(exported: dict[str, Any], n_beats: int) -> None:
    model, path = exported["seed-lstm"]
    windows = np.random.default_rng(0).normal(size=(n_beats, 180)).astype(np.float32)
    (abnormal,) = session_of(path).run(["abnormal"], {"windows": windows})
    np.testing.assert_allclose(abnormal, model.predict_abnormal(windows), atol=1e-4)


@pytest.mark.parametrize("n_networks", [1, 2])
def test_a_network_that_sees_shapes_agrees(exported: dict[str, Any], tmp_path: Path, n_networks: int) -> None:
    """Convolutions, parts of arrays, a share for each lead; alone, and as a mean of two."""
    card = exported["rhythm-lstm"][0].card
    network = average_networks([build_rhythm_network(seed=seed, n_units=8) for seed in range(n_networks)])
    model = RhythmLSTM(network, card)
    assert export_onnx(model, tmp_path / "model.onnx") < 1e-5
    given = inputs_of(model, 2, 20, 18)
    (logits,) = session_of(tmp_path / "model.onnx").run(["logits"], given)
    np.testing.assert_allclose(logits, np.asarray(model.logits(given)), atol=1e-5)


@pytest.mark.parametrize("name", ["rhythm-lstm", "seed-lstm"])
def test_a_file_says_what_it_is(exported: dict[str, Any], name: str) -> None:
    """Name, version, hash of the weights, licence, citation, limits; and its axes are free."""
    model, path = exported[name]
    file = onnx.load(path)
    said = {entry.key: entry.value for entry in file.metadata_props}
    assert said["name"] == name
    assert said["version"] == model.card.version
    assert said["weights_sha256"] == model.card.sha256
    assert "ODC-By 1.0" in said["licence"]
    assert "Apache-2.0" in said["licence"]
    assert "Moody" in said["citation"]
    assert said["notice"] == "For research; not a medical device."
    assert said["classes"].split(", ") == list(model.classes)
    assert float(said["abnormal_threshold"]) == model.card.calibration.get("abnormal_threshold", 0.5)
    if name == "rhythm-lstm":
        assert said["features"].split(", ") == list(model.feature_names)
    for declared in (*file.graph.input, *file.graph.output):
        assert declared.type.tensor_type.shape.dim[0].dim_param


def test_a_file_of_another_model_is_noticed(exported: dict[str, Any]) -> None:
    """The check after the export can fail."""
    model, path = exported["rhythm-lstm"]
    other = RhythmLSTM(model.keras_model, model.card.model_copy(update={"calibration": {"temperature": 9.0}}))
    with pytest.raises(FormatError, match=r"must agree with Keras to 0\.0001; it differs by"):
        compare_with_keras(other, path)


def test_an_unknown_layer_is_named() -> None:
    """With what can be exported."""
    keras = load_keras()
    network = keras.Sequential([keras.Input((5, 3)), keras.layers.GRU(2, name="mine")])
    with pytest.raises(ConfigurationError, match="must be made of known layers; 'mine' is a GRU") as caught:
        GraphBuilder().convert_network(network, [Value("x", 3)])
    assert "LSTM" in str(caught.value.hint)


def _convert(network: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Run a network of one input in Keras and in ONNX Runtime."""
    graph = GraphBuilder()
    (found,) = graph.convert_network(network, [Value("x", len(shape))])
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    ends = [helper.make_tensor_value_info(name, kind, [None] * rank) for name, rank in (("x", len(shape)), found_of(found))]
    made = helper.make_model(
        helper.make_graph(graph.nodes, "g", ends[:1], ends[1:], graph.weights),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    given = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    runtime = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return runtime.run(None, {"x": given})[0], np.asarray(network(given, training=False))


def found_of(value: Value) -> tuple[str, int]:
    return value.name, value.rank


def test_every_converter_agrees() -> None:
    """Layers that the shipped networks do not use today: each alone, in Keras and in ONNX Runtime."""
    keras = load_keras()
    keras.utils.set_random_seed(0)
    layers, ops = keras.layers, keras.ops
    given = keras.Input((12, 6))
    wide = layers.Conv1D(4, 3, padding="same", strides=2, activation="relu")(given)
    last = layers.Bidirectional(layers.LSTM(3))(layers.LayerNormalization()(wide))
    mean = ops.mean(given, axis=1)
    both = layers.Concatenate()([last, mean, ops.sum(given, axis=[1], keepdims=False), ops.clip(mean, -0.1, 0.2)])
    added = layers.Add()(
        [layers.Dense(5, activation="tanh")(both), layers.Dense(5, activation="softmax", use_bias=False)(both)]
    )
    network = keras.Model(given, added / 2.0 - 1.0)
    found, expected = _convert(network, (2, 12, 6))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_no_converter_is_missing_a_test() -> None:
    """The networks of these tests use every converter there is."""
    used = {
        "Add Average Bidirectional Clip Concatenate Conv2D Dense Dropout ExpandDims GetItem LSTM Multiply Normalization",
        "SpatialDropout1D Squeeze Stack Subtract Sum TrueDivide",
        "Conv1D LayerNormalization Mean",
    }
    assert set(CONVERTERS) == {name for line in used for name in line.split()}


def test_the_command(run_beatlens: Callable[..., Any], tmp_path: Path) -> None:
    """Writes the file, says how far it is from Keras, and does not replace one unasked."""
    path = tmp_path / "rhythm.onnx"
    done = run_beatlens("models", "export", "rhythm-lstm", "--out", str(path), "--json")
    assert done.status == 0, done.errors
    said = json.loads(done.output)
    assert said["bytes"] == path.stat().st_size
    assert 0 < said["largest_difference"] < 1e-4
    again = run_beatlens("models", "export", "rhythm-lstm", "--out", str(path))
    assert again.status == 1
    assert "is there already" in again.errors
    assert "--force" in again.errors
    assert run_beatlens("models", "export", "rhythm-lstm", "--out", str(path), "--force").status == 0
    assert [item.name for item in tmp_path.iterdir()] == ["rhythm.onnx"]


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(MissingDependencyError, match="needs the package 'onnxruntime'") as caught:
        export_onnx(load_model("rhythm-lstm"), tmp_path / "model.onnx")
    assert "beatlens[onnx]" in str(caught.value.hint)
    assert not list(tmp_path.iterdir())
