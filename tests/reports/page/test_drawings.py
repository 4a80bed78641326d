"""Drawings of the report, by their geometry: paper speed, gain, marks, and what is chosen to be shown."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from beatlens.records import Record
from beatlens.reports.page.cards import draw_explained, make_shape_cards, rank_shares
from beatlens.reports.page.chart import draw_overview
from beatlens.reports.page.choose import MOST_STRIPS, choose_strips
from beatlens.reports.page.strip import Strip, draw_strip
from beatlens.reports.page.svg import draw_band, draw_path, nice_ticks
from beatlens.reports.shapes import find_shapes


def points_of(path):
    """Return the points of path data as `draw_path` writes it, in units."""
    numbers = [int(number) for number in re.findall(r"-?\d+", path)]
    return np.cumsum(np.array(numbers).reshape(-1, 2), axis=0) / 100


def test_paths_go_through_their_points():
    """To a hundredth of a unit, without drift."""
    rng = np.random.default_rng(0)
    x, y = np.sort(rng.uniform(0, 200, 500)), rng.normal(0, 20, 500)
    np.testing.assert_allclose(points_of(draw_path(x, y)), np.stack([x, y], axis=1), atol=0.0051)


def test_paths_break_at_gaps():
    """A gap is not bridged; a band is one shape for each stretch."""
    y = np.array([1, 2, np.nan, 4, 5, np.nan])
    assert draw_path(np.arange(6.0), y).count("M") == 2
    assert draw_band(np.arange(6.0), y, y + 1).count("z") == 2
    assert draw_path(np.arange(2.0), np.full(2, np.nan)) == ""


@pytest.mark.parametrize(("low", "high", "most"), [(48, 132, 5), (-0.3, 1.9, 4), (0, 0.01, 5), (-250, 247, 6), (7, 7, 5)])
def test_ticks_are_round_few_and_inside(low, high, most):
    """Ticks are evenly spaced round values within the bounds."""
    ticks = nice_ticks(low, high, most)
    assert len(ticks) <= most + 1
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in ticks)
    assert len({round(step, 9) for step in np.diff(ticks)}) <= 1


def test_strips_are_true_to_scale(known_analysis):
    """One second is 25 mm, one millivolt 10 mm, and the pulse is 5 mm wide and 10 mm tall."""
    drawing = str(draw_strip(known_analysis, Strip((), 10.0, 17.0)))
    assert 'width="185mm"' in drawing
    assert 'viewBox="0 0 185 ' in drawing
    trace = points_of(re.search(r'class="trace" d="(.*?)"', drawing)[1])
    pulse = points_of(re.search(r'class="pulse" d="(.*?)"', drawing)[1])
    x = known_analysis.record.signal[2500:4250, 0]
    assert trace[-1, 0] - trace[0, 0] == pytest.approx(25 * 1749 / 250, abs=0.02)
    assert np.ptp(trace[:, 1]) == pytest.approx(10 * np.ptp(x), abs=0.02)
    assert trace[np.argmax(x), 1] == trace[:, 1].min()
    assert (np.ptp(pulse[1:5, 0]), np.ptp(pulse[:, 1])) == (pytest.approx(5), pytest.approx(10))


def test_every_beat_of_a_strip_is_marked(known_analysis):
    """Its class above it, at its time, a question mark where the model was in doubt, and the interval before it."""
    drawing = str(draw_strip(known_analysis, Strip((), 0.0, 4.2)))
    marks = re.findall(r'class="beat (\w+)" x="([\d.]+)" y="4">(.*?)<', drawing)
    assert [(kind, text) for kind, _, text in marks] == [("plain", "N")] * 3 + [("plain", "N?"), ("plain", "N")]
    np.testing.assert_allclose([float(x) for _, x, _ in marks], 10 + 25 * np.array([0.8, 1.6, 2.4, 3.2, 4.0]), atol=0.2)
    assert re.findall(r'class="rr".*?>(\d+)<', drawing) == ["800"] * 4
    ectopic = str(draw_strip(known_analysis, Strip((), 15.0, 18.0)))
    assert ("ectopic", "V") in re.findall(r'class="beat (\w+)".*?>(.*?)<', ectopic)
    assert "fill:var(--c-V)" in ectopic


def test_seconds_carry_the_time_of_day(known_analysis):
    """The foot of a strip says when it was."""
    drawing = str(draw_strip(known_analysis, Strip((), 59.5, 62.5)))
    assert re.findall(r'class="time".*?>(.*?)<', drawing) == ["00:00:00", "00:00:01", "00:00:02"]


def test_fast_recordings_keep_their_peaks(made_up, known_analysis):
    """At 2000 Hz fewer points are drawn, and the highest and lowest are still there."""
    record = made_up.make_record([(0.8, "N")] * 8, fs=2000.0)
    drawing = str(draw_strip(replace(known_analysis, record=record), Strip((), 0.0, 7.0)))
    trace = points_of(re.search(r'class="trace" d="(.*?)"', drawing)[1])
    assert len(trace) < 5000
    assert np.ptp(trace[:, 1]) == pytest.approx(10 * np.ptp(record.signal[:14000]), abs=0.02)


def test_at_most_three_leads_are_drawn(known_analysis):
    """Twelve leads would not fit: the first three are drawn, each with its name and pulse."""
    record = known_analysis.record
    leads = tuple(f"L{place}" for place in range(12))
    twelve = replace(known_analysis, record=Record(np.repeat(record.signal, 12, axis=1), record.fs, leads))
    drawing = str(draw_strip(twelve, Strip((), 0.0, 5.0)))
    assert re.findall(r'class="lead".*?>(.*?)<', drawing) == ["L0", "L1", "L2"]
    assert drawing.count('class="pulse"') == 3


def test_a_lead_without_signal_is_drawn_empty(known_analysis):
    """A gap over the whole strip gives paper without a line."""
    record = known_analysis.record
    empty = replace(known_analysis, record=Record(np.full_like(record.signal, np.nan), record.fs, record.lead_names))
    assert 'class="trace" d=""' in str(draw_strip(empty, Strip((), 0.0, 5.0)))


def test_chosen_strips_show_one_of_everything(known_analysis):
    """Pause, run, couplet, bigeminy, a single ectopic beat and both extremes of the rate: each once, in the order of time."""
    strips = choose_strips(known_analysis)
    titles = " | ".join(title for strip in strips for title in strip.titles)
    for word in ("Longest pause", "Longest run", "First couplet", "First bigeminy", "Single", "Highest", "Lowest"):
        assert titles.count(word) == 1
    assert "First run" not in titles
    starts = [strip.start_s for strip in strips]
    assert starts == sorted(starts)
    assert len(strips) <= MOST_STRIPS
    duration = known_analysis.record.duration_s
    assert all(strip.start_s >= 0 and strip.end_s <= duration + 1e-9 for strip in strips)
    assert [strip.end_s - strip.start_s for strip in strips] == [pytest.approx(7)] * len(strips)
    pause = next(strip for strip in strips if "Longest pause, 2.6 s" in strip.titles)
    event = known_analysis.summary.longest_pause
    assert pause.start_s < event.start_s < event.end_s < pause.end_s


@pytest.mark.parametrize("seconds", [1.5, 7.0, 7.2, 10.0, 60.0])
def test_a_short_recording_is_covered(analyse_beats, seconds):
    """Rows of seven seconds cover it, with no row too short to see."""
    found = analyse_beats([(0.5, "N")], tail_s=seconds - 0.5)
    strips = choose_strips(found)
    assert strips[0].start_s == 0
    assert seconds - strips[-1].end_s < 0.5
    assert all(after.start_s == before.end_s for before, after in pairwise(strips))


def test_the_overview_has_a_panel_for_each_class_that_occurs(known_analysis):
    """Heart rate, V, and the signal; S did not occur; the time of day stands at full steps."""
    overview = draw_overview(known_analysis)
    assert [panel.title for panel in overview.panels] == ["Heart rate", "V", "Signal"]
    assert [label.text for label in overview.times][:3] == ["23:59:00", "23:59:15", "23:59:30"]
    assert overview.times[1].percent == pytest.approx(100 * 15 / known_analysis.record.duration_s)
    assert overview.step_s == 5


def test_unreadable_parts_are_dark_where_they_are(made_up):
    """The signal's band is dark exactly over the spans."""
    from beatlens.analysis import analyze

    record = made_up.make_record([(0.8, "N")] * 125)
    record.signal[2500:5000] = np.nan
    found = analyze(record, model=made_up.WidthModel(), r_samples=[])
    bars = re.findall(r'class="unreadable" x="(\d+)" width="(\d+)"', draw_overview(found).panels[-1].drawing)
    seconds = found.record.duration_s
    assert [(float(x) * seconds / 1e5, float(width) * seconds / 1e5) for x, width in bars] == [
        (pytest.approx(10, abs=0.01), pytest.approx(10, abs=0.01))
    ]


def test_shapes_are_grouped_by_likeness(known_analysis):
    """The narrow beats are one shape and the wide ones another, with their counts and their mean."""
    shapes, other = find_shapes(known_analysis)
    assert [(shape.beat_class, shape.count) for shape in shapes] == [("N", 88), ("V", 11)]
    assert other == {}
    wide = shapes[1]
    assert wide.times_ms[np.argmax(wide.mean)] == pytest.approx(0, abs=8)
    assert wide.mean.max() == pytest.approx(1, abs=0.05)


def test_different_shapes_of_one_class_are_apart(made_up):
    """Beats of one class that do not look alike are two shapes, the larger first; a single odd one out is counted."""
    from beatlens.analysis import analyze

    beats = [(0.8, "N")] * 30
    record = made_up.make_record(beats)
    peaks = made_up.r_samples_of(record, beats)
    for peak in peaks[10:14]:
        record.signal[peak - 20 : peak + 21] *= -1
    record.signal[peaks[20] + 5 : peaks[20] + 40] = 0.4
    shapes, other = find_shapes(analyze(record, model=made_up.WidthModel(), r_samples=peaks))
    assert [(shape.beat_class, shape.count) for shape in shapes] == [("N", 25), ("N", 4)]
    assert other == {"N": 1}


def test_shape_cards_share_one_scale(known_analysis):
    """All shapes have paper of one height, 50 mm/s and 10 mm/mV."""
    shapes, _ = find_shapes(known_analysis)
    cards = make_shape_cards(shapes, known_analysis.summary.n_judged)
    assert len({re.search(r'viewBox="(.*?)"', card.drawing)[1] for card in cards}) == 1
    line = points_of(re.search(r'class="mean".*? d="(.*?)"', cards[0].drawing)[1])
    assert np.ptp(line[:, 0]) == pytest.approx(50 * np.ptp(shapes[0].times_ms) / 1000, abs=0.02)
    assert np.ptp(line[:, 1]) == pytest.approx(10 * np.ptp(shapes[0].mean), abs=0.02)
    assert [card.share for card in cards] == ["88.9 %", "11.1 %"]


def test_an_explained_beat_is_darkest_where_it_matters(known_analysis):
    """The most important stretch, and only it, has the last colour; the parts join without a gap."""
    drawing = str(draw_explained(known_analysis.explained[0].explanation))
    parts = re.findall(r'class="i i(\d)" d="(.*?)"', drawing)
    assert [level for level, _ in parts] == ["0", "2", "0"]
    ends = [points_of(path)[[0, -1]] for _, path in parts]
    for before, after in pairwise(ends):
        np.testing.assert_array_equal(before[1], after[0])
    ticks = re.findall(r'class="xtick"[^>]*>(.*?)<', drawing)
    assert ticks[-2:] == ["Time from the R peak (ms)", "II (mV)"]
    assert "−200" in ticks


def test_shares_of_an_explanation_are_ranked(known_analysis):
    """The largest first, for or against the class that was called, and nothing below one per cent."""
    why = known_analysis.explained[0].explanation
    shares = {"QRS": 0.3, "other beats": -0.6, "T": 0.004, "P": 0.09}
    expected = (("other beats", -60.0), ("QRS", 30.0), ("P wave", 9.0))
    assert rank_shares(replace(why, shares=shares)) == tuple((name, pytest.approx(share)) for name, share in expected)
    turned = rank_shares(replace(why, shares=shares, predicted="N"))
    assert [share for _, share in turned] == pytest.approx([60, -30, -9])
    assert rank_shares(replace(why, shares={}, features={"pre_rr": -0.3, "post_rr": 0.1})) == (
        ("pre rr", pytest.approx(-75)),
        ("post rr", pytest.approx(25)),
    )
    assert rank_shares(replace(why, shares={}, features={})) == ()
