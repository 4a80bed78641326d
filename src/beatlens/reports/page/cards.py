"""Cards: one for each shape of beat, one for each beat that was explained."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

from beatlens.analysis.result import Analysis, ExplainedBeat
from beatlens.explain.explanation import Explanation
from beatlens.reports.page.svg import draw_band, draw_path, nice_ticks, write_number
from beatlens.reports.shapes import Shape
from beatlens.reports.style import IMPORTANCE_STEPS, class_style
from beatlens.reports.words import write_percent, write_time

MM_PER_S: Final = 50.0
MM_PER_MV: Final = 10.0

_NAMES: Final = {
    "before": "before the P wave",
    "P": "P wave",
    "PR": "PR segment",
    "ST": "ST segment",
    "T": "T wave",
    "after": "after the T wave",
}
_WIDTH, _HEIGHT = 330.0, 190.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 8.0, 10.0, 36.0


@dataclass(frozen=True)
class ShapeCard:
    """A shape, ready for the page: its class, the letter of it, the count, its share of the record, and the drawing."""

    beat_class: str
    letter: str
    name: str
    count: int
    share: str
    drawing: Markup


@dataclass(frozen=True)
class BeatCard:
    """An explained beat, ready for the page; ``shares`` say what decided it: in per cent, negative if against it."""

    beat_class: str
    letter: str
    name: str
    probability: str
    at: str
    why: str
    sentence: str
    drawing: Markup
    shares: tuple[tuple[str, float], ...]


def make_shape_cards(shapes: tuple[Shape, ...], n_judged: int) -> list[ShapeCard]:
    """Draw each shape on paper of 50 mm/s and 10 mm/mV, all of one height, the mean with a band of one standard deviation."""
    low = min((float((shape.mean - shape.spread).min()) for shape in shapes), default=-1.0)
    high = max((float((shape.mean + shape.spread).max()) for shape in shapes), default=1.0)
    tall = float(np.clip(5 * np.ceil((MM_PER_MV * (high - low) + 2) / 5), 20, 50))
    middle = tall / 2 + MM_PER_MV * (low + high) / 2
    cards = []
    for shape in shapes:
        style = class_style(shape.beat_class)
        share = write_percent(100 * shape.count / n_judged)
        cards.append(
            ShapeCard(shape.beat_class, style.letter, style.name, shape.count, share, _draw_shape(shape, tall, middle))
        )
    return cards


def _draw_shape(shape: Shape, tall: float, middle: float) -> Markup:
    x = MM_PER_S * (shape.times_ms - shape.times_ms[0]) / 1000
    wide = float(np.ceil(x[-1] / 5) * 5)
    band = draw_band(x, middle - MM_PER_MV * (shape.mean + shape.spread), middle - MM_PER_MV * (shape.mean - shape.spread))
    line = draw_path(x, middle - MM_PER_MV * shape.mean)
    size = f'viewBox="0 0 {write_number(wide)} {write_number(tall)}"'
    style = f"stroke:var(--c-{escape(shape.beat_class)})"
    fill = f"fill:var(--c-{escape(shape.beat_class)})"
    return Markup(  # noqa: S704 - made of numbers, and of text that was escaped
        f'<svg class="shape" role="img" aria-label="mean of {shape.count} beats" {size}>'
        f'<rect class="paper" width="{wide:g}" height="{tall:g}"/><rect fill="url(#mm1)" width="{wide:g}" height="{tall:g}"/>'
        f'<rect fill="url(#mm5)" width="{wide:g}" height="{tall:g}"/>'
        f'<g transform="scale(.01)"><path class="spread" style="{fill}" d="{band}"/>'
        f'<path class="mean" style="{style}" d="{line}"/></g></svg>'
    )


def make_beat_cards(analysis: Analysis) -> list[BeatCard]:
    """Draw each explained beat, its line coloured and thickened by importance."""
    return [_make_beat_card(analysis, each) for each in analysis.explained]


def _make_beat_card(analysis: Analysis, each: ExplainedBeat) -> BeatCard:
    row = analysis.beats.iloc[each.beat]
    name = str(row["class"])
    style = class_style(name)
    probability = float(row["probability"])
    lead = int(np.abs(each.explanation.attribution).sum(axis=0).argmax())
    return BeatCard(
        beat_class=name,
        letter=style.letter,
        name=style.name,
        probability="> 0.99" if probability > 0.995 else f"{probability:.2f}",
        at=write_time(float(row["time_s"]), analysis.record.start_time, tenths=True),
        why=each.why,
        sentence=each.explanation.sentence,
        drawing=draw_explained(each.explanation, lead=lead),
        shares=rank_shares(each.explanation),
    )


def rank_shares(explanation: Explanation, *, at_most: int = 5) -> tuple[tuple[str, float], ...]:
    """Return what decided a beat, the most important first: segments, intervals and other beats with their share in per cent.

    A share is positive where it speaks for the class that was called. Shares below 1 % are left out. A model that reads no
    shape has its rhythm features instead, as shares of their own sum.
    """
    parts = dict(explanation.shares)
    if not parts:
        total = sum(abs(value) for value in explanation.features.values()) or 1.0
        parts = {name.replace("_", " "): value / total for name, value in explanation.features.items()}
    side = 1 if explanation.predicted == explanation.target else -1
    ranked = sorted(
        ((_NAMES.get(name, name), 100 * side * share) for name, share in parts.items()), key=lambda item: -abs(item[1])
    )
    return tuple((name, share) for name, share in ranked[:at_most] if abs(share) >= 1)


def draw_explained(explanation: Explanation, *, lead: int = 0) -> Markup:
    """Return one lead of an explained beat as SVG: voltage in mV over time in ms from the R peak, importance as colour."""
    times, wave = explanation.times_ms, np.asarray(explanation.signal[:, lead], np.float64)
    low, high = float(wave.min()), float(wave.max())
    margin = 0.12 * max(high - low, 0.1)
    low, high = low - margin, high + margin

    def across(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        place: npt.NDArray[np.float64] = (np.asarray(values, np.float64) - times[0]) / (times[-1] - times[0])
        return _LEFT + place * (_WIDTH - _LEFT - _RIGHT)

    def down(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        place: npt.NDArray[np.float64] = (high - np.asarray(values, np.float64)) / (high - low)
        return _TOP + place * (_HEIGHT - _TOP - _BOTTOM)

    parts = []
    for tick in nice_ticks(low, high, 4):
        y = write_number(float(down(tick)))
        parts.append(f'<path class="rule" d="M{_LEFT:g} {y}H{_WIDTH - _RIGHT:g}"/>')
        parts.append(f'<text class="ytick" x="{_LEFT - 5:g}" y="{y}" dy=".35em">{_signed(tick)}</text>')
    floor = _HEIGHT - _BOTTOM
    for tick in nice_ticks(float(times[0]), float(times[-1]), 6):
        x = write_number(float(across(tick)))
        parts.append(f'<path class="rule{" r" if tick == 0 else ""}" d="M{x} {_TOP:g}V{floor:g}"/>')
        parts.append(f'<text class="xtick" x="{x}" y="{floor + 13:g}">{_signed(tick)}</text>')
    parts.append(
        f'<text class="xtick" x="{(_LEFT + _WIDTH - _RIGHT) / 2:g}" y="{_HEIGHT - 6:g}">Time from the R peak (ms)</text>'
    )
    parts.append(
        f'<text class="xtick" transform="translate(11 {(_TOP + floor) / 2:g}) rotate(-90)">'
        f"{escape(explanation.lead_names[lead])} (mV)</text>"
    )
    parts += _draw_importance(across(times), down(wave), np.abs(np.asarray(explanation.attribution[:, lead], np.float64)))
    label = escape(f"beat of {explanation.lead_names[lead]} with the importance of each instant")
    return Markup(  # noqa: S704 - made of numbers, and of text that was escaped
        f'<svg class="why" role="img" aria-label="{label}" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}">{"".join(parts)}</svg>'
    )


def _draw_importance(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], weight: npt.NDArray[np.float64]) -> list[str]:
    """Return one path a stretch of like importance; each begins where the last one ended, so that the line has no gaps."""
    top = weight.max() or 1.0
    n_steps = len(IMPORTANCE_STEPS)
    share = (weight[:-1] + weight[1:]) / 2 / top
    steps = np.minimum((share * n_steps).astype(np.int64), n_steps - 1)
    edges = [0, *(np.flatnonzero(np.diff(steps)) + 1).tolist(), len(steps)]
    return [
        f'<path class="i i{steps[first]}" d="{draw_path(x[first : last + 1], y[first : last + 1])}" transform="scale(.01)"/>'
        for first, last in pairwise(edges)
    ]


def _signed(value: float) -> str:
    return f"{value:g}".replace("-", "−")
