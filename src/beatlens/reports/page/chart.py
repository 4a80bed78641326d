"""The overview: heart rate, ectopy and quality over the whole recording.

The drawing stretches with the page while its labels, which are HTML, keep their size: it reads the same on a phone, on a wide
screen and on paper.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

from beatlens.analysis.result import Analysis
from beatlens.reports.page.svg import draw_band, draw_path, nice_ticks, write_number
from beatlens.reports.trend import Trend, measure_trend
from beatlens.reports.words import write_time

_TIME_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400)


@dataclass(frozen=True)
class Label:
    """A label of an axis: its text, and its place in per cent of the axis, from the left or from the bottom."""

    text: str
    percent: float


@dataclass(frozen=True)
class Panel:
    """One panel of the overview.

    Parameters
    ----------
    title, unit : str
        What is drawn, and its unit.
    kind : str
        Name of its CSS class, which sets its height.
    drawing : Markup
        SVG that fills the panel.
    labels : tuple of Label
        Of the vertical axis.
    """

    title: str
    unit: str
    kind: str
    drawing: Markup
    labels: tuple[Label, ...]


@dataclass(frozen=True)
class Overview:
    """The panels, the time axis that they share, and the length of a step in seconds."""

    panels: tuple[Panel, ...]
    times: tuple[Label, ...]
    step_s: float


def draw_overview(analysis: Analysis) -> Overview:
    """Draw heart rate (median, and range) above, beats of each class that is not normal, and what could not be read."""
    trend = measure_trend(analysis)
    duration = analysis.record.duration_s
    panels = [_draw_rate(trend, duration)]
    panels += [_draw_counts(trend, duration, name) for name, counts in trend.counts.items() if counts.any()]
    panels.append(_draw_quality(analysis))
    return Overview(tuple(panels), tuple(_label_times(duration, analysis.record.start_time)), trend.step_s)


def _draw_rate(trend: Trend, duration: float) -> Panel:
    present = np.isfinite(trend.rate)
    low, high = (float(trend.lowest[present].min()), float(trend.highest[present].max())) if present.any() else (40.0, 120.0)
    low, high = min(low - 5, 50.0), max(high + 5, 100.0)
    middle = np.minimum(trend.starts_s + trend.step_s / 2, duration)

    def across(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return 100 * (high - values) / (high - low)

    x = 1000 * middle / duration
    ticks = nice_ticks(low, high, 5)
    parts = [_rule(100 * (high - tick) / (high - low)) for tick in ticks]
    parts.append(f'<path class="range" d="{draw_band(x, across(trend.highest), across(trend.lowest))}"/>')
    parts.append(f'<path class="rate" d="{draw_path(x, across(trend.rate))}"/>')
    labels = tuple(Label(f"{tick:g}", 100 * (tick - low) / (high - low)) for tick in ticks)
    return Panel("Heart rate", "beats per minute", "tall", _svg("heart rate over time", parts), labels)


def _draw_counts(trend: Trend, duration: float, name: str) -> Panel:
    counts = trend.counts[name]
    top = float(counts.max())
    ends = np.minimum(trend.starts_s + trend.step_s, duration)
    left, right = 1000 * trend.starts_s / duration, 1000 * ends / duration
    bars = []
    for place in np.flatnonzero(counts).tolist():
        height = 100 * counts[place] / (1.1 * top)
        gap = 0.12 * (right[place] - left[place])
        bars.append(
            f"M{100 * (left[place] + gap):.0f} 10000v{-100 * height:.0f}"
            f"h{100 * (right[place] - left[place] - 2 * gap):.0f}v{100 * height:.0f}z"
        )
    drawing = _svg(f"{name} beats over time", [f'<path style="fill:var(--c-{escape(name)})" d="{"".join(bars)}"/>'])
    return Panel(name, f"{name} beats per step", "short", drawing, (Label(f"{top:g}", 100 / 1.1), Label("0", 0)))


def _draw_quality(analysis: Analysis) -> Panel:
    duration = analysis.record.duration_s
    parts = ['<rect class="readable" width="100000" height="10000"/>']
    for span in analysis.quality.spans:
        left, width = 1e5 * span.start_s / duration, max(1e5 * (span.end_s - span.start_s) / duration, 100)
        parts.append(f'<rect class="unreadable" x="{left:.0f}" width="{width:.0f}" height="10000"/>')
    return Panel("Signal", "dark where it could not be read", "thin", _svg("what could be read", parts), ())


def _svg(label: str, parts: list[str]) -> Markup:
    return Markup(  # noqa: S704 - made of numbers, and of text that was escaped
        f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 100000 10000" preserveAspectRatio="none">'
        f"{''.join(parts)}</svg>"
    )


def _rule(y: float) -> str:
    return f'<path class="rule" d="M0 {write_number(100 * y)}h100000"/>'


def _label_times(duration: float, start: dt.datetime | None) -> list[Label]:
    step = next((step for step in _TIME_STEPS_S if duration / step <= 8), 86400 * int(np.ceil(duration / 86400 / 8)))
    # Times of day stand at full hours and minutes, not at multiples since the start.
    offset = 0.0
    if start is not None:
        offset = -((start.hour * 3600 + start.minute * 60 + start.second + start.microsecond / 1e6) % step) % step
    labels = []
    for at in np.arange(offset, duration + 1e-6, step).tolist():
        text = write_time(at, start)
        labels.append(Label(text[:5] if start is not None and step >= 60 else text, 100 * at / duration))
    return labels
