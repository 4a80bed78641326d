"""Does the model miss what an explanation calls important? Deletion and insertion curves, and intervals over records.

Deletion takes away the most important parts first and watches the probability of the called class fall; insertion brings them
back first into a beat of which nothing is left (Petsiuk, Das, Saenko, BMVC 2018). What is taken away is replaced in two ways,
since either alone can flatter a method: by the local average, and by noise of the beat's own spectrum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens.explain.methods import METHODS, Attribution, predict_logits
from beatlens.explain.perturbations import SMOOTH_MS
from beatlens.explain.subject import Arrays, Subject, probabilities_of
from beatlens.explain.units import Units

Array = npt.NDArray[np.float64]

STEPS: Final = 12
"""A curve has this many steps from the whole beat to nothing."""

REPLACEMENTS: Final = ("local average", "matched noise")


def replace_inputs(subject: Subject, inputs: Arrays, kind: str, *, seed: int = 0) -> dict[str, npt.NDArray[np.float32]]:
    """Return beats of which nothing is left.

    Parameters
    ----------
    subject, inputs : Subject, mapping of str to ndarray
        The model and its inputs.
    kind : {"local average", "matched noise"}
        The moving average of each time input and the neutral value of everything else; or noise with the spectrum of the
        beat (its phases drawn anew), and the values of another beat.
    seed : int
        Of the noise.
    """
    from scipy.ndimage import uniform_filter1d

    rng = np.random.default_rng(seed)
    replaced: dict[str, npt.NDArray[np.float32]] = {}
    for name, x in subject.open_inputs(inputs).items():
        if name not in subject.time_inputs:
            held = subject.baseline_names.get(name)
            neutral = inputs[held] if held else np.broadcast_to(subject.baselines.get(name, np.float32(0)), x.shape)
            other = x[rng.permutation(len(x))] if kind == "matched noise" else neutral
            replaced[name] = np.asarray(other, np.float32)
        elif kind == "matched noise":
            spectrum = np.fft.rfft(x, axis=1)
            turned = spectrum * np.exp(2j * np.pi * rng.random(spectrum.shape))
            turned[:, 0] = spectrum[:, 0]
            replaced[name] = np.fft.irfft(turned, n=x.shape[1], axis=1).astype(np.float32)
        else:
            width = 2 * round(SMOOTH_MS * subject.fs / 2000) + 1  # odd: centred on its sample
            replaced[name] = uniform_filter1d(np.asarray(x, np.float32), width, axis=1, mode="nearest")
    return replaced


def order_by_method(units: Units, found: Attribution) -> Array:
    """Return the importance of each unit, shape (n_beats, n_units): evidence by its sign, slopes by their size."""
    evidence = METHODS[found.method].evidence
    return units.sum_over({name: x if evidence else np.abs(x) for name, x in found.values.items()})


def order_by_amplitude(subject: Subject, inputs: Arrays, units: Units) -> Array:
    """Return how far each unit stands from its local average or neutral value: what a naive reader would point at."""
    usual = replace_inputs(subject, inputs, "local average")
    return units.sum_over({name: np.abs(inputs[name] - usual[name]) for name in usual})


def order_at_random(units: Units, n_beats: int, *, seed: int = 0) -> Array:
    """Return random importances."""
    return np.random.default_rng(seed).random((n_beats, units.n_units))


def trace_curve(
    subject: Subject,
    inputs: Arrays,
    target: npt.NDArray[np.integer],
    units: Units,
    importance: Array,
    replacement: Arrays,
    *,
    insert: bool = False,
) -> Array:
    """Return the probability of the target class as units are taken away (or brought back), the most important first.

    Returns
    -------
    ndarray of float64, shape (n_beats, STEPS + 1)
        From the whole beat to nothing of the units; the other way if ``insert``. Inputs that are not cut stay as they are.
    """
    rank = np.argsort(np.argsort(-importance, axis=1, kind="stable"), axis=1)
    curve = np.empty((len(importance), STEPS + 1))
    for step in range(STEPS + 1):
        touched = rank < round(step * units.n_units / STEPS)
        mixed = dict(inputs)
        for name, ids in units.ids.items():
            before, after = (replacement[name], inputs[name]) if insert else (inputs[name], replacement[name])
            mixed[name] = np.where(touched[:, ids], after, before)
        probabilities = probabilities_of(predict_logits(subject, mixed))
        curve[:, step] = probabilities[np.arange(len(target)), target]
    return curve


def area_under(curve: Array) -> Array:
    """Return the mean height of each curve by the trapezoid rule, shape (n_beats,)."""
    area: Array = (curve[:, :-1] + curve[:, 1:]).mean(axis=1) / 2
    return area


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % bootstrap interval.

    Parameters
    ----------
    mean, low, high : float
        NaN where there is nothing to average.
    n : int
        How many values.
    """

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return "-" if not self.n else f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def bootstrap_mean(
    values: npt.NDArray[np.floating],
    records: npt.NDArray[np.str_],
    *,
    n_draws: int = 1000,
    seed: int = 0,
) -> Interval:
    """Return the mean over beats with an interval over records, since beats of one record are alike.

    Parameters
    ----------
    values : ndarray of shape (n_beats,)
        NaN is left out.
    records : ndarray of str, shape (n_beats,)
        Whole records are drawn with replacement.
    n_draws, seed : int
        Of the bootstrap.
    """
    known = np.isfinite(values)
    values, records = np.asarray(values, np.float64)[known], records[known]
    if not len(values):
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    _, place = np.unique(records, return_inverse=True)
    sums, counts = np.bincount(place, values), np.bincount(place)
    drawn = np.random.default_rng(seed).integers(0, len(counts), (n_draws, len(counts)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(values.mean()), float(low), float(high), len(values))
