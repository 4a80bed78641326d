"""Does an explanation follow the model, and hold still when it should? Shuffled weights, small disturbances, planted waves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from beatlens.explain.methods import Attribution, attribute, predict_logits
from beatlens.explain.options import Options
from beatlens.explain.subject import Arrays, Subject

if TYPE_CHECKING:
    from beatlens.models.seed_lstm import SeedLSTM

Array = npt.NDArray[np.float64]

NOISE_SHARE = 0.05
"""Disturbing noise, as a share of each window's standard deviation: 26 dB below the signal."""

SHIFT_SAMPLES = 0.5
"""Disturbing shift in time."""


def rank_correlations(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> Array:
    """Return Spearman's correlation of the sizes of two attributions, one a beat; NaN where one is constant."""
    from scipy.stats import rankdata

    ranks = [rankdata(np.abs(x).reshape(len(x), -1), axis=1) for x in (a, b)]
    centred = [r - r.mean(axis=1, keepdims=True) for r in ranks]
    size = np.linalg.norm(centred[0], axis=1) * np.linalg.norm(centred[1], axis=1)
    product = (centred[0] * centred[1]).sum(axis=1)
    correlation: Array = np.divide(product, size, out=np.full(len(a), np.nan), where=size > 0)
    return correlation


def randomise_cascade(model: SeedLSTM, *, seed: int = 0) -> Iterator[tuple[str, SeedLSTM]]:
    """Yield copies of a network in which ever more layers, the last first, have lost what they learned.

    The values of each weight array are shuffled, so that their sizes stay and their structure goes (after Adebayo et al.,
    NeurIPS 2018). The model itself is left alone.

    Yields
    ------
    name : str
        The layer that was shuffled last.
    copy : SeedLSTM
        The network with it and all later ones shuffled.
    """
    from beatlens.models.engine import load_keras
    from beatlens.models.seed_lstm import SeedLSTM as Model

    keras, rng = load_keras(), np.random.default_rng(seed)
    weights = [layer.get_weights() for layer in model.keras_model.layers]
    for place in reversed(range(len(weights))):
        if not weights[place]:
            continue
        weights[place] = [rng.permutation(values.ravel()).reshape(values.shape) for values in weights[place]]
        copy = keras.models.clone_model(model.keras_model)
        for layer, values in zip(copy.layers, weights, strict=True):
            layer.set_weights(values)
        yield model.keras_model.layers[place].name, Model(copy, model.card)


def disturb(x: npt.NDArray[np.float32], kind: str, *, seed: int = 0) -> npt.NDArray[np.float32]:
    """Return windows that a reader could not tell apart from the given ones.

    Parameters
    ----------
    x : ndarray of shape (n_beats, n_samples, ...)
        Windows.
    kind : {"noise", "shift"}
        White noise 26 dB below the window, or half a sample later.
    seed : int
        Of the noise.
    """
    if kind == "noise":
        noise = np.random.default_rng(seed).normal(size=x.shape)
        return np.asarray(x + NOISE_SHARE * x.std(axis=1, keepdims=True) * noise, np.float32)
    before = np.concatenate([x[:, :1], x[:, :-1]], axis=1)
    return np.asarray((1 - SHIFT_SAMPLES) * x + SHIFT_SAMPLES * before, np.float32)


def measure_stability(
    subject: Subject, inputs: Arrays, found: Attribution, kind: str, *, options: Options | None = None
) -> Array:
    """Return how alike the explanations of disturbed beats are to those of the beats, shape (n_beats,); 1 is unmoved."""
    moved = {name: disturb(x, kind) if name in subject.time_inputs else x for name, x in inputs.items()}
    again = attribute(subject, moved, method=found.method, target=found.target, options=options)
    name = subject.time_inputs[0]
    return rank_correlations(found.values[name], again.values[name])


def plant_waves(
    x: npt.NDArray[np.float32], places: npt.NDArray[np.integer], *, width: float, height: float
) -> npt.NDArray[np.float32]:
    """Return z-scored windows with a bell added at one sample each.

    Parameters
    ----------
    x : ndarray of shape (n_beats, n_samples)
        Windows.
    places : ndarray of int, shape (n_beats,)
        Where.
    width, height : float
        Standard deviation in samples, and height in standard deviations of the window.
    """
    time = np.arange(x.shape[1])
    planted = x + height * np.exp(-0.5 * ((time - places[:, None]) / width) ** 2)
    centred = planted - planted.mean(axis=1, keepdims=True)
    return np.asarray(centred / (centred.std(axis=1, keepdims=True) + 1e-6), np.float32)


def find_planted(
    values: npt.NDArray[np.floating], places: npt.NDArray[np.integer], *, smooth: int, reach: int
) -> npt.NDArray[np.bool_]:
    """Return whether the highest point of an attribution's smoothed size lies within ``reach`` samples of the planted wave."""
    from scipy.ndimage import uniform_filter1d

    highest = uniform_filter1d(np.abs(values), smooth, axis=1, mode="constant").argmax(axis=1)
    hit: npt.NDArray[np.bool_] = np.abs(highest - places) <= reach
    return hit


def plant_where_it_counts(
    subject: Subject, windows: npt.NDArray[np.float32], *, n_wanted: int, least: float = 2.0, seed: int = 0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Plant waves at random places of windows of one lead, and keep those that moved the logit by ``least`` or more.

    A wave that the model ignores is rightly not found by an explainer.

    Returns
    -------
    planted : ndarray of float32, shape (n_kept, n_samples)
    places : ndarray of int64, shape (n_kept,)
    bases : ndarray of float32, shape (n_kept, n_samples)
        The same windows without the wave.
    """
    rng, (name,) = np.random.default_rng(seed), subject.time_inputs
    base = windows[rng.integers(0, len(windows), 2 * n_wanted)]
    places = rng.integers(5, windows.shape[1] - 5, len(base))
    planted = plant_waves(base, places, width=0.025 * subject.fs, height=4.0)
    moved = np.abs(predict_logits(subject, {name: planted}) - predict_logits(subject, {name: base}))
    kept = np.flatnonzero(moved >= least)[:n_wanted]
    return planted[kept], places[kept], base[kept]
