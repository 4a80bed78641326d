"""Windows around beats."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatlens.beats.windows import cut_windows, zscore
from beatlens.errors import SignalError


@pytest.mark.parametrize(
    ("r_sample", "fits"), [(2, True), (1, False), (7, True), (8, False)], ids=["first", "too early", "last", "too late"]
)
def test_a_window_counts_only_if_it_fits_inside_the_signal(r_sample: int, fits: bool) -> None:
    """The window is [r - before, r + after): its last sample is r + after - 1."""
    _, inside = cut_windows(np.arange(10.0), np.array([r_sample]), before=2, after=3)
    assert inside.tolist() == [fits]


def test_each_window_holds_the_samples_around_its_beat() -> None:
    """Two leads: the leads stay in the last axis."""
    signal = np.stack([np.arange(20.0), -np.arange(20.0)], axis=1)
    windows, _ = cut_windows(signal, np.array([5, 9]), before=2, after=2)
    assert windows.shape == (2, 4, 2)
    assert windows[:, :, 0].tolist() == [[3, 4, 5, 6], [7, 8, 9, 10]]
    assert (windows[:, :, 1] == -windows[:, :, 0]).all()


def test_no_beat_gives_no_window() -> None:
    """An empty result keeps the shape of a window."""
    windows, inside = cut_windows(np.zeros((10, 2)), np.zeros(0, np.int64), before=2, after=2)
    assert windows.shape == (0, 4, 2)
    assert inside.shape == (0,)


def test_an_empty_window_is_refused() -> None:
    """The sentence says what was asked for."""
    with pytest.raises(SignalError, match="at least one sample; got 0 and 0"):
        cut_windows(np.zeros(10), np.array([5]), before=0, after=0)


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100), st.floats(-50, 50))
def test_zscore_forgets_gain_and_offset(seed: int, gain: float, offset: float) -> None:
    """A window in other units gives the same input to the network."""
    windows = np.random.default_rng(seed).normal(size=(3, 180))
    np.testing.assert_allclose(zscore(windows), zscore(gain * windows + offset), atol=2e-3)


def test_zscore_of_a_flat_window_is_zero() -> None:
    """The floor under the standard deviation keeps it finite."""
    assert (zscore(np.full((1, 180), 3.0)) == 0).all()


def test_zscore_refuses_a_gap_and_says_where() -> None:
    """The first window with a NaN is named."""
    windows = np.zeros((3, 4))
    windows[1, 2] = np.nan
    with pytest.raises(SignalError, match=r"NaN or infinity in 1 of 3, first in window 1"):
        zscore(windows)
