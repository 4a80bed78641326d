"""Masks, resampling and filters: nothing moves, gaps stay gaps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal as dsp

from beatlens.beats.signals import (
    check_signal,
    fill_gaps,
    filter_both_ways,
    find_flat,
    find_masks,
    find_polarity,
    find_saturated,
    remove_baseline,
    remove_mains,
    resample,
)
from beatlens.errors import SignalError


def long_runs(values: list[float], length: int) -> list[bool]:
    """Return, the slow way, which values stand in a run of at least so many equal ones."""
    mask, i = [], 0
    while i < len(values):
        j = i
        while j < len(values) and values[j] == values[i]:
            j += 1
        mask += [j - i >= length] * (j - i)
        i = j
    return mask


@given(
    runs=st.lists(st.tuples(st.sampled_from([0.0, 1.0, 2.0]), st.integers(1, 14)), min_size=1, max_size=30),
    length=st.integers(4, 13),
)
def test_flat_parts_are_the_long_runs(runs: list[tuple[float, int]], length: int) -> None:
    """Whatever their place and length."""
    values = [value for value, n in runs for _ in range(n)]
    assert find_flat(np.array(values), 1.0, min_s=length).tolist() == long_runs(values, length)


def test_saturation_is_at_the_ends_of_the_range_only() -> None:
    """A plateau in the middle of the range is none, a single sample at the end neither."""
    values = np.concatenate([np.linspace(-1, 1, 50), np.ones(30), np.full(30, 0.5), [-1.0], np.full(20, -0.2), [-1.0] * 25])
    found = find_saturated(values, 360)
    assert np.flatnonzero(found).tolist() == [*range(49, 80), *range(131, 156)]


def test_masks_say_what_is_wrong_with_each_lead() -> None:
    """A gap, a flat part and a saturated one, each in its own lead and mask."""
    rng = np.random.default_rng(0)
    signal = rng.standard_normal((2000, 3))
    signal[100:200, 0] = np.nan
    signal[300:700, 1] = 0.25
    signal[800:860, 2] = 9.0
    masks = find_masks(signal, 360)
    assert np.flatnonzero(masks.gap.any(axis=1)).tolist() == list(range(100, 200))
    assert masks.flat.sum(axis=0).tolist() == [0, 400, 0]
    assert masks.saturated[800:860, 2].all()
    assert masks.usable.sum() == 3 * 2000 - 100 - 400 - 60


@pytest.mark.parametrize(("fs", "new_fs"), [(360, 250), (250, 360), (360, 128), (257.03, 360), (1000, 100)])
def test_resampling_keeps_waves_in_their_place(make_ecg: Callable[..., Any], fs: float, new_fs: float) -> None:
    """An ECG brought to another rate is the ECG built at that rate."""
    times = np.arange(0.5, 9.5, 0.75)
    made = resample(make_ecg(times, 10, fs) + 5.0, fs, new_fs)
    expected = make_ecg(times, 10, new_fs) + 5.0
    assert len(made) == int(np.ceil(round(10 * fs) * new_fs / fs - 1e-6))
    n = min(len(made), len(expected))
    assert np.abs(made[:n] - expected[:n]).max() < 0.12  # the noise of both, and what 100 Hz cannot carry


def test_resampling_carries_gaps() -> None:
    """A gap lies at the same time, and nothing beside it is lost."""
    signal = np.sin(np.arange(3600) / 30)[:, None].repeat(2, axis=1)
    signal[1000:1360, 1] = np.nan
    made = resample(signal, 360, 180)
    assert np.flatnonzero(np.isnan(made[:, 1])).tolist() == list(range(500, 680))
    assert not np.isnan(made[:, 0]).any()


def test_the_baseline_filter_removes_wander_and_moves_nothing(regular_ecg: Any) -> None:
    """Slow drift is gone, R peaks keep their place and height, gaps stay."""
    ecg, times = regular_ecg
    t = np.arange(len(ecg)) / 360
    filtered = remove_baseline(ecg + 2 * np.sin(2 * np.pi * 0.1 * t), 360)
    plain = remove_baseline(ecg, 360)
    inner = slice(1800, -1800)
    assert np.abs(filtered - plain)[inner].max() < 0.1
    peaks = (times * 360).round().astype(int)[8:-8]
    offsets = [int(np.argmax(filtered[p - 20 : p + 21])) - 20 for p in peaks]
    assert np.abs(offsets).max() <= 1
    gappy = ecg.copy()
    gappy[5000:6000] = np.nan
    assert np.flatnonzero(np.isnan(remove_baseline(gappy, 360))).tolist() == list(range(5000, 6000))


@pytest.mark.parametrize("mains", [50.0, 60.0])
def test_the_mains_filter_removes_hum(regular_ecg: Any, mains: float) -> None:
    """The tone and its first multiple fall by 30 dB, the ECG stays."""
    ecg, _ = regular_ecg
    t = np.arange(len(ecg)) / 360
    hum = 0.2 * np.sin(2 * np.pi * mains * t) + 0.1 * np.sin(2 * np.pi * 2 * mains * t)
    left = (remove_mains(ecg + hum, 360, mains_hz=mains) - remove_mains(ecg, 360, mains_hz=mains))[1000:-1000]
    assert left.std() < hum.std() / 30
    assert np.abs(remove_mains(ecg, 360, mains_hz=mains) - ecg).std() < 0.05


def test_polarity_is_that_of_the_qrs_complexes(regular_ecg: Any) -> None:
    """Not of the T waves, and it turns with the lead."""
    ecg, times = regular_ecg
    peaks = (times * 360).round().astype(int)
    assert find_polarity(ecg, 360, peaks) == 1
    assert find_polarity(-ecg, 360, peaks) == -1


def test_gaps_are_bridged_by_lines() -> None:
    """Infinite values count as missing; ends are held."""
    values = np.array([np.nan, 1.0, np.inf, 3.0, np.nan])
    assert fill_gaps(values).tolist() == [1.0, 1.0, 2.0, 3.0, 3.0]
    assert fill_gaps(np.full(3, np.nan)).tolist() == [0.0, 0.0, 0.0]


def test_a_large_offset_does_not_cost_resolution() -> None:
    """A small ECG on an offset of ten million keeps its shape in float32."""
    wave = np.sin(np.arange(3600) / 20)
    checked = check_signal(wave + 1e7, 360)
    assert np.abs(np.diff(checked[:, 0]) - np.diff(wave)).max() < 1e-4


@pytest.mark.parametrize(("fs", "new_fs"), [(0, 360), (360, -1), (np.nan, 360)])
def test_a_rate_that_is_none_is_refused(fs: float, new_fs: float) -> None:
    """By name."""
    with pytest.raises(SignalError, match="'fs' and 'new_fs' must be positive"):
        resample(np.zeros(1000), fs, new_fs)


@pytest.mark.parametrize("n", [16, 17, 500, 65536 + 40, 2 * 65536])
@pytest.mark.parametrize("band", [(1.5, 28.0), (4.0, 20.0), 25.0])
def test_filtering_in_pieces_is_scipys_filter(n: int, band: Any) -> None:
    """Piece by piece, both ways, the result is that of filtering all at once, to the last bit."""
    sos = dsp.butter(2, band, "highpass" if band == 25.0 else "bandpass", fs=120.0, output="sos")
    values = np.random.default_rng(4).normal(size=n).cumsum().astype(np.float32)
    assert np.array_equal(filter_both_ways(values, sos), dsp.sosfiltfilt(sos, values).astype(np.float32))
