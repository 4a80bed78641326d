"""Beats with what decided them: the line is coloured, and thickened, by the importance of each instant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from beatlens.errors import SignalError
from beatlens.reports import style

FloatArray = npt.NDArray[np.floating]
TIME_LABEL = "Time from the R peak (ms)"
_LABELS = {"mV": "Voltage (mV)", "z-score": "Voltage (z-score)"}


def plot_saliency(
    beat: npt.ArrayLike,
    importance: npt.ArrayLike,
    *,
    fs: float,
    r_index: int,
    unit: str = "mV",
    title: str = "What decided this beat",
    marks_ms: Sequence[float] = (),
) -> Figure:
    """Draw one beat, its line coloured by importance.

    Parameters
    ----------
    beat : array_like of float, shape (n_samples,)
        Voltage, in ``unit``.
    importance : array_like of float, shape (n_samples,)
        How much each sample moved the model's logit. The magnitude is shown, relative to the beat's largest.
    fs : float
        Sampling rate in Hz.
    r_index : int
        Sample of the R peak within the beat: time zero.
    unit : {"mV", "z-score"}
        Unit of ``beat``.
    title : str
        Above the beat.
    marks_ms : sequence of float
        Important instants to point out on the line and above the time axis, in ms from the R peak.

    Raises
    ------
    SignalError
        If beat and importance differ in length, or a value is not finite.
    """
    wave, weight = _checked(np.atleast_2d(np.asarray(beat, float)), np.atleast_2d(np.asarray(importance, float)))
    time = _time_ms(wave.shape[1], fs, r_index)
    figure = style.new_figure(8.2, 3.9)
    axes = figure.subplots()
    style.dress(axes, title=title, x=TIME_LABEL, y=_LABELS.get(unit, f"Voltage ({unit})"))
    lines = _draw_line(axes, time, wave[0], _relative(weight)[0])
    _mark_r(axes, label=True)
    if len(marks_ms):  # room for the instants below the line
        low, high = axes.get_ylim()
        axes.set_ylim(low - 0.16 * (high - low), high)
    below = axes.get_xaxis_transform()
    for place, instant in enumerate(sorted(marks_ms)):
        axes.plot(instant, float(np.interp(instant, time, wave[0])), "o", mfc="none", mec=style.INK, markersize=8)
        axes.plot(instant, 0.025, "^", color=style.INK, markersize=5, transform=below)
        height = 0.06 + 0.06 * (place % 2)  # neighbours stand on two levels, so that close ones stay apart
        text = f"{instant:+.0f} ms".replace("-", "−")
        axes.text(instant, height, text, transform=below, ha="center", fontsize=8, color=style.INK)
    _add_bar(figure, [axes], lines, "Importance (relative to\nthe beat's largest)")
    return figure


def plot_average_saliency(
    beats: npt.ArrayLike,
    importance: npt.ArrayLike,
    classes: npt.ArrayLike,
    *,
    fs: float,
    r_index: int,
    unit: str = "z-score",
    title: str = "Where the model looks, on average",
) -> Figure:
    """Draw the average beat of all beats and of each class, coloured by the average importance.

    Each beat's importance is scaled to its own largest first, so that every beat counts the same; the colours of all panels
    then share one scale. The grey band is one standard deviation of the beats.

    Parameters
    ----------
    beats, importance : array_like of float, shape (n_beats, n_samples)
        Voltage in ``unit``, and the importance of each sample.
    classes : array_like of str, shape (n_beats,)
        Class of each beat.
    fs, r_index, unit, title
        As in `plot_saliency`.

    Raises
    ------
    SignalError
        If there are no beats, the shapes differ, or a value is not finite.
    """
    waves, weights = _checked(np.asarray(beats, float), np.asarray(importance, float))
    weights = _relative(weights)
    labels = np.asarray(classes, dtype=str)
    order = [name for name in style.CLASS_STYLES if (labels == name).any()]
    order += sorted(set(labels.tolist()) - set(order))
    groups = [("all beats", np.ones(len(labels), bool)), *((name, labels == name) for name in order)]
    columns = min(3, len(groups))
    rows = -(-len(groups) // columns)
    figure = style.new_figure(3.9 * columns + 1, 2.9 * rows + 0.5)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold", color=style.INK)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    time = _time_ms(waves.shape[1], fs, r_index)
    top = max(float(weights[chosen].mean(axis=0).max()) for _, chosen in groups) or 1.0
    for axes, (name, chosen) in zip(grid.flat, groups, strict=False):
        style.dress(axes, title=f"{name}, n = {chosen.sum():,}")
        mean, spread = waves[chosen].mean(axis=0), waves[chosen].std(axis=0)
        axes.fill_between(time, mean - spread, mean + spread, color=style.RULE, alpha=0.6, linewidth=0)
        lines = _draw_line(axes, time, mean, weights[chosen].mean(axis=0), top=top)
        _mark_r(axes)
    _label_grid(grid, len(groups), _LABELS.get(unit, f"Voltage ({unit})"))
    _add_bar(figure, grid.ravel().tolist()[: len(groups)], lines, "Average importance (relative\nto each beat's largest)")
    return figure


def plot_misclassified(
    beats: npt.ArrayLike,
    importance: npt.ArrayLike,
    captions: Sequence[str],
    *,
    fs: float,
    r_index: int,
    unit: str = "z-score",
    title: str = "Misclassified beats",
) -> Figure:
    """Draw beats that were called wrong, each with what decided it.

    Parameters
    ----------
    beats, importance : array_like of float, shape (n_beats, n_samples)
        Voltage in ``unit``, and the importance of each sample; no beats is an answer too.
    captions : sequence of str
        Above each beat: where it is, its true and its predicted class.
    fs, r_index, unit
        As in `plot_saliency`.
    title : str
        Above the figure; say here how many there are in all where not all are drawn.

    Raises
    ------
    SignalError
        If the shapes differ or a value is not finite.
    """
    if not len(captions):
        return _nothing_wrong(title)
    return plot_beats(beats, importance, captions, fs=fs, r_index=r_index, unit=unit, title=title)


def plot_beats(
    beats: npt.ArrayLike,
    importance: npt.ArrayLike,
    captions: Sequence[str],
    *,
    fs: float,
    r_index: int,
    unit: str = "mV",
    title: str = "Explained beats",
) -> Figure:
    """Draw beats side by side, each with what decided it; parameters and errors are those of `plot_misclassified`."""
    waves, weights = _checked(np.asarray(beats, float), np.asarray(importance, float))
    if len(captions) != len(waves):
        raise SignalError(f"'captions' must have one entry per beat; got {len(captions)} for {len(waves)} beats")
    columns = min(4, len(waves))
    rows = -(-len(waves) // columns)
    width, height, bar = max(2.9 * columns + 1, 5.5), 2.25 * rows + 0.9, 0.75
    figure, grid = style.new_grid(
        rows,
        columns,
        title=title,
        size=(width, height),
        # in the second case with the labels of time below the row before the last
        margins=style.Margins(top=0.68, right=bar + 0.42, across=0.62, down=0.48 if rows * columns == len(waves) else 0.9),
        sharex=True,
    )
    time = _time_ms(waves.shape[1], fs, r_index)
    for axes, wave, weight, caption in zip(grid.flat, waves, _relative(weights), captions, strict=False):
        style.dress(axes)
        axes.set_title(caption, loc="left", fontsize=8.5, color=style.INK, y=1.0)
        lines = _draw_line(axes, time, wave, weight)
        _mark_r(axes)
    _label_grid(grid, len(waves), _LABELS.get(unit, f"Voltage ({unit})"))
    room = figure.add_axes((1 - (bar + 0.2) / width, 0.12, 0.2 / width, 0.76))
    _dress_bar(figure.colorbar(lines, cax=room), "Importance (relative to\neach beat's largest)")
    return figure


def _checked(waves: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    if waves.ndim != 2 or waves.shape != weights.shape or waves.shape[0] < 1 or waves.shape[1] < 2:
        raise SignalError(
            f"beats and importance must have the same shape, at least one beat; got {waves.shape}, {weights.shape}"
        )
    if not (np.isfinite(waves).all() and np.isfinite(weights).all()):
        raise SignalError("beats and importance must be finite; got NaN or infinity")
    return waves, weights


def _relative(weights: FloatArray) -> FloatArray:
    magnitude = np.abs(weights)
    largest = magnitude.max(axis=1, keepdims=True)
    return magnitude / np.where(largest > 0, largest, 1)


def _time_ms(n_samples: int, fs: float, r_index: int) -> FloatArray:
    return 1000 * (np.arange(n_samples) - r_index) / fs


def _draw_line(axes: Axes, time: FloatArray, wave: FloatArray, weight: FloatArray, *, top: float = 1.0) -> LineCollection:
    """Draw a polyline as segments; each takes the mean of its two ends' importance, and ends round so that no gap shows."""
    points = np.stack([time, wave], axis=1)
    share = (weight[:-1] + weight[1:]) / 2
    lines = LineCollection(
        list(np.stack([points[:-1], points[1:]], axis=1)),
        array=share,
        cmap=style.importance_colormap(),
        norm=Normalize(0, top),
        linewidths=(1.3 + 2.2 * share / top).tolist(),
        capstyle="round",
    )
    axes.add_collection(lines)
    axes.set_xlim(float(time[0]), float(time[-1]))
    axes.autoscale_view(scalex=False)
    axes.margins(y=0.12)
    return lines


def _mark_r(axes: Axes, *, label: bool = False) -> None:
    axes.axvline(0, color=style.SOFT_INK, linewidth=0.9, linestyle=(0, (2, 3)), zorder=1)
    if label:
        axes.text(0, 1.0, " R peak", transform=axes.get_xaxis_transform(), va="top", fontsize=8, color=style.SOFT_INK)


def _label_grid(grid: npt.NDArray[np.object_], used: int, label: str) -> None:
    """Label the outer axes only, and take away those with nothing in them."""
    columns = grid.shape[1]
    panels: list[Axes] = grid.ravel().tolist()
    for axes in panels[used:]:
        axes.remove()
    for place, axes in enumerate(panels[:used]):
        if place % columns == 0:
            axes.set_ylabel(label, fontsize=9)
        if place + columns >= used:
            axes.set_xlabel(TIME_LABEL, fontsize=9)
            axes.tick_params(labelbottom=True)


def _add_bar(figure: Figure, axes: list[Axes], lines: LineCollection, label: str) -> None:
    _dress_bar(figure.colorbar(lines, ax=axes, shrink=0.9, pad=0.02, aspect=26), label)


def _dress_bar(bar: Colorbar, label: str) -> None:
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8.5, length=0, labelcolor=style.INK)
    bar.set_label(label, fontsize=9, color=style.INK)


def _nothing_wrong(title: str) -> Figure:
    figure = style.new_figure(5.5, 1.6)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold", color=style.INK)
    figure.text(0.5, 0.42, "No beat was misclassified.", ha="center", fontsize=10.5, color=style.SOFT_INK)
    return figure
