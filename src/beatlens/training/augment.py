"""What recordings suffer: noise, lost leads, other rates, misplaced, missed and invented beats.

Each function takes and returns a signal with its beats, so that features are computed from what a user's recording would
show. The noise is made, not recorded: real noise recordings stay unseen, for tests.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from beatlens.beats.morphology import FS, Array

Beats = tuple[Array, npt.NDArray[np.float64], npt.NDArray[np.str_]]
IGNORED = "Q"
"""Class of a beat that is there but not learned from."""


def degrade(x: Array, times_s: npt.NDArray[np.float64], classes: npt.NDArray[np.str_], rng: np.random.Generator) -> Beats:
    """Add noise in bursts, turn and rescale leads, perhaps lose one, and misplace, miss and invent beats.

    Parameters
    ----------
    x : ndarray of shape (n_samples, n_leads)
        A prepared signal (128 Hz).
    times_s : ndarray of shape (n_beats,)
    classes : ndarray of str, shape (n_beats,)
    rng : numpy Generator
    """
    size = x.std(axis=0)
    noisy = x + made_noise(len(x), x.shape[1], rng) * size * rng.uniform(0.05, 0.8)
    noisy = noisy * rng.choice([-1.0, 1.0], x.shape[1])
    if x.shape[1] > 1:
        noisy = noisy[:, rng.permutation(x.shape[1])]
        if rng.random() < 0.3:
            noisy = noisy[:, :1]
    return noisy.astype(np.float32), *misplace(times_s, classes, rng, len(x) / FS)


def misplace(
    times_s: npt.NDArray[np.float64], classes: npt.NDArray[np.str_], rng: np.random.Generator, duration_s: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.str_]]:
    """Move R peaks by some 10 ms, miss up to 2 % of them and invent up to 1 %, as a detector would."""
    kept = rng.random(len(times_s)) >= rng.uniform(0, 0.02)
    moved = times_s[kept] + rng.normal(0, rng.uniform(0.002, 0.012), int(kept.sum()))
    invented = rng.uniform(0, duration_s, rng.integers(0, max(1, len(times_s) // 100) + 1))
    times = np.clip(np.concatenate([moved, invented]), 0, duration_s - 0.01)
    names = np.concatenate([classes[kept], np.full(len(invented), IGNORED)])
    order = np.argsort(times, kind="stable")
    return times[order], names[order]


def made_noise(n: int, n_leads: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return noise of about unit size in bursts, shape (n, n_leads): broad (muscle) and slow with steps (electrodes)."""
    broad = rng.normal(size=(n, n_leads))
    broad = broad - 0.6 * np.roll(broad, 3, axis=0)
    knots = np.arange(0, n + 32, 24)
    slow = np.stack([np.interp(np.arange(n), knots, rng.normal(size=len(knots))) for _ in range(n_leads)], axis=1)
    share = rng.uniform(0, 1, n_leads)
    level = np.interp(np.arange(n), np.arange(0, n + 4096, 2048), rng.gamma(0.5, 1.2, len(range(0, n + 4096, 2048))))
    return np.asarray((share * broad * 0.5 + (1 - share) * slow * 1.2) * np.clip(level, 0, 3)[:, None])


def cut_strips(
    x: Array, times_s: npt.NDArray[np.float64], classes: npt.NDArray[np.str_], rng: np.random.Generator, *, n_strips: int
) -> list[Beats]:
    """Return strips of 20 to 60 seconds, those with ectopic beats preferred."""
    strips = []
    ectopic = np.flatnonzero(np.isin(classes, ["S", "V", "F"]))
    for _ in range(n_strips):
        length = rng.uniform(20, 60)
        centre = times_s[rng.choice(ectopic)] if len(ectopic) and rng.random() < 0.6 else rng.uniform(0, len(x) / FS)
        start = float(np.clip(centre - rng.uniform(0, length), 0, len(x) / FS - length))
        inside = (times_s >= start + 0.2) & (times_s < start + length - 0.2)
        if inside.sum() >= 5:
            low = int(start * FS)
            strips.append((x[low : low + int(length * FS)], times_s[inside] - low / FS, classes[inside]))
    return strips
