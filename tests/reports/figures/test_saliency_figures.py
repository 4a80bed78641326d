"""Figures of beats with their importance, judged by what they show."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import LineCollection

from beatlens.errors import SignalError
from beatlens.reports.figures import plot_average_saliency, plot_misclassified, plot_saliency

FS = 360.0
R = 90


def a_beat(height=1.0):
    time = (np.arange(180) - R) / FS
    return height * np.exp(-((time / 0.012) ** 2))


def importance_at(sample):
    values = np.zeros(180)
    values[sample] = -4.0
    return values


def line_of(axes):
    (line,) = [artist for artist in axes.collections if isinstance(artist, LineCollection)]
    return line


def test_saliency_colours_the_line_by_importance():
    """The segments follow the beat in ms and mV, and the most important instant has the top of the colour scale and width."""
    figure = plot_saliency(a_beat(), importance_at(100), fs=FS, r_index=R, title="Record 208, 12:31.2")
    axes, bar = figure.axes
    line = line_of(axes)
    segments = np.array(line.get_segments())
    np.testing.assert_allclose(segments[:, 0, 0], 1000 * (np.arange(179) - R) / FS)
    np.testing.assert_allclose(segments[:, 0, 1], a_beat()[:-1])
    np.testing.assert_array_equal(np.flatnonzero(line.get_array()), [99, 100])
    assert np.max(line.get_linewidth()) == line.get_linewidth()[100] > line.get_linewidth()[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Time from the R peak (ms)", "Voltage (mV)")
    assert axes.get_title(loc="left") == "Record 208, 12:31.2"
    assert "Importance" in bar.get_ylabel()


def test_saliency_colours_get_darker_with_importance():
    """In greyscale, more important is always darker."""
    figure = plot_saliency(a_beat(), np.arange(180), fs=FS, r_index=R)
    red, green, blue, _ = line_of(figure.axes[0]).get_cmap()(np.linspace(0, 1, 50)).T
    assert (np.diff(0.2126 * red + 0.7152 * green + 0.0722 * blue) < 0).all()


def test_saliency_names_its_unit_and_its_marks():
    """A z-scored beat says so, and each important instant is written in ms from the R peak."""
    figure = plot_saliency(a_beat(), importance_at(80), fs=FS, r_index=R, unit="z-score", marks_ms=(-28, 40))
    assert figure.axes[0].get_ylabel() == "Voltage (z-score)"
    assert {"−28 ms", "+40 ms"} <= {text.get_text() for text in figure.axes[0].texts}


def test_saliency_of_zero_everywhere_is_drawn():
    """A map without any importance is flat, not divided by zero."""
    line = line_of(plot_saliency(a_beat(), np.zeros(180), fs=FS, r_index=R).axes[0])
    assert not np.asarray(line.get_array()).any()


@pytest.mark.parametrize(
    ("beat", "importance", "sentence"),
    [
        (a_beat(), np.zeros(179), "same shape"),
        (a_beat(), np.full(180, np.nan), "finite"),
        (np.zeros(0), np.zeros(0), "same shape"),
    ],
)
def test_saliency_refuses(beat, importance, sentence):
    """Lengths must agree and values be finite."""
    with pytest.raises(SignalError, match=sentence):
        plot_saliency(beat, importance, fs=FS, r_index=R)


def test_average_has_a_panel_for_all_and_for_each_class():
    """The average beat and the average importance, each beat's scaled to its own largest, over all and per class."""
    beats = np.stack([a_beat(1), a_beat(3), a_beat(5)])
    importance = np.stack([importance_at(60), 7 * importance_at(60), importance_at(120)])
    figure = plot_average_saliency(beats, importance, ["V", "V", "N"], fs=FS, r_index=R, unit="mV")
    panels = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert [axes.get_title(loc="left") for axes in panels] == ["all beats, n = 3", "N, n = 1", "V, n = 2"]
    np.testing.assert_allclose(np.array(line_of(panels[2]).get_segments())[:, 0, 1], a_beat(2)[:-1])
    assert np.asarray(line_of(panels[0]).get_array()).max() == pytest.approx(1 / 3)
    assert {line_of(axes).norm.vmax for axes in panels} == {1.0}
    assert panels[0].get_ylabel() == "Voltage (mV)"
    assert all(axes.get_xlabel() == "Time from the R peak (ms)" for axes in panels)


def test_misclassified_beats_carry_their_captions():
    """One panel a beat, captioned, and none left over."""
    captions = [f"208 at {i}: V, called N" for i in range(5)]
    figure = plot_misclassified(
        np.tile(a_beat(), (5, 1)), np.tile(importance_at(99), (5, 1)), captions, fs=FS, r_index=R, title="5 of 17 wrong beats"
    )
    assert [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")] == captions
    assert figure.get_suptitle() == "5 of 17 wrong beats"
    assert len(figure.axes) == 6


def test_nothing_misclassified_is_said():
    """No wrong beat is a result, not an error."""
    figure = plot_misclassified([], [], [], fs=FS, r_index=R)
    assert "No beat was misclassified." in [text.get_text() for text in figure.texts]


def test_misclassified_needs_a_caption_per_beat():
    """Captions and beats must agree in number."""
    with pytest.raises(SignalError, match="one entry per beat; got 1 for 2 beats"):
        plot_misclassified(np.zeros((2, 9)), np.zeros((2, 9)), ["a"], fs=FS, r_index=4)
