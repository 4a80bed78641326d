"""What the times of the beats say of each beat: its place in the rhythm.

Every feature is a logarithm of a ratio, a rank or a share, so that no unit and no patient's own rate dominates. Intervals
are compared with several neighbourhoods at once (a few beats, some forty, the whole recording, and the *long* intervals of
each), because a beat that is early for its recording may be the rule in a run, and the other way round.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens._rows import quantiles_of_rows
from beatlens.errors import SignalError

Array = npt.NDArray[np.float32]

RHYTHM_FEATURES: Final = (
    "pre_rr",
    "post_rr",
    "pre_to_local",
    "post_to_local",
    "pre_to_wide",
    "pre_to_record",
    "pre_to_previous",
    "post_to_pre",
    "pair_to_local",
    "pre_to_long_local",
    "pre_to_long_wide",
    "pre_to_long_record",
    "post_to_long_wide",
    "pre_rank_wide",
    "pre_rank_record",
    "irregularity_local",
    "irregularity_wide",
    "beats_since_long",
    "beats_until_long",
    "previous_to_local",
    "next_to_local",
    "long_to_median_wide",
)
"""Names of the columns of `rhythm_features`, in their order."""

MIN_RR_S: Final = 0.15
MAX_RR_S: Final = 4.0
LOCAL_HALF: Final = 5
WIDE_HALF: Final = 60
LONG_STEP: Final = 1.25
"""An interval counts as long, beside another, from this ratio on."""
SAME: Final = 0.01
"""Log intervals nearer than this share a rank: ties must not be settled by rounding."""
RUN_CAP: Final = 64
"""Distances in beats are counted up to this number."""


def neighbour_index(n_beats: int, half: int) -> npt.NDArray[np.intp]:
    """Return, for each beat, the numbers of the beats in its neighbourhood.

    The neighbourhood has ``2 * half + 1`` beats (all of them in a shorter recording) and is pushed inwards at both ends, so
    that it never holds an invented beat.

    Returns
    -------
    ndarray of int, shape (n_beats, min(2 * half + 1, n_beats))
    """
    width = min(2 * half + 1, n_beats)
    starts = np.clip(np.arange(n_beats) - half, 0, n_beats - width)
    return starts[:, None] + np.arange(width)


def rr_intervals(times_s: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the interval before and after each beat, in seconds, limited to 0.15 to 4 s.

    The first beat has no interval before it and the last none after it: they are given the median interval, which says
    nothing. A recording of one beat is given 0.8 s.

    Parameters
    ----------
    times_s : ndarray of shape (n_beats,)
        Times of the R peaks in seconds, increasing.

    Raises
    ------
    SignalError
        If the times do not increase.
    """
    times = np.asarray(times_s, dtype=np.float64)
    steps = np.diff(times)
    if not (steps >= 0).all():
        raise SignalError(
            f"'times_s' must increase; got a step of {steps.min():.3f} s after beat {int(np.argmin(steps))}",
            hint="Sort the R peaks first.",
        )
    steps = np.clip(steps, MIN_RR_S, MAX_RR_S)
    usual = float(np.median(steps)) if len(steps) else 0.8
    return np.concatenate([[usual], steps])[: len(times)], np.concatenate([steps, [usual]])[: len(times)]


def rhythm_features(times_s: npt.NDArray[np.floating]) -> Array:
    """Describe the place of each beat in the rhythm.

    Parameters
    ----------
    times_s : ndarray of shape (n_beats,)
        Times of the R peaks in seconds, increasing.

    Returns
    -------
    ndarray of float32, shape (n_beats, len(RHYTHM_FEATURES))
        Finite for any number of beats. Natural logarithms of ratios for ``*_to_*``; of seconds for ``pre_rr`` and
        ``post_rr``; ranks from 0 to 1; ``irregularity_*`` is the median absolute change of the log interval from one beat to
        the next; ``beats_since_long`` and ``beats_until_long`` are ``log1p`` of the number of beats between this one and the
        last, or next, interval that is at least 1.25 times the one before this beat.

    Raises
    ------
    SignalError
        If the times do not increase.

    Notes
    -----
    Ratios to a local and to a record-wide interval follow de Chazal et al., IEEE Trans Biomed Eng 51(7):1196-1206 (2004). The
    long intervals (80th and 90th percentiles, and the distance to one) are there for recordings in which early beats are the
    majority, where every ratio to a median points the wrong way.
    """
    pre_s, post_s = rr_intervals(times_s)
    n = len(pre_s)
    if not n:
        return np.zeros((0, len(RHYTHM_FEATURES)), np.float32)
    pre, post = np.log(pre_s), np.log(post_s)
    local, wide = pre[neighbour_index(n, LOCAL_HALF)], pre[neighbour_index(n, WIDE_HALF)]
    local_median, long_local = quantiles_of_rows(local, 0.5, 0.8)
    wide_median, long_wide = quantiles_of_rows(wide, 0.5, 0.9)
    record_median = np.median(pre)
    previous, following = np.roll(pre, 1), np.roll(post, -1)
    previous[0], following[-1] = pre[0], post[-1]
    change = np.abs(pre - previous)
    ordered = np.sort(pre)
    columns = (
        pre,
        post,
        pre - local_median,
        post - local_median,
        pre - wide_median,
        pre - record_median,
        pre - previous,
        post - pre,
        np.log((pre_s + post_s) / 2) - local_median,
        pre - long_local,
        pre - long_wide,
        pre - np.quantile(pre, 0.9),
        post - long_wide,
        ((wide < pre[:, None] - SAME).mean(axis=1) + (wide < pre[:, None] + SAME).mean(axis=1)) / 2,
        (np.searchsorted(ordered, pre - SAME) + np.searchsorted(ordered, pre + SAME)) / (2 * n),
        *quantiles_of_rows(change[neighbour_index(n, LOCAL_HALF)], 0.5),
        *quantiles_of_rows(change[neighbour_index(n, WIDE_HALF)], 0.5),
        _beats_to_long(pre),
        _beats_to_long(np.concatenate([post[::-1], pre[:1]])[:-1], own=pre[::-1])[::-1],
        previous - local_median,
        following - local_median,
        long_wide - wide_median,
    )
    return np.stack(columns, axis=1).astype(np.float32)


def _beats_to_long(intervals: npt.NDArray[np.float64], own: npt.NDArray[np.float64] | None = None) -> npt.NDArray[np.float64]:
    """Return log1p of how many beats back the last interval lies that is long beside the beat's own, RUN_CAP at most."""
    own = intervals if own is None else own
    distance = np.full(len(own), float(RUN_CAP))
    for back in range(min(RUN_CAP, len(own)) - 1, -1, -1):
        long = intervals[: len(own) - back] - own[back:] > np.log(LONG_STEP)
        distance[back:][long] = back
    return np.asarray(np.log1p(distance))
