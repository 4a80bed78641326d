"""From the layers of a Keras network to the nodes of an ONNX graph: what `beatlens.models.onnx_export` is built on.

The graph of the network is walked once with names of ONNX values in place of tensors; every layer and operation met on the way
has a converter here, which adds nodes and weights. Dropout does nothing once a network is trained and leaves no node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from beatlens._optional import require
from beatlens.errors import ConfigurationError, closest

OPSET: Final = 17
"""Version of ONNX's operators, and of the file format (8): of 2022, read by every runtime of phones and browsers since."""
IR_VERSION: Final = 8

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Value:
    """A tensor of the ONNX graph: its name and its number of axes."""

    name: str
    rank: int


class GraphBuilder:
    """Nodes and weights of a graph that is being built."""

    def __init__(self) -> None:
        self.onnx = load_onnx()
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._constants: dict[tuple[str, bytes, tuple[int, ...]], str] = {}

    def constant(self, value: npt.ArrayLike, dtype: str = "float32") -> str:
        """Return the name of a weight with this value; equal weights are kept once."""
        array = np.ascontiguousarray(np.asarray(value, dtype=dtype))
        array = array.reshape(np.shape(value))  # ascontiguousarray gives scalars an axis
        key = (dtype, array.tobytes(), array.shape)
        if key not in self._constants:
            self._constants[key] = f"w{len(self.weights)}"
            self.weights.append(self.onnx.numpy_helper.from_array(array, self._constants[key]))
        return self._constants[key]

    def add(self, kind: str, inputs: Sequence[str], rank: int, *, output: str | None = None, **attributes: Any) -> Value:
        """Add a node with one output; its name is made up if not given."""
        name = output or f"v{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), [name], **attributes))
        return Value(name, rank)

    def convert_network(self, network: Any, values: Sequence[Value]) -> list[Value]:
        """Add a whole network.

        Parameters
        ----------
        network : keras.Model
            Sequential or functional.
        values : sequence of Value
            One for each of ``network.inputs``, in their order.

        Returns
        -------
        list of Value
            One for each of ``network.outputs``.

        Raises
        ------
        ConfigurationError
            If it holds a layer that has no converter.
        """
        inner = getattr(network, "_functional", network)  # what a Sequential wraps
        found: Any = inner._run_through_graph(list(values), operation_fn=self.converter)  # noqa: SLF001 (no public walk)
        return list(found.values()) if isinstance(found, dict) else list(found) if isinstance(found, (list, tuple)) else [found]

    def activate(self, name: str, value: Value) -> Value:
        """Add an activation by its Keras name."""
        if name == "linear":
            return value
        kinds = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "softmax": "Softmax"}
        if name not in kinds:
            raise ConfigurationError(
                f"the activation '{name}' must be one that can be exported to ONNX", hint=closest(name, kinds)
            )
        attributes: dict[str, Any] = {"axis": -1} if name == "softmax" else {}
        return self.add(kinds[name], [value.name], value.rank, **attributes)

    def converter(self, operation: Any) -> Callable[..., Any]:
        """Return what stands in for a layer or an operation of Keras while a graph is walked: values in, a value out."""
        kind = type(operation).__name__
        if kind in ("Functional", "Sequential"):
            return lambda given, **_: self._convert_inner(operation, given)
        if kind not in CONVERTERS:
            raise ConfigurationError(
                f"a network for ONNX must be made of known layers; '{operation.name}' is a {kind}",
                hint=f"Known: {', '.join(sorted(CONVERTERS))}.",
            )

        def run(*given: Any, **options: Any) -> Any:
            if any(option is not None for name, option in options.items() if "mask" in name):
                raise ConfigurationError(f"'{operation.name}' must be given no Keras mask to be exported to ONNX")
            return CONVERTERS[kind](self, operation, *given)

        return run

    def _convert_inner(self, network: Any, given: Any) -> Any:
        if isinstance(given, dict):
            given = [given[tensor.name] for tensor in network.inputs]
        found = self.convert_network(network, given if isinstance(given, (list, tuple)) else [given])
        return found[0] if len(found) == 1 else found


def load_onnx() -> Any:
    """Return the package ``onnx``.

    Raises
    ------
    MissingDependencyError
        If it is not installed.
    """
    return require("onnx", "ONNX files need", extra="onnx")


def _name_of(builder: GraphBuilder, value: Any) -> tuple[str, int]:
    """Return the name and rank of a value, or of a number as a weight."""
    if isinstance(value, Value):
        return value.name, value.rank
    return builder.constant(value), np.ndim(value)


def _same(_builder: GraphBuilder, _layer: Any, value: Value) -> Value:
    return value


def _pairwise(kind: str) -> Callable[..., Value]:
    def convert(builder: GraphBuilder, _operation: Any, first: Any, second: Any) -> Value:
        (left, left_rank), (right, right_rank) = _name_of(builder, first), _name_of(builder, second)
        return builder.add(kind, [left, right], max(left_rank, right_rank))

    return convert


def _average(builder: GraphBuilder, _layer: Any, values: Sequence[Value]) -> Value:
    return builder.add("Mean", [value.name for value in values], values[0].rank)


def _added(builder: GraphBuilder, layer: Any, *values: Any) -> Value:
    """Add two values, or (as a layer) a list of them."""
    if isinstance(values[0], (list, tuple)):
        return builder.add("Sum", [value.name for value in values[0]], values[0][0].rank)
    return _pairwise("Add")(builder, layer, *values)


def _dense(builder: GraphBuilder, layer: Any, value: Value) -> Value:
    return builder.activate(_activation(layer), dense_logits(builder, layer, value))


def dense_logits(builder: GraphBuilder, layer: Any, value: Value) -> Value:
    """Add a dense layer without its activation."""
    product = builder.add("MatMul", [value.name, builder.constant(layer.kernel)], value.rank)
    return builder.add("Add", [product.name, builder.constant(layer.bias)], value.rank) if layer.use_bias else product


def _activation(layer: Any) -> str:
    return str(layer.activation.__name__)


def _normalization(builder: GraphBuilder, layer: Any, value: Value) -> Value:
    mean, deviation = np.asarray(layer.mean), np.maximum(np.sqrt(np.asarray(layer.variance)), 1e-7)  # as Keras guards it
    centred = builder.add("Sub", [value.name, builder.constant(mean)], value.rank)
    return builder.add("Div", [centred.name, builder.constant(deviation)], value.rank)


def _layer_normalization(builder: GraphBuilder, layer: Any, value: Value) -> Value:
    scale, shift = builder.constant(layer.gamma), builder.constant(layer.beta)
    return builder.add("LayerNormalization", [value.name, scale, shift], value.rank, axis=-1, epsilon=float(layer.epsilon))


def _clip(builder: GraphBuilder, operation: Any, value: Value, *limits: float) -> Value:
    low, high = limits or (operation.x_min, operation.x_max)
    return builder.add("Clip", [value.name, builder.constant(low), builder.constant(high)], value.rank)


def _concatenate(builder: GraphBuilder, layer: Any, values: Sequence[Value]) -> Value:
    return builder.add("Concat", [value.name for value in values], values[0].rank, axis=int(layer.axis))


def _stack(builder: GraphBuilder, operation: Any, values: Sequence[Value]) -> Value:
    rank = values[0].rank + 1
    axis = int(operation.axis) % rank
    apart = [builder.add("Unsqueeze", [value.name, builder.constant([axis], "int64")], rank) for value in values]
    return builder.add("Concat", [value.name for value in apart], rank, axis=axis)


def _expand_dims(builder: GraphBuilder, operation: Any, value: Value) -> Value:
    axis = int(operation.axis) % (value.rank + 1)
    return builder.add("Unsqueeze", [value.name, builder.constant([axis], "int64")], value.rank + 1)


def _squeeze(builder: GraphBuilder, operation: Any, value: Value) -> Value:
    axis = int(operation.axis) % value.rank
    return builder.add("Squeeze", [value.name, builder.constant([axis], "int64")], value.rank - 1)


def _reduced(kind: str) -> Callable[..., Value]:
    """Return the converter of a sum or mean over axes; before operators of version 18 only the sum takes them as an input."""

    def convert(builder: GraphBuilder, operation: Any, value: Value) -> Value:
        axes = [int(axis) % value.rank for axis in np.atleast_1d(operation.axis)]
        keep = int(operation.keepdims)
        rank = value.rank if keep else value.rank - len(axes)
        if kind == "ReduceSum":
            return builder.add(kind, [value.name, builder.constant(axes, "int64")], rank, keepdims=keep)
        return builder.add(kind, [value.name], rank, axes=axes, keepdims=keep)

    return convert


def _get_item(builder: GraphBuilder, _operation: Any, value: Value, key: Any) -> Value:
    """Pick a part: numbers take an axis away, slices of step 1 shorten it, an ellipsis stands for the axes between."""
    keys = list(key) if isinstance(key, tuple) else [key]
    if Ellipsis in keys:
        at = keys.index(Ellipsis)
        keys[at : at + 1] = [slice(None)] * (value.rank - len(keys) + 1)
    for axis, wanted in reversed(list(enumerate(keys))):  # from the last axis on, so that the numbers of the others stay
        if isinstance(wanted, int):
            value = builder.add("Gather", [value.name, builder.constant(wanted, "int64")], value.rank - 1, axis=axis)
        elif wanted != slice(None):
            stop = np.iinfo(np.int64).max if wanted.stop is None else wanted.stop
            bounds = [builder.constant([number], "int64") for number in (wanted.start or 0, stop, axis)]
            value = builder.add("Slice", [value.name, *bounds], value.rank)
    return value


def _convolution(builder: GraphBuilder, layer: Any, value: Value) -> Value:
    """Add a convolution along one or two axes; ONNX wants the channels first, before and in the kernel."""
    last = value.rank - 1
    kernel = np.asarray(layer.kernel)
    kernel = kernel.transpose(kernel.ndim - 1, kernel.ndim - 2, *range(kernel.ndim - 2))
    inputs = [builder.constant(kernel), *([builder.constant(layer.bias)] if layer.use_bias else [])]
    first = builder.add("Transpose", [value.name], value.rank, perm=[0, last, *range(1, last)])
    made = builder.add(
        "Conv",
        [first.name, *inputs],
        value.rank,
        strides=[int(step) for step in layer.strides],
        dilations=[int(step) for step in layer.dilation_rate],
        group=int(layer.groups),
        auto_pad={"same": "SAME_UPPER", "valid": "VALID"}[layer.padding],
    )
    made = builder.activate(_activation(layer), made)
    return builder.add("Transpose", [made.name], value.rank, perm=[0, *range(2, value.rank), 1])


def _lstm(builder: GraphBuilder, layer: Any, value: Value) -> Value:
    if layer.go_backwards:
        raise ConfigurationError(f"'{layer.name}' must read forwards, or be one of two directions, to be exported to ONNX")
    return _recurrent(builder, [layer], value)


def _bidirectional(builder: GraphBuilder, layer: Any, value: Value) -> Value:
    if layer.merge_mode != "concat":
        raise ConfigurationError(f"'{layer.name}' must concatenate its directions to be exported to ONNX")
    return _recurrent(builder, [layer.forward_layer, layer.backward_layer], value)


def _recurrent(builder: GraphBuilder, layers: Sequence[Any], value: Value) -> Value:
    """Add LSTMs over one input: forwards, and backwards if there are two."""
    for layer in layers:
        if (_activation(layer), layer.recurrent_activation.__name__) != ("tanh", "sigmoid"):
            raise ConfigurationError(f"'{layer.name}' must be an LSTM of tanh and sigmoid to be exported to ONNX")
    cells = [layer.cell for layer in layers]
    units, n = int(layers[0].units), len(layers)
    bias = [np.zeros(4 * units) if cell.bias is None else np.asarray(cell.bias) for cell in cells]
    arrays = (
        np.stack([_gates(np.asarray(cell.kernel), units).T for cell in cells]),  # (directions, 4 units, inputs)
        np.stack([_gates(np.asarray(cell.recurrent_kernel), units).T for cell in cells]),
        np.stack([np.concatenate([_gates(b, units), np.zeros(4 * units)]) for b in bias]),  # the second of ONNX's two is 0
    )
    steps_first = builder.add("Transpose", [value.name], 3, perm=[1, 0, 2])
    inputs = [steps_first.name, *(builder.constant(array) for array in arrays)]
    every, last = f"v{len(builder.nodes)}", f"v{len(builder.nodes)}_last"
    builder.nodes.append(
        builder.onnx.helper.make_node(
            "LSTM", inputs, [every, last], hidden_size=units, direction="bidirectional" if n > 1 else "forward"
        )
    )
    if layers[0].return_sequences:  # (steps, directions, n, units) to (n, steps, directions * units)
        apart = builder.add("Transpose", [every], 4, perm=[2, 0, 1, 3])
        return builder.add("Reshape", [apart.name, builder.constant([0, 0, n * units], "int64")], 3)
    apart = builder.add("Transpose", [last], 3, perm=[1, 0, 2])
    return builder.add("Reshape", [apart.name, builder.constant([0, n * units], "int64")], 2)


def _gates(weights: Array, units: int) -> Array:
    """Put the gates, along the last axis, from Keras's order (input, forget, cell, output) into ONNX's (i, o, f, c)."""
    i, f, c, o = (weights[..., k * units : (k + 1) * units] for k in range(4))
    return np.concatenate([i, o, f, c], axis=-1)


CONVERTERS: Final[dict[str, Callable[..., Any]]] = {
    "Add": _added,
    "Average": _average,
    "Bidirectional": _bidirectional,
    "Clip": _clip,
    "Concatenate": _concatenate,
    "Conv1D": _convolution,
    "Conv2D": _convolution,
    "Dense": _dense,
    "Dropout": _same,
    "ExpandDims": _expand_dims,
    "GetItem": _get_item,
    "LSTM": _lstm,
    "LayerNormalization": _layer_normalization,
    "Mean": _reduced("ReduceMean"),
    "Multiply": _pairwise("Mul"),
    "Normalization": _normalization,
    "SpatialDropout1D": _same,
    "Squeeze": _squeeze,
    "Stack": _stack,
    "Subtract": _pairwise("Sub"),
    "Sum": _reduced("ReduceSum"),
    "TrueDivide": _pairwise("Div"),
}
"""By the name of the layer's or operation's class."""
