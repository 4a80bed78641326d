"""Whether two recordings are one, whatever they are called: by their files, and by the rhythm of their annotated beats.

A name says little: many hospitals have a record 100. A copy of MIT-BIH's 100 in another format or at another rate keeps its
beats; so the run of intervals where a recording is most irregular is looked for in the other one.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens.databases import mitdb
from beatlens.databases.fetch import expected_sums
from beatlens.errors import BeatlensError
from beatlens.labels import BEAT_SYMBOLS
from beatlens.records.wfdb_format import read_annotations

N_INTERVALS: Final = 24
"""Intervals of a print."""
TOLERANCE_MS: Final = 12.0
"""What another sampling rate may move an interval by."""
LEAST_SPREAD_MS: Final = 15.0
"""Standard deviation below which a run of intervals says nothing: a pacemaker beats alike in everyone."""

Intervals = tuple[int, ...]


def print_of(times_s: npt.NDArray[np.floating]) -> Intervals:
    """Return the intervals in ms of the most irregular run of 24; empty where there is none that tells recordings apart.

    Parameters
    ----------
    times_s : ndarray of shape (n_beats,)
        When the beats are, in seconds.
    """
    intervals = np.diff(np.asarray(times_s, np.float64)) * 1000
    if len(intervals) < N_INTERVALS:
        return ()
    runs = np.lib.stride_tricks.sliding_window_view(np.minimum(intervals, 2500), N_INTERVALS)
    spread = runs.std(axis=1)
    best = int(spread.argmax())
    if spread[best] < LEAST_SPREAD_MS:
        return ()
    return tuple(int(value) for value in np.round(intervals[best : best + N_INTERVALS]))


def has_print(times_s: npt.NDArray[np.floating], wanted: Intervals) -> bool:
    """Return whether a recording with beats at ``times_s`` (seconds) holds a run of intervals of another one."""
    intervals = np.diff(np.asarray(times_s, np.float64)) * 1000
    if not wanted or len(intervals) < len(wanted):
        return False
    # one row a place: first few intervals only, then all of them at the few places that are left
    places = np.arange(len(intervals) - len(wanted) + 1)
    for at, value in enumerate(wanted):
        places = places[np.abs(intervals[places + at] - value) <= TOLERANCE_MS]
    return bool(len(places))


def find_mitdb_record(files: dict[str, str], times_s: npt.NDArray[np.floating]) -> str | None:
    """Return which record of the MIT-BIH Arrhythmia Database a recording is; None if it is none.

    Parameters
    ----------
    files : dict of str to str
        SHA-256 of its signal files and its annotation file.
    times_s : ndarray of shape (n_beats,)
        When its beats are, in seconds; looked for in the database if that is at hand.
    """
    names = {digest: Path(name).stem for name, digest in expected_sums().items() if not name.endswith(".hea")}
    by_file = next((names[digest] for digest in files.values() if digest in names), None)
    if by_file is not None:
        return by_file
    wanted = print_of(times_s)
    return next((name for name, theirs in _mitdb_beats().items() if has_print(theirs, wanted)), None) if wanted else None


def mitdb_beats(name: str, folder: Path) -> npt.NDArray[np.float64]:
    """Return when the beats of a record of the database are, in seconds."""
    marks = read_annotations(folder / name, "atr")
    return np.asarray(marks.samples[np.isin(marks.symbols, list(BEAT_SYMBOLS))] / 360.0)


@cache
def _mitdb_beats() -> dict[str, npt.NDArray[np.float64]]:
    try:
        folder = mitdb.find_database()
    except BeatlensError:  # not at hand: files alone decide
        return {}
    return {name: mitdb_beats(name, folder) for name in mitdb.RECORDS}
