"""Whether probabilities hold: the reliability diagram."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from beatlens.errors import ConfigurationError
from beatlens.evaluation.calibration import Reliability
from beatlens.evaluation.protocols.inter_patient import LABELS, InterPatientFigures
from beatlens.reports import style
from beatlens.reports.figures.outcomes import plot_confusion_matrix
from beatlens.reports.figures.saving import save_figure

FEW: Final = 30
"""Bins of fewer beats are drawn hollow: their share is mostly chance."""


def plot_reliability(found: Mapping[str, Reliability], *, title: str = "Reliability") -> Figure:
    """Draw, for each kind of probability, the share that came true in each bin, and above how many beats that is.

    Parameters
    ----------
    found : mapping of str to Reliability
        By what the probability is of.
    title : str
        Above all panels; name model, protocol and data here.

    Raises
    ------
    ConfigurationError
        If there is no probability to draw.
    """
    if not any(each.n_beats for each in found.values()):
        raise ConfigurationError("'found' must hold at least one kind of probability with beats")
    figure = style.new_figure(0.6 + 4.1 * len(found), 5.8)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11.5, fontweight="bold", color=style.INK)
    panels = figure.subplots(2, len(found), sharex=True, squeeze=False, height_ratios=[3, 1])
    for column, (name, reliability) in enumerate(found.items()):
        _draw_diagram(panels[0, column], name, reliability)
        _draw_counts(panels[1, column], name, reliability)
    return figure


def _draw_diagram(axes: Axes, name: str, reliability: Reliability) -> None:
    n, probability, share = (np.array(column) for column in zip(*reliability.bins(), strict=True))
    error = reliability.ece.text()
    style.dress(axes, title=f"{name.capitalize()}\ncalibration error {error} %", y="Share that came true (%)")
    axes.plot([0, 100], [0, 100], linestyle="--", color=style.SOFT_INK, linewidth=1, label="probabilities hold")
    filled = n > 0
    axes.plot(100 * probability[filled], 100 * share[filled], color=style.RIGHT, linewidth=1.4)
    for chosen, face, label in (
        (n >= FEW, style.RIGHT, "measured"),
        (filled & (n < FEW), style.PAPER, f"fewer than {FEW} beats"),
    ):
        if chosen.any():
            points = 100 * probability[chosen], 100 * share[chosen]
            axes.plot(*points, "o", color=style.RIGHT, markerfacecolor=face, markersize=6, label=label, clip_on=False, zorder=3)
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    axes.legend(frameon=False, fontsize=8.5, loc="upper left")


def _draw_counts(axes: Axes, name: str, reliability: Reliability) -> None:
    edges = 100 * reliability.edges
    style.dress(axes, x=f"Probability of the {name} (%)" if " " in name else f"Probability of {name} (%)", y="Beats")
    axes.bar(
        edges[:-1], reliability.counts[:, 0], width=np.diff(edges), align="edge", color=style.RULE, edgecolor=style.SOFT_INK
    )
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(bottom=0)


def save_inter_patient_figures(figures: InterPatientFigures, folder: Path, *, title: str) -> list[Path]:
    """Write the reliability diagram and the confusion matrix (paper mapping, all records), as far as there are any.

    Parameters
    ----------
    figures : InterPatientFigures
        What was measured.
    folder : Path
        Where ``reliability.png`` and ``.svg``, ``confusion.png`` and ``.svg`` go.
    title : str
        Model, protocol and records.
    """
    written: list[Path] = []
    if figures.calibration:
        written += save_figure(plot_reliability(figures.calibration, title=title), folder / "reliability")
    if figures.has_classes:
        counts = figures.subsets["paper", "all"].confusion
        used = [k for k in range(len(LABELS)) if counts[k].any() or counts[:, k].any()]
        names = [{"-": "no beat"}.get(LABELS[k], LABELS[k]) for k in used]
        drawn = plot_confusion_matrix(counts[np.ix_(used, used)], names, title=f"Confusion matrix, paper mapping\n{title}")
        written += save_figure(drawn, folder / "confusion")
    return written
