"""Where the reader is in a recording, and where a step, a jump or a time leads."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from beatlens.analysis.rhythm import NORMAL
from beatlens.errors import ConfigurationError
from beatlens.records import Record

if TYPE_CHECKING:
    import pandas as pd

ROW_S: Final = 10.0
LENGTHS_S: Final = (10, 30, 60)
"""What a strip may show at once, in seconds; a row of paper holds ten."""

_SNAP_S: Final = 0.06
_CLOCK: Final = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):(\d{1,2}(?:\.\d+)?)|(\d+(?:\.\d+)?)\s*s?")


@dataclass(frozen=True)
class Window:
    """The part of the recording that is shown, in seconds, and its rows of ten seconds."""

    start_s: float
    end_s: float

    @property
    def rows(self) -> tuple[tuple[float, float], ...]:
        """Start and end of each row."""
        starts = np.arange(self.start_s, self.end_s - 1e-6, ROW_S).tolist()
        return tuple((start, min(start + ROW_S, self.end_s)) for start in starts)


def find_window(at_s: float, length_s: float, duration_s: float) -> Window:
    """Return the page of the recording that holds an instant; pages are counted from the start of the recording.

    A reader who steps from beat to beat sees the paper stand still until the page is full.

    Parameters
    ----------
    at_s : float
        Seconds since the start.
    length_s : float
        Length of a page in seconds.
    duration_s : float
        Length of the recording in seconds.

    Examples
    --------
    >>> find_window(47.0, 10, 300.0)
    Window(start_s=40.0, end_s=50.0)
    """
    at = min(max(at_s, 0.0), max(duration_s - 1e-6, 0.0))
    start = length_s * (at // length_s)
    return Window(start, min(start + length_s, duration_s))


def matching_beats(beats: pd.DataFrame, kind: str) -> npt.NDArray[np.bool_]:
    """Return which beats are of a kind; shape (n_beats,).

    Parameters
    ----------
    beats : DataFrame
        As `beatlens.analysis.Analysis` describes it.
    kind : str
        ``"any"``, ``"abnormal"`` (any class but the normal one), ``"doubtful"``, ``"unjudged"``, or a class.
    """
    classes = beats["class"].to_numpy(dtype=str)
    if kind == "any":
        return np.ones(len(beats), bool)
    if kind == "abnormal":
        return ~np.isin(classes, [*NORMAL, ""])
    if kind == "doubtful":
        return beats["uncertain"].to_numpy(dtype=bool)
    if kind == "unjudged":
        kind = ""
    return np.asarray(classes == kind)


def find_next(beats: pd.DataFrame, kind: str, sample: int, *, step: int = 1) -> int | None:
    """Return the R peak of the next beat of a kind, or the one before; None if there is none.

    Parameters
    ----------
    beats : DataFrame
        As `beatlens.analysis.Analysis` describes it.
    kind : str
        As `matching_beats` takes it.
    sample : int
        Where to look from; a beat there is not found again.
    step : {1, -1}
        Forwards or backwards.
    """
    found = beats["sample"].to_numpy()[matching_beats(beats, kind)]
    found = found[found > sample] if step > 0 else found[found < sample]
    return int(found[0 if step > 0 else -1]) if len(found) else None


def nearest_beat(beats: pd.DataFrame, at_s: float) -> int | None:
    """Return the R peak of the beat that is nearest to an instant; None in a recording without beats."""
    if not len(beats):
        return None
    return int(beats["sample"].iloc[int(np.abs(beats["time_s"].to_numpy() - at_s).argmin())])


def parse_time(text: str, *, duration_s: float, start: dt.datetime | None = None) -> float:
    """Return the seconds since the start that a reader's text means.

    Parameters
    ----------
    text : str
        ``"1:02:03"`` or ``"75"``: the time of day where the recording's start is known and the time has three parts, else
        the time since the start.
    duration_s : float
        Length of the recording in seconds.
    start : datetime, optional
        When the recording began.

    Raises
    ------
    ConfigurationError
        If it is no time, or lies outside the recording.

    Examples
    --------
    >>> parse_time("1:15", duration_s=300), parse_time("20", duration_s=300)
    (75.0, 20.0)
    >>> parse_time("00:01:00", duration_s=300, start=dt.datetime(2020, 1, 1, 23, 59))
    120.0
    """
    found = _CLOCK.fullmatch(text.strip())
    if not found:
        raise ConfigurationError(
            f"a time must be written as 1:02:03, 1:15 or 75; got '{text.strip()[:20]}'", hint="Minutes and seconds, or seconds."
        )
    hours, minutes, seconds, plain = found.groups()
    at = float(plain) if plain else 3600 * int(hours or 0) + 60 * int(minutes) + float(seconds)
    if hours and start is not None:
        since_midnight = start.hour * 3600 + start.minute * 60 + start.second + start.microsecond / 1e6
        at = (at - since_midnight) % 86400
    if not at <= duration_s:
        raise ConfigurationError(
            f"a time must lie inside the recording of {duration_s:.0f} s; got {text.strip()}", hint="Choose an earlier time."
        )
    return at


def snap_to_peak(record: Record, at_s: float) -> int:
    """Return the sample of the largest deflection within 60 ms of an instant, in the first lead: where a hand aimed at."""
    aimed = min(max(round(at_s * record.fs), 0), record.n_samples - 1)
    reach = max(1, round(_SNAP_S * record.fs))
    first = max(0, aimed - reach)
    part = record.signal[first : aimed + reach + 1, 0].astype(np.float64)
    wider = record.signal[max(0, aimed - 5 * reach) : aimed + 5 * reach + 1, 0].astype(np.float64)
    if not np.isfinite(part).any():
        return aimed
    return first + int(np.nanargmax(np.abs(part - np.nanmedian(wider))))
