"""Figures of explained beats: what is drawn is what was measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection

from beatlens.errors import SignalError
from beatlens.explain.explanation import Explanation
from beatlens.reports.figures.explained import (
    choose_gallery,
    plot_class_averages,
    plot_explanation,
    plot_gallery,
    plot_strip,
)
from beatlens.reports.figures.saving import save_figure

TIMES = (np.arange(112) - 48) / 0.128


def make(predicted: str = "V", probability: float = 0.9, **fields: Any) -> Explanation:
    wave = np.exp(-((TIMES / 40) ** 2))[:, None] * [1.0, 0.5]
    values = np.stack([np.sin(TIMES / 60), 0.2 * np.cos(TIMES / 60)], axis=1)
    known: dict[str, Any] = {
        "signal": wave,
        "usual": 0.8 * wave,
        "lead_names": ("MLII", "V1"),
        "shares": {"QRS": 0.6, "T": -0.25, "interval before": 0.14, "after": 0.01},
        "segments": {"before": (-375.0, -60.0), "QRS": (-55.0, 60.0), "after": (70.0, 490.0)},
        "neighbours": {-2: 0.1, -1: -0.4, 1: 0.2},
        "sentence": "Called V (0.90): because.",
        "record": "made up",
        "sample": 1234,
    }
    return Explanation(values, TIMES, predicted, 2.0, probability, predicted, "occlusion", "rhythm-lstm", **(known | fields))


def texts_of(figure: Any) -> str:
    from matplotlib.text import Text

    return " | ".join(text.get_text() for text in figure.findobj(Text))


def test_a_beat_shows_leads_segments_shares_and_neighbours() -> None:
    """Each lead with its unit, the QRS named, shares worth telling as bars, the sentence below."""
    figure = plot_explanation(make())
    figure.draw_without_rendering()  # names of bars are set when they are drawn
    found = texts_of(figure)
    for words in ("MLII (mV)", "V1 (mV)", "QRS", "interval before", "Called V (0.90): because.", "Evidence (%)", "Beats away"):
        assert words in found, words
    assert "after" not in found.split(" | ")  # a share of 1 % is not worth a bar
    drawn = [lines for axes in figure.axes for lines in axes.collections if isinstance(lines, LineCollection)]
    assert len([lines for lines in drawn if lines.get_array() is not None and len(lines.get_array()) == 111]) == 2


def test_colours_are_signed_and_share_one_scale() -> None:
    figure = plot_explanation(make())
    drawn = [
        lines
        for axes in figure.axes
        for lines in axes.collections
        if isinstance(lines, LineCollection) and lines.get_array() is not None and len(lines.get_array()) == 111
    ]
    assert {(lines.norm.vmin, lines.norm.vmax) for lines in drawn} == {(-drawn[0].norm.vmax, drawn[0].norm.vmax)}
    assert np.asarray(drawn[0].get_array()).min() < 0 < np.asarray(drawn[0].get_array()).max()


def test_one_lead_without_rhythm_is_drawn_too(tmp_path: Any) -> None:
    """As for seed-lstm; and the figure is written as PNG and SVG."""
    one = make(shares={}, neighbours={}, segments={}, usual=np.zeros((0, 1)), lead_names=("II",))
    alone = Explanation(**{**vars(one), "attribution": one.attribution[:, :1], "signal": one.signal[:, :1]})
    png, svg = save_figure(plot_explanation(alone), tmp_path / "beat")
    assert png.stat().st_size > 1000
    assert "II (mV)" in svg.read_text(encoding="utf-8")


def test_without_a_signal_there_is_no_picture() -> None:
    with pytest.raises(SignalError, match="must hold the signal of its beat"):
        plot_explanation(make(signal=np.zeros((0, 2))))


def test_a_strip_shows_the_neighbours_that_exist() -> None:
    """At the start of a recording those before are left out."""
    signal = np.random.default_rng(0).normal(size=(1000, 2))
    figure = plot_strip(signal, 100.0, np.arange(50, 1000, 80), 0, make(), classes=list("NVNNNNNNNNNN"))
    above, below = figure.axes
    assert len(below.patches) == 1
    assert [text.get_text() for text in above.texts] == ["N", "V", "N"]


def test_averages_have_a_panel_for_each_called_class() -> None:
    figure = plot_class_averages([make("N"), make("V"), make("V")])
    assert [axes.get_title(loc="left") for axes in figure.axes[:2]] == ["N, n = 1", "V, n = 2"]
    with pytest.raises(SignalError, match="at least one beat"):
        plot_class_averages([])


def test_the_gallery_has_typical_doubtful_and_wrong_beats() -> None:
    """The surest of each class, the least sure, and the surest mistakes; none twice."""
    beats = [make("N", p, true="N", sample=k) for k, p in enumerate((0.99, 0.5, 0.7, 0.98))]
    beats += [make("V", 0.9, true="N", sample=9), make("V", 0.8, true="V", sample=10)]
    chosen = choose_gallery(beats, each=2)
    assert [(kind, why.sample) for kind, why in chosen] == [
        ("typical", 0),
        ("typical", 10),
        ("doubtful", 1),
        ("doubtful", 2),
        ("misclassified", 9),
    ]
    titles = [axes.get_title(loc="left") for axes in plot_gallery(chosen).axes[:5]]
    assert titles[-1] == "sample 9: V (0.90), is N"
