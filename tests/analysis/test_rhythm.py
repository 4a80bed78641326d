"""Rhythm from times and classes, against cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from beatlens.analysis.rhythm import (
    beat_intervals,
    find_events,
    measure_heart_rate,
    measure_intervals,
    moving_rate,
)
from beatlens.analysis.settings import Settings
from beatlens.errors import ConfigurationError


def events_of(letters, rr=0.8, **settings):
    """Find the events of beats written as letters, '.' for a beat that was not judged, all ``rr`` seconds apart."""
    classes = np.array(["" if letter == "." else letter for letter in letters])
    times = rr * np.arange(len(letters))
    found = find_events(times, beat_intervals(times), classes, Settings(**settings))
    return [(event.kind, event.beat_class, event.first_beat, event.last_beat, event.n_beats) for event in found]


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("NNNN", []),
        ("NVN", []),
        ("NVVN", [("couplet", "V", 1, 2, 2)]),
        ("VVV", [("run", "V", 0, 2, 3)]),
        ("NSSSSN", [("run", "S", 1, 4, 4)]),
        ("NVSVN", []),
        ("NVV.VVN", [("couplet", "V", 1, 2, 2), ("couplet", "V", 4, 5, 2)]),
        ("NQQQN", []),
        ("VNVN", []),
        ("VNVNV", [("bigeminy", "V", 0, 4, 3)]),
        ("NNVNVNVNN", [("bigeminy", "V", 2, 6, 3)]),
        ("VNVNSNV", []),
        ("VNVNVV", [("bigeminy", "V", 0, 4, 3), ("couplet", "V", 4, 5, 2)]),
        ("", []),
    ],
)
def test_events_of_a_sequence(letters, expected):
    """Couplets, runs and bigeminy are beats of one class in a row; another class or a beat not judged breaks them."""
    assert events_of(letters) == expected


def test_a_run_stops_where_the_signal_could_not_be_read():
    """Beats on both sides of an unreadable part do not follow each other."""
    times = np.array([0.0, 0.5, 1.0, 6.0, 6.5, 7.0])
    rr = beat_intervals(times, [(2.0, 5.0)])
    found = find_events(times, rr, np.full(6, "V"), Settings())
    assert [(event.kind, event.first_beat, event.last_beat) for event in found] == [("run", 0, 2), ("run", 3, 5)]
    assert found[0].rate_bpm == pytest.approx(120)


def test_a_gap_is_not_a_pause_but_a_long_interval_is():
    """Only an interval through readable signal can be a pause."""
    times = np.array([0.0, 2.5, 8.0, 9.0])
    rr = beat_intervals(times, [(3.0, 6.0)])
    np.testing.assert_array_equal(rr, [np.nan, 2.5, np.nan, 1.0])
    (pause,) = find_events(times, rr, np.full(4, "N"), Settings())
    assert (pause.kind, pause.start_s, pause.end_s, pause.rate_bpm) == ("pause", 0.0, 2.5, None)


@pytest.mark.parametrize(
    ("span", "cut"), [((0.2, 0.8), True), ((0.5, 3.0), True), ((1.0, 2.0), False), ((-1.0, 0.0), False), ((-1.0, 0.1), True)]
)
def test_an_interval_is_cut_by_what_overlaps_it(span, cut):
    """A part that only touches an end of the interval does not cut it."""
    assert np.isnan(beat_intervals(np.array([0.0, 1.0]), [span])[1]) == cut


def test_heart_rate_is_that_of_its_intervals():
    """Mean over all; extremes over as many intervals in a row as asked, with the time of their last beat."""
    times = np.cumsum([0.0] + [1.0] * 10 + [0.5] * 10)
    rate = measure_heart_rate(times, beat_intervals(times), beats=4)
    assert rate.mean == pytest.approx(60 / 0.75)
    assert (rate.lowest, rate.highest) == (pytest.approx(60), pytest.approx(120))
    assert (rate.lowest_at_s, rate.highest_at_s) == (4.0, 12.0)


@pytest.mark.parametrize("times", [[], [1.0]])
def test_too_few_beats_have_no_rate(times):
    """What cannot be computed is None, never 0."""
    rr = beat_intervals(np.array(times))
    assert measure_heart_rate(np.array(times), rr).mean is None
    assert measure_intervals(rr, np.full(len(times), "N")).sdnn_ms is None


def test_heart_rate_survives_short_readable_stretches():
    """Where no stretch has enough intervals in a row, single ones are used."""
    times = np.array([0, 1, 10, 11, 20, 20.5])
    rate = measure_heart_rate(times, beat_intervals(times, [(2, 9), (12, 19)]), beats=3)
    assert (rate.lowest, rate.highest) == (pytest.approx(60), pytest.approx(120))


def test_moving_rate_never_crosses_a_gap():
    """Every mean is of intervals in a row."""
    rates, ends = moving_rate(np.array([np.nan, 1, 1, np.nan, 0.5, 0.5]), 2)
    np.testing.assert_allclose(rates, [60, 120])
    np.testing.assert_array_equal(ends, [2, 5])


def test_variability_counts_normal_intervals_only():
    """SDNN, RMSSD and pNN50 leave out the intervals before and after an ectopic beat, and steps across them."""
    rr = np.array([np.nan, 0.80, 0.90, 0.50, 1.20, 0.80, 0.84])
    classes = np.array(["N", "N", "N", "V", "N", "N", "N"])
    found = measure_intervals(rr, classes)
    assert found.n_normal == 4
    assert found.mean_normal_ms == pytest.approx(np.mean([800, 900, 800, 840]))
    assert found.sdnn_ms == pytest.approx(np.std([800, 900, 800, 840], ddof=1))
    assert found.rmssd_ms == pytest.approx(np.sqrt((100**2 + 40**2) / 2))
    assert found.pnn50_percent == pytest.approx(50)
    assert (found.shortest_ms, found.longest_ms) == (pytest.approx(500), pytest.approx(1200))


@pytest.mark.parametrize("setting", [{"pause_s": 0.1}, {"run_beats": 2}, {"explanations": -1}, {"rate_beats": 0}])
def test_settings_are_checked(setting):
    """A value out of range is refused by name."""
    with pytest.raises(ConfigurationError, match=f"'{next(iter(setting))}' must be at least"):
        Settings(**setting)
