"""rhythm-lstm without Keras: what is read from a file, and that it says what the Keras networks say."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from beatlens.models.registry import load_model, read_keras_model, weights_folder
from beatlens.models.rhythm_forward import forward
from beatlens.models.rhythm_network import N_FEATURES, average_networks, build_rhythm_network
from beatlens.models.rhythm_weights import read_weights


def made_network(networks: int = 1, *, windows: bool = False, n_units: int = 5) -> Any:
    """Return networks whose scaling knows 60 of the columns; the others were never seen."""
    rng = np.random.default_rng(1)
    built = [build_rhythm_network(seed=k, n_units=n_units, windows=windows) for k in range(networks)]
    for network in built:
        scaling = network.get_layer("scaling")
        scaling.adapt(rng.normal(1, 2, size=(1, 50, N_FEATURES)).astype(np.float32))
        mean, variance, count = scaling.get_weights()
        variance[60:] = 1e12
        scaling.set_weights([mean, variance, count])
        scaling.finalize_state()
    return average_networks(built)


def made_inputs(n: int = 3, length: int = 21) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    mask = np.ones((n, length, 1), np.float32)
    mask[0, 13:] = 0
    return {"features": rng.normal(0, 5, size=(n, length, N_FEATURES)).astype(np.float32), "mask": mask}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("networks")


@pytest.fixture(scope="module")
def single(folder: Path) -> Path:
    """Return the file of one network."""
    made_network().save(folder / "single.keras")
    return folder / "single.keras"


@pytest.mark.parametrize(("networks", "n_units"), [(1, 5), (3, 4)])
def test_the_networks_say_what_keras_says(networks: int, n_units: int, tmp_path: Path) -> None:
    """Logits of every beat and of the padding, of any number of networks of any size."""
    made_network(networks, n_units=n_units).save(tmp_path / "model.keras")
    weights, inputs = read_weights(tmp_path / "model.keras"), made_inputs()
    assert weights is not None
    expected = np.asarray(read_keras_model(tmp_path / "model.keras")(inputs, training=False))
    np.testing.assert_allclose(np.asarray(forward(weights, **inputs)), expected, atol=1e-5)
    assert np.ptp(expected) > 0.1


def test_the_slopes_are_those_of_keras(single: Path) -> None:
    """The gradient of a logit by every feature of every beat."""
    import jax

    weights, network = read_weights(single), read_keras_model(single)
    inputs = {name: jax.numpy.asarray(values) for name, values in made_inputs().items()}
    assert weights is not None
    ours = jax.grad(lambda given: forward(weights, given, inputs["mask"])[1, 10, 2])(inputs["features"])
    theirs = jax.grad(lambda given: network({**inputs, "features": given}, training=False)[1, 10, 2])(inputs["features"])
    np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), atol=1e-6)
    assert np.abs(ours).max() > 1e-3


def test_the_shipped_networks_are_read_and_say_what_keras_says() -> None:
    model, inputs = load_model("rhythm-lstm"), made_inputs(2, 64)
    assert read_weights(weights_folder() / "rhythm-lstm.keras") is not None
    expected = np.asarray(model.keras_model(inputs, training=False)) / model.temperature
    np.testing.assert_allclose(np.asarray(model.logits(inputs)), expected, atol=1e-5)
    assert model.keras_model is model.keras_model


def test_beats_are_judged_and_explained_without_keras() -> None:
    """Nor is anything imported of what it brings along."""
    program = (
        "import sys, beatlens as bl\n"
        "from beatlens.records.bundled import read_bundled\n"
        "analysis = bl.analyze(read_bundled(), settings=bl.analysis.Settings(explanations=1))\n"
        "assert len(analysis.beats) > 100 and len(analysis.explained) == 1\n"
        "print(sorted({'keras', 'sklearn', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_networks_that_see_windows_are_left_to_keras(tmp_path: Path) -> None:
    made_network(windows=True).save(tmp_path / "model.keras")
    assert read_weights(tmp_path / "model.keras") is None


def said(change: Callable[[dict[str, dict[str, Any]]], None]) -> Callable[[dict[str, bytes]], None]:
    """Return what changes the description of the layers."""

    def apply(parts: dict[str, bytes]) -> None:
        description = json.loads(parts["config.json"])
        change({layer["name"]: layer for layer in description["config"]["layers"]})
        parts["config.json"] = json.dumps(description).encode()

    return apply


def stored(change: Callable[[Any], None]) -> Callable[[dict[str, bytes]], None]:
    """Return what changes the weights."""

    def apply(parts: dict[str, bytes]) -> None:
        content = io.BytesIO(parts["model.weights.h5"])
        with h5py.File(content, "r+") as file:
            change(file["layers/dense/vars"])
        parts["model.weights.h5"] = content.getvalue()

    return apply


def without(name: str) -> Callable[[dict[str, bytes]], None]:
    return lambda parts: parts.__delitem__(name)


def lie_outside(group: Any) -> None:
    del group["1"]
    group.create_dataset("1", shape=(64,), dtype="f4", external=[("/etc/hostname", 0, 256)])


def claim_much(group: Any) -> None:
    del group["0"]
    group.create_dataset("0", shape=(69, 1 << 30), dtype="f4", chunks=(69, 1024))


CHANGES: dict[str, Callable[[dict[str, bytes]], None]] = {
    "another activation": said(lambda layers: layers["joined"]["config"].update(activation="tanh")),
    "another limit": said(
        lambda layers: next(v for k, v in layers.items() if k.startswith("clip"))["config"].update(x_max=4.0)
    ),
    "another recurrent layer": said(
        lambda layers: layers["sequence"]["config"]["layer"]["config"].update(recurrent_activation="hard_sigmoid")
    ),
    "another type": said(lambda layers: layers["joined"]["config"].update(dtype="bfloat16")),
    "no description": without("config.json"),
    "no weights": without("model.weights.h5"),
    "a description that is no JSON": lambda parts: parts.update({"config.json": b"{"}),
    "weights that are not HDF5": lambda parts: parts.update({"model.weights.h5": b"no"}),
    "half the weights": lambda parts: parts.update({"model.weights.h5": parts["model.weights.h5"][:20_000]}),
    "a layer without weights": stored(lambda group: group.__delitem__("1")),
    "a layer without its name": stored(lambda group: group.attrs.__delitem__("name")),
    "weights of another size": stored(
        lambda group: (group.__delitem__("1"), group.create_dataset("1", data=np.zeros(63, "f4")))
    ),
    "weights that lie in another file": stored(lie_outside),
    "weights larger than the file": stored(claim_much),
}


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_what_is_not_known_is_left_to_keras(change: str, single: Path, tmp_path: Path) -> None:
    """A file of another network, a damaged or a hostile one: never another answer than Keras's, and never an error here."""
    with zipfile.ZipFile(single) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    CHANGES[change](parts)
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)
    assert read_weights(single) is not None
    assert read_weights(tmp_path / "model.keras") is None


def test_a_file_that_is_no_zip_is_left_to_keras(tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_bytes(b"no")
    assert read_weights(tmp_path / "model.keras") is None
    assert read_weights(tmp_path / "none.keras") is None
