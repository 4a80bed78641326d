"""From a recording to an `Analysis`, step by step."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from beatlens.analysis.explaining import choose_beats, explain_chosen
from beatlens.analysis.quality import MEANING, Quality, assess_quality, describe_scale
from beatlens.analysis.result import Analysis, Hour, ModelInfo, Summary
from beatlens.analysis.rhythm import NORMAL, Event, beat_intervals, find_events, measure_heart_rate, measure_intervals
from beatlens.analysis.settings import Settings
from beatlens.beats.detector import detect_r_peaks
from beatlens.beats.leads import MAX_LEADS, choose_leads
from beatlens.explain.methods import default_method, find_method
from beatlens.models.predictions import BeatPredictions
from beatlens.models.registry import load_model
from beatlens.models.seed_lstm import SeedLSTM
from beatlens.records import Record
from beatlens.records.leads import beat_order

if TYPE_CHECKING:
    import pandas as pd

STAGES: Final = ("quality", "R peaks", "classes", "rhythm", "explanations")
UNREADABLE: Final = ("flat",)
"""Where the signal is like this there is nothing to detect; in a gap nothing is detected anyway."""

Progress = Callable[[str, float], None]


def analyze(
    record: Record,
    *,
    model: Any = "rhythm-lstm",
    leads: Sequence[str] = (),
    r_samples: npt.ArrayLike | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Find every heartbeat of a recording, classify it, describe the rhythm, and explain the beats that matter.

    Parameters
    ----------
    record : Record
        The recording; NaN in gaps.
    model : str, Path or object
        Name or path of a model, or a loaded one.
    leads : sequence of str
        The leads to use, the first being the one that a model of one lead reads; by default all of them, the clean and
        familiar ones first.
    r_samples : array_like of int, shape (n_beats,), optional
        R peaks that are already known, as sample numbers in the order of time; detected if not given.
    settings : Settings, optional
        What counts as what.
    progress : callable, optional
        Called with the name of the stage (one of `STAGES`) and the share of it that is done.

    Returns
    -------
    Analysis

    Raises
    ------
    SignalError
        If no beat can be looked for: the recording is shorter than a second, or all its leads are flat or empty.
    RecordNotFoundError
        If the recording has no lead of one of the names.
    UnknownNameError
        If there is no such model, or no such method of explanation.
    """
    settings, tell = settings or Settings(), progress or (lambda _stage, _share: None)
    if settings.method:
        find_method(settings.method)  # a name that does not exist is said before any work
    judge = load_model(model) if isinstance(model, str | Path) else model
    settings = replace(settings, method=settings.method or default_method(judge))
    tell("quality", 0.0)
    record, decided = order_leads(record, leads)
    n_read = 1 if isinstance(judge, SeedLSTM) else MAX_LEADS
    quality = assess_quality(record.signal[:, :n_read], record.fs)  # what the model does not read is left out
    odd = describe_scale(record.signal[:, 0], record.fs, record.lead_names[0])
    tell("R peaks", 0.0)
    samples = find_beats(record, quality) if r_samples is None else np.asarray(r_samples, dtype=np.int64)
    tell("classes", 0.0)
    predictions, reasons = classify_beats(judge, record, samples, quality)
    tell("rhythm", 0.0)
    times = samples / record.fs
    rr = beat_intervals(times, [(span.start_s, span.end_s) for span in quality.spans])
    events = find_events(times, rr, predictions.classes, settings)
    beats = tabulate_beats(samples, record.fs, rr, predictions, reasons)
    tell("explanations", 0.0)
    chosen = choose_beats(predictions, events, settings.explanations)
    explained, note = explain_chosen(judge, record, samples, chosen, method=settings.method, predictions=predictions)
    tell("explanations", 1.0)
    return Analysis(
        record=record,
        beats=beats,
        summary=summarise(beats, record.duration_s, quality, events, settings),
        events=events,
        quality=quality,
        not_judged=dict(Counter(reason for reason in reasons[predictions.classes == ""].tolist()).most_common()),
        explained=explained,
        model=describe_model(judge),
        settings=settings,
        notes=(*([odd] if odd else []), *record.notes, *decided, *predictions.notes, *([note] if note else [])),
        judge=judge,
    )


def order_leads(record: Record, wanted: Sequence[str]) -> tuple[Record, tuple[str, ...]]:
    """Return the recording with the leads in the order of their use, and what was decided.

    Parameters
    ----------
    record : Record
    wanted : sequence of str
        Leads that were asked for; if none, the clean and familiar ones come first and the others stay behind them.
    """
    if wanted:
        return record.select_leads(tuple(wanted)), ()
    choice = choose_leads(record.signal, record.fs, record.lead_names, where=record.name)
    # Of the clean leads the familiar one leads: models of one lead were trained on it.
    places = [choice.indices[place] for place in beat_order(choice.names)]
    places += [place for place in range(record.n_leads) if place not in choice.indices]
    if places == list(range(record.n_leads)):
        return record, choice.notes
    names = tuple(record.lead_names[place] for place in places)
    return replace(record, signal=record.signal[:, places], lead_names=names), choice.notes


def find_beats(record: Record, quality: Quality) -> npt.NDArray[np.int64]:
    """Return the R peaks in samples, without those on flat lines; shape (n_beats,)."""
    found = detect_r_peaks(record, leads=record.lead_names[:MAX_LEADS])
    return found[~np.isin(quality.reasons_at(found / record.fs), UNREADABLE)]


def classify_beats(
    model: Any, record: Record, samples: npt.NDArray[np.int64], quality: Quality
) -> tuple[BeatPredictions, npt.NDArray[np.str_]]:
    """Ask the model, and take back what it says of beats that lie where the signal cannot be read.

    Returns
    -------
    predictions : BeatPredictions
        Class empty, probabilities NaN where a beat was not judged.
    reasons : ndarray of str, shape (n_beats,)
        Why a beat was not judged, or is uncertain; empty otherwise.
    """
    said: BeatPredictions = model.predict_record(record, samples)
    wrong = quality.reasons_at(samples / record.fs)
    unread = wrong != ""
    reasons = np.array(said.reasons, dtype=object)
    reasons[unread] = [MEANING[reason] for reason in wrong[unread].tolist()]
    judged = (said.classes != "") & ~unread
    predictions = BeatPredictions(
        class_names=tuple(said.class_names),
        classes=np.where(judged, said.classes, ""),
        probabilities=np.where(judged[:, None], said.probabilities, np.nan).astype(np.float32),
        abnormal=np.where(judged, said.abnormal, np.nan).astype(np.float32),
        uncertain=judged & said.uncertain,
        reasons=tuple(reasons.tolist()),
        notes=said.notes,
        leads=said.leads,
    )
    return predictions, reasons.astype(str)


def tabulate_beats(
    samples: npt.NDArray[np.int64],
    fs: float,
    rr_s: npt.NDArray[np.float64],
    predictions: BeatPredictions,
    reasons: npt.NDArray[np.str_],
) -> pd.DataFrame:
    """Return the table of beats: one row a beat, columns as `Analysis` describes them."""
    import pandas as pd

    names = np.array(predictions.class_names)
    own = predictions.probabilities[predictions.classes[:, None] == names[None]]
    probability = np.full(len(samples), np.nan, np.float32)
    probability[predictions.classes != ""] = own
    return pd.DataFrame(
        {
            "sample": samples,
            "time_s": samples / fs,
            "class": predictions.classes.astype(str),
            "probability": probability,
            **{f"p_{name}": predictions.probabilities[:, place] for place, name in enumerate(predictions.class_names)},
            "abnormal": predictions.abnormal,
            "rr_s": rr_s,
            "judged": predictions.classes != "",
            "uncertain": predictions.uncertain,
            "reason": reasons,
        }
    )


def summarise(beats: pd.DataFrame, duration_s: float, quality: Quality, events: Sequence[Event], settings: Settings) -> Summary:
    """Put the recording in numbers.

    Parameters
    ----------
    beats : DataFrame
        From `tabulate_beats`.
    duration_s : float
        Length of the recording in seconds.
    quality : Quality
    events : sequence of Event
    settings : Settings
    """
    times, rr, classes = (beats[name].to_numpy() for name in ("time_s", "rr_s", "class"))
    names = [column[2:] for column in beats.columns if column.startswith("p_")]
    counts = _count(classes, names)
    n_judged = sum(counts.values())
    pauses = [event for event in events if event.kind == "pause"]
    runs = [event for event in events if event.kind == "run"]
    episodes: dict[str, dict[str, int]] = {"couplet": {}, "run": {}, "bigeminy": {}}
    for event in events:
        if event.kind in episodes:
            episodes[event.kind][event.beat_class] = episodes[event.kind].get(event.beat_class, 0) + 1
    return Summary(
        duration_s=duration_s,
        unreadable_s=quality.unreadable_s,
        n_beats=len(beats),
        n_judged=n_judged,
        n_uncertain=int(beats["uncertain"].sum()),
        counts=counts,
        burden_percent={name: 100 * counts[name] / n_judged for name in names if n_judged and name not in NORMAL},
        heart_rate=measure_heart_rate(times, rr, beats=settings.rate_beats),
        intervals=measure_intervals(rr, classes),
        episodes=episodes,
        n_pauses=len(pauses),
        longest_pause=max(pauses, key=lambda event: event.end_s - event.start_s, default=None),
        longest_run=max(runs, key=lambda event: event.n_beats, default=None),
        fastest_run=max(runs, key=lambda event: event.rate_bpm or 0, default=None),
        hours=_count_hours(beats, duration_s, quality, settings, names),
    )


def _count_hours(
    beats: pd.DataFrame, duration_s: float, quality: Quality, settings: Settings, names: list[str]
) -> tuple[Hour, ...]:
    times, rr, classes = (beats[name].to_numpy() for name in ("time_s", "rr_s", "class"))
    hours = []
    for place in range(math.ceil(duration_s / 3600)):
        start, end = 3600.0 * place, 3600.0 * (place + 1)
        part = slice(*np.searchsorted(times, [start, end]).tolist())
        counts = _count(classes[part], names)
        unread = sum(max(0.0, min(span.end_s, end) - max(span.start_s, start)) for span in quality.spans)
        rate = measure_heart_rate(times[part], rr[part], beats=settings.rate_beats)
        hours.append(Hour(start, sum(counts.values()), rate, counts, unread))
    return tuple(hours)


def _count(classes: npt.NDArray[np.str_], names: Sequence[str]) -> dict[str, int]:
    return {name: int((classes == name).sum()) for name in names}


def describe_model(model: Any) -> ModelInfo:
    """Gather what a report says of a model from its card."""
    card = model.card
    return ModelInfo(
        name=model.name,
        version=card.version,
        sha256=card.sha256,
        classes=tuple(model.classes),
        architecture=card.architecture,
        trained_on=f"{card.data.name} {card.data.version}",
        protocol=card.protocol,
        protocol_note=card.protocol_note,
        intended_use=card.intended_use,
        not_for=card.not_for,
        known_failures=card.known_failures,
    )
