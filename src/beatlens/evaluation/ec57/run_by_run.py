"""Run-by-run comparison of two annotators, by the rules of WFDB's ``rxr``: couplets, short and long runs of ectopic beats."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from beatlens.evaluation.ec57.ratio import Ratio
from beatlens.evaluation.ec57.streams import is_shutdown_mark
from beatlens.evaluation.ec57.validation import check_annotations
from beatlens.labels import AAMI_OF_SYMBOL
from beatlens.records import Annotations

Kind = Literal["ventricular", "supraventricular"]

RUN_LENGTHS: Final = {"couplet": (2, 2), "short": (3, 5), "long": (6, 6)}
"""Shortest and longest run of each sort; lengths are counted up to 6, so that 6 stands for 6 or more."""

_CAP = 6
_MARGIN_S = 0.15


@dataclass(frozen=True, eq=False)
class RunComparison:
    """What a run-by-run comparison found.

    Parameters
    ----------
    sensitivity_counts : ndarray of int64, shape (7, 7)
        Runs of the reference, by their length (rows) and by the longest run that the test has there (columns), up to 6.
    predictivity_counts : ndarray of int64, shape (7, 7)
        Runs of the test, by their length (rows) and by the longest run that the reference has there (columns).
    """

    sensitivity_counts: npt.NDArray[np.int64]
    predictivity_counts: npt.NDArray[np.int64]

    def sensitivity(self, sort: str) -> Ratio:
        """Return the share of the reference's couplets, short or long runs that the test has as well."""
        return _matched(self.sensitivity_counts, sort)

    def predictivity(self, sort: str) -> Ratio:
        """Return the share of the test's couplets, short or long runs that the reference has as well (+P)."""
        return _matched(self.predictivity_counts, sort)


def _matched(counts: npt.NDArray[np.int64], sort: str) -> Ratio:
    shortest, longest = RUN_LENGTHS[sort]
    rows = counts[shortest : longest + 1]
    return Ratio(int(rows[:, shortest:].sum()), int(rows.sum()))


_Action = Literal["beat", "break", "episode", "episode over"]


@dataclass(frozen=True)
class _Run:
    """A run's first and last sample, and its length."""

    begin: int
    end: int
    length: int


@dataclass(frozen=True)
class _Timeline:
    """What begins, lengthens or ends runs, when, and whether an episode (VF, or AF) was under way before and after the last."""

    times: list[int]
    actions: list[_Action]
    in_episode: list[bool]

    def runs(self, begin: int, end: int) -> Iterator[_Run]:
        """Yield the runs within a stretch of time, ends included; what lies outside does not count.

        An episode under way at the beginning counts as a run of full length there. One that begins within a run does not
        lengthen it. One that outlasts the stretch keeps its run going to the end.
        """
        first, last = bisect_left(self.times, begin), bisect_right(self.times, end)
        run = _Run(begin, begin, _CAP) if self.in_episode[first] else None
        for time, action in zip(self.times[first:last], self.actions[first:last], strict=True):
            if action == "break":
                if run:
                    yield run
                run = None
            elif action == "beat":
                run = _Run(run.begin, time, min(run.length + 1, _CAP)) if run else _Run(time, time, 1)
            elif run:
                run = _Run(run.begin, time, run.length)
            elif action == "episode":
                run = _Run(time, time, _CAP)
        if run:
            yield _Run(run.begin, end, run.length) if self.in_episode[last] else run


def compare_runs(
    reference: Annotations, test: Annotations, *, kind: Kind, fs: float, n_samples: int, start_s: float = 300.0
) -> RunComparison:
    """Compare the runs of ectopic beats of two annotators.

    Parameters
    ----------
    reference, test : Annotations
        Their marks, in samples of the same recording.
    kind : {"ventricular", "supraventricular"}
        Runs of V and F beats and VF; or of S beats and atrial fibrillation or flutter.
    fs : float
        Sampling rate in Hz.
    n_samples : int
        Length of the recording in samples.
    start_s : float
        Where the comparison starts, in seconds.

    Returns
    -------
    RunComparison

    Raises
    ------
    AnnotationError
        If marks lie outside the recording or are of another sampling rate.
    ConfigurationError
        If the rate, the length or the start is out of range.
    """
    check_annotations(reference, test, fs=fs, n_samples=n_samples, start_s=start_s)
    expected, found = _read_timeline(reference, kind), _read_timeline(test, kind)
    start, margin = int(start_s * fs + 0.5), int(_MARGIN_S * fs + 0.5)
    return RunComparison(
        sensitivity_counts=_tally(expected, found, start=start, end=n_samples, margin=margin),
        predictivity_counts=_tally(found, expected, start=start, end=n_samples, margin=margin),
    )


def _tally(base: _Timeline, other: _Timeline, *, start: int, end: int, margin: int) -> npt.NDArray[np.int64]:
    """Count the runs of one annotator by their length and the longest run of the other within their time and the margin."""
    counts = np.zeros((_CAP + 1, _CAP + 1), np.int64)
    for run in base.runs(start, end):
        there = other.runs(run.begin - margin, run.end + margin)
        counts[run.length, max((match.length for match in there), default=0)] += 1
    return counts


def _read_timeline(annotations: Annotations, kind: Kind) -> _Timeline:
    episode, ectopic = ("VF", "VF") if kind == "ventricular" else ("AF", "S")
    classes = AAMI_OF_SYMBOL["bxb"]
    timeline = _Timeline([], [], [])
    rhythm = ""
    marks = (annotations.samples.tolist(), annotations.symbols.tolist(), annotations.subtypes.tolist(), annotations.aux_notes)
    for time, symbol, subtype, note in zip(*marks, strict=True):
        before = rhythm
        action: _Action
        if symbol in classes:
            beat = "S" if rhythm == "AF" and classes[symbol] == "N" else classes[symbol]
            action = "beat" if beat in ectopic else "break"
        elif symbol in "+[]":
            rhythm = _next_rhythm(rhythm, symbol, note)
            if (rhythm == episode) == (before == episode):
                continue
            action = "episode" if rhythm == episode else "episode over"
        elif is_shutdown_mark(symbol, subtype):
            action = "break"
        else:
            continue
        timeline.times.append(time)
        timeline.actions.append(action)
        timeline.in_episode.append(before == episode)
    timeline.in_episode.append(rhythm == episode)
    return timeline


def _next_rhythm(rhythm: str, symbol: str, note: str) -> str:
    """Return which episode, ``"AF"``, ``"VF"`` or none (``""``), a rhythm mark leaves under way."""
    if symbol == "[":
        return "VF"
    if symbol == "]":
        return "" if rhythm == "VF" else rhythm
    return next((name for name in ("AF", "VF") if note.startswith(f"({name}")), "")
