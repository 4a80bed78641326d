"""What other beats each beat is like, and what it may be a blend of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from beatlens.beats.likeness_features import LIKENESS_FEATURES, _largest, likeness_features
from beatlens.beats.morphology import BEFORE, QRS, BeatShapes, group_beats

T = np.arange(-BEFORE, 64)
NORMAL = np.exp(-0.5 * (T / 1.6) ** 2) + 0.25 * np.exp(-0.5 * ((T - 36) / 5) ** 2)
WIDE = -1.6 * np.exp(-0.5 * ((T - 2) / 6) ** 2)


def shapes_of(rows: list[np.ndarray], *, n_leads: int = 2, noise: float = 0.01) -> BeatShapes:
    """Return beats of these shapes, the second lead smaller, as `describe_shapes` would."""
    rng = np.random.default_rng(2)
    windows = np.stack([np.stack([row * (1 - 0.3 * k) for k in range(n_leads)], axis=1) for row in rows])
    windows = (windows + rng.normal(0, noise, windows.shape)).astype(np.float32)
    groups = group_beats(windows[:, QRS])
    return BeatShapes(windows, np.median(windows[groups == 0], axis=0), groups, np.ones(windows.shape[2], np.float32))


def columns(shapes: BeatShapes, early: np.ndarray | None = None) -> dict[str, np.ndarray]:
    found = likeness_features(shapes, np.zeros(len(shapes.windows)) if early is None else early)
    return dict(zip(LIKENESS_FEATURES, found.T, strict=True))


@pytest.mark.parametrize("n_beats", [0, 1, 2, 3, 40])
@pytest.mark.parametrize("n_leads", [1, 2])
def test_any_number_of_beats_and_leads_gives_finite_columns(n_beats: int, n_leads: int) -> None:
    if not n_beats:
        empty = BeatShapes(
            np.zeros((0, 112, n_leads), np.float32),
            np.zeros((112, n_leads), np.float32),
            np.zeros(0, np.int64),
            np.ones(n_leads, np.float32),
        )
        assert likeness_features(empty, np.zeros(0)).shape == (0, len(LIKENESS_FEATURES))
        return
    found = likeness_features(shapes_of([NORMAL] * n_beats, n_leads=n_leads), np.zeros(n_beats))
    assert found.shape == (n_beats, len(LIKENESS_FEATURES))
    assert np.isfinite(found).all()


@pytest.mark.parametrize("n_fusions", [1, 8])
def test_a_blend_lies_between_the_two_it_is_made_of(n_fusions: int) -> None:
    """Both weights are positive for blends, whether one or a group of their own; an ectopic beat is no blend."""
    blend = 0.5 * NORMAL + 0.55 * WIDE
    found = columns(shapes_of([NORMAL] * 40 + [WIDE] * 10 + [blend] * n_fusions))
    blends, ectopic = slice(50, None), slice(40, 50)
    assert found["between_normal"][blends].min() > 0.3
    assert found["between_other"][blends].min() > 0.3
    assert found["between_residual"][blends].max() < 0.1
    between = (found["between_normal"] > 0.2) & (found["between_other"] > 0.2)
    assert not between[ectopic].any()
    assert not between[:40].any()


def test_the_prematurity_of_what_a_beat_is_like() -> None:
    """An ectopic beat that is on time is like beats that were early."""
    early = np.zeros(50)
    early[41:] = -0.4
    found = columns(shapes_of([NORMAL] * 40 + [WIDE] * 10), early)
    assert found["like_beats_prematurity"][40] == pytest.approx(-0.4, abs=1e-6)
    assert found["like_beats_prematurity"][:40].max() == 0
    assert found["like_beats_dominant"][:40].min() == 1


def test_a_beat_in_noise_is_like_no_other() -> None:
    shapes = shapes_of([NORMAL] * 40)
    windows = shapes.windows.copy()
    windows[7] += np.random.default_rng(0).normal(0, 0.6, windows[7].shape).astype(np.float32)
    found = columns(replace(shapes, windows=windows))
    assert int(found["like_beats_likeness"].argmin()) == 7
    assert int(found["rest_misfit"].argmax()) == 7


def test_one_clean_lead_is_enough() -> None:
    """A beat with one lead in noise still shows, in the other, that it is like the dominant beat."""
    shapes = shapes_of([NORMAL] * 40)
    windows = shapes.windows.copy()
    windows[7, :, 1] += np.random.default_rng(0).normal(0, 1, windows.shape[1]).astype(np.float32)
    found = columns(replace(shapes, windows=windows))
    assert found["best_lead_corr"][7] > 0.95
    assert found["best_lead_likeness"][7] > 0.9


@pytest.mark.parametrize("tied", [False, True])
def test_the_largest_of_each_row_are_found(tied: bool) -> None:
    values = np.random.default_rng(6).normal(size=(20, 50)).astype(np.float32)
    values = np.round(values) if tied else values
    found = _largest(values, 10)
    assert found.shape == (20, 10)
    assert all(len(set(row)) == 10 for row in found.tolist())
    np.testing.assert_array_equal(np.sort(np.take_along_axis(values, found, axis=1)), np.sort(values)[:, -10:])
