"""Beat-by-beat comparison of two annotators, by the rules of WFDB's ``bxb``, which ANSI/AAMI EC57 names as its reference."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from beatlens.evaluation.ec57.pairing import walk_beats
from beatlens.evaluation.ec57.ratio import Ratio
from beatlens.evaluation.ec57.streams import BeatStream, read_stream
from beatlens.evaluation.ec57.validation import check_annotations
from beatlens.records import Annotations

LABELS: Final = ("N", "S", "V", "F", "Q", "O", "X")
"""Rows (reference) and columns (test) of the table of counts; O: no beat there; X: none, the other annotator was shut down."""

N, S, V, F, Q, O, X = range(7)  # noqa: E741 - the standard's own letters
_BEATS = (N, S, V, F, Q)
_ALL = (N, S, V, F, Q, O, X)


@dataclass(frozen=True, eq=False)
class BeatComparison:
    """What a beat-by-beat comparison found.

    Parameters
    ----------
    counts : ndarray of int64, shape (7, 7)
        Pairs by label of the reference (rows) and of the test (columns), in the order of `LABELS`.
    rr_squares : int
        Sum of the squared differences of the two RR intervals, in samples squared.
    n_rr : int
        Number of these differences.
    shutdown_samples : int
        Total length of the test annotator's shutdowns, in samples.
    fs : float
        Sampling rate in Hz.
    """

    counts: npt.NDArray[np.int64]
    rr_squares: int
    n_rr: int
    shutdown_samples: int
    fs: float

    def sum(self, reference: Sequence[int], test: Sequence[int]) -> int:
        """Return the number of pairs with one of these labels of the reference and one of these of the test."""
        return int(self.counts[np.ix_(reference, test)].sum())

    @property
    def qrs_sensitivity(self) -> Ratio:
        """Share of the reference's beats that were detected, of whatever class; a beat in a shutdown was not."""
        return Ratio(self.sum(_BEATS, _BEATS), self.sum(_BEATS, _ALL))

    @property
    def qrs_predictivity(self) -> Ratio:
        """Share of the test's beats that are beats of the reference (+P)."""
        return Ratio(self.sum(_BEATS, _BEATS), self.sum(_ALL, _BEATS))

    @property
    def veb_sensitivity(self) -> Ratio:
        """Share of the ventricular ectopic beats (VEB) called so."""
        return Ratio(self.sum([V], [V]), self.sum([V], _ALL))

    @property
    def veb_predictivity(self) -> Ratio:
        """Share of the beats called VEB that are; a fusion or unknown beat called VEB is not counted against the test."""
        return Ratio(self.sum([V], [V]), self.sum([V, N, S, O, X], [V]))

    @property
    def veb_false_positive_rate(self) -> Ratio:
        """False VEBs, counted as for +P, among these and the other beats that were not called VEB (true negatives)."""
        false = self.sum([N, S, O, X], [V])
        return Ratio(false, false + self.sum([N, S, F, Q], [N, S, F, Q]))

    @property
    def sveb_sensitivity(self) -> Ratio:
        """Share of the supraventricular ectopic beats (SVEB) called so."""
        return Ratio(self.sum([S], [S]), self.sum([S], _ALL))

    @property
    def sveb_predictivity(self) -> Ratio:
        """Share of the beats called SVEB that are; an unknown beat called SVEB is not counted against the test."""
        return Ratio(self.sum([S], [S]), self.sum([S, N, V, F, O, X], [S]))

    @property
    def sveb_false_positive_rate(self) -> Ratio:
        """False SVEBs, counted as for +P, among these and the other beats that were not called SVEB (true negatives)."""
        false = self.sum([N, V, F, O, X], [S])
        return Ratio(false, false + self.sum([N, V, F, Q], [N, V, F, Q]))

    @property
    def rr_error_ms(self) -> float:
        """Root mean square difference of the RR intervals in ms; NaN where no interval could be compared."""
        return 1000 * math.sqrt(self.rr_squares / self.n_rr) / self.fs if self.n_rr else math.nan

    @property
    def shutdown_s(self) -> float:
        """How long the test annotator was shut down, in seconds."""
        return self.shutdown_samples / self.fs

    def missed_in_shutdown(self, label: int | None = None) -> Ratio:
        """Return the share of the reference's beats (of one class: its row) that fell into the test's shutdowns.

        As ``bxb`` has it, the share of all beats leaves the S beats out of the numerator.
        """
        hits, rows = ([N, V, F, Q], _BEATS) if label is None else ([label], [label])
        return Ratio(self.sum(hits, [X]), self.sum(rows, _ALL))


@dataclass
class _Tally:
    """Counts that grow while the streams are walked."""

    counts: list[list[int]] = field(default_factory=lambda: [[0] * 8 for _ in range(8)])
    rr_squares: int = 0
    n_rr: int = 0

    def add(self, labels: tuple[int, int], rr: tuple[int | None, int | None]) -> None:
        """Count a pair of labels, and the difference of the two current RR intervals where both are valid."""
        self.counts[labels[0]][labels[1]] += 1
        if rr[0] is not None and rr[1] is not None:
            self.rr_squares += (rr[0] - rr[1]) ** 2
            self.n_rr += 1


def compare_beats(
    reference: Annotations,
    test: Annotations,
    *,
    fs: float,
    n_samples: int,
    start_s: float = 300.0,
    window_s: float = 0.15,
) -> BeatComparison:
    """Compare two annotators beat by beat.

    Parameters
    ----------
    reference, test : Annotations
        Their marks, in samples of the same recording.
    fs : float
        Sampling rate in Hz.
    n_samples : int
        Length of the recording in samples.
    start_s : float
        Where the comparison starts, in seconds; what comes before is the learning period. The standard says five minutes.
    window_s : float
        Beats further apart than this, in seconds, are never a pair.

    Returns
    -------
    BeatComparison

    Raises
    ------
    AnnotationError
        If marks lie outside the recording or are of another sampling rate.
    ConfigurationError
        If the rate, the length, the start or the window is out of range.

    Notes
    -----
    Time and memory grow linearly with the number of beats. Classes follow the ``bxb`` mapping of `beatlens.labels`.

    Examples
    --------
    >>> import numpy as np
    >>> beats = Annotations(np.array([360, 720, 1080]), np.array(["N", "V", "N"]))
    >>> found = Annotations(np.array([362, 1085]), np.array(["N", "N"]))
    >>> compare_beats(beats, found, fs=360, n_samples=1500, start_s=0).qrs_sensitivity
    Ratio(hits=2, cases=3)
    """
    check_annotations(reference, test, fs=fs, n_samples=n_samples, start_s=start_s, window_s=window_s)
    start, window = int(start_s * fs + 0.5), int(window_s * fs + 0.5)
    expected, found = read_stream(reference, window=window), read_stream(test, window=window)
    tally = _walk(expected, found, start=start, end=n_samples, window=window)
    return BeatComparison(
        counts=np.array([row[:7] for row in tally.counts[:7]], dtype=np.int64),
        rr_squares=tally.rr_squares,
        n_rr=tally.n_rr,
        shutdown_samples=sum(min(end, n_samples) - min(begin, n_samples) for begin, end in found.shutdowns),
        fs=fs,
    )


def first_test_beat(expected: int, times: list[int], *, start: int, window: int) -> int:
    """Return the index of the test's beat that the comparison starts with.

    A beat just before the start may be the one that marks the first beat expected after it, and one just after the start
    may mark the last beat before it.
    """
    index = bisect_left(times, start)
    if index:
        distance = abs(times[index - 1] - expected)
        if distance <= window and distance < abs(times[index] - expected):
            return index - 1
    if times[index] - start <= window and abs(times[index + 1] - expected) < abs(times[index] - expected):
        return index + 1
    return index


def _walk(expected: BeatStream, found: BeatStream, *, start: int, end: int, window: int) -> _Tally:
    """Pair the beats of two streams from the start to the end of the comparison, always the earlier of the two first."""
    tally = _Tally()
    at = bisect_left(expected.times, start)
    first = at, first_test_beat(expected.times[at], found.times, start=start, window=window)
    for i, j, outcome in walk_beats(expected.times, found.times, window=window, first=first, end=end):
        rr = expected.rr_interval(i), found.rr_interval(j)
        if outcome == "pair":
            tally.add((expected.codes[i], found.codes[j]), rr)
        elif outcome == "reference alone":
            tally.add((expected.codes[i], X if found.in_shutdown(expected.times[i], j) else O), rr)
        elif not expected.in_fibrillation(found.times[j], i):
            tally.add((X if expected.in_shutdown(found.times[j], i) else O, found.codes[j]), rr)
    return tally
