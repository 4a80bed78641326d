"""A column of times becomes a sampling rate, and gaps where the times leap."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beatlens.errors import FormatError, SignalError

Column = npt.NDArray[np.float64] | npt.NDArray[np.str_]

_IN_NAME = re.compile(
    r"[\[(\s_](ns|us|µs|μs|ms|s|sec|seconds?|milliseconds?|microseconds?|nanoseconds?)\s*[\])]?\s*$", re.IGNORECASE
)
_SECONDS = {"n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "s": 1.0}
_PLAUSIBLE_HZ = (20.0, 20_000.0)
_MOST_GAP = 50  # a recording with gaps may be so many times as long as its samples


@dataclass(frozen=True)
class Timing:
    """What a time column says.

    Parameters
    ----------
    fs : float or None
        Sampling rate in Hz; None where the column's unit is not known.
    n_samples : int
        Length in samples, gaps included.
    places : ndarray of int64 or None
        The sample number of each row, where there are gaps; None where there are none.
    n_gaps : int
        How many.
    start : datetime or None
        When the first sample was taken, where the column holds dates.
    """

    fs: float | None
    n_samples: int
    places: npt.NDArray[np.int64] | None = None
    n_gaps: int = 0
    start: dt.datetime | None = None


def read_times(column: Column, name: str, where: str) -> Timing:
    """Read a column of numbers or of times of day.

    Parameters
    ----------
    column : ndarray of float64 or str, shape (n_rows,)
        The times.
    name : str
        The column's name, which may state the unit: ``timestamp [ms]``.
    where : str
        The file, for errors.

    Raises
    ------
    FormatError
        If the times do not rise, or leap so far that most of the recording would be a gap.
    """
    start = None
    if column.dtype.kind == "U":
        times, start = _clock_seconds(column, where)
        scale: float | None = 1.0
    else:
        times, scale = np.asarray(column, np.float64), _scale(name)
    if len(times) < 2 or not np.isfinite(times).all():
        raise FormatError(f"the time column of {where} must hold a number in every row, and at least two rows")
    steps = np.diff(times)
    if (steps < 0).any() or not (steps > 0).any():
        raise FormatError(f"the time column of {where} must rise; it does not at row {int(np.argmax(steps <= 0)) + 2}")
    if (steps == 0).mean() > 0.5:
        return Timing(None, len(times), start=start)  # one time for many samples: it does not tell the rate
    usual = float(np.median(steps[steps > 0]))
    leaps = steps > 2.5 * max(usual, float(np.mean(steps[steps <= 2.5 * usual])))
    step = float(np.mean(steps[~leaps]))
    scale = scale or _guess_scale(step)
    if scale is None:
        return Timing(None, len(times), start=start)
    fs = _rounded(1.0 / (step * scale))
    if not leaps.any():
        return Timing(fs, len(times), start=start)
    return _with_gaps(times, leaps, fs * scale, where, Timing(fs, len(times), start=start))


def _with_gaps(
    times: npt.NDArray[np.float64], leaps: npt.NDArray[np.bool_], per_unit: float, where: str, timing: Timing
) -> Timing:
    """Count the rows: one after the other within a run, each run where its first time puts it."""
    begins = np.concatenate([[0], np.flatnonzero(leaps) + 1])
    lengths = np.diff(np.append(begins, len(times)))
    span = (times[-1] - times[0]) * per_unit
    if span > _MOST_GAP * len(times) + 1e6:
        raise FormatError(f"the time column of {where} leaps too far: its {len(times)} rows would span {span:.3g} samples")
    wanted = np.round((times[begins] - times[0]) * per_unit).astype(np.int64)
    slack = np.maximum.accumulate(wanted - np.concatenate([[0], np.cumsum(lengths)[:-1]]))
    starts = slack + np.concatenate([[0], np.cumsum(lengths)[:-1]])
    places = np.repeat(starts - begins, lengths) + np.arange(len(times))
    return Timing(timing.fs, int(places[-1]) + 1, places, int(leaps.sum()), timing.start)


def _scale(name: str) -> float | None:
    """Return the seconds of one unit, where the column's name states it."""
    found = _IN_NAME.search(" " + name.strip().strip("'\""))
    if not found:
        return None
    word = found[1].lower()
    return 1e-3 if word.startswith(("ms", "milli")) else 1e-6 if word.startswith("micro") else _SECONDS[word[0]]


def _guess_scale(step: float) -> float | None:
    """Return the only unit that makes the rate plausible; None where the step is 1, which may only count."""
    if step == 1.0:
        return None
    rates = {scale: 1.0 / (step * scale) for scale in (1.0, 1e-3, 1e-6, 1e-9)}
    plausible = [scale for scale, rate in rates.items() if _PLAUSIBLE_HZ[0] <= rate < _PLAUSIBLE_HZ[1]]
    return plausible[0] if plausible else None


def _rounded(fs: float) -> float:
    """Return a whole number of Hz where the times allow one: they are rounded themselves."""
    return float(round(fs)) if fs >= 1 and abs(fs - round(fs)) < 1e-3 * fs else round(fs, 4)


def _clock_seconds(column: Column, where: str) -> tuple[npt.NDArray[np.float64], dt.datetime | None]:
    """Return times of day, or dates with times, as seconds that rise past midnight."""
    texts = [str(text).strip().strip("'[]").replace(",", ".") for text in column]
    if "-" in texts[0][:5]:
        try:
            moments = [dt.datetime.fromisoformat(text) for text in texts]
            return np.asarray([moment.timestamp() for moment in moments]), moments[0].replace(tzinfo=None)
        except (ValueError, OverflowError, OSError) as error:
            raise FormatError(f"the time column of {where} must hold dates and times throughout") from error
    try:
        parts = [[float(part) for part in text.split(":")] for text in texts]
    except ValueError as error:
        raise SignalError(f"the time column of {where} must hold times such as 0:01.250 throughout") from error
    seconds = np.asarray([sum(part * 60.0**power for power, part in enumerate(reversed(row))) for row in parts])
    midnights = np.concatenate([[0], np.cumsum(np.diff(seconds) < -43_200)])
    return seconds + 86_400.0 * midnights, None
