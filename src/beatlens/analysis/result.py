"""What an analysis found: `Analysis`, and the parts of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beatlens.analysis.quality import Quality, Span
from beatlens.analysis.rhythm import NORMAL, Event, HeartRate, Intervals
from beatlens.analysis.settings import Settings
from beatlens.explain.explanation import Explanation
from beatlens.records import Record

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ModelInfo:
    """The model that classified the beats.

    Parameters
    ----------
    name, version, sha256 : str
        Its name, the version and the hash of its weights.
    classes : tuple of str
        What it can say.
    architecture, trained_on, protocol, protocol_note : str
        The network, the database it learned from, how its data were split, and what that split can and cannot show.
    intended_use, not_for : str
        What it is meant for, and what not.
    known_failures : tuple of str
        Where it is known to go wrong.
    """

    name: str
    version: str
    sha256: str
    classes: tuple[str, ...]
    architecture: str
    trained_on: str
    protocol: str
    protocol_note: str
    intended_use: str
    not_for: str
    known_failures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hour:
    """One hour of the recording.

    Parameters
    ----------
    start_s : float
        When it began, in seconds.
    n_beats : int
        Beats that were judged.
    heart_rate : HeartRate
        Of all beats.
    counts : dict of str to int
        Beats of each class.
    unreadable_s : float
        How much of it could not be read.
    """

    start_s: float
    n_beats: int
    heart_rate: HeartRate
    counts: dict[str, int]
    unreadable_s: float


@dataclass(frozen=True)
class Summary:
    """The recording in numbers.

    Parameters
    ----------
    duration_s, unreadable_s : float
        Length of the recording, and of the parts that could not be read.
    n_beats, n_judged, n_uncertain : int
        Beats found, beats given a class, and those of them that a person should look at.
    counts : dict of str to int
        Beats of each class, in the model's order.
    burden_percent : dict of str to float
        Share of the judged beats of each class that is not normal.
    heart_rate : HeartRate
        Mean, lowest and highest heart rate.
    intervals : Intervals
        Shortest and longest interval, and the variability of the normal ones.
    episodes : dict of str to dict of str to int
        How many couplets, runs and stretches of bigeminy there are, by kind and class.
    n_pauses : int
        How many pauses there are.
    longest_pause, longest_run, fastest_run : Event or None
        The event; None if there is none of its kind.
    hours : tuple of Hour
        The recording hour by hour.
    """

    duration_s: float
    unreadable_s: float
    n_beats: int
    n_judged: int
    n_uncertain: int
    counts: dict[str, int]
    burden_percent: dict[str, float]
    heart_rate: HeartRate
    intervals: Intervals
    episodes: dict[str, dict[str, int]]
    n_pauses: int
    longest_pause: Event | None
    longest_run: Event | None
    fastest_run: Event | None
    hours: tuple[Hour, ...]

    @property
    def n_abnormal(self) -> int:
        """Judged beats of any class but the normal one."""
        return sum(count for name, count in self.counts.items() if name not in NORMAL)


@dataclass(frozen=True, eq=False)
class ExplainedBeat:
    """A beat that was explained.

    Parameters
    ----------
    beat : int
        Its place in the table of beats.
    why : str
        Why this beat was chosen.
    explanation : Explanation
    """

    beat: int
    why: str
    explanation: Explanation


@dataclass(frozen=True, eq=False)
class Analysis:
    """Everything that was found in one recording.

    Parameters
    ----------
    record : Record
        The recording.
    beats : DataFrame
        One row a beat: ``sample``, ``time_s``, ``class`` (empty where the beat was not judged), ``probability`` (of that
        class), ``p_X`` of each class, ``abnormal`` (probability of not being normal), ``rr_s`` (interval before the beat; NaN
        where it is not known), ``judged``, ``uncertain``, ``reason`` (why it was not judged or is uncertain).
    summary : Summary
        The recording in numbers.
    events : tuple of Event
        Pauses, couplets, runs and bigeminy, in the order of time.
    quality : Quality
        What could be read.
    not_judged : dict of str to int
        Beats without a class, counted by reason.
    explained : tuple of ExplainedBeat
        The beats that were explained, in the order of time.
    model : ModelInfo
    settings : Settings
    notes : tuple of str
        What a reader should know, one sentence each.
    judge : object, optional
        The loaded model, for explanations of further beats; loaded again by its name where it is not kept.
    """

    record: Record
    beats: pd.DataFrame
    summary: Summary
    events: tuple[Event, ...]
    quality: Quality
    not_judged: dict[str, int]
    explained: tuple[ExplainedBeat, ...]
    model: ModelInfo
    settings: Settings
    notes: tuple[str, ...] = field(default=())
    judge: Any = field(default=None, repr=False)

    @property
    def spans(self) -> tuple[Span, ...]:
        """The parts of the recording that could not be read."""
        return self.quality.spans

    def save(self, folder: str | Path, *, force: bool = False) -> Path:
        """Write report, tables, annotations and figures to a folder.

        Parameters
        ----------
        folder : str or Path
            Where to; it appears when everything in it is written.
        force : bool
            Replace the folder if it holds an earlier analysis.

        Raises
        ------
        OutputError
            If the folder exists, or cannot be written.
        """
        # The one place where a result points forward to the room that writes it: the method is a convenience for callers.
        return import_module("beatlens.reports.saving").save_analysis(self, folder, force=force)  # type: ignore[no-any-return]
