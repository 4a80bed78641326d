"""Figures of one recording: its overview, the shapes of its beats, and its explained beats."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from beatlens.analysis.result import Analysis
from beatlens.reports import style
from beatlens.reports.figures.saliency import TIME_LABEL, plot_beats
from beatlens.reports.shapes import Shape, find_shapes
from beatlens.reports.trend import Trend, measure_trend
from beatlens.reports.words import write_duration, write_time


def draw_figures(analysis: Analysis) -> list[tuple[str, Figure]]:
    """Return every figure of an analysis with its name."""
    shapes, _ = find_shapes(analysis)
    figures = [("overview", plot_overview(analysis))]
    if shapes:
        figures.append(("shapes", plot_shapes(shapes, lead=style.figure_text(analysis.record.lead_names[0]))))
    if analysis.explained:
        figures.append(("explained-beats", plot_explained(analysis)))
    return figures


def plot_overview(analysis: Analysis) -> Figure:
    """Draw heart rate (median and range), beats of each class that is not normal, and what could not be read, over time."""
    trend = measure_trend(analysis)
    shown = [name for name, counts in trend.counts.items() if counts.any()]
    figure, grid = style.new_grid(
        len(shown) + 2,
        1,
        title=f"{style.figure_text(analysis.record.name)}: overview",
        size=(9.5, 3.2 + 0.9 * len(shown)),
        margins=style.Margins(top=0.55, down=0.36),
        sharex=True,
        gridspec_kw={"height_ratios": [3, *[1] * len(shown), 0.25]},
    )
    panels = grid[:, 0].tolist()
    middle = trend.starts_s + trend.step_s / 2
    style.dress(panels[0], title="Heart rate", y="Beats per minute")
    panels[0].fill_between(middle, trend.lowest, trend.highest, color="#C9D4DF", linewidth=0, label="lowest to highest")
    panels[0].plot(middle, trend.rate, color=style.INK, linewidth=1.3, label=f"median of {write_duration(trend.step_s)}")
    panels[0].legend(frameon=False, fontsize=8, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)
    for axes, name in zip(panels[1:-1], shown, strict=True):
        look = style.class_style(name)
        style.dress(axes, title=f"{look.letter}: {look.name} beats in {write_duration(trend.step_s)}", y="Beats")
        axes.add_collection(_bars(trend.starts_s, trend.counts[name], width=0.9 * trend.step_s, look=look))
        axes.set_ylim(0, 1.05 * trend.counts[name].max())
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=3))
    _draw_signal(panels[-1], trend, analysis)
    return figure


def _bars(
    starts: npt.NDArray[np.floating], heights: npt.NDArray[np.integer], *, width: float, look: style.ClassStyle
) -> PolyCollection:
    """Return bars on the zero line as one artist: `Axes.bar` makes one of each, which takes several times as long."""
    left, top = starts[heights > 0], heights[heights > 0]
    zero = np.zeros(len(top))
    corners = np.stack([left, zero, left, top, left + width, top, left + width, zero], axis=1).reshape(-1, 4, 2)
    return PolyCollection(corners.tolist(), facecolors=look.colour, hatch=look.hatch, edgecolors=style.PAPER, linewidths=0)


def _draw_signal(axes: Axes, trend: Trend, analysis: Analysis) -> None:
    start, duration = analysis.record.start_time, analysis.record.duration_s
    style.dress(axes, title="Signal: dark where it could not be read", grid=False)
    axes.set_xlabel("Time of day" if start else "Time since the start", fontsize=9.5, color=style.INK)
    axes.axvspan(0, duration, color="#DBE7DD", linewidth=0)
    for span in analysis.spans:
        axes.axvspan(span.start_s, span.end_s, color="#3D4854", linewidth=0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlim(0, max(duration, trend.step_s))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: write_time(max(value, 0), start)))


def plot_shapes(shapes: tuple[Shape, ...], *, lead: str) -> Figure:
    """Draw the shapes of a recording's beats, each the mean of beats that look alike with one standard deviation."""
    columns = min(4, len(shapes))
    rows = -(-len(shapes) // columns)
    figure, grid = style.new_grid(
        rows,
        columns,
        title=f"Shapes of beats, {lead}",
        size=(2.6 * columns + 0.6, 2.3 * rows + 0.7),
        # in the second case with the labels of time below the row before the last
        margins=style.Margins(top=0.55, across=0.16, down=0.34 if rows * columns == len(shapes) else 0.72),
        sharex=True,
        sharey=True,
    )
    for place, axes in enumerate(grid.ravel().tolist()):
        if place >= len(shapes):
            axes.remove()
            continue
        shape = shapes[place]
        look = style.class_style(shape.beat_class)
        style.dress(axes, title=f"{look.letter}, n = {shape.count:,}")
        axes.fill_between(
            shape.times_ms, shape.mean - shape.spread, shape.mean + shape.spread, color=look.colour, alpha=0.2, linewidth=0
        )
        axes.plot(shape.times_ms, shape.mean, color=look.colour, linewidth=1.6)
        axes.axvline(0, color=style.SOFT_INK, linewidth=0.8, linestyle=(0, (2, 3)), zorder=1)
        if place % columns == 0:
            axes.set_ylabel("Voltage (mV)", fontsize=9)
        if place + columns >= len(shapes):
            axes.set_xlabel(TIME_LABEL, fontsize=9)
            axes.tick_params(labelbottom=True)
    return figure


def plot_explained(analysis: Analysis) -> Figure:
    """Draw every explained beat in the lead that mattered most to it, its line coloured by importance."""
    waves, weights, captions = [], [], []
    for each in analysis.explained:
        why, row = each.explanation, analysis.beats.iloc[each.beat]
        lead = int(np.abs(why.attribution).sum(axis=0).argmax())
        waves.append(why.signal[:, lead])
        weights.append(why.attribution[:, lead])
        at = write_time(float(row["time_s"]), analysis.record.start_time, tenths=True)
        probability = "> 0.99" if row["probability"] > 0.995 else f"{row['probability']:.2f}"
        captions.append(f"{at}, {style.figure_text(why.lead_names[lead])}\n{row['class']}, probability {probability}")
    times = analysis.explained[0].explanation.times_ms
    return plot_beats(
        waves,
        weights,
        captions,
        fs=1000 / float(times[1] - times[0]),
        r_index=int(np.abs(times).argmin()),
        title=f"{style.figure_text(analysis.record.name)}: explained beats ({analysis.settings.method})",
    )
