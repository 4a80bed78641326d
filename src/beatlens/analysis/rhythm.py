"""Heart rate, intervals and ectopy of a recording, from the times and classes of its beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens.analysis.settings import Settings

Times = npt.NDArray[np.floating]
Classes = npt.NDArray[np.str_]

NORMAL: Final = frozenset({"N", "normal"})
NOT_ECTOPIC: Final = NORMAL | {"Q", ""}


@dataclass(frozen=True)
class Event:
    """Something in the rhythm that a reader will want to see.

    Parameters
    ----------
    kind : str
        ``"pause"``, ``"couplet"``, ``"run"`` or ``"bigeminy"``.
    beat_class : str
        Class of the ectopic beats; empty for a pause.
    first_beat, last_beat : int
        Its first and last beat, as places in the table of beats.
    start_s, end_s : float
        Times of these two beats in seconds.
    n_beats : int
        Ectopic beats in it; 0 for a pause.
    rate_bpm : float or None
        Mean rate within a couplet or run, in beats per minute.
    """

    kind: str
    beat_class: str
    first_beat: int
    last_beat: int
    start_s: float
    end_s: float
    n_beats: int
    rate_bpm: float | None


@dataclass(frozen=True)
class HeartRate:
    """Heart rate in beats per minute; None where there are too few beats.

    Parameters
    ----------
    mean, lowest, highest : float or None
        Over all intervals, and the extremes of means over some intervals in a row (``Settings.rate_beats``).
    lowest_at_s, highest_at_s : float or None
        When those were reached, in seconds.
    """

    mean: float | None
    lowest: float | None
    highest: float | None
    lowest_at_s: float | None
    highest_at_s: float | None


@dataclass(frozen=True)
class Intervals:
    """Intervals between beats in ms; None where there are too few.

    Parameters
    ----------
    shortest_ms, longest_ms : float or None
        Of all intervals.
    n_normal : int
        Intervals between two normal beats.
    mean_normal_ms, sdnn_ms, rmssd_ms, pnn50_percent : float or None
        Mean, standard deviation, root mean square of successive differences, and share of differences above 50 ms, of these
        (Task Force of the ESC and NASPE, Circulation 93:1043-1065, 1996).
    """

    shortest_ms: float | None
    longest_ms: float | None
    n_normal: int
    mean_normal_ms: float | None
    sdnn_ms: float | None
    rmssd_ms: float | None
    pnn50_percent: float | None


def beat_intervals(times_s: Times, unreadable: Sequence[tuple[float, float]] = ()) -> npt.NDArray[np.float64]:
    """Return the interval before each beat in seconds: NaN before the first one, and where the signal could not be read.

    Parameters
    ----------
    times_s : ndarray of shape (n_beats,)
        Increasing, in seconds.
    unreadable : sequence of (float, float)
        Start and end, in seconds, of the parts that could not be read, in the order of time.
    """
    times = np.asarray(times_s, dtype=np.float64)
    intervals = np.full(len(times), np.nan)
    intervals[1:] = np.diff(times)
    if unreadable and len(times):
        starts, ends = np.array(unreadable, dtype=np.float64).T
        # An interval is cut by a part that starts before its end and has not ended at its beginning.
        begun = np.searchsorted(starts, times[1:], side="left")
        over = np.searchsorted(ends, times[:-1], side="right")
        intervals[1:][begun > over] = np.nan
    return intervals


def measure_heart_rate(times_s: Times, rr_s: Times, *, beats: int = 8) -> HeartRate:
    """Measure the mean heart rate, and its extremes over ``beats`` intervals in a row (or all, if there are fewer)."""
    valid = rr_s[np.isfinite(rr_s)]
    if not valid.size:
        return HeartRate(None, None, None, None, None)
    rates, ends = moving_rate(rr_s, min(beats, valid.size))
    if not rates.size:  # every stretch of readable signal is shorter than that
        rates, ends = moving_rate(rr_s, 1)
    low, high = int(np.argmin(rates)), int(np.argmax(rates))
    return HeartRate(
        mean=float(60 / valid.mean()),
        lowest=float(rates[low]),
        highest=float(rates[high]),
        lowest_at_s=float(times_s[ends[low]]),
        highest_at_s=float(times_s[ends[high]]),
    )


def moving_rate(rr_s: Times, beats: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return the rate in beats per minute over every ``beats`` valid intervals in a row, and the beat that ends each."""
    if len(rr_s) < beats:
        return np.zeros(0), np.zeros(0, np.int64)
    total = np.lib.stride_tricks.sliding_window_view(np.asarray(rr_s, np.float64), beats).sum(axis=1)
    kept = np.flatnonzero(np.isfinite(total))
    return 60 * beats / total[kept], kept + beats - 1


def measure_intervals(rr_s: Times, classes: Classes) -> Intervals:
    """Measure the intervals of all beats, and the variability of those between normal ones."""
    finite = np.isfinite(rr_s)
    valid = rr_s[finite]
    normal = np.isin(classes, list(NORMAL))
    between = finite & normal & np.concatenate([[False], normal[:-1]])[: len(normal)]
    nn = 1000 * rr_s[between]
    # Differences are taken between neighbouring intervals only, never across a gap or an ectopic beat.
    steps = np.diff(1000 * rr_s)[between[1:] & between[:-1]] if len(rr_s) > 1 else np.zeros(0)
    return Intervals(
        shortest_ms=float(1000 * valid.min()) if valid.size else None,
        longest_ms=float(1000 * valid.max()) if valid.size else None,
        n_normal=int(nn.size),
        mean_normal_ms=float(nn.mean()) if nn.size else None,
        sdnn_ms=float(nn.std(ddof=1)) if nn.size > 1 else None,
        rmssd_ms=float(np.sqrt((steps**2).mean())) if steps.size else None,
        pnn50_percent=float(100 * (np.abs(steps) > 50).mean()) if steps.size else None,
    )


def find_events(times_s: Times, rr_s: Times, classes: Classes, settings: Settings) -> tuple[Event, ...]:
    """Find pauses, couplets, runs and bigeminy.

    Parameters
    ----------
    times_s, rr_s : ndarray of shape (n_beats,)
        Time of each beat, and the interval before it (NaN where it is not known), in seconds.
    classes : ndarray of str, shape (n_beats,)
        Class of each beat, empty where it was not judged.
    settings : Settings
        What counts as what.

    Returns
    -------
    tuple of Event
        In the order of time.
    """
    events = [_event("pause", "", i - 1, i, times_s, 0) for i in np.flatnonzero(rr_s >= settings.pause_s).tolist()]
    linked = np.isfinite(rr_s)
    for name in sorted(set(classes.tolist()) - NOT_ECTOPIC):
        ectopic = classes == name
        for first, last in _stretches(ectopic, linked[1:] & ectopic[1:] & ectopic[:-1]):
            n = last - first + 1
            if n >= 2:
                events.append(_event("run" if n >= settings.run_beats else "couplet", name, first, last, times_s, n))
        events += _bigeminy(name, ectopic, np.isin(classes, list(NORMAL)), linked, times_s, settings.bigeminy_beats)
    return tuple(sorted(events, key=lambda event: (event.start_s, event.kind)))


def _bigeminy(
    name: str,
    ectopic: npt.NDArray[np.bool_],
    normal: npt.NDArray[np.bool_],
    linked: npt.NDArray[np.bool_],
    times_s: Times,
    at_least: int,
) -> list[Event]:
    either = ectopic | normal
    alternates = linked[1:] & either[1:] & either[:-1] & (ectopic[1:] != ectopic[:-1])
    events = []
    for first, last in _stretches(either, alternates):
        if last - first < 2 * (at_least - 1):
            continue  # every other beat is ectopic
        places = first + np.flatnonzero(ectopic[first : last + 1])
        if len(places) >= at_least:
            events.append(_event("bigeminy", name, int(places[0]), int(places[-1]), times_s, len(places)))
    return events


def _stretches(member: npt.NDArray[np.bool_], joined: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the first and last place of every maximal stretch of members that are joined, each to the next."""
    if not len(member):
        return []
    starts = np.flatnonzero(member & ~np.concatenate([[False], joined]))
    ends = np.flatnonzero(member & ~np.concatenate([joined, [False]]))
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def _event(kind: str, name: str, first: int, last: int, times_s: Times, n: int) -> Event:
    start, end = float(times_s[first]), float(times_s[last])
    rate = 60 * (last - first) / (end - start) if kind in {"couplet", "run"} and end > start else None
    return Event(kind, name, first, last, start, end, n, rate)
