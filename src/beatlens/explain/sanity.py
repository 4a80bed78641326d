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


PLANTED_S = 0.025
"""Standard deviation of a planted wave."""

MOST_DRAWS = 20
"""Waves are drawn up to this many times as often as they are wanted: most of them move the logit too little."""


def rank_correlations(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating], *, signed: bool = False) -> Array:
    """Return Spearman's correlation of the sizes of two attributions, one a beat; NaN where one is constant.

    Parameters
    ----------
    a, b : ndarray of shape (n_beats, ...)
    signed : bool
        Of the values with their signs instead. Two pictures that have their weight in the same places, but one for what the
        other is against, are alike by their sizes only (Adebayo et al., NeurIPS 2018, give both).
    """
    from scipy.stats import rankdata

    ranks = [rankdata((x if signed else np.abs(x)).reshape(len(x), -1), axis=1) for x in (a, b)]
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
    x: npt.NDArray[np.float32], places: npt.NDArray[np.integer], *, width: float, height: float, scaled: bool = True
) -> npt.NDArray[np.float32]:
    """Return windows with a bell added at one sample each, in every lead.

    Parameters
    ----------
    x : ndarray of shape (n_beats, n_samples) or (n_beats, n_samples, n_leads)
        Windows.
    places : ndarray of int, shape (n_beats,)
        Where.
    width, height : float
        Standard deviation in samples, and height in standard deviations of the window.
    scaled : bool
        Whether the windows are z-scored, and are to be so again.
    """
    time = np.arange(x.shape[1])
    bell = np.exp(-0.5 * ((time - places[:, None]) / width) ** 2).reshape(*x.shape[:2], *(1,) * (x.ndim - 2))
    planted = x + height * x.std(axis=1, keepdims=True) * bell
    if not scaled:
        return np.asarray(planted, np.float32)
    centred = planted - planted.mean(axis=1, keepdims=True)
    return np.asarray(centred / (centred.std(axis=1, keepdims=True) + 1e-6), np.float32)


def find_planted(
    values: npt.NDArray[np.floating], places: npt.NDArray[np.integer], *, smooth: int, reach: int
) -> npt.NDArray[np.bool_]:
    """Return whether the highest point of an attribution's smoothed size lies within ``reach`` samples of the planted wave."""
    from scipy.ndimage import uniform_filter1d

    size = np.abs(values).reshape(*values.shape[:2], -1).sum(axis=2)
    highest = uniform_filter1d(size, smooth, axis=1, mode="constant").argmax(axis=1)
    hit: npt.NDArray[np.bool_] = np.abs(highest - places) <= reach
    return hit


def plant_where_it_counts(
    subject: Subject, inputs: Arrays, *, target: int, n_wanted: int, least: float = 2.0, scaled: bool = True, seed: int = 0
) -> tuple[dict[str, npt.NDArray[np.float32]], npt.NDArray[np.int64], dict[str, npt.NDArray[np.float32]]]:
    """Plant waves at random places of windows, and keep those that moved the logit of ``target`` by ``least`` or more.

    A wave that the model ignores is rightly not found by an explainer. Waves are drawn until there are ``n_wanted`` that moved
    it, and no more than 20 times as many.

    Returns
    -------
    planted : dict of ndarray, shape (n_kept, ...)
        The inputs with the wave.
    places : ndarray of int64, shape (n_kept,)
    bases : dict of ndarray, shape (n_kept, ...)
        The same inputs without it.
    """
    rng, (name,) = np.random.default_rng(seed), subject.time_inputs
    n_samples, found, n_kept = inputs[name].shape[1], [], 0
    for _ in range(MOST_DRAWS):
        rows, places = rng.integers(0, len(inputs[name]), n_wanted), rng.integers(5, n_samples - 5, n_wanted)
        bases = {key: np.asarray(x[rows], np.float32) for key, x in inputs.items()}
        wave = plant_waves(bases[name], places, width=PLANTED_S * subject.fs, height=4.0, scaled=scaled)
        targets = np.full(n_wanted, target)
        moved = np.abs(score_of(subject, {**bases, name: wave}, targets) - score_of(subject, bases, targets))
        kept = np.flatnonzero(moved >= least)[: n_wanted - n_kept]
        found.append((rows[kept], places[kept], wave[kept]))
        n_kept += len(kept)
        if n_kept == n_wanted:
            break
    rows, places, wave = (np.concatenate([each[k] for each in found]) for k in range(3))
    bases = {key: np.asarray(x[rows], np.float32) for key, x in inputs.items()}
    return {**bases, name: wave}, places, bases


def score_of(subject: Subject, inputs: Arrays, target: npt.NDArray[np.integer]) -> Array:
    """Return the logit of the class ``target`` of each beat, of several classes its log-odds, shape (n_beats,)."""
    from scipy.special import logsumexp

    logits = predict_logits(subject, inputs).astype(np.float64)
    if logits.ndim == 1:
        return np.asarray(np.where(target == 1, logits, -logits))
    own = np.arange(logits.shape[1]) == np.asarray(target)[:, None]
    score: Array = logits[own] - logsumexp(np.where(own, -np.inf, logits), axis=1)
    return score
