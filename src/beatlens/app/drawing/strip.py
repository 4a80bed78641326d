"""ECG paper on the screen: rows of ten seconds at 25 mm/s and 10 mm/mV, every beat lettered and coloured."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from markupsafe import Markup, escape

from beatlens.analysis.rhythm import NORMAL
from beatlens.app.services.navigation import ROW_S, Window
from beatlens.app.services.review import Review
from beatlens.records import Record
from beatlens.reports.page.strip import MM_PER_MV, MM_PER_S, thin_out
from beatlens.reports.page.svg import draw_path, write_number
from beatlens.reports.style import class_style
from beatlens.reports.words import write_time

MOST_POINTS: Final = 2400
"""Points of one lead in one row: more than a screen can show of ten seconds."""

_LEFT: Final = 9.0
_MARKS: Final = 6.6
_REFERENCE: Final = 4.6
_FOOT: Final = 3.6
_LOWEST, _TALLEST = 20.0, 40.0
_PROBES: Final = 80

PATTERNS: Final = Markup(
    '<svg class="bl-defs" aria-hidden="true"><defs>'
    '<pattern id="mm1" width="1" height="1" patternUnits="userSpaceOnUse"><path class="fine" d="M1 0H0V1"/></pattern>'
    '<pattern id="mm5" width="5" height="5" patternUnits="userSpaceOnUse"><path class="coarse" d="M5 0H0V5"/></pattern>'
    "</defs></svg>"
)
"""The paper's grid; every drawing on a page uses it."""


@dataclass(frozen=True)
class Space:
    """The room of a lead on paper, in mm: its height, and how far below its top the usual voltage lies."""

    height: float
    level: float


@dataclass(frozen=True)
class Paper:
    """How the paper is laid out.

    Parameters
    ----------
    leads : tuple of int
        Which leads are drawn, as columns of the signal.
    spaces : tuple of Space
        The room of each lead of the recording.
    cursor : int or None
        R peak of the chosen beat.
    pin_s : float or None
        An instant that the reader pointed at.
    reference : mapping of int to str
        Class of each beat of a reference by its R peak, drawn below the model's where there is one.
    """

    leads: tuple[int, ...]
    spaces: tuple[Space, ...]
    cursor: int | None = None
    pin_s: float | None = None
    reference: Mapping[int, str] = field(default_factory=dict)


def measure_spaces(record: Record) -> tuple[Space, ...]:
    """Return the room of each lead: the same on every page of a recording, and enough for all but its largest waves."""
    size = max(1, round(2 * record.fs))
    starts = np.unique(np.linspace(0, max(0, record.n_samples - size), _PROBES).astype(np.int64))
    spaces = []
    for lead in range(record.n_leads):
        reaches = []
        for start in starts.tolist():
            part = record.signal[start : start + size, lead]
            part = part[np.isfinite(part)]
            if part.size:
                usual = np.median(part)
                reaches.append((float(part.max() - usual), float(usual - part.min())))
        up, down = (MM_PER_MV * np.percentile(reaches, 97, axis=0)).tolist() if reaches else (0.0, 0.0)
        height = float(np.clip(5 * np.ceil((up + down + 6) / 5), _LOWEST, _TALLEST))
        # Where not everything fits, what is cut off is shared by both sides.
        spaces.append(Space(height, 3 + up + (height - 6 - up - down) / 2))
    return tuple(spaces)


def draw_strip(review: Review, window: Window, paper: Paper) -> Markup:
    """Return the rows of a page as HTML.

    Only this part of the recording is drawn, with at most `MOST_POINTS` points a lead and row: the size of the result does
    not depend on the length of the recording.
    """
    rows = [_draw_row(review, row, paper, first=k == 0) for k, row in enumerate(window.rows)]
    return Markup('<div class="bl bl-strip">{}{}</div>').format(PATTERNS, Markup("").join(rows))


def _draw_row(review: Review, row: tuple[float, float], paper: Paper, *, first: bool) -> Markup:
    record, beats = review.current.record, review.current.beats
    start, end = row
    top = _MARKS + (_REFERENCE if paper.reference else 0)
    width, height = _LEFT + MM_PER_S * ROW_S, top + sum(paper.spaces[lead].height for lead in paper.leads) + _FOOT
    right = _LEFT + MM_PER_S * (end - start)
    size = f'width="{write_number(right)}" height="{write_number(height)}"'
    parts = [f'<rect class="paper" {size}/><rect fill="url(#mm1)" {size}/><rect fill="url(#mm5)" {size}/>']
    parts += _draw_light(review, paper, row, height)
    at = top
    for lead in paper.leads:
        parts.append(_draw_lead(record, lead, row, at, paper.spaces[lead], pulse=first))
        at += paper.spaces[lead].height
    low, high = np.searchsorted(beats["time_s"].to_numpy(), [start, end]).tolist()
    table = beats.iloc[low:high]
    columns = (table[name].tolist() for name in ("sample", "time_s", "class", "uncertain", "rr_s"))
    for sample, time, name, doubt, rr in zip(*columns, strict=True):
        x = _LEFT + MM_PER_S * (time - start)
        mark = _Mark(sample, name, doubt, chosen=sample == paper.cursor, mine=sample in review.corrected)
        parts.append(_draw_mark(mark, x, record.start_time, time))
        middle = x - MM_PER_S * rr / 2
        if rr * MM_PER_S >= 12 and middle > _LEFT + 4:
            parts.append(f'<text class="rr" x="{write_number(middle)}" y="4.1">{1000 * rr:.0f}</text>')
    parts += _draw_removed(review, row)
    parts += _draw_reference(paper.reference, row, record.fs)
    parts += _draw_seconds(row, record.start_time, height)
    shown = ", ".join(record.lead_names[lead] for lead in paper.leads)
    label = escape(f"ECG, {shown}, from {write_time(start, record.start_time)}, {len(table)} beats")
    left_s = start - _LEFT / MM_PER_S
    return Markup(  # noqa: S704 - made of numbers, and of text that was escaped
        f'<svg class="row" role="img" aria-label="{label}" data-from="{left_s:.4f}" data-to="{left_s + width / MM_PER_S:.4f}" '
        f'viewBox="0 0 {write_number(width)} {write_number(height)}">{"".join(parts)}</svg>'
    )


def _draw_light(review: Review, paper: Paper, row: tuple[float, float], height: float) -> list[str]:
    """Return what is lit: the chosen beat, and the instant that was pointed at."""
    parts = []
    fs = review.current.record.fs
    if paper.cursor is not None and row[0] <= paper.cursor / fs < row[1]:
        x = _LEFT + MM_PER_S * (paper.cursor / fs - row[0])
        parts.append(f'<rect class="lit" x="{write_number(x - 6)}" y="0" width="12" height="{write_number(height)}"/>')
    if paper.pin_s is not None and row[0] <= paper.pin_s < row[1]:
        place = write_number(_LEFT + MM_PER_S * (paper.pin_s - row[0]))
        parts.append(f'<path class="pin" d="M{place} {_MARKS}V{write_number(height - 1)}"/>')
    return parts


def _draw_lead(record: Record, lead: int, row: tuple[float, float], top: float, space: Space, *, pulse: bool) -> str:
    first, last = round(row[0] * record.fs), min(round(row[1] * record.fs) + 1, record.n_samples)
    wave = record.signal[first:last, lead].astype(np.float64)
    present = wave[np.isfinite(wave)]
    wave = wave - (np.median(present) if present.size else 0.0)
    keep = thin_out(wave, MOST_POINTS)
    x = _LEFT + MM_PER_S * (keep + first - row[0] * record.fs) / record.fs
    line = draw_path(x, space.level - MM_PER_MV * wave[keep])
    foot = min(max(space.level, 11.0), space.height - 1)
    mark = draw_path(np.array([1, 2.2, 2.2, 6.2, 6.2, 7.4]), foot - np.array([0, 0, 10, 10, 0, 0.0])) if pulse else ""
    wide, tall = _LEFT + MM_PER_S * ROW_S, space.height
    return (
        f'<svg x="0" y="{write_number(top)}" width="{write_number(wide)}" height="{write_number(tall)}" '
        f'viewBox="0 0 {100 * wide:.0f} {100 * tall:.0f}">'
        f'<path class="pulse" d="{mark}"/><path class="trace" d="{line}"/></svg>'
        f'<text class="lead" x="1" y="{write_number(top + 3)}">{escape(record.lead_names[lead])}</text>'
    )


@dataclass(frozen=True)
class _Mark:
    """The sign of one beat."""

    sample: int
    beat_class: str
    doubt: bool
    chosen: bool
    mine: bool


def _draw_mark(mark: _Mark, x: float, start: dt.datetime | None, time: float) -> str:
    style = class_style(mark.beat_class)
    letter = (style.letter if mark.beat_class else "–") + ("?" if mark.doubt else "")
    kind = "plain" if mark.beat_class in NORMAL or not mark.beat_class else "ectopic"
    wide = 2.4 + 1.8 * len(letter)
    words = style.name if mark.beat_class else "not judged"
    said = escape(f"{words}{', in doubt' if mark.doubt else ''}{', corrected' if mark.mine else ''}")
    at = write_time(time, start, tenths=True)
    colour = f"--c:var(--c-{escape(mark.beat_class)})" if mark.beat_class else "--c:var(--soft)"
    return (
        f'<g class="mark {kind}{" chosen" if mark.chosen else ""}{" mine" if mark.mine else ""}" style="{colour}" '
        f'data-pick="{mark.sample}"><title>{said} at {at}</title>'
        f'<rect x="{write_number(x - wide / 2)}" y="0.9" width="{write_number(wide)}" height="4.4" rx="0.9"/>'
        f'<text class="beat" x="{write_number(x)}" y="4.25">{letter}</text>'
        f'<path class="tick" d="M{write_number(x)} 5.5v1.2"/>'
        + (f'<path class="hand" d="M{write_number(x - wide / 2)} 6h{write_number(wide)}"/>' if mark.mine else "")
        + "</g>"
    )


def _draw_removed(review: Review, row: tuple[float, float]) -> list[str]:
    """Return a cross where a beat was deleted."""
    fs = review.current.record.fs
    places = [_LEFT + MM_PER_S * (sample / fs - row[0]) for sample in review.removed if row[0] <= sample / fs < row[1]]
    return [f'<path class="removed" d="M{write_number(x - 1)} 2.1l2 2m0 -2l-2 2"><title>deleted</title></path>' for x in places]


def _draw_reference(reference: Mapping[int, str], row: tuple[float, float], fs: float) -> list[str]:
    parts = []
    for sample, name in reference.items():
        if row[0] <= sample / fs < row[1]:
            x = write_number(_LEFT + MM_PER_S * (sample / fs - row[0]))
            parts.append(
                f'<text class="reference" style="--c:var(--c-{escape(name)})" x="{x}" y="{_MARKS + 3.4:g}">'
                f"{escape(class_style(name).letter)}<title>reference: {escape(name)}</title></text>"
            )
    if reference:
        parts.append(f'<text class="rr" x="4.5" y="{_MARKS + 3.2:g}">ref.</text>')
    return parts


def _draw_seconds(row: tuple[float, float], start: dt.datetime | None, height: float) -> list[str]:
    parts = []
    for second in range(int(np.ceil(row[0] - 1e-9)), int(np.floor(row[1] + 1e-9)) + 1):
        x = _LEFT + MM_PER_S * (second - row[0])
        parts.append(f'<path class="tick" d="M{write_number(x)} {write_number(height - 1.2)}v1.2"/>')
        if second % 2 == 0 and second < row[1] - 0.5:
            parts.append(
                f'<text class="time" x="{write_number(x + 0.7)}" y="{write_number(height - 0.7)}">'
                f"{write_time(second, start)}</text>"
            )
    return parts
