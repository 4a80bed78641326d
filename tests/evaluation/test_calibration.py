"""Calibration: figures known by hand, records that add up, and probabilities that are drawn to hold or not to."""

from __future__ import annotations

import math

import numpy as np
import pytest

from beatlens.errors import ConfigurationError
from beatlens.evaluation.calibration import count_bins, measure_reliability


def test_a_case_by_hand() -> None:
    """Two bins: of four beats at 0.25 one came true, of two at 0.75 none: (4 x 0 + 2 x 0.75) / 6."""
    found = measure_reliability([count_bins([0.25] * 4 + [0.75] * 2, [1, 0, 0, 0, 0, 0], n_bins=2)], n_resamples=0)
    assert found.bins() == [(4, 0.25, 0.25), (2, 0.75, 0.0)]
    assert found.ece.figure.value == pytest.approx(0.25)
    assert found.brier.figure.value == pytest.approx((3 * 0.25**2 + 0.75**2 + 2 * 0.75**2) / 6)
    assert found.ece.interval is None


def test_probabilities_that_hold_have_a_small_error_and_others_a_large_one() -> None:
    """Outcomes drawn from the probabilities themselves, and from their opposite."""
    rng = np.random.default_rng(0)
    p = rng.random(40_000)
    true = rng.random(40_000) < p
    assert measure_reliability([count_bins(p, true)], n_resamples=0).ece.figure.value < 0.01
    assert measure_reliability([count_bins(1 - p, true)], n_resamples=0).ece.figure.value > 0.4


def test_records_add_up_and_give_an_interval() -> None:
    """Counts of parts are the counts of the whole; alike records give a narrow interval."""
    rng = np.random.default_rng(1)
    p = rng.random((6, 500))
    true = rng.random((6, 500)) < p**2
    apart = measure_reliability([count_bins(*pair) for pair in zip(p, true, strict=True)], n_resamples=200)
    together = measure_reliability([count_bins(p.ravel(), true.ravel())], n_resamples=200)
    assert apart.ece.figure.value == pytest.approx(together.ece.figure.value)
    assert apart.ece.interval is not None
    assert apart.ece.interval.low < apart.ece.figure.value < apart.ece.interval.high
    assert together.ece.interval is None


def test_beats_without_a_probability_are_left_out() -> None:
    found = measure_reliability([count_bins([np.nan, 1.0, 0.0], [True, True, False])], n_resamples=0)
    assert found.n_beats == 2
    assert found.ece.figure.value == 0


def test_without_a_beat_there_is_a_reason() -> None:
    found = measure_reliability([count_bins([], [])], n_resamples=0)
    assert math.isnan(found.ece.figure.value)
    assert found.ece.figure.reason == "no beat with a probability"
    assert found.to_dict()["bins"][0] == {
        "from": 0.0,
        "to": 1 / 15,
        "n_beats": 0,
        "mean_probability": None,
        "share": None,
    }


@pytest.mark.parametrize(
    ("probability", "sentence"),
    [([0.2, 1.5], "must lie between 0 and 1; got 0.2 to 1.5"), ([0.2], "must be one a beat")],
)
def test_what_is_no_probability_is_refused(probability: list[float], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        count_bins(probability, [True, False])
