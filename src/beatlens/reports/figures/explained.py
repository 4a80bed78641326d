"""Explained beats as figures: one beat in full, its neighbours, the average of each class, and a gallery of small ones."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from beatlens.errors import SignalError
from beatlens.explain.explanation import Explanation
from beatlens.explain.methods import METHODS
from beatlens.explain.segments import SEGMENTS
from beatlens.reports import style

FloatArray = npt.NDArray[np.floating]

TIME_LABEL: Final = "Time from the R peak (ms)"
SHOWN: Final = ("P", "PR", "QRS", "ST", "T")
"""Segments that are named above the line; what lies before and after them has no name there."""
FEW: Final = 0.02
"""Shares below this are left out of the bars."""


def plot_explanation(why: Explanation, *, title: str = "") -> Figure:
    """Draw one explained beat: each lead coloured by signed evidence, its segments, the shares of the evidence, its neighbours.

    The recording's usual beat is drawn behind in grey. The colours of all leads share one scale.

    Parameters
    ----------
    why : Explanation
        With its signal.
    title : str
        Above the figure; the recording and the call if not given.

    Raises
    ------
    SignalError
        If the explanation holds no signal.
    """
    if why.signal.shape != why.attribution.shape:
        raise SignalError(f"the explanation must hold the signal of its beat; got shape {why.signal.shape}")
    n_leads = len(why.lead_names)
    bars = [(name, why.shares[name]) for name in why.shares if abs(why.shares[name]) >= FEW]
    figure = style.new_figure(10.4, 1.5 + 2.1 * n_leads + (0.9 if n_leads == 1 else 0.0))
    figure.suptitle(title or _headline(why), x=0.01, ha="left", fontsize=12, fontweight="bold", color=style.INK)
    grid = figure.add_gridspec(n_leads, 2 if bars else 1, width_ratios=(2.2, 1) if bars else None)
    top = float(np.abs(why.attribution).max()) or 1.0
    panels = [figure.add_subplot(grid[lead, 0]) for lead in range(n_leads)]
    for lead, axes in enumerate(panels):
        last = lead == n_leads - 1
        style.dress(axes, x=TIME_LABEL if last else "", y=f"{why.lead_names[lead]} (mV)")
        if len(why.usual):
            axes.plot(why.times_ms, why.usual[:, lead], color=style.RULE, linewidth=2.6, zorder=1)
        lines = draw_signed(axes, why.times_ms, why.signal[:, lead], why.attribution[:, lead], top=top)
        _name_segments(axes, why.segments, label=lead == 0)
        axes.axvline(0, color=style.SOFT_INK, linewidth=0.9, linestyle=(0, (2, 3)), zorder=1)
    bar = figure.colorbar(lines, ax=panels, shrink=0.9, pad=0.02, aspect=28)
    _dress_bar(bar, METHODS[why.method].evidence)
    if bars:
        right = (
            grid[:, 1].subgridspec(2, 1, height_ratios=(len(bars) + 2, 5)) if why.neighbours else grid[:, 1].subgridspec(1, 1)
        )
        _draw_shares(figure.add_subplot(right[0]), bars, evidence=METHODS[why.method].evidence)
        if why.neighbours:
            _draw_falls(figure.add_subplot(right[1]), why.neighbours)
    if why.sentence:
        figure.supxlabel(textwrap.fill(why.sentence, 118), x=0.01, ha="left", fontsize=9, color=style.INK)
    return figure


def plot_strip(
    signal: npt.ArrayLike,
    fs: float,
    r_samples: npt.ArrayLike,
    place: int,
    why: Explanation,
    *,
    classes: Sequence[str] = (),
    lead: int = 0,
) -> Figure:
    """Draw the neighbours of an explained beat, and how far the logit falls if each were the usual beat.

    Parameters
    ----------
    signal : array_like of shape (n_samples, n_leads)
        The recording, in mV.
    fs : float
        In Hz.
    r_samples : array_like of int, shape (n_beats,)
        Every R peak.
    place : int
        Which of them is explained.
    why : Explanation
    classes : sequence of str
        What each beat was called.
    lead : int
        Which lead is drawn.
    """
    peaks = np.asarray(r_samples, np.int64)
    reach = max((abs(k) for k in why.neighbours), default=4)
    shown = np.arange(max(0, place - reach), min(len(peaks), place + reach + 1))
    wave = np.asarray(signal, float)[:, lead]
    first = max(0, int(peaks[shown[0]] - 0.5 * fs))
    last = min(len(wave), int(peaks[shown[-1]] + 0.7 * fs))
    time = (np.arange(first, last) - peaks[place]) / fs
    figure = style.new_figure(9.6, 4.0)
    figure.suptitle(f"{_headline(why)}", x=0.01, ha="left", fontsize=12, fontweight="bold", color=style.INK)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2.2, 1))
    style.dress(above, y=f"{why.lead_names[lead]} (mV)")
    above.plot(time, wave[first:last], color=style.INK, linewidth=1.1)
    own = (peaks[shown] - peaks[place]) / fs
    above.axvspan(-0.3, 0.4, color=style.RULE, alpha=0.5, linewidth=0)
    for at, beat in zip(own, shown, strict=True):
        name = classes[int(beat)] if len(classes) else ""
        above.text(at, 1.02, name, transform=above.get_xaxis_transform(), ha="center", fontsize=9, color=_class_colour(name))
    style.dress(below, x="Time from the R peak of the explained beat (s)", y="Fall of the logit\n(log-odds)")
    places = [k for k in sorted(why.neighbours) if 0 <= place + k < len(peaks)]
    at = np.array([(peaks[place + k] - peaks[place]) / fs for k in places])
    falls = np.array([why.neighbours[k] for k in places])
    below.bar(at, falls, width=0.12, color=[_sign_colour(fall) for fall in falls])
    below.axhline(0, color=style.SOFT_INK, linewidth=0.8)
    return figure


def plot_class_averages(explanations: Sequence[Explanation], *, lead: int = 0, title: str = "") -> Figure:
    """Draw the average beat of each called class, coloured by its average signed evidence.

    Each beat's evidence is scaled to its own largest first, so that every beat counts the same. The grey band is one standard
    deviation of the beats.

    Raises
    ------
    SignalError
        If there are no explanations.
    """
    if not explanations:
        raise SignalError("'explanations' must hold at least one beat; got none")
    order = [name for name in style.CLASS_STYLES if any(each.predicted == name for each in explanations)]
    figure = style.new_figure(3.5 * len(order) + 1.2, 3.4)
    figure.suptitle(
        title or "What speaks for each class, on average", x=0.01, ha="left", fontsize=12, fontweight="bold", color=style.INK
    )
    panels = figure.subplots(1, len(order), sharey=True, squeeze=False)[0]
    groups = [[each for each in explanations if each.predicted == name] for name in order]
    means = [np.mean([_relative(each.attribution)[:, lead] for each in group], axis=0) for group in groups]
    top = max(float(np.abs(mean).max()) for mean in means) or 1.0
    for axes, name, group, mean in zip(panels, order, groups, means, strict=True):
        waves = np.stack([each.signal[:, lead] for each in group])
        time = np.mean([each.times_ms for each in group], axis=0)
        style.dress(axes, title=f"{name}, n = {len(group):,}", x=TIME_LABEL)
        middle, spread = waves.mean(axis=0), waves.std(axis=0)
        axes.fill_between(time, middle - spread, middle + spread, color=style.RULE, alpha=0.6, linewidth=0)
        lines = draw_signed(axes, time, middle, mean, top=top)
        axes.axvline(0, color=style.SOFT_INK, linewidth=0.9, linestyle=(0, (2, 3)), zorder=1)
    panels[0].set_ylabel(f"{explanations[0].lead_names[lead]} (mV)", fontsize=9.5)
    _dress_bar(figure.colorbar(lines, ax=panels.tolist(), shrink=0.9, pad=0.02), METHODS[explanations[0].method].evidence)
    return figure


def choose_gallery(explanations: Sequence[Explanation], *, each: int = 4) -> list[tuple[str, Explanation]]:
    """Choose the most typical, the most doubtful and the misclassified beats, the surest mistakes first; no beat twice."""
    ranked = sorted(explanations, key=lambda why: -why.probability)
    wrong = [why for why in ranked if why.correct is False]
    rest = [why for why in ranked if why.correct is not False]
    typical: list[Explanation] = []
    for name in dict.fromkeys(why.predicted for why in rest):
        typical += [why for why in rest if why.predicted == name][: max(1, each // 4)]
    doubtful = [why for why in reversed(rest) if why not in typical]
    chosen = [("typical", why) for why in typical[:each]]
    chosen += [("doubtful", why) for why in doubtful[:each]]
    return chosen + [("misclassified", why) for why in wrong[:each]]


def plot_gallery(
    chosen: Sequence[tuple[str, Explanation]], *, lead: int = 0, title: str = "Typical, doubtful, misclassified"
) -> Figure:
    """Draw beats side by side, one row a kind, each coloured by its signed evidence; from `choose_gallery`.

    Raises
    ------
    SignalError
        If there are no beats.
    """
    if not chosen:
        raise SignalError("'chosen' must hold at least one beat; got none")
    kinds = list(dict.fromkeys(kind for kind, _ in chosen))
    records = ", ".join(dict.fromkeys(why.record for _, why in chosen if why.record))
    rows = {kind: [why for own, why in chosen if own == kind] for kind in kinds}
    columns = max(len(row) for row in rows.values())
    figure = style.new_figure(max(2.7 * columns + 1.2, 6.0), 2.2 * len(kinds) + 0.9)
    headline = f"{title}: {records}" if records else title
    figure.suptitle(headline, x=0.01, ha="left", fontsize=12, fontweight="bold", color=style.INK)
    grid = figure.subplots(len(kinds), columns, sharex=True, squeeze=False)
    used = []
    for line, kind in zip(grid, kinds, strict=True):
        for place, axes in enumerate(line.tolist()):
            if place >= len(rows[kind]):
                axes.remove()
                continue
            why = rows[kind][place]
            style.dress(axes, y=f"{kind}\n{why.lead_names[lead]} (mV)" if place == 0 else "")
            axes.set_title(_caption(why), loc="left", fontsize=8.5, color=style.INK, y=1.0)
            own = why.attribution[:, lead]
            drawn = draw_signed(axes, why.times_ms, why.signal[:, lead], own / (float(np.abs(own).max()) or 1.0), top=1.0)
            axes.axvline(0, color=style.SOFT_INK, linewidth=0.8, linestyle=(0, (2, 3)), zorder=1)
            if kind == kinds[-1]:
                axes.set_xlabel(TIME_LABEL, fontsize=8.5)
            used.append(axes)
    _dress_bar(figure.colorbar(drawn, ax=used, shrink=0.8, pad=0.02), METHODS[chosen[0][1].method].evidence)
    return figure


def draw_signed(axes: Axes, time: FloatArray, wave: FloatArray, values: FloatArray, *, top: float) -> LineCollection:
    """Draw a line coloured by signed values, thickened by their size, its strongest points marked with + and a minus sign."""
    points = np.stack([time, wave], axis=1)
    share = (values[:-1] + values[1:]) / 2
    lines = LineCollection(
        list(np.stack([points[:-1], points[1:]], axis=1)),
        array=share,
        cmap=style.signed_colormap(),
        norm=Normalize(-top, top),
        linewidths=(1.2 + 2.6 * np.abs(share) / top).tolist(),
        capstyle="round",
        zorder=3,
    )
    axes.add_collection(lines)
    axes.set_xlim(float(time[0]), float(time[-1]))
    axes.autoscale_view(scalex=False)
    axes.margins(y=0.16)
    for sign, mark in ((1, "+"), (-1, "\u2212")):
        signed = sign * values
        place = int(signed.argmax())
        if signed[place] > 0.25 * top:
            axes.annotate(
                mark,
                (float(time[place]), float(wave[place])),
                xytext=(6, 5),
                textcoords="offset points",
                fontsize=11,
                fontweight="bold",
                color=_sign_colour(sign),
            )
    return lines


def _headline(why: Explanation) -> str:
    where = f"{why.record}, sample {why.sample:,}" if why.record else "One beat"
    reference = f", reference {why.true}" if why.true else ""
    return f"{where}: called {why.predicted}{reference} ({why.model}, {METHODS[why.method].title})"


def _caption(why: Explanation) -> str:
    shown = "> 0.99" if why.probability > 0.995 else f"{why.probability:.2f}"
    return f"sample {why.sample:,}: {why.predicted} ({shown})" + (f", is {why.true}" if why.true else "")


def _name_segments(axes: Axes, segments: Mapping[str, tuple[float, float]], *, label: bool) -> None:
    for name in SHOWN:
        if name not in segments:
            continue
        start, end = segments[name]
        if SEGMENTS.index(name) % 2:
            axes.axvspan(start, end, color=style.RULE, alpha=0.35, linewidth=0, zorder=0)
        if label:
            axes.text(
                (start + end) / 2,
                1.01,
                name,
                transform=axes.get_xaxis_transform(),
                ha="center",
                fontsize=8.5,
                color=style.SOFT_INK,
            )


def _draw_shares(axes: Axes, bars: Sequence[tuple[str, float]], *, evidence: bool) -> None:
    names, values = [name for name, _ in bars][::-1], np.array([100 * value for _, value in bars])[::-1]
    style.dress(axes, x="Evidence (%)" if evidence else "Sensitivity (%)")
    axes.barh(names, values, color=[_sign_colour(value) for value in values], height=0.65)
    axes.axvline(0, color=style.SOFT_INK, linewidth=0.8)
    axes.set_xlabel(axes.get_xlabel(), fontsize=8.5)
    axes.tick_params(labelsize=8)


def _draw_falls(axes: Axes, neighbours: Mapping[int, float]) -> None:
    places = sorted(neighbours)
    falls = [neighbours[place] for place in places]
    style.dress(axes, x="Beats away", y="Fall of\nthe logit")
    axes.bar([f"{place:+d}".replace("-", "\u2212") for place in places], falls, color=[_sign_colour(fall) for fall in falls])
    axes.axhline(0, color=style.SOFT_INK, linewidth=0.8)
    axes.set_xlabel(axes.get_xlabel(), fontsize=8.5)
    axes.set_ylabel(axes.get_ylabel(), fontsize=8.5)
    axes.tick_params(labelsize=7)


def _dress_bar(bar: Colorbar, evidence: bool) -> None:
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, length=0, labelcolor=style.INK)
    label = "against \u2190 evidence (log-odds) \u2192 for" if evidence else "falls \u2190 slope of the logit \u2192 rises"
    bar.set_label(label, fontsize=8.5, color=style.INK)


def _relative(values: FloatArray) -> FloatArray:
    largest = float(np.abs(values).max())
    return np.asarray(values / (largest or 1.0))


def _sign_colour(value: float) -> str:
    return style.SIGNED_STEPS[3] if value >= 0 else style.SIGNED_STEPS[1]


def _class_colour(name: str) -> str:
    return style.class_style(name).colour if name else style.SOFT_INK
