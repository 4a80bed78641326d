"""An annotator's marks, read as the comparison reads them: a stream of beats, with the intervals in which there are none.

Ventricular flutter or fibrillation (VF) stands between ``[`` and ``]``; a shutdown is where an annotator says, by a noise mark
(``~``) whose subtype has bits 16 and 32 both set, that it cannot see the signal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from beatlens.evaluation.ec57.pairing import NEVER
from beatlens.labels import AAMI_OF_SYMBOL
from beatlens.records import Annotations

BEAT_CODE = {symbol: "NSVFQ".index(aami) for symbol, aami in AAMI_OF_SYMBOL["bxb"].items()} | {"!": 7}
"""Row or column of a symbol in the table of counts; the flutter wave ``!`` is a beat that counts nowhere."""

_SHUTDOWN_BITS = 16 | 32

Interval = tuple[int, int]


@dataclass(frozen=True)
class BeatStream:
    """Beats of one annotator, and what was known of its VF and shutdown intervals when each beat was read.

    Parameters
    ----------
    times : list of int, shape (n_beats + 2,)
        Sample number of each beat, then twice `NEVER`.
    codes : list of int, shape (n_beats + 2,)
        0 to 4 for N, S, V, F, Q; 7 for a flutter wave.
    fibrillations, shutdowns : list of (int, int)
        First and last sample of each interval.
    n_fibrillations, n_shutdowns : list of int, shape (n_beats + 2,)
        How many of these intervals stood before each beat in the file.
    """

    times: list[int]
    codes: list[int]
    fibrillations: list[Interval]
    shutdowns: list[Interval]
    n_fibrillations: list[int]
    n_shutdowns: list[int]

    def in_fibrillation(self, time: int, index: int) -> bool:
        """Tell whether a time lies in one of the two VF intervals last read when beat ``index`` was current."""
        return _inside(time, self.fibrillations, self.n_fibrillations[index + 1])

    def in_shutdown(self, time: int, index: int) -> bool:
        """Tell whether a time lies in one of the two shutdowns last read when beat ``index`` was current."""
        return _inside(time, self.shutdowns, self.n_shutdowns[index + 1])

    def rr_interval(self, index: int) -> int | None:
        """Return the RR interval that ends with beat ``index``, in samples; None where it is not valid."""
        if index < 1 or self.times[index] == NEVER:
            return None
        before, time = self.times[index - 1], self.times[index]
        for intervals, n_read in (
            (self.fibrillations, self.n_fibrillations[index + 1]),
            (self.shutdowns, self.n_shutdowns[index + 1]),
        ):
            if n_read and any(before <= begin < time for begin, _ in intervals[max(n_read - 2, 0) : n_read]):
                return None
        return time - before


def _inside(time: int, intervals: Sequence[Interval], n_read: int) -> bool:
    """Tell whether a time lies in one of the last two of the intervals read so far, ends included."""
    return n_read > 0 and any(begin <= time <= end for begin, end in intervals[max(n_read - 2, 0) : n_read])


def is_shutdown_mark(symbol: str, subtype: int) -> bool:
    """Tell whether a mark begins a shutdown: noise in both signals, to the point that no beat can be seen."""
    return symbol == "~" and subtype & _SHUTDOWN_BITS == _SHUTDOWN_BITS


def read_stream(annotations: Annotations, *, window: int) -> BeatStream:
    """Read marks as a stream of beats.

    Parameters
    ----------
    annotations : Annotations
        Marks of one annotator.
    window : int
        Match window in samples: how far from its neighbours a shutdown of the single-mark convention keeps.
    """
    samples = annotations.samples.tolist()
    symbols = annotations.symbols.tolist()
    subtypes = annotations.subtypes.tolist()
    stream = BeatStream([], [], [], [], [], [])
    position, last_seen, n = 0, 0, len(samples)
    while position < n:
        symbol, time = symbols[position], samples[position]
        position += 1
        if symbol in BEAT_CODE:
            _append(stream, time, BEAT_CODE[symbol])
            last_seen = time
        elif symbol == "[":
            while position < n and symbols[position] != "]":
                position += 1
            last_seen = samples[position] if position < n else NEVER
            stream.fibrillations.append((time, last_seen))
            position += 1
        elif is_shutdown_mark(symbol, subtypes[position - 1]):
            closed = position < n and symbols[position] == "~" and not is_shutdown_mark("~", subtypes[position])
            if closed:
                stream.shutdowns.append((time, samples[position]))
                position += 1
            else:
                end = samples[position] - window if position < n else NEVER
                stream.shutdowns.append((min(last_seen + window, end), end))
    _append(stream, NEVER, 7)
    _append(stream, NEVER, 7)
    return stream


def _append(stream: BeatStream, time: int, code: int) -> None:
    stream.times.append(time)
    stream.codes.append(code)
    stream.n_fibrillations.append(len(stream.fibrillations))
    stream.n_shutdowns.append(len(stream.shutdowns))
