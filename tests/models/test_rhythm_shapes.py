"""Beats of one shape agree on V, and on nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from beatlens.beats.morphology import AFTER, BEFORE, QRS, likeness
from beatlens.models.rhythm_network import CLASSES
from beatlens.models.rhythm_shapes import hear_like_beats

N_SAMPLES = BEFORE + AFTER
V = CLASSES.index("V")


def shapes(kinds, rng, n_leads: int = 2) -> np.ndarray:
    """Complexes of a few kinds, unlike each other, with a little noise."""
    at = np.arange(N_SAMPLES)[:, None]
    waves = {0: np.exp(-(((at - BEFORE) / 3) ** 2)), 1: -np.sin((at - BEFORE) / 6) * np.exp(-(((at - BEFORE) / 12) ** 2))}
    windows = np.stack([np.repeat(waves[kind], n_leads, axis=1) for kind in kinds])
    return (windows + 0.01 * rng.normal(size=windows.shape)).astype(np.float32)


def odds(logits: np.ndarray) -> np.ndarray:
    p = softmax(logits, axis=1)[:, V]
    return np.log(p / (1 - p))


@pytest.mark.parametrize("n_beats", [2, 9, 150])
def test_log_odds_of_v_move_towards_those_of_the_shape(n_beats) -> None:
    rng = np.random.default_rng(n_beats)
    kinds = rng.integers(0, 2, n_beats)
    logits = rng.normal(size=(n_beats, 4)) * 3
    heard = hear_like_beats(logits, shapes(kinds, rng))
    before = odds(logits)
    mean = np.array([before[kinds == kind].mean() for kind in kinds])
    np.testing.assert_allclose(odds(heard), 0.4 * before + 0.6 * mean, atol=1e-9)


def test_the_other_classes_keep_their_proportions() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(40, 4)) * 3
    heard = hear_like_beats(logits, shapes(rng.integers(0, 2, 40), rng))
    others = np.delete(np.arange(4), V)
    np.testing.assert_array_equal(heard[:, others], logits[:, others])


def test_a_beat_that_is_called_otherwise_than_its_shape_is_outvoted() -> None:
    rng = np.random.default_rng(1)
    logits = np.tile([4.0, 0.0, -2.0, 0.0], (30, 1))
    logits[7] = [0.0, 0.0, 2.0, 0.0]
    assert hear_like_beats(logits, shapes([0] * 30, rng)).argmax(axis=1).tolist() == [0] * 30
    assert hear_like_beats(logits, shapes([0] * 7 + [1] + [0] * 22, rng)).argmax(axis=1)[7] == V


@pytest.mark.parametrize(("noise", "hears"), [(0.7, True), (1.0, False)])
def test_a_beat_that_noise_has_made_unlike_its_shape_hears_the_nearest(noise, hears) -> None:
    rng = np.random.default_rng(5)
    windows = shapes([0] * 30 + [1] * 30, rng)
    complexes = windows[:, QRS]
    wave = np.resize([1.0, -1.0], complexes.shape[1])[:, None] * noise * complexes[0].std()
    complexes[0] += wave.astype(np.float32)  # a view of the windows
    found = likeness(complexes.reshape(60, -1)[:1], complexes.reshape(60, -1))[0, 1:30]
    assert (found > 0.8).tolist() == [hears] * 29
    assert found.max() < 0.9
    logits = np.tile([2.0, 0.0, -2.0, 0.0], (60, 1))
    logits[0] = [0.0, 0.0, 2.0, 0.0]
    before, heard = odds(logits), odds(hear_like_beats(logits, windows))
    mean = (before[0] + 9 * before[1]) / 10 if hears else before[0]
    assert heard[0] == pytest.approx(0.4 * before[0] + 0.6 * mean)
    np.testing.assert_allclose(heard[1:], before[1:], atol=1e-9)  # who are many hear their own shape alone


def test_the_order_of_the_beats_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    logits, windows = rng.normal(size=(80, 4)), shapes(rng.integers(0, 2, 80), rng)
    order = rng.permutation(80)
    np.testing.assert_allclose(
        hear_like_beats(logits[order], windows[order]), hear_like_beats(logits, windows)[order], atol=1e-12
    )


def test_a_beat_alone_and_flat_ones_stay_as_they_are() -> None:
    rng = np.random.default_rng(3)
    one = rng.normal(size=(1, 4))
    np.testing.assert_allclose(hear_like_beats(one, shapes([0], rng)), one, atol=1e-12)
    three, flat = rng.normal(size=(3, 4)), np.zeros((3, N_SAMPLES, 1), np.float32)
    np.testing.assert_allclose(hear_like_beats(three, flat), three, atol=1e-12)
    assert hear_like_beats(np.zeros((0, 4)), flat[:0]).shape == (0, 4)


def test_only_the_complex_is_compared() -> None:
    rng = np.random.default_rng(4)
    logits, windows = rng.normal(size=(12, 4)), shapes([0] * 12, rng)
    moved = windows.copy()
    moved[:, QRS.stop :] += rng.normal(size=moved[:, QRS.stop :].shape).astype(np.float32)
    np.testing.assert_array_equal(hear_like_beats(logits, windows), hear_like_beats(logits, moved))
