"""The weights of ``rhythm-lstm``'s networks as plain arrays, from its ``.keras`` file or from a Keras network.

To load Keras and to let it build the networks takes seconds, which somebody who only wants his beats judged does not have to
wait for: the file is a zip of the layers' description (``config.json``) and their weights (HDF5), and both can be read without
it. What is read this way must be, layer by layer, the architecture of `beatlens.models.rhythm_network` without windows; of
everything else `read_weights` says None, and Keras reads it.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from beatlens.errors import FormatError
from beatlens.models.rhythm_network import CLASSES, N_FEATURES

Array = npt.NDArray[np.float32]

LAYERS: Final[tuple[tuple[str, dict[str, Any], tuple[int, ...]], ...]] = (
    ("InputLayer", {"name": "features"}, ()),
    ("Normalization", {"name": "scaling", "axis": [-1], "invert": False, "mean": None, "variance": None}, (0,)),
    ("Clip", {"x_min": -5.0, "x_max": 5.0}, (1,)),
    ("SpatialDropout1D", {}, (2,)),
    ("Dense", {"name": "features_dense", "activation": "relu", "use_bias": True}, (3,)),
    ("InputLayer", {"name": "mask"}, ()),
    ("Multiply", {}, (4, 5)),
    ("Bidirectional", {"name": "sequence", "merge_mode": "concat"}, (6,)),
    ("Concatenate", {"axis": -1}, (7, 6)),
    ("Dropout", {}, (8,)),
    ("Dense", {"name": "joined", "activation": "relu", "use_bias": True}, (9,)),
    ("Dropout", {}, (10,)),
    ("Dense", {"name": "logits", "activation": "linear", "use_bias": True}, (11,)),
)
"""Each layer of a network: its class, what its description must say, and the layers that it reads."""
LSTM: Final = {"activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True, "return_sequences": True}
SIDES: Final = ("forward_layer", "backward_layer")
DENSE: Final = ("features_dense", "joined", "logits")
_CELL: Final = ("kernel", "recurrent_kernel", "bias")
_UNREADABLE: Final = (
    ArithmeticError, AttributeError, EOFError, ImportError, LookupError, OSError, RuntimeError, TypeError, ValueError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What a file that is damaged, or another one than it says, may raise."""


class Cell(NamedTuple):
    """One direction of the recurrent layer, of all networks: kernel (k, d, 4u), recurrent (k, u, 4u), bias (k, 4u).

    The 4u columns are the gates in Keras's order: what comes in, what is kept, what is new, what goes out.
    """

    kernel: Any
    recurrent: Any
    bias: Any


class RhythmWeights(NamedTuple):
    """The weights of k networks whose logits are averaged.

    Parameters
    ----------
    mean, spread : array of shape (k, n_features)
        A feature is scaled by these; the spread of a column that the network never saw is huge.
    dense : dict of (kernel, bias)
        Of the layers `DENSE`: shapes (k, n_in, n_out) and (k, n_out).
    cells : tuple of Cell
        Forwards and backwards.
    """

    mean: Any
    spread: Any
    dense: dict[str, tuple[Any, Any]]
    cells: tuple[Cell, ...]


def read_weights(path: Path) -> RhythmWeights | None:
    """Return the weights in a ``.keras`` file, or None if it is not of the architecture that is known here."""
    try:
        with zipfile.ZipFile(path) as file:
            description = file.read("config.json").decode()
            content = file.read("model.weights.h5")
        networks = [] if re.search("float16|[Qq]uantized", description) else _network_names(json.loads(description))
        return _read_arrays(content, networks) if networks else None
    except _UNREADABLE:
        return None


def weights_of(networks: Sequence[Any]) -> RhythmWeights:
    """Return the weights of Keras networks.

    Raises
    ------
    FormatError
        If one is built of other layers.
    """
    found = [{layer.name: layer for layer in network.layers} for network in networks]
    needed = {"scaling", "sequence", *DENSE}
    if not all(needed <= set(layers) for layers in found):
        raise FormatError(
            f"a rhythm network must have the layers {sorted(needed)} to be asked beat by beat; "
            f"got {sorted(set(found[0]) & needed)}"
        )
    return _stack(
        [
            {
                "scaling": [layers["scaling"].mean, layers["scaling"].variance],
                **{name: [layers[name].kernel, layers[name].bias] for name in DENSE},
                **{side: [getattr(getattr(layers["sequence"], side).cell, name) for name in _CELL] for side in SIDES},
            }
            for layers in found
        ]
    )


def _stack(networks: Sequence[dict[str, list[Any]]]) -> RhythmWeights:
    """Put the arrays of each layer of several networks together, network by network."""

    def stacked(layer: str) -> list[Array]:
        rows = zip(*(network[layer] for network in networks), strict=True)
        return [np.stack([np.asarray(values, np.float32) for values in row]) for row in rows]

    mean, variance = (values.reshape(len(networks), -1) for values in stacked("scaling"))
    return RhythmWeights(
        mean,
        np.maximum(np.sqrt(variance), 1e-7),
        {name: (kernel, bias) for name, (kernel, bias) in ((name, stacked(name)) for name in DENSE)},
        tuple(Cell(*stacked(side)) for side in SIDES),
    )


def _network_names(description: dict[str, Any]) -> list[str]:
    """Return the names of the networks that a model averages, or its own; none if it is not one that is known."""
    layers = description["config"]["layers"]
    classes = [layer["class_name"] for layer in layers]
    if "Functional" not in classes:
        return [""] if _is_known(layers) else []
    networks = [layer for layer in layers if layer["class_name"] == "Functional"]
    inputs = [layer["name"] for layer in layers if layer["class_name"] == "InputLayer"]
    names = [network["name"] for network in networks]
    average = layers[-1]
    whole = (
        sorted(inputs) == ["features", "mask"]
        and classes.count("Average") == 1
        and len(layers) == len(networks) + 3
        and _sources(average) == names
        and all(sorted(_sources(network)) == ["features", "mask"] for network in networks)
        and all(_is_known(network["config"]["layers"]) for network in networks)
    )
    return names if whole else []


def _is_known(layers: list[dict[str, Any]]) -> bool:
    """Return whether these are the layers `LAYERS`, joined as they are."""
    if [layer["class_name"] for layer in layers] != [name for name, _, _ in LAYERS]:
        return False
    for layer, (_, said, reads) in zip(layers, LAYERS, strict=True):
        config = layer["config"]
        if any(config.get(key, said[key]) != said[key] for key in said):
            return False
        if _sources(layer) != [layers[place]["name"] for place in reads]:
            return False
        if "layer" in config:  # of the recurrent layer
            ways = [config[side]["config"] for side in ("layer", "backward_layer")]
            if any(way[key] != value for way in ways for key, value in LSTM.items()):
                return False
            if [bool(way["go_backwards"]) for way in ways] != [False, True]:
                return False
    return True


def _sources(layer: dict[str, Any]) -> list[str]:
    """Return the names of the layers that a layer reads."""
    return re.findall(r'"keras_history": \["([^"]+)"', json.dumps(layer["inbound_nodes"]))


def _read_arrays(content: bytes, networks: list[str]) -> RhythmWeights:
    """Read the weights of these networks from an HDF5 file; ``""`` is the file's own."""
    import h5py

    with h5py.File(io.BytesIO(content), "r") as file:
        roots = [file if not name else _named(file, name) for name in networks]
        found = []
        for root in roots:
            sequence = _named(root, "sequence")
            layers = {name: _named(root, name) for name in ("scaling", *DENSE)}
            layers |= {side: sequence[side]["cell"] for side in SIDES}
            counts = {name: 3 if name in SIDES else 2 for name in layers}  # the scaling's third is a count
            found.append({name: _values(layer["vars"], counts[name], len(content)) for name, layer in layers.items()})
    return _check_shapes(_stack(found))


def _named(group: Any, name: str) -> Any:
    """Return the layer of a name: Keras keeps layers by their class, and their names as attributes."""
    return {layer["vars"].attrs.get("name"): layer for layer in group["layers"].values()}[name]


def _values(group: Any, count: int, n_bytes: int) -> list[Array]:
    arrays = [group[str(number)] for number in range(count)]
    if any(array.external or array.is_virtual or array.nbytes > n_bytes for array in arrays):
        raise ValueError("weights must lie in the file itself")
    return [np.asarray(array[()], np.float32) for array in arrays]


def _check_shapes(weights: RhythmWeights) -> RhythmWeights:
    """Return the weights if each layer's fit those of the one before it."""
    (first, _), (joined, _), (last, _) = (weights.dense[name] for name in DENSE)
    n_networks, _, width = first.shape
    units = weights.cells[0].recurrent.shape[1]
    fits = weights.mean.shape == weights.spread.shape == first.shape[:2] == (n_networks, N_FEATURES)
    fits &= joined.shape[:2] == (n_networks, 2 * units + width) and last.shape == (n_networks, joined.shape[2], len(CLASSES))
    fits &= all(bias.shape == (n_networks, kernel.shape[2]) for kernel, bias in weights.dense.values())
    for cell in weights.cells:
        shapes = ((n_networks, width, 4 * units), (n_networks, units, 4 * units), (n_networks, 4 * units))
        fits &= tuple(values.shape for values in cell) == shapes
    if not fits:
        raise ValueError("weights of sizes that do not fit each other")
    return weights
