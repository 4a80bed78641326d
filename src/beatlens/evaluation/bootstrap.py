"""Intervals by bootstrap over records: beats of one record are alike, so that it is records that are drawn again.

Efron B, Tibshirani RJ. An Introduction to the Bootstrap. Chapman & Hall (1993), chapter 13: percentile intervals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens.errors import ConfigurationError
from beatlens.evaluation.metrics import Figure

N_RESAMPLES: Final = 1000
SEED: Final = 20041
LEVEL: Final = 0.95


@dataclass(frozen=True)
class Interval:
    """Percentile interval of a figure.

    Parameters
    ----------
    low, high : float
        Its ends; NaN where the figure is defined in no resample.
    n_undefined : int
        Resamples in which the figure was not defined and which were left out.
    """

    low: float
    high: float
    n_undefined: int = 0


def draw_records(n_records: int, *, n_resamples: int = N_RESAMPLES, seed: int = SEED) -> npt.NDArray[np.int64]:
    """Draw records with replacement, as many as there are, many times.

    Parameters
    ----------
    n_records : int
        How many there are.
    n_resamples : int
        How often to draw.
    seed : int
        Of the random generator.

    Returns
    -------
    ndarray of int64, shape (n_resamples, n_records)
        How often each record was drawn.

    Raises
    ------
    ConfigurationError
        If there is no record or no resample.
    """
    for name, value in (("n_records", n_records), ("n_resamples", n_resamples)):
        if value < 1:
            raise ConfigurationError(f"'{name}' must be at least 1; got {value}")
    return np.random.default_rng(seed).multinomial(n_records, np.full(n_records, 1 / n_records), size=n_resamples)


def bootstrap_interval(
    draws: npt.NDArray[np.int64], statistic: Callable[[npt.NDArray[np.int64]], Figure], *, level: float = LEVEL
) -> Interval:
    """Return the percentile interval of a figure over resamples.

    Parameters
    ----------
    draws : ndarray of int64, shape (n_resamples, n_records)
        Of `draw_records`.
    statistic : callable
        Takes how often each record counts, shape (n_records,), and returns the figure.
    level : float
        Share of the resamples that lies inside, between 0 and 1.
    """
    return interval_of((statistic(draw).value for draw in draws), level=level)


def interval_of(values: Iterable[float], *, level: float = LEVEL) -> Interval:
    """Return the central interval of resampled values, leaving out those that are NaN.

    Raises
    ------
    ConfigurationError
        If the level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ConfigurationError(f"'level' must lie between 0 and 1; got {level}")
    found = np.fromiter(values, dtype=np.float64)
    defined = found[~np.isnan(found)]
    if not defined.size:
        return Interval(math.nan, math.nan, found.size)
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), int(found.size - defined.size))
