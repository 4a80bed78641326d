"""The named segments of a beat's window, and how much of an attribution lies on each."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens.explain.delineation import WAVES, Delineation
from beatlens.explain.players import Players

SEGMENTS: Final = ("before", "P", "PR", "QRS", "ST", "T", "after")
"""In the order of time. Without a P wave, all that precedes the QRS is ``before``; without a T wave, all that follows it is
``after``: what was not found is not named."""


def label_segments(
    delineation: Delineation, r_samples: npt.NDArray[np.integer], *, before: int, n_samples: int
) -> npt.NDArray[np.int32]:
    """Return the segment of each sample of each beat's window.

    Parameters
    ----------
    delineation : Delineation
        Marks of the beats, in samples of the recording.
    r_samples : ndarray of int, shape (n_beats,)
        R peaks, in samples of the recording.
    before, n_samples : int
        The window is ``[r - before, r - before + n_samples)``.

    Returns
    -------
    ndarray of int32, shape (n_beats, n_samples)
        Places in `SEGMENTS`.
    """
    time = np.asarray(r_samples)[:, None] - before + np.arange(n_samples)
    p, qrs, t = (delineation.wave(name)[:, :, None] for name in WAVES)
    ids = np.where(time < qrs[:, 0], SEGMENTS.index("before"), SEGMENTS.index("after"))
    ids[(time >= qrs[:, 0]) & (time <= qrs[:, 2])] = SEGMENTS.index("QRS")
    ids[(time >= p[:, 0]) & (time <= p[:, 2])] = SEGMENTS.index("P")
    ids[(time > p[:, 2]) & (time < qrs[:, 0])] = SEGMENTS.index("PR")
    ids[(time > qrs[:, 2]) & (time < t[:, 0])] = SEGMENTS.index("ST")
    ids[(time >= t[:, 0]) & (time <= t[:, 2])] = SEGMENTS.index("T")
    return ids.astype(np.int32)


def segment_spans(ids: npt.NDArray[np.int32], times_ms: npt.NDArray[np.floating]) -> dict[str, tuple[float, float]]:
    """Return when each segment of one beat begins and ends, in ms from the R peak; only those that its window holds."""
    spans = {}
    for place, name in enumerate(SEGMENTS):
        inside = np.flatnonzero(ids == place)
        if len(inside):
            spans[name] = (float(times_ms[inside[0]]), float(times_ms[inside[-1]]))
    return spans


def segment_players(name: str, ids: npt.NDArray[np.int32], n_leads: int | None = None) -> Players:
    """Return the segments as the players of Shapley values for a time input called ``name``.

    Parameters
    ----------
    name : str
        The input.
    ids : ndarray of int32, shape (n_beats, n_samples)
        From `label_segments`.
    n_leads : int, optional
        Length of the input's last axis, where it has one: the leads play together.
    """
    full = ids if n_leads is None else np.repeat(ids[:, :, None], n_leads, axis=2)
    return Players(SEGMENTS, {name: full})


def share_segments(
    attribution: npt.NDArray[np.floating], ids: npt.NDArray[np.int32], *, evidence: bool
) -> npt.NDArray[np.float64]:
    """Return the part of the attribution that lies on each segment.

    Parameters
    ----------
    attribution : ndarray of shape (n_beats, n_samples) or (n_beats, n_samples, n_leads)
        Signed.
    ids : ndarray of int32, shape (n_beats, n_samples)
        From `label_segments`.
    evidence : bool
        True for methods whose values are shares of the logit: they are summed with their sign, and a segment that speaks
        against the class has a negative part. False for slopes, of which the size counts.

    Returns
    -------
    ndarray of float64, shape (n_beats, 7)
        One column for each of `SEGMENTS`. The sizes of a row add up to 1; NaN where the attribution is 0 everywhere.
    """
    values = np.asarray(attribution, np.float64).reshape(*ids.shape, -1)
    per_sample = values.sum(axis=2) if evidence else np.abs(values).sum(axis=2)
    sums = np.stack([np.where(ids == k, per_sample, 0).sum(axis=1) for k in range(len(SEGMENTS))], axis=1)
    total = np.abs(sums).sum(axis=1, keepdims=True)
    shares: npt.NDArray[np.float64] = np.divide(sums, total, out=np.full_like(sums, np.nan), where=total > 0)
    return shares
