"""Draw how beats of two annotators are matched, as the code matches them. Run ``python docs/pictures/matching.py``."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from beatlens.evaluation.ec57.beat_by_beat import first_test_beat
from beatlens.evaluation.ec57.pairing import NEVER, walk_beats
from beatlens.evaluation.ec57.streams import BeatStream, read_stream
from beatlens.records import Annotations
from beatlens.reports.figures.saving import save_figure
from beatlens.reports.style import INK, PAPER, RIGHT, RULE, SOFT_INK, WRONG, new_figure

WINDOW = 150  # ms; the marks below are in ms, as if sampled at 1000 Hz
CLASSES = "NSVFQ"


@dataclass(frozen=True)
class Panel:
    """Two streams of marks, written as sample and symbol, and what they show."""

    title: str
    reference: str
    test: str
    caption: str
    start: int = 0


PANELS = (
    Panel(
        "The window is 150 ms, its ends included",
        "150N 650V 1250N",
        "300N 801V 1250N",
        "150 ms apart: a pair. 151 ms: the V is missed,\nand the test's V is false.",
    ),
    Panel(
        "The closer of two takes the beat",
        "300N 800N 1250N",
        "170V 390N 800N 1250N",
        "Both test beats lie in the window of the first N. The earlier\none stays alone, because the next one is closer.",
    ),
    Panel(
        "... unless the next one has a better partner",
        "300N 460V 900N 1250N",
        "165N 400V 900N 1250N",
        "The second test beat is closer to the first reference beat,\nand closer still to the second: both pair.",
    ),
    Panel(
        "What is missed in a shutdown counts apart",
        "100N 450N 750V 1000N 1300N",
        "100N 300~48 900~0 1300N",
        "The test said that it could not see (shaded): beats missed\nthere count as X, and those elsewhere as O.",
    ),
    Panel(
        "Ventricular fibrillation in the reference",
        "100N 280[ 860] 1000N",
        "100N 420N 680V 1000N 1250N",
        "No beat is expected between [ and ] (shaded), and none that\nthe test finds there counts. Outside, it does.",
    ),
    Panel(
        "Beats around the start",
        "440N 800V 1250N",
        "560N 780V 1250N",
        "It starts at the dashed line. The test's beat just after it\nmarks the reference beat before it: not counted.",
        start=500,
    ),
)


def read_marks(line: str) -> Annotations:
    """Read ``"300N 600~48"``: sample, symbol, subtype."""
    samples, symbols, subtypes = [], [], []
    for word in line.split():
        n_digits = next(at for at, letter in enumerate(word) if not letter.isdigit())
        samples.append(int(word[:n_digits]))
        symbols.append(word[n_digits])
        subtypes.append(int(word[n_digits + 1 :] or 0))
    return Annotations(np.array(samples), np.array(symbols), subtypes=np.array(subtypes))


def draw_beats(axes: Axes, stream: BeatStream, *, row: float, name: str, start: int) -> None:
    """Draw one annotator's beats on a line, and its intervals as shades."""
    axes.plot([0, 1400], [row, row], color=SOFT_INK, linewidth=0.8, zorder=1)
    axes.text(-25, row, name, ha="right", va="center", fontsize=8.5, color=INK)
    for time, code in zip(stream.times, stream.codes, strict=True):
        if time < NEVER:
            face = PAPER if time >= start else RULE
            axes.plot(time, row, marker="o", markersize=15, markerfacecolor=face, markeredgecolor=INK, zorder=3)
            axes.text(time, row - 0.01, CLASSES[code], ha="center", va="center", fontsize=8.5, color=INK, zorder=4)
    for begin, end in (*stream.fibrillations, *stream.shutdowns):
        axes.fill_between([begin, end], -0.2, 1.2, color=RULE, alpha=0.7, linewidth=0, zorder=0)


def draw_panel(axes: Axes, panel: Panel) -> None:
    """Draw both annotators and what becomes of each beat."""
    reference, test = (read_stream(read_marks(line), window=WINDOW) for line in (panel.reference, panel.test))
    draw_beats(axes, reference, row=1, name="reference", start=panel.start)
    draw_beats(axes, test, row=0, name="test", start=panel.start)
    at = bisect_left(reference.times, panel.start)
    first = at, first_test_beat(reference.times[at], test.times, start=panel.start, window=WINDOW)
    if panel.start:
        axes.plot([panel.start, panel.start], [-0.2, 1.2], color=SOFT_INK, linewidth=1, linestyle="--")
        for time in test.times[bisect_left(test.times, panel.start) : first[1]]:
            axes.text(time, -0.38, "not counted", ha="center", va="center", fontsize=8, color=SOFT_INK)
    for i, j, outcome in walk_beats(reference.times, test.times, window=WINDOW, first=first):
        if outcome == "pair":
            axes.plot([reference.times[i], test.times[j]], [1, 0], color=RIGHT, linewidth=2, zorder=2)
        elif outcome == "reference alone":
            label = "X" if test.in_shutdown(reference.times[i], j) else "O"
            axes.text(reference.times[i], 1.38, f"missed: {label}", ha="center", va="center", fontsize=8, color=WRONG)
        else:
            counted = not reference.in_fibrillation(test.times[j], i)
            said, colour = ("false: O", WRONG) if counted else ("not counted", SOFT_INK)
            axes.text(test.times[j], -0.38, said, ha="center", va="center", fontsize=8, color=colour)
    axes.set_title(panel.title, loc="left", fontsize=10, fontweight="bold", color=INK)
    axes.text(0, -0.72, panel.caption, fontsize=8.5, color=SOFT_INK, va="top", linespacing=1.4)
    axes.set_xlim(-240, 1430)
    axes.set_ylim(-1.5, 1.65)
    axes.axis("off")


def main() -> None:
    """Draw all panels."""
    figure = new_figure(10.5, 8.2)
    for axes, panel in zip(figure.subplots(3, 2).flat, PANELS, strict=True):
        draw_panel(axes, panel)
    first = figure.axes[0]
    first.annotate("", (150, 0.5), (300, 0.5), arrowprops={"arrowstyle": "<->", "color": SOFT_INK})
    first.text(310, 0.5, "150 ms", fontsize=8, color=SOFT_INK, va="center")
    png, _ = save_figure(figure, Path(__file__).parent / "matching")
    png.unlink()  # the guide shows the SVG


if __name__ == "__main__":
    main()
