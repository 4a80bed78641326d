"""Intervals over records."""

from __future__ import annotations

import math

import numpy as np
import pytest

from beatlens.errors import ConfigurationError
from beatlens.evaluation.bootstrap import Interval, bootstrap_interval, draw_records, interval_of
from beatlens.evaluation.metrics import Figure


def test_draws_are_repeatable_and_of_the_right_size() -> None:
    """Each resample has as many records as there are; the same seed draws the same."""
    draws = draw_records(22, n_resamples=50, seed=1)
    assert draws.shape == (50, 22)
    assert (draws.sum(axis=1) == 22).all()
    np.testing.assert_array_equal(draws, draw_records(22, n_resamples=50, seed=1))
    assert not np.array_equal(draws, draw_records(22, n_resamples=50, seed=2))


def test_interval_of_a_mean_agrees_with_theory() -> None:
    """Of 400 standard normal values the mean's 95 % interval is about 4/20 wide."""
    values = np.random.default_rng(0).normal(size=400)
    found = bootstrap_interval(draw_records(400, n_resamples=2000), lambda draw: Figure(float(draw @ values / 400)))
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.08)
    assert found.low < values.mean() < found.high


def test_undefined_resamples_are_left_out_and_counted() -> None:
    assert interval_of([math.nan, 1.0, 1.0]) == Interval(1.0, 1.0, 1)
    nothing = interval_of([math.nan, math.nan])
    assert math.isnan(nothing.low)
    assert nothing.n_undefined == 2


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_level_is_a_share(level: float) -> None:
    with pytest.raises(ConfigurationError, match="'level' must lie between 0 and 1"):
        interval_of([1.0], level=level)


def test_no_records_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="'n_records' must be at least 1; got 0"):
        draw_records(0)
