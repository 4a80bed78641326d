"""Models as ONNX files: one forward pass from what a network reads to probabilities, for phones, browsers and other runtimes.

Features and windows are computed by Beatlens; the file holds the network, its scaling and its calibration, and says what it is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from beatlens._io import replacing
from beatlens._optional import require
from beatlens._version import __version__
from beatlens.errors import ConfigurationError, FormatError, closest
from beatlens.models.card import ModelCard
from beatlens.models.onnx_graph import IR_VERSION, OPSET, GraphBuilder, Value, dense_logits

TOLERANCE: Final = 1e-4
"""Largest difference from Keras that an exported file may have, in logits and in probabilities."""

Arrays = dict[str, npt.NDArray[np.float32]]


def export_onnx(model: Any, path: Path) -> float:
    """Write a model as an ONNX file, and check it against Keras with ONNX Runtime.

    Parameters
    ----------
    model : SeedLSTM or RhythmLSTM
        A loaded model.
    path : Path
        The file; written whole or not at all.

    Returns
    -------
    float
        The largest difference between ONNX Runtime and Keras, over logits and probabilities of made-up beats.

    Raises
    ------
    MissingDependencyError
        If ``onnx`` or ``onnxruntime`` is not installed.
    ConfigurationError
        If the model is of an architecture, or holds a layer, that cannot be exported.
    FormatError
        If the file does not say what Keras says.
    OutputError
        If the file cannot be written.
    """
    if model.card.name not in BUILDERS:
        raise ConfigurationError(
            f"a model must be of a known architecture to be exported; got '{model.card.name}'",
            hint=closest(model.card.name, BUILDERS),
        )
    load_runtime()
    graph, dimensions = GraphBuilder(), _Dimensions()
    BUILDERS[model.card.name](model, graph, dimensions)
    helper = graph.onnx.helper
    made = helper.make_model(
        helper.make_graph(graph.nodes, model.card.name, dimensions.inputs, dimensions.outputs, graph.weights),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="beatlens",
        producer_version=__version__,
        doc_string=f"{model.card.architecture}. {model.card.notice}",
    )
    helper.set_model_props(made, describe_model(model))
    graph.onnx.checker.check_model(made, full_check=True)
    with replacing(path) as temporary:
        temporary.write_bytes(made.SerializeToString())
        return compare_with_keras(model, temporary)


def describe_model(model: Any) -> dict[str, str]:
    """Return what an exported file says of itself: model, version, hashes, classes, data with their licence, limits."""
    card: ModelCard = model.card
    return {
        "name": card.name,
        "version": card.version,
        "weights_sha256": card.sha256,
        "architecture": card.architecture,
        "classes": ", ".join(card.classes),
        "abnormal_threshold": f"{getattr(model, 'abnormal_threshold', 0.5):g}",
        "fs_hz": f"{card.fs:g}",
        "preprocessing": card.preprocessing,
        "features": ", ".join(getattr(model, "feature_names", ())),
        "protocol": card.protocol,
        "protocol_note": card.protocol_note,
        "licence": f"Apache-2.0; learned from the {card.data.name} {card.data.version} ({card.data.licence})",
        "citation": card.data.citation,
        "intended_use": card.intended_use,
        "not_for": card.not_for,
        "notice": card.notice,
    }


def compare_with_keras(model: Any, path: Path, *, seed: int = 0) -> float:
    """Return the largest difference between an exported file and its model, over made-up inputs of two shapes.

    Raises
    ------
    FormatError
        If it is more than `TOLERANCE`.
    """
    session = load_runtime().InferenceSession(str(path), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(seed)
    difference = 0.0
    for size, length in ((1, 9), (3, 40)):
        given = _made_inputs(session, rng, size, length)
        expected = _expect(model, given)
        found = dict(zip((output.name for output in session.get_outputs()), session.run(None, given), strict=True))
        difference = max(difference, *(float(np.abs(found[name] - value).max()) for name, value in expected.items()))
    if not difference <= TOLERANCE:
        raise FormatError(f"an exported model must agree with Keras to {TOLERANCE:g}; it differs by {difference:.3g}")
    return difference


def load_runtime() -> Any:
    """Return the package ``onnxruntime``.

    Raises
    ------
    MissingDependencyError
        If it is not installed.
    """
    return require("onnxruntime", "checking an ONNX file needs", extra="onnx")


class _Dimensions:
    """The declared inputs and outputs of a graph: a text stands for an axis whose length is free."""

    def __init__(self) -> None:
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []

    @staticmethod
    def _declare(graph: GraphBuilder, name: str, shape: tuple[int | str, ...]) -> Any:
        return graph.onnx.helper.make_tensor_value_info(name, graph.onnx.TensorProto.FLOAT, shape)

    def read(self, graph: GraphBuilder, name: str, shape: tuple[int | str, ...]) -> Value:
        """Declare an input."""
        self.inputs.append(self._declare(graph, name, shape))
        return Value(name, len(shape))

    def give(self, graph: GraphBuilder, name: str, shape: tuple[int | str, ...]) -> None:
        """Declare an output."""
        self.outputs.append(self._declare(graph, name, shape))


def _build_seed(model: Any, graph: GraphBuilder, dimensions: _Dimensions) -> None:
    """Add windows (beats, 180) to logit and probability of ``abnormal``, (beats,) each."""
    windows = dimensions.read(graph, "windows", ("beats", *model.keras_model.input_shape[1:2]))
    value = graph.add("Unsqueeze", [windows.name, graph.constant([2], "int64")], 3)
    *body, last = model.keras_model.layers
    for layer in body:
        value = graph.converter(layer)(value)
    logit = graph.add("Squeeze", [dense_logits(graph, last, value).name, graph.constant([1], "int64")], 1, output="logit")
    graph.add("Sigmoid", [logit.name], 1, output="abnormal")
    for name in ("logit", "abnormal"):
        dimensions.give(graph, name, ("beats",))


def _build_rhythm(model: Any, graph: GraphBuilder, dimensions: _Dimensions) -> None:
    """Add the network's inputs to calibrated logits and probabilities, (sequences, beats, 4) each."""
    values = []
    for tensor in model.keras_model.inputs:
        shape = ("sequences", *("beats" if size is None else int(size) for size in tensor.shape[1:]))
        values.append(dimensions.read(graph, tensor.name, shape))
    (raw,) = graph.convert_network(model.keras_model, values)
    graph.add("Div", [raw.name, graph.constant(model.temperature)], raw.rank, output="logits")
    graph.add("Softmax", ["logits"], raw.rank, output="probabilities", axis=-1)
    for name in ("logits", "probabilities"):
        dimensions.give(graph, name, ("sequences", "beats", len(model.classes)))


BUILDERS: Final[dict[str, Callable[[Any, GraphBuilder, _Dimensions], None]]] = {
    "seed-lstm": _build_seed,
    "rhythm-lstm": _build_rhythm,
}
"""How each architecture becomes a graph, by the name on the card."""


def _made_inputs(session: Any, rng: np.random.Generator, size: int, length: int) -> Arrays:
    """Return inputs of noise; the last beats of each sequence are padding, and the first has one lead."""
    axes = {"sequences": size, "beats": length}
    given: Arrays = {}
    for declared in session.get_inputs():
        shape = tuple(axes.get(axis, axis) for axis in declared.shape)
        given[declared.name] = rng.normal(size=shape).astype(np.float32)
    if "mask" in given:
        given["mask"][:] = 1
        given["mask"][:, length - 3 :] = 0
    if "leads" in given:
        given["leads"][:] = 1
        given["leads"][0, 1:] = 0
    return given


def _expect(model: Any, given: Arrays) -> dict[str, npt.NDArray[Any]]:
    """Return what Keras says of these inputs, by the names of the file's outputs."""
    from scipy.special import expit, softmax

    if "windows" in given and given["windows"].ndim == 2:
        logit = np.asarray(model.logit(given["windows"]))
        return {"logit": logit, "abnormal": expit(logit)}
    names = [tensor.name for tensor in model.keras_model.inputs]  # the logits of `rhythm-lstm` may come without Keras
    logits = np.asarray(model.keras_model({name: given[name] for name in names}, training=False)) / model.temperature
    return {"logits": logits, "probabilities": softmax(logits, axis=-1)}
