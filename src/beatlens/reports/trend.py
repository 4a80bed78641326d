"""Heart rate, ectopy and quality over the length of a recording, in equal steps of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens.analysis.result import Analysis
from beatlens.analysis.rhythm import NORMAL, moving_rate

STEPS_S: Final = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
MOST_STEPS: Final = 300
SMOOTHED_OVER: Final = 4
"""Each rate is a mean over this many intervals in a row."""


@dataclass(frozen=True, eq=False)
class Trend:
    """One entry a step of time.

    Parameters
    ----------
    step_s : float
        Length of a step in seconds.
    starts_s : ndarray of shape (n_steps,)
        When each begins.
    rate, lowest, highest : ndarray of shape (n_steps,)
        Median, lowest and highest heart rate in beats per minute; NaN where there was none.
    counts : dict of str to ndarray of int, shape (n_steps,)
        Beats of each class that is not normal.
    unreadable : ndarray of shape (n_steps,)
        Share of each step that could not be read, from 0 to 1.
    """

    step_s: float
    starts_s: npt.NDArray[np.float64]
    rate: npt.NDArray[np.float64]
    lowest: npt.NDArray[np.float64]
    highest: npt.NDArray[np.float64]
    counts: dict[str, npt.NDArray[np.int64]]
    unreadable: npt.NDArray[np.float64]


def measure_trend(analysis: Analysis) -> Trend:
    """Put an analysis into at most 300 equal steps of time."""
    duration = analysis.record.duration_s
    step = float(next((step for step in STEPS_S if duration / step <= MOST_STEPS), -(-duration // (MOST_STEPS * 3600)) * 3600))
    n_steps = max(1, int(np.ceil(duration / step)))
    starts: npt.NDArray[np.float64] = step * np.arange(n_steps, dtype=np.float64)
    times, classes = analysis.beats["time_s"].to_numpy(), analysis.beats["class"].to_numpy()
    rates, ends = moving_rate(analysis.beats["rr_s"].to_numpy(), SMOOTHED_OVER)
    parts = np.split(rates, np.searchsorted(times[ends], starts[1:]))
    rate, lowest, highest = (
        np.array([function(part) if part.size else np.nan for part in parts]) for function in (np.median, np.min, np.max)
    )
    place = np.minimum((times / step).astype(np.int64), n_steps - 1)
    counts = {
        name: np.bincount(place[classes == name], minlength=n_steps) for name in analysis.summary.counts if name not in NORMAL
    }
    unreadable = np.zeros(n_steps)
    for span in analysis.quality.spans:
        unreadable += np.clip(np.minimum(span.end_s, starts + step) - np.maximum(span.start_s, starts), 0, None)
    lengths = np.minimum(starts + step, duration) - starts
    return Trend(step, starts, rate, lowest, highest, counts, np.minimum(unreadable / lengths, 1))
