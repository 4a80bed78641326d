"""The shapes of a recording's beats: beats of one class that look alike, with their mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens.analysis.result import Analysis

BEFORE_S: Final = 0.25
AFTER_S: Final = 0.45
ALIKE: Final = 0.9
MOST_PER_CLASS: Final = 3
_COMPARED_FS: Final = 100.0
_CANDIDATES: Final = 120
_AVERAGED: Final = 300

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Shape:
    """Beats that look alike.

    Parameters
    ----------
    beat_class : str
        Their class.
    count : int
        How many there are.
    mean, spread : ndarray of float32, shape (n_samples,)
        Mean and standard deviation in mV (of at most 300 of them, evenly spaced), each beat's own level taken away.
    times_ms : ndarray of shape (n_samples,)
        Time from the R peak.
    r_samples : ndarray of int64, shape (count,)
        Sample number of the R peak of each of them.
    """

    beat_class: str
    count: int
    mean: Array
    spread: Array
    times_ms: npt.NDArray[np.float64]
    r_samples: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


def find_shapes(analysis: Analysis, *, most_per_class: int = MOST_PER_CLASS) -> tuple[tuple[Shape, ...], dict[str, int]]:
    """Group the beats of each class in the first lead by likeness.

    The beat with the most beats like it (correlation of at least 0.9, of 120 candidates evenly spaced in time) founds a group
    with them; then the same among the beats that are left, ``most_per_class`` times at most. A group has at
    least two beats, unless the class has only one. The cost grows linearly with the number of beats.

    Returns
    -------
    shapes : tuple of Shape
        The classes in the model's order, in each the largest group first.
    other : dict of str to int
        Beats of each class that belong to no group.
    """
    record = analysis.record
    x = record.signal[:, 0]
    samples = analysis.beats["sample"].to_numpy()
    classes = analysis.beats["class"].to_numpy()
    before, after = round(BEFORE_S * record.fs), round(AFTER_S * record.fs)
    inside = (samples >= before) & (samples + after <= len(x))
    if not np.isfinite(x).all():
        missing = np.concatenate([[0], np.cumsum(~np.isfinite(x))])
        inside[inside] = missing[samples[inside] + after] == missing[samples[inside] - before]
    shapes: list[Shape] = []
    other: dict[str, int] = {}
    for name in analysis.summary.counts:
        members = samples[inside & (classes == name)]
        left = int((classes == name).sum())
        for group in _group(x, members, record.fs, most_per_class):
            mean, spread = _average(x, group, before, after)
            shapes.append(Shape(name, len(group), mean, spread, 1000 * np.arange(-before, after) / record.fs, group))
            left -= len(group)
        if left:
            other[name] = left
    return tuple(shapes), other


def _group(x: Array, samples: npt.NDArray[np.int64], fs: float, most: int) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the R peaks of each group of alike beats."""
    at = np.round(np.arange(-0.12, 0.25, 1 / _COMPARED_FS) * fs).astype(np.int64)
    windows = x[samples[:, None] + at]
    windows = windows - windows.mean(axis=1, keepdims=True)
    size = np.linalg.norm(windows, axis=1, keepdims=True)
    whole = size[:, 0] > 0
    free = np.flatnonzero(whole)
    unit = np.zeros_like(windows)
    unit[whole] = windows[whole] / size[whole]
    only = len(free) == 1
    for _ in range(most):
        if not len(free):
            return
        candidates = free[:: -(-len(free) // _CANDIDATES)]
        alike = unit[free] @ unit[candidates].T >= ALIKE
        members = alike[:, int(np.argmax(alike.sum(axis=0)))]
        if members.sum() < 2 and not only:
            return
        yield samples[free[members]]
        free = free[~members]


def _average(x: Array, samples: npt.NDArray[np.int64], before: int, after: int) -> tuple[Array, Array]:
    chosen = samples[:: -(-len(samples) // _AVERAGED)]
    windows = x[chosen[:, None] + np.arange(-before, after)]
    windows = windows - np.median(windows, axis=1, keepdims=True)
    return windows.mean(axis=0), windows.std(axis=0)
