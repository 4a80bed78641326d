"""One beat, large: its line coloured by importance, the patient's usual beat behind it; and the test of that picture."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

from beatlens.app.services.explaining import Trust
from beatlens.explain.explanation import Explanation
from beatlens.reports.page.svg import draw_path, nice_ticks, write_number
from beatlens.reports.style import IMPORTANCE_STEPS

_WIDTH, _HEIGHT = 640.0, 330.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 12.0, 30.0, 46.0
_SMALL: Final = (320.0, 200.0)
_MOST_MARKS: Final = 3


def draw_beat(explanation: Explanation, usual: npt.NDArray[np.float64] | None = None, *, lead: int = 0) -> Markup:
    """Return one lead of an explained beat as SVG.

    Parameters
    ----------
    explanation : Explanation
        With the beat's voltage.
    usual : ndarray of shape (n_samples,), optional
        The usual beat at the same times, in mV around its own level; drawn dashed.
    lead : int
        Which lead of the explanation.
    """
    times = explanation.times_ms
    wave = np.asarray(explanation.signal[:, lead], np.float64)
    wave = wave - np.median(wave)
    shown = [wave] if usual is None or not np.isfinite(usual).any() else [wave, usual - np.nanmedian(usual)]
    low, high = (float(bound(np.concatenate(shown))) for bound in (np.nanmin, np.nanmax))
    margin = 0.1 * max(high - low, 0.1)
    frame = _Frame((float(times[0]), float(times[-1])), (low - margin, high + margin), (_WIDTH, _HEIGHT))
    parts = frame.rules("Time from the R peak (ms)", "Voltage (mV)", zero=True)
    parts += _draw_segments(frame, explanation)
    if len(shown) == 2:
        parts.append(f'<path class="usual" d="{draw_path(frame.across(times), frame.down(shown[1]))}" transform="scale(.01)"/>')
    x, y = frame.across(times), frame.down(wave)
    parts += _draw_importance(x, y, np.abs(np.asarray(explanation.attribution[:, lead], np.float64)))
    for at in explanation.salient_times_ms[:_MOST_MARKS]:
        px = float(frame.across(np.array([at]))[0])
        parts.append(f'<path class="point" d="M{write_number(px - 5)} 17h10l-5 8z"/>')
        parts.append(f'<text class="xtick" x="{write_number(px)}" y="13">{_signed(round(at))}</text>')
    label = escape(f"Beat in lead {explanation.lead_names[lead]}, its line coloured by importance. {explanation.sentence}")
    return _svg("bl-beat", label, (_WIDTH, _HEIGHT), parts)


def _draw_segments(frame: _Frame, explanation: Explanation) -> list[str]:
    """Return the waves that were found, as bars along the time axis with their names."""
    parts, floor = [], _HEIGHT - _BOTTOM
    for name, (start, end) in explanation.segments.items():
        if name in {"P", "QRS", "T"}:
            left, right = frame.across([start, end]).tolist()
            parts.append(f'<path class="wave" d="M{write_number(left)} {floor - 4:g}H{write_number(right)}"/>')
            parts.append(f'<text class="xtick" x="{write_number((left + right) / 2)}" y="{floor - 9:g}">{escape(name)}</text>')
    return parts


def draw_key(*, usual: bool) -> Markup:
    """Return what the colours mean."""
    steps = "".join(f'<i style="background:var(--i{k})"></i>' for k in range(len(IMPORTANCE_STEPS)))
    dashed = '<span class="dash"></span><span>this patient’s usual beat</span>' if usual else ""
    return Markup(  # noqa: S704 - fixed text
        f'<div class="bl bl-key"><span>little importance</span>{steps}<span>much</span>'
        f'<span class="arrow">▼</span><span>the most important instants</span>{dashed}</div>'
    )


def draw_trust(trust: Trust) -> Markup:
    """Return the deletion curve of a picture beside that of random orders."""
    frame = _Frame((0.0, 100.0), (0.0, 1.0), _SMALL)
    parts = frame.rules("Share of the beat taken away (%)", "Probability of the call")
    x = frame.across(100 * trust.shares)
    for kind, curve in (("usual", trust.random), ("curve", trust.curve)):
        parts.append(f'<path class="{kind}" d="{draw_path(x, frame.down(curve))}" transform="scale(.01)"/>')
    label = escape(f"Deletion curve. {trust.sentence}")
    return _svg("bl-trust", label, _SMALL, parts)


class _Frame:
    """Axes: from values to places of the drawing."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float], size: tuple[float, float]) -> None:
        self.x, self.y, self.size = x, y, size

    def across(self, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        share = (np.asarray(values, np.float64) - self.x[0]) / (self.x[1] - self.x[0])
        place: npt.NDArray[np.float64] = _LEFT + share * (self.size[0] - _LEFT - _RIGHT)
        return place

    def down(self, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        share = (self.y[1] - np.asarray(values, np.float64)) / (self.y[1] - self.y[0])
        place: npt.NDArray[np.float64] = _TOP + share * (self.size[1] - _TOP - _BOTTOM)
        return place

    def rules(self, x_label: str, y_label: str, *, zero: bool = False) -> list[str]:
        """Return the grid with its labels."""
        (width, height), floor, parts = self.size, self.size[1] - _BOTTOM, []
        for tick in nice_ticks(*self.y, 5):
            y = write_number(float(self.down(tick)))
            parts.append(f'<path class="rule" d="M{_LEFT:g} {y}H{width - _RIGHT:g}"/>')
            parts.append(f'<text class="ytick" x="{_LEFT - 6:g}" y="{y}" dy=".35em">{_signed(tick)}</text>')
        for tick in nice_ticks(*self.x, 7 if width > 400 else 5):
            x = write_number(float(self.across(tick)))
            parts.append(f'<path class="rule{" r" if zero and tick == 0 else ""}" d="M{x} {_TOP:g}V{floor:g}"/>')
            parts.append(f'<text class="xtick" x="{x}" y="{floor + 17:g}">{_signed(tick)}</text>')
        parts.append(f'<text class="xtick" x="{(_LEFT + width - _RIGHT) / 2:g}" y="{height - 8:g}">{x_label}</text>')
        parts.append(f'<text class="xtick" transform="translate(15 {(_TOP + floor) / 2:g}) rotate(-90)">{y_label}</text>')
        return parts


def _draw_importance(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], weight: npt.NDArray[np.float64]) -> list[str]:
    """Return one path for each stretch of like importance; each begins where the last one ended."""
    share = (weight[:-1] + weight[1:]) / 2 / (weight.max() or 1.0)
    steps = np.minimum((share * len(IMPORTANCE_STEPS)).astype(np.int64), len(IMPORTANCE_STEPS) - 1)
    edges = [0, *(np.flatnonzero(np.diff(steps)) + 1).tolist(), len(steps)]
    return [
        f'<path class="i i{steps[first]}" d="{draw_path(x[first : last + 1], y[first : last + 1])}" transform="scale(.01)"/>'
        for first, last in pairwise(edges)
    ]


def _svg(kind: str, label: str, size: tuple[float, float], parts: list[str]) -> Markup:
    return Markup(  # noqa: S704 - made of numbers, and of text that was escaped
        f'<div class="bl {kind}"><svg class="why" role="img" aria-label="{label}" viewBox="0 0 {size[0]:g} {size[1]:g}">'
        f"{''.join(parts)}</svg></div>"
    )


def _signed(value: float) -> str:
    return f"{value:g}".replace("-", "−")
