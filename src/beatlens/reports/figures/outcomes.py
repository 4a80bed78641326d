"""How training went and what came out right: curves, confusion matrix, breakdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter

from beatlens.errors import ConfigurationError
from beatlens.reports import style


def plot_confusion_matrix(
    counts: npt.ArrayLike, class_names: Sequence[str], *, title: str = "Confusion matrix", unit: str = "beats"
) -> Figure:
    """Draw a confusion matrix: in each cell the count and its share of the true class.

    Parameters
    ----------
    counts : array_like of int, shape (n_classes, n_classes)
        Rows are the true classes, columns the predicted ones.
    class_names : sequence of str
        One name a class.
    title : str
        Above the matrix; name the protocol here.
    unit : str
        What is counted.

    Raises
    ------
    ConfigurationError
        If the matrix is not square or the names do not fit it.
    """
    matrix = np.asarray(counts)
    n = len(class_names)
    if matrix.shape != (n, n):
        raise ConfigurationError(f"'counts' must have shape ({n}, {n}), a row and a column per class; got {matrix.shape}")
    totals = matrix.sum(axis=1)
    percent = 100 * matrix / np.where(totals, totals, 1)[:, None]
    figure = style.new_figure(2.9 + 1.05 * n, 2.1 + 0.85 * n)
    axes = figure.subplots()
    style.dress(axes, title=title, x="Predicted class", y="True class", grid=False)
    image = axes.imshow(percent, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    axes.set_xticks(range(n), list(class_names))
    axes.set_yticks(range(n), [f"{name}\n{total:,} {unit}" for name, total in zip(class_names, totals.tolist(), strict=True)])
    axes.tick_params(length=0)
    for edge in np.arange(n + 1) - 0.5:
        axes.axhline(edge, color=style.PAPER, linewidth=2)
        axes.axvline(edge, color=style.PAPER, linewidth=2)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    for row, column in np.ndindex(n, n):
        _write_cell(axes, row, column, int(matrix[row, column]), float(percent[row, column]) if totals[row] else None)
    bar = figure.colorbar(image, ax=axes, shrink=0.85, ticks=[0, 25, 50, 75, 100])
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8.5, length=0)
    bar.set_label("Share of the true class (%)", fontsize=9.5, color=style.INK)
    return figure


def _write_cell(axes: Axes, row: int, column: int, count: int, percent: float | None) -> None:
    share = "no beats" if percent is None else f"{percent:.1f} %"
    colour = style.PAPER if percent is not None and percent > 55 else style.INK
    for text, size, weight, offset in ((f"{count:,}", 11.5, "bold", 7), (share, 8.5, "normal", -8)):
        axes.annotate(
            text,
            (column, row),
            (0, offset),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=size,
            fontweight=weight,
            color=colour,
        )


def plot_history(history: Mapping[str, Sequence[float]], *, best_epoch: int | None = None, title: str = "Training") -> Figure:
    """Draw loss and accuracy over the epochs, training and validation.

    Parameters
    ----------
    history : mapping of str to sequence of float
        ``loss`` and ``accuracy``, and for the validation part ``val_loss`` and ``val_accuracy``; one value an epoch. Curves
        that are not there are left out.
    best_epoch : int, optional
        The epoch whose weights were kept, counted from 1.
    title : str
        Above both panels.

    Raises
    ------
    ConfigurationError
        If the history holds none of the curves.
    """
    if not any(history.get(name) for name in ("loss", "accuracy", "val_loss", "val_accuracy")):
        raise ConfigurationError(f"'history' must hold loss or accuracy per epoch; got {sorted(history)}")
    figure = style.new_figure(9.2, 3.7)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold", color=style.INK)
    for axes, key, label in zip(
        figure.subplots(1, 2), ("loss", "accuracy"), ("Loss (binary cross-entropy)", "Accuracy (%)"), strict=True
    ):
        scale = 100 if key == "accuracy" else 1
        style.dress(axes, title=key.capitalize(), x="Epoch", y=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        for name, word, colour, line, marker in (
            (key, "training", style.RIGHT, "-", "o"),
            (f"val_{key}", "validation", style.WRONG, "--", "s"),
        ):
            values = scale * np.asarray(history.get(name, ()), dtype=float)
            if values.size:
                epochs = np.arange(1, values.size + 1)
                size = 4 if values.size <= 30 else 0
                axes.plot(epochs, values, line, marker=marker, color=colour, markersize=size, linewidth=1.8, label=word)
        if best_epoch is not None:
            axes.axvline(
                best_epoch, color=style.SOFT_INK, linewidth=1, linestyle=":", label=f"weights kept: epoch {best_epoch}"
            )
        axes.legend(frameon=False, fontsize=8.5)
    return figure


def plot_outcomes(
    groups: npt.ArrayLike, correct: npt.ArrayLike, *, title: str = "Right and wrong by annotation symbol", what: str = "Symbol"
) -> Figure:
    """Draw, for each group of beats, how many were called right and how many wrong.

    Parameters
    ----------
    groups : array_like of str, shape (n_beats,)
        Group of each beat: its annotation symbol, class or record.
    correct : array_like of bool, shape (n_beats,)
        Whether the beat was called right.
    title, what : str
        The title, and what a group is.

    Raises
    ------
    ConfigurationError
        If there are no beats, or the lengths differ.
    """
    names, right = np.asarray(groups, dtype=str), np.asarray(correct, dtype=bool)
    if not names.size or names.shape != right.shape:
        raise ConfigurationError(f"'groups' and 'correct' must have one entry per beat; got {names.size} and {right.size}")
    unique, inverse, total = np.unique(names, return_inverse=True, return_counts=True)
    good = np.bincount(inverse, weights=right, minlength=unique.size).astype(int)
    order = np.argsort(total, kind="stable")
    unique, total, good = unique[order], total[order], good[order]
    share = 100 * good / total
    place = np.arange(unique.size)
    figure = style.new_figure(8.2, 1.7 + 0.36 * unique.size)
    axes = figure.subplots()
    style.dress(axes, title=title, x="Share of the group's beats (%)", y=what)
    axes.grid(visible=False, axis="y")
    axes.barh(place, share, color=style.RIGHT, height=0.66)
    axes.barh(place, 100 - share, left=share, color="#F3C6BA", edgecolor=style.WRONG, hatch="////", linewidth=0, height=0.66)
    axes.set_yticks(place, unique.tolist())
    axes.set_ylim(-0.6, unique.size - 0.4)
    axes.set_xlim(0, 100)
    axes.xaxis.set_major_formatter(PercentFormatter(decimals=0, symbol=""))
    for y, n, k in zip(place.tolist(), total.tolist(), good.tolist(), strict=True):
        axes.text(101, y, f"{100 * k / n:5.1f} %   {n - k:,} wrong of {n:,}", va="center", fontsize=8.5, color=style.INK)
    keys = [
        Patch(facecolor=style.RIGHT, label=f"right ({good.sum():,})"),
        Patch(facecolor="#F3C6BA", edgecolor=style.WRONG, hatch="////", linewidth=0, label=f"wrong ({(total - good).sum():,})"),
    ]
    axes.legend(handles=keys, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, fontsize=8.5, borderaxespad=0.3)
    return figure
