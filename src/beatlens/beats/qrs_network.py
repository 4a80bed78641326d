"""A small network that says how likely each candidate is a QRS complex.

Two hidden layers, 64 and 24 units wide, on the features of `beatlens.beats.qrs_candidates`: some 11,000 numbers, kept beside
this module with a card that says how they came about. ``benchmarks/train_qrs_network.py`` trains them, on de Chazal's DS1 of
the MIT-BIH Arrhythmia Database only. It needs nothing but NumPy to run.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
from importlib import resources
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from beatlens.errors import HashMismatchError

Layers = tuple[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]], ...]

WEIGHTS: Final = "qrs_network.npz"
CARD: Final = "qrs_network.json"


@functools.cache
def load_card() -> dict[str, Any]:
    """Return the network's card: data, seed, features, file hash."""
    card: dict[str, Any] = json.loads(resources.files("beatlens.beats").joinpath(CARD).read_text(encoding="utf-8"))
    return card


@functools.cache
def load_layers() -> Layers:
    """Return the network's weights and biases, layer by layer.

    Raises
    ------
    HashMismatchError
        If the file is not the one that the card names.
    """
    content = resources.files("beatlens.beats").joinpath(WEIGHTS).read_bytes()
    found, expected = hashlib.sha256(content).hexdigest(), load_card()["sha256"]
    if found != expected:
        raise HashMismatchError(
            f"{WEIGHTS} must have SHA-256 {expected}; got {found}", hint="Install beatlens again: its files were changed."
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        n_layers = len(file.files) // 2
        return tuple((file[f"weight_{i}"].astype(np.float32), file[f"bias_{i}"].astype(np.float32)) for i in range(n_layers))


def score(features: npt.NDArray[np.float32], layers: Layers | None = None) -> npt.NDArray[np.float32]:
    """Return the logit of "this is a QRS complex" for each candidate.

    Parameters
    ----------
    features : ndarray of float32, shape (n_candidates, n_features)
        As `beatlens.beats.qrs_candidates.describe_candidates` returns them.
    layers : tuple of (weight, bias), optional
        Another network than the one that comes with the package.

    Returns
    -------
    ndarray of float32, shape (n_candidates,)
    """
    x = features
    *hidden, (weight, bias) = load_layers() if layers is None else layers
    for w, b in hidden:
        x = np.maximum(x @ w + b, 0)
    return (x @ weight + bias)[:, 0]
