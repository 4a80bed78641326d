"""Measures of shape, beside the same written out plainly."""

from __future__ import annotations

import numpy as np
import pytest

from beatlens.beats.morphology import QRS, SHIFT_REACH
from beatlens.beats.shape_measures import choose_fit, corr_rows, pair_fits, shifted_corr, take_fit


@pytest.mark.parametrize("n_leads", [1, 2])
def test_shifted_corr_is_the_best_of_the_correlations_at_each_shift(n_leads) -> None:
    rng = np.random.default_rng(n_leads)
    w, template = rng.normal(size=(30, 112, n_leads)).astype(np.float32) + 3, rng.normal(size=(112, n_leads)).astype(np.float32)
    shifts = range(-SHIFT_REACH, SHIFT_REACH + 1)
    usual = template[QRS].reshape(-1)
    each = [corr_rows(w[:, QRS.start + s : QRS.stop + s].reshape(30, -1), usual) for s in shifts]
    np.testing.assert_allclose(shifted_corr(w, template, QRS), np.max(each, axis=0), atol=1e-5)


def test_a_flat_beat_correlates_with_nothing() -> None:
    w = np.full((3, 112, 2), 0.7, np.float32)
    found = shifted_corr(w, np.random.default_rng(0).normal(size=(112, 2)), QRS)
    np.testing.assert_allclose(found, 0, atol=1e-6)


def test_pair_fits_are_those_of_least_squares() -> None:
    rng = np.random.default_rng(1)
    y, first, seconds = rng.normal(size=(20, 64)), rng.normal(size=64), rng.normal(size=(3, 64))
    fits = pair_fits(y, first, seconds)
    for k, second in enumerate(seconds):
        weights, rest, *_ = np.linalg.lstsq(np.stack([first, second], axis=1), y.T, rcond=None)
        np.testing.assert_allclose(fits.weights[k], weights, atol=1e-9)
        np.testing.assert_allclose(fits.rest[k] * (y**2).sum(axis=1), rest, rtol=1e-5)
        _, alone, *_ = np.linalg.lstsq(second[:, None], y.T, rcond=None)
        np.testing.assert_allclose(fits.second_alone[k] * (y**2).sum(axis=1), alone, rtol=1e-5)
    _, alone, *_ = np.linalg.lstsq(first[:, None], y.T, rcond=None)
    np.testing.assert_allclose(fits.first_alone * (y**2).sum(axis=1), alone, rtol=1e-5)


def test_two_shapes_that_differ_in_size_only_share_the_fit() -> None:
    first = np.sin(np.arange(64.0))
    fits = pair_fits(2 * first[None], first, 3 * first[None])
    assert np.isfinite(fits.weights).all()
    np.testing.assert_allclose(fits.rest, 0, atol=1e-9)
    np.testing.assert_allclose(fits.weights[0, 0] + 3 * fits.weights[0, 1], 2, atol=1e-6)


def test_the_best_fit_is_taken_where_it_helps_and_is_allowed() -> None:
    first, second = np.eye(2)
    y = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    fits = pair_fits(y, first, second[None])
    best = choose_fit(fits, np.array([[True, True, False]]))
    assert best[1:].tolist() == [0, -1]
    assert take_fit(best, fits.first_weight, fits.weights[:, 1]).tolist() == pytest.approx([0, 1, 0], abs=1e-5)


def test_without_a_second_shape_the_first_stands_alone() -> None:
    y = np.random.default_rng(2).normal(size=(5, 8))
    fits = pair_fits(y, np.ones(8), np.zeros((0, 8)))
    best = choose_fit(fits, np.zeros((0, 5), bool))
    assert best.tolist() == [-1] * 5
    np.testing.assert_array_equal(take_fit(best, fits.first_alone, fits.rest), fits.first_alone)
