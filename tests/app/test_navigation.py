"""Where a step, a jump and a time lead, and what of a recording is drawn."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

import numpy as np
import pytest

from beatlens.app.drawing.beat import draw_beat
from beatlens.app.drawing.pages import draw_counts, draw_table, draw_trend, stylesheet
from beatlens.app.drawing.strip import MOST_POINTS, Paper, draw_strip, measure_spaces, thin_out
from beatlens.app.services.explaining import usual_beat
from beatlens.app.services.library import Library
from beatlens.app.services.navigation import (
    Window,
    find_next,
    find_window,
    matching_beats,
    nearest_beat,
    parse_time,
    snap_to_peak,
)
from beatlens.app.services.results import confusions_of, figures_of
from beatlens.app.services.review import Review
from beatlens.errors import ConfigurationError
from beatlens.models.registry import list_models
from beatlens.records import Record


@pytest.mark.parametrize(
    ("at", "length", "expected"),
    [(0, 10, (0, 10)), (47, 10, (40, 50)), (299.9, 30, (270, 300)), (305, 60, (300, 305)), (999, 10, (300, 305))],
)
def test_pages_do_not_move(at: float, length: float, expected: tuple[float, float]) -> None:
    """A page begins at a multiple of its length and ends with the recording."""
    window = find_window(at, length, 305.0)
    assert (window.start_s, window.end_s) == expected


def test_rows_of_ten_seconds() -> None:
    """The last row may be shorter."""
    assert Window(60, 85).rows == ((60, 70), (70, 80), (80, 85))


def test_next_and_previous(known_analysis) -> None:
    """Steps find the beats of a kind in both directions, never the beat itself, and end at the ends."""
    beats = known_analysis.beats
    v = beats.loc[beats["class"] == "V", "sample"].tolist()
    assert find_next(beats, "V", 0) == v[0]
    assert find_next(beats, "V", v[0]) == v[1]
    assert find_next(beats, "V", v[1], step=-1) == v[0]
    assert find_next(beats, "V", v[-1]) is None
    assert find_next(beats, "F", 0) is None
    assert find_next(beats, "abnormal", v[0]) == v[1]
    assert matching_beats(beats, "doubtful").sum() == known_analysis.summary.n_uncertain == 1
    assert find_next(beats, "any", int(beats["sample"].iloc[4])) == beats["sample"].iloc[5]


def test_nearest_beat(known_analysis) -> None:
    """An instant just after a beat leads to it; a recording without beats to none."""
    beats = known_analysis.beats
    assert nearest_beat(beats, beats["time_s"].iloc[7] + 0.05) == beats["sample"].iloc[7]
    assert nearest_beat(beats.iloc[:0], 1.0) is None


@pytest.mark.parametrize(("text", "seconds"), [("75", 75), ("1:15", 75), ("0:01:15", 75), (" 12.5 s", 12.5)])
def test_times_since_the_start(text: str, seconds: float) -> None:
    """However a reader writes it."""
    assert parse_time(text, duration_s=300) == seconds


def test_times_of_day() -> None:
    """Three parts are a time of day where the start is known, past midnight too."""
    start = dt.datetime(2020, 5, 17, 23, 59, 30)
    assert parse_time("00:00:15", duration_s=300, start=start) == 45
    assert parse_time("1:15", duration_s=300, start=start) == 75


@pytest.mark.parametrize("text", ["", "soon", "1:2:3:4", "-5", "400", "9:99"])
def test_times_that_lead_nowhere(text: str) -> None:
    """No time, or one outside the recording, is one sentence."""
    with pytest.raises(ConfigurationError, match="a time must"):
        parse_time(text, duration_s=300)


def test_a_hand_that_aims_beside_the_peak(made_up) -> None:
    """A click 40 ms beside an R peak finds it, upright or upside down."""
    record = made_up.make_record(made_up.RHYTHM)
    sample = int(made_up.r_samples_of(record, made_up.RHYTHM)[5])
    turned = replace(record, signal=-record.signal)
    for each in (record, turned):
        assert abs(snap_to_peak(each, sample / record.fs + 0.04) - sample) <= 1


def test_only_what_is_shown_is_drawn(known_analysis) -> None:
    """A page has its own beats and a bounded size, whatever the rate and the length of the recording."""
    n = 40 * 5000
    t = np.arange(n) / 5000
    record = Record(np.sin(40 * t).astype(np.float32)[:, None], 5000.0, ("II",))
    review = Review(*[replace(known_analysis, record=record)] * 2)
    drawn = str(draw_strip(review, Window(10, 20), Paper((0,), measure_spaces(record))))
    assert len(drawn) < 14 * MOST_POINTS + 20_000
    beats = known_analysis.beats
    inside = beats.loc[(beats["time_s"] >= 10) & (beats["time_s"] < 20), "sample"].tolist()
    assert [int(found) for found in re.findall(r'data-pick="(\d+)"', drawn)] == inside


def test_beats_are_lettered_coloured_and_lit(known_analysis) -> None:
    """The chosen beat is lit, a corrected one underlined, a deleted one crossed, a doubtful one asked about."""
    beats = known_analysis.beats
    v = int(beats.loc[beats["class"] == "V", "sample"].iloc[0])
    review = Review(known_analysis, known_analysis, frozenset({v}), (int(beats["sample"].iloc[2]) + 60,))
    at = v / known_analysis.record.fs
    spaces = measure_spaces(known_analysis.record)
    drawn = str(draw_strip(review, Window(at - 5, at + 5), Paper((0,), spaces, cursor=v, pin_s=at + 1, reference={v: "N"})))
    assert re.search(rf'class="mark ectopic chosen mine" style="--c:var\(--c-V\)" data-pick="{v}"', drawn)
    assert 'class="lit"' in drawn
    assert 'class="pin"' in drawn
    assert "reference: N" in drawn
    first = str(draw_strip(review, Window(0, 10), Paper((0,), spaces)))
    assert ">N?</text>" in first
    assert 'class="removed"' in first


def test_thinning_keeps_every_peak_and_gap() -> None:
    """One sample that stands out, and one that is missing, survive however few points are drawn."""
    wave = np.zeros(100_000)
    wave[61_234], wave[70_001] = 3.0, np.nan
    keep = thin_out(wave, 500)
    assert len(keep) <= 600
    assert wave[keep].max(initial=0, where=np.isfinite(wave[keep])) == 3.0
    assert np.isnan(wave[keep]).sum() == 1
    assert (np.diff(keep) > 0).all()


def test_names_are_escaped(known_analysis) -> None:
    """A lead's name that holds markup is shown as text."""
    record = replace(known_analysis.record, lead_names=('<img src=x onerror="alert(1)">',))
    review = Review(*[replace(known_analysis, record=record)] * 2)
    assert "<img" not in str(draw_strip(review, Window(0, 10), Paper((0,), measure_spaces(record))))
    assert "<b>" not in str(draw_table(("<b>",), [("<b>",)]))
    assert "<b>" not in str(draw_counts(("<b>",), ("<b>",), [[1]], of=("<b>", "<b>")))


def test_the_usual_beat_is_the_median_of_the_normal_ones(known_analysis) -> None:
    """It peaks at the R peak with the planted height; with too few normal beats there is none."""
    times = np.arange(-200, 300, 4.0)
    usual = usual_beat(known_analysis, times)[:, 0]
    assert usual[np.abs(times).argmin()] == pytest.approx(1.0, abs=0.05)
    none = replace(known_analysis, beats=known_analysis.beats.assign(**{"class": "V"}))
    assert np.isnan(usual_beat(none, times)).all()


def test_pictures_of_beat_and_trend(known_analysis) -> None:
    """The beat is told in words beside its picture; the trend says where the reader is."""
    why = known_analysis.explained[0].explanation
    drawn = str(draw_beat(why, usual_beat(known_analysis, why.times_ms)[:, 0]))
    assert "most sensitive 40 ms after the R peak" in drawn
    assert 'class="usual"' in drawn
    assert 'class="here" style="left:50.000%"' in str(draw_trend(known_analysis, known_analysis.record.duration_s / 2))


def test_the_style_has_every_class_in_light_and_dark() -> None:
    """Each class has two colours, of which the browser takes the one of its scheme."""
    assert re.findall(r"--c-(\w+):light-dark\(#\w{6},#\w{6}\)", stylesheet()) == ["N", "S", "V", "F", "Q", "normal", "abnormal"]


def test_confusions_agree_with_the_cards() -> None:
    """The counts give back the figures that are published."""
    for card in list_models():
        for confusion in confusions_of(card):
            counts = np.array(confusion.counts)
            assert len(confusion.rows) == len(counts)
            if card.name == "seed-lstm":
                assert counts.sum() == card.figures["seed"]["n_beats"]
                assert counts[1, 1] / counts[1].sum() == pytest.approx(card.figures["seed"]["recall"])
                assert counts[1, 1] / counts[:, 1].sum() == pytest.approx(card.figures["seed"]["precision"])
        assert figures_of(card)


def test_the_library_keeps_the_latest(made_up) -> None:
    """A recording that was opened too long ago is closed, and what was found in it forgotten."""
    library = Library(most=2)
    opened = [library.add(made_up.make_record(made_up.RHYTHM[: 5 + k])) for k in range(3)]
    library.remember((opened[1].sha256, "x"), lambda: 1)
    assert library.find(opened[0].sha256) is None
    assert library.find(opened[2].sha256) is opened[2]
    library.add(made_up.make_record(made_up.RHYTHM[:9]))
    assert not library.has((opened[1].sha256, "x"))


def test_work_is_done_once(made_up) -> None:
    """A second question is answered from memory."""
    library, calls = Library(), []
    for _ in range(2):
        assert library.remember(("a", "b"), lambda: calls.append(1) or 7) == 7
    assert calls == [1]
