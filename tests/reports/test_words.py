"""Sentences, judged word by word."""

from __future__ import annotations

import datetime as dt

import pytest

from beatlens.reports.words import describe_analysis, write_duration, write_percent, write_time


def test_the_known_recording_in_words(known_analysis):
    """Beats, rate, classes, events with their times of day, pauses, quality and doubt: each number is that of the summary."""
    rate = known_analysis.summary.heart_rate
    extremes = f"({rate.lowest:.0f} to {rate.highest:.0f})"
    assert describe_analysis(known_analysis) == (
        f"99 beats in 1 min 20 s, at a mean rate of {rate.mean:.0f} beats per minute {extremes}.",
        "88 were called normal; 11 ventricular ectopic (11.1 %).",
        "There was 1 run (V), 1 couplet (V) and 1 stretch of bigeminy (V).",
        "The longest run had 4 beats at 150 per minute (at 23:59:36).",
        "There was 1 pause of 2 s or longer: 2.6 s (at 00:00:00).",
        "The whole recording could be read.",
        "The model was in doubt about 1 beat.",
    )


def test_a_quiet_recording_in_words(analyse_beats):
    """Nothing found is said, not left out."""
    words = describe_analysis(analyse_beats([(0.8, "N")] * 3))
    assert words[1:4] == (
        "All 3 that were classified were called normal.",
        "No runs, couplets or bigeminy.",
        "No pause of 2 s or longer.",
    )


def test_no_beats_in_words(analyse_beats, made_up):
    """No beat at all is one sentence."""
    from beatlens.analysis import analyze

    found = analyze(made_up.make_record([(0.8, "N")] * 3), model=made_up.WidthModel(), r_samples=[])
    assert describe_analysis(found)[0] == "No heartbeat was found in 3.4 s of recording."


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0 s"),
        (7.25, "7.2 s"),
        (59.0, "59 s"),
        (60, "1 min"),
        (3600, "1 h"),
        (86399, "23 h 59 min 59 s"),
        (90000, "25 h"),
        (180000, "2 d 2 h"),
    ],
)
def test_durations(seconds, text):
    """Short ones with a tenth, long ones in whole units, zeros left out."""
    assert write_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "start", "tenths", "text"),
    [
        (0, None, False, "0:00"),
        (59.96, None, True, "1:00.0"),
        (3675.26, None, True, "1:01:15.3"),
        (75, dt.datetime(2020, 1, 1, 23, 59), False, "00:00:15"),
        (0.25, dt.datetime(2020, 1, 1, 8), True, "08:00:00.2"),
    ],
)
def test_times(seconds, start, tenths, text):
    """Time since the start, or time of day where the start is known; seconds never reach 60."""
    assert write_time(seconds, start, tenths=tenths) == text


@pytest.mark.parametrize(
    ("percent", "text"), [(0, "0 %"), (0.01, "< 0.1 %"), (12.34, "12.3 %"), (99.99, "> 99.9 %"), (100, "100 %")]
)
def test_percentages(percent, text):
    """Small is not nothing, and nearly all is not all."""
    assert write_percent(percent) == text
