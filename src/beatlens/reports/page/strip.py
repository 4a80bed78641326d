"""Strips on ECG paper: 25 mm/s, 10 mm/mV, a calibration pulse, the beats marked."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

from beatlens.analysis.result import Analysis
from beatlens.analysis.rhythm import NORMAL
from beatlens.reports.page.svg import draw_path, write_number
from beatlens.reports.style import class_style
from beatlens.reports.words import write_time

MM_PER_S: Final = 25.0
MM_PER_MV: Final = 10.0
ROW_S: Final = 7.0
"""What fits the width of an A4 page beside the calibration pulse."""

_PULSE: Final = 10.0
_MARKS: Final = 7.0
_FOOT: Final = 4.0
_LOWEST, _TALLEST = 20.0, 45.0
_MOST_LEADS: Final = 3
_DRAWN_FS: Final = 500.0


@dataclass(frozen=True)
class Strip:
    """A part of the recording to be drawn.

    Parameters
    ----------
    titles : tuple of str
        What there is to see.
    start_s, end_s : float
        From where to where.
    highlight : (float, float) or None
        The part that the titles speak of.
    """

    titles: tuple[str, ...]
    start_s: float
    end_s: float
    highlight: tuple[float, float] | None = None


def draw_strip(analysis: Analysis, strip: Strip) -> Markup:
    """Return a strip as SVG, true to scale: one millimetre of paper is one millimetre of the page."""
    record = analysis.record
    first, last = max(0, round(strip.start_s * record.fs)), min(record.n_samples, round(strip.end_s * record.fs))
    leads = record.signal[first:last, :_MOST_LEADS]
    levels = np.array([_middle(leads[:, lead]) for lead in range(leads.shape[1])])
    waves = leads - levels
    heights = [_height(waves[:, lead]) for lead in range(waves.shape[1])]
    width = _PULSE + MM_PER_S * (strip.end_s - strip.start_s)
    height = _MARKS + sum(heights) + _FOOT
    parts = [
        f'<rect class="paper" width="{write_number(width)}" height="{write_number(height)}"/>',
        f'<rect fill="url(#mm1)" width="{write_number(width)}" height="{write_number(height)}"/>',
        f'<rect fill="url(#mm5)" width="{write_number(width)}" height="{write_number(height)}"/>',
    ]
    if strip.highlight:
        left, right = (_PULSE + MM_PER_S * (at - strip.start_s) for at in strip.highlight)
        left, right = max(left - 4, _PULSE), min(right + 4, width)
        parts.append(
            f'<rect class="lit" x="{write_number(left)}" width="{write_number(max(0.0, right - left))}" '
            f'y="0" height="{write_number(height)}"/>'
        )
    top = _MARKS
    for lead, tall in enumerate(heights):
        parts.append(_draw_lead(waves[:, lead], record.fs, record.lead_names[lead], top, tall))
        top += tall
    parts += _draw_beats(analysis, strip)
    parts += _draw_seconds(strip, record.start_time, height)
    across, down = write_number(width), write_number(height)
    size = f'width="{across}mm" height="{down}mm" viewBox="0 0 {across} {down}"'
    label = escape(f"ECG, {', '.join(record.lead_names[:_MOST_LEADS])}, from {write_time(strip.start_s, record.start_time)}")
    return Markup(f'<svg class="strip" role="img" aria-label="{label}" {size}>{"".join(parts)}</svg>')  # noqa: S704


def _middle(x: npt.NDArray[np.floating]) -> float:
    """Return the voltage that is drawn at half height: the middle of what fits, or the usual level if not all of it does."""
    present = x[np.isfinite(x)]
    if not present.size:
        return 0.0
    low, high = float(present.min()), float(present.max())
    return (low + high) / 2 if MM_PER_MV * (high - low) <= _TALLEST - 4 else float(np.median(present))


def _height(wave: npt.NDArray[np.floating]) -> float:
    """Return how tall a lead's part of the strip is, in whole large squares, so that its waves fit where they can."""
    present = wave[np.isfinite(wave)]
    reach = MM_PER_MV * float(np.abs(present).max()) if present.size else 0.0
    return float(np.clip(10 * np.ceil((reach + 2) / 5), _LOWEST, _TALLEST))


def _draw_lead(wave: npt.NDArray[np.floating], fs: float, name: str, top: float, tall: float) -> str:
    x = _PULSE + MM_PER_S * np.arange(len(wave)) / fs
    keep = thin_out(wave, max(2, int(_DRAWN_FS * len(wave) / fs)))
    line = draw_path(x[keep], tall / 2 - MM_PER_MV * wave[keep])
    pulse = draw_path(np.array([1, 2, 2, 7, 7, 8.0]), tall / 2 - np.array([0, 0, 10, 10, 0, 0.0]))
    right = x[-1] + 1 if len(x) else _PULSE
    return (
        f'<svg x="0" y="{write_number(top)}" width="{write_number(right)}" height="{write_number(tall)}" '
        f'viewBox="0 0 {100 * right:.0f} {100 * tall:.0f}">'
        f'<path class="pulse" d="{pulse}"/><path class="trace" d="{line}"/></svg>'
        f'<text class="lead" x="1" y="{write_number(top + tall / 2 + 4.5)}">{escape(name)}</text>'
    )


def thin_out(wave: npt.NDArray[np.floating], most: int) -> npt.NDArray[np.int64]:
    """Return the places of at most so many samples that keep every peak: the lowest and the highest of each stretch.

    A stretch that holds a gap keeps one missing sample, so that the line is broken there.
    """
    if len(wave) <= most:
        return np.arange(len(wave))
    size = -(-2 * len(wave) // most)
    n = len(wave) // size
    blocks = wave[: n * size].reshape(n, size)
    missing = np.isnan(blocks)
    starts = size * np.arange(n)
    lowest = np.where(missing, np.inf, blocks).argmin(axis=1)
    highest = np.where(missing.any(axis=1), missing.argmax(axis=1), np.where(missing, -np.inf, blocks).argmax(axis=1))
    places = np.stack([starts + lowest, starts + highest], axis=1)
    return np.unique(np.concatenate([np.sort(places, axis=1).ravel(), np.arange(n * size, len(wave))]))


def _draw_beats(analysis: Analysis, strip: Strip) -> list[str]:
    beats = analysis.beats
    times = beats["time_s"].to_numpy()
    first, last = np.searchsorted(times, [strip.start_s, strip.end_s]).tolist()
    part = beats.iloc[first:last]
    parts = []
    for time, name, doubt, rr in zip(
        part["time_s"].tolist(), part["class"].tolist(), part["uncertain"].tolist(), part["rr_s"].tolist(), strict=True
    ):
        x = _PULSE + MM_PER_S * (time - strip.start_s)
        if time > strip.end_s - 0.08:
            continue  # no room for its mark
        letter = (class_style(name).letter if name else "–") + ("?" if doubt else "")
        kind = "ectopic" if name and name not in NORMAL else "plain"
        if kind == "ectopic":
            wide = 2.2 + 1.7 * len(letter)
            parts.append(
                f'<rect style="fill:var(--c-{escape(name)})" x="{write_number(x - wide / 2)}" y="0.9" '
                f'width="{write_number(wide)}" height="4" rx="0.7"/>'
            )
        parts.append(f'<text class="beat {kind}" x="{write_number(x)}" y="4">{letter}</text>')
        parts.append(f'<path class="tick" d="M{write_number(x)} 5.2v1.4"/>')
        middle = x - MM_PER_S * rr / 2
        if rr * MM_PER_S >= 11 and middle > _PULSE + 3:
            parts.append(f'<text class="rr" x="{write_number(middle)}" y="3.8">{1000 * rr:.0f}</text>')
    return parts


def _draw_seconds(strip: Strip, start: dt.datetime | None, height: float) -> list[str]:
    parts = []
    for second in range(int(np.ceil(strip.start_s - 1e-9)), int(strip.end_s) + 1):
        x = _PULSE + MM_PER_S * (second - strip.start_s)
        if x > _PULSE + MM_PER_S * (strip.end_s - strip.start_s) - 4:
            continue
        parts.append(f'<path class="tick" d="M{write_number(x)} {write_number(height - 1.4)}v1.4"/>')
        place = f'x="{write_number(x + 0.8)}" y="{write_number(height - 0.7)}"'
        parts.append(f'<text class="time" {place}>{write_time(second, start)}</text>')
    return parts
