"""Which parts of a recording the report shows."""

from __future__ import annotations

from typing import Final

import numpy as np

from beatlens.analysis.result import Analysis
from beatlens.analysis.rhythm import NOT_ECTOPIC, Event
from beatlens.reports.page.strip import ROW_S, Strip
from beatlens.reports.style import class_style

WHOLE_UP_TO_S: Final = 60.0
"""A recording of at most this length is shown whole."""

MOST_STRIPS: Final = 10


def choose_strips(analysis: Analysis) -> tuple[Strip, ...]:
    """Choose what to show on ECG paper: all of a short recording, else one example of everything that happened.

    Events that fall into a strip already chosen add their title to it.
    """
    duration = analysis.record.duration_s
    if duration <= WHOLE_UP_TO_S:
        starts = np.arange(0, duration, ROW_S).tolist()
        rows = [Strip((), start, min(start + ROW_S, duration)) for start in starts]
        if len(rows) > 1 and rows[-1].end_s - rows[-1].start_s < 0.5:
            rows.pop()
        return tuple(rows)
    strips: list[Strip] = []
    for title, start, end in _moments(analysis):
        for place, strip in enumerate(strips):
            if strip.start_s <= start and min(end, start + 2) <= strip.end_s - 0.3:
                strips[place] = Strip((*strip.titles, title), strip.start_s, strip.end_s, strip.highlight)
                break
        else:
            if len(strips) < MOST_STRIPS:
                # What is longer than a strip is shown from its beginning.
                lead_in = max(1.0, (ROW_S - (end - start)) / 2)
                at = float(np.clip(start - lead_in, 0, duration - ROW_S))
                strips.append(Strip((title,), at, at + ROW_S, (start, min(end, at + ROW_S))))
    return tuple(sorted(strips, key=lambda strip: strip.start_s))


def _moments(analysis: Analysis) -> list[tuple[str, float, float]]:
    """Return what is worth seeing, the most important first: its title, start and end."""
    summary, events = analysis.summary, analysis.events
    found: list[tuple[str, float, float]] = []

    def add(title: str, event: Event | None) -> None:
        if event is not None:
            found.append((title, event.start_s, event.end_s))

    if summary.longest_pause is not None:
        length = summary.longest_pause.end_s - summary.longest_pause.start_s
        add(f"Longest pause, {length:.1f} s", summary.longest_pause)
    add(_title("Longest run", summary.longest_run), summary.longest_run)
    if summary.fastest_run != summary.longest_run:
        add(_title("Fastest run", summary.fastest_run), summary.fastest_run)
    for kind, word in (("run", "Run"), ("bigeminy", "Bigeminy"), ("couplet", "Couplet")):
        for name in summary.episodes[kind]:
            event = next(event for event in events if event.kind == kind and event.beat_class == name)
            if event not in {summary.longest_run, summary.fastest_run}:
                add(_title(f"First {word.lower()}", event), event)
    found += _single_beats(analysis)
    rate = summary.heart_rate
    for title, bpm, at in (("Highest", rate.highest, rate.highest_at_s), ("Lowest", rate.lowest, rate.lowest_at_s)):
        if bpm is not None and at is not None:
            found.append(
                (f"{title} heart rate, {bpm:.0f} per minute", max(0.0, at - analysis.settings.rate_beats * 60 / bpm), at)
            )
    return found


def _title(word: str, event: Event | None) -> str:
    if event is None:
        return word
    letter = class_style(event.beat_class).letter
    beats = f"({letter})" if event.kind == "couplet" else f"of {event.n_beats} beats ({letter})"
    rate = f", {event.rate_bpm:.0f} per minute" if event.rate_bpm is not None and event.kind == "run" else ""
    return f"{word} {beats}{rate}"


def _single_beats(analysis: Analysis) -> list[tuple[str, float, float]]:
    """Return, for each class of ectopic beats, its most certain beat that stands alone."""
    classes = analysis.beats["class"].to_numpy()
    times = analysis.beats["time_s"].to_numpy()
    found = []
    for name in analysis.summary.counts:
        if name in NOT_ECTOPIC:
            continue
        own = classes == name
        alone = own.copy()
        alone[1:] &= ~own[:-1]
        alone[:-1] &= ~own[1:]
        if alone.any():
            probability = np.where(alone, analysis.beats[f"p_{name}"].to_numpy(), -1)
            at = float(times[int(np.argmax(probability))])
            found.append((f"Single {class_style(name).name} beat ({class_style(name).letter})", at, at))
    return found
