"""Figures of one recording, judged by what they show."""

from __future__ import annotations

import numpy as np
import pytest

from beatlens.reports.figures.analysis import draw_figures, plot_explained, plot_overview, plot_shapes
from beatlens.reports.shapes import find_shapes
from beatlens.reports.trend import MOST_STEPS, measure_trend


def titles_of(figure):
    return [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]


def test_every_figure_has_its_name(known_analysis):
    """Overview, shapes, explained beats."""
    assert [name for name, _ in draw_figures(known_analysis)] == ["overview", "shapes", "explained-beats"]


def test_the_overview_shows_rate_ectopy_and_signal(known_analysis):
    """A panel each, with units; the bars add up to the beats; the time axis is the time of day."""
    figure = plot_overview(known_analysis)
    assert titles_of(figure) == [
        "Heart rate", "V: ventricular ectopic beats in 5 s", "Signal: dark where it could not be read",
    ]  # fmt: skip
    rate, ectopy, signal = figure.axes
    assert (rate.get_ylabel(), ectopy.get_ylabel(), signal.get_xlabel()) == ("Beats per minute", "Beats", "Time of day")
    assert sum(bar.vertices[:, 1].max() for bar in ectopy.collections[0].get_paths()) == 11
    assert signal.xaxis.get_major_formatter()(60, 0) == "00:00:00"


def test_shapes_are_drawn_with_their_counts(known_analysis):
    """A panel a shape, its mean in mV over ms from the R peak."""
    shapes, _ = find_shapes(known_analysis)
    figure = plot_shapes(shapes, lead="II")
    assert titles_of(figure) == ["N, n = 88", "V, n = 11"]
    assert figure.axes[0].get_ylabel() == "Voltage (mV)"
    np.testing.assert_allclose(figure.axes[1].lines[0].get_ydata(), shapes[1].mean)


def test_explained_beats_say_what_they_are(known_analysis):
    """Time, lead, class and probability stand above each."""
    figure = plot_explained(known_analysis)
    assert titles_of(figure) == ["23:59:16.5, II\nV, probability 0.90"]
    assert figure.get_suptitle() == "made up: explained beats (saliency)"


def test_trend_counts_every_beat_once(known_analysis):
    """Steps cover the recording; counts add up; rates lie between their bounds."""
    trend = measure_trend(known_analysis)
    assert trend.step_s == 5
    assert len(trend.starts_s) == np.ceil(known_analysis.record.duration_s / 5) <= MOST_STEPS
    assert {name: counts.sum() for name, counts in trend.counts.items()} == {"S": 0, "V": 11}
    present = np.isfinite(trend.rate)
    assert (trend.lowest[present] <= trend.rate[present]).all()
    assert (trend.rate[present] <= trend.highest[present]).all()
    assert not trend.unreadable.any()


@pytest.mark.parametrize(("hours", "step"), [(0.01, 5), (0.5, 10), (24, 300), (24 * 7, 3600), (24 * 60, 18000)])
def test_trend_steps_grow_with_the_recording(known_analysis, hours, step):
    """Never more steps than can be seen, whatever the length."""
    from dataclasses import replace

    record = known_analysis.record
    slow = replace(record, fs=record.n_samples / (hours * 3600))
    assert measure_trend(replace(known_analysis, record=slow)).step_s == step
