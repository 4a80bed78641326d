"""Whatever is recorded: an answer, or one clear sentence."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from beatlens.analysis import Settings, analyze
from beatlens.analysis.quality import describe_scale
from beatlens.errors import SignalError
from beatlens.records import Record

NORMAL = [(0.8, "N")] * 50
PLAIN = Settings(explanations=0)


@pytest.fixture(scope="module")
def record(made_up):
    return made_up.make_record(NORMAL)


def judge(record, made_up, signal=None):
    changed = record if signal is None else replace(record, signal=signal.astype(np.float32))
    return analyze(changed, model=made_up.WidthModel(), settings=PLAIN)


@pytest.mark.parametrize("length", [1, 13, 250, 900, 2600])
def test_gaps_of_any_length(record, made_up, length):
    """Beats around a gap are found; none is made up inside it."""
    x = record.signal.copy()
    x[3000 : 3000 + length] = np.nan
    found = judge(record, made_up, x)
    times = found.beats["time_s"].to_numpy()
    gap = (times > 12.02) & (times < 12 + length / 250 - 0.02)
    assert not gap.any()
    assert len(times) >= 50 - np.ceil(length / 200) - 1


def test_gaps_everywhere(record, made_up):
    """A sample in a hundred is missing: the beats are still found, and most are judged."""
    x = record.signal.copy()
    x[::100] = np.nan
    found = judge(record, made_up, x)
    assert abs(found.summary.n_beats - 50) <= 1
    assert found.summary.n_judged >= 40


def test_infinite_values_are_gaps(record, made_up):
    """An infinite sample is a sample that was not recorded."""
    x = record.signal.copy()
    x[3000:3100] = np.inf
    x[6000:6100] = -np.inf
    assert abs(judge(record, made_up, x).summary.n_beats - 50) <= 2


def test_a_lead_off_for_a_while(record, made_up):
    """A flat line for ten seconds has no beats and is reported as such."""
    x = record.signal.copy()
    x[2500:5000] = 0.0
    found = judge(record, made_up, x)
    times = found.beats["time_s"].to_numpy()
    assert not ((times > 10.1) & (times < 19.9)).any()
    assert [(span.start_s, span.end_s, span.reason) for span in found.spans] == [(10.0, 20.0, "flat")]


def test_saturated_parts_are_not_judged(record, made_up):
    """An amplifier at its limit: the stretch is named, its beats have no class, the others do."""
    x = record.signal.copy()
    x[2500:3750] = np.where(np.arange(1250) % 300 < 200, 5.0, x[2500:3750, 0])[:, None]
    found = judge(record, made_up, x)
    assert [span.reason for span in found.spans] == ["saturated"]
    outside = (found.beats["time_s"] < 9.9) | (found.beats["time_s"] > 15.1)
    assert found.beats["judged"][outside].all()
    assert outside.sum() >= 42


def test_pacing_spikes_are_not_beats(made_up):
    """Spikes of 2 ms and 3 mV before each complex neither add beats nor move them far."""
    record = made_up.make_record(NORMAL, fs=1000.0)
    x = record.signal.copy()
    peaks = made_up.r_samples_of(record, NORMAL)
    for at in peaks - 100:
        x[at : at + 2] += 3.0
    found = judge(record, made_up, x)
    assert len(found.beats) == 50
    assert np.abs(found.beats["sample"].to_numpy() - peaks).max() <= 110


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda x: np.full_like(x, np.nan), "must have a lead with a signal; got 1 flat or empty"),
        (np.zeros_like, "must have a lead with a signal; got 1 flat or empty"),
        (lambda x: np.full_like(x, 1.5), "must have a lead with a signal; got 1 flat or empty"),
        (lambda x: x[:200], "must last at least 1 s; got 0.8 s"),
    ],
    ids=["all missing", "zeros", "constant", "too short"],
)
def test_nothing_to_look_at_is_one_sentence(record, made_up, spoil, sentence):
    """It says what must hold and what was found, and what to do."""
    with pytest.raises(SignalError, match=sentence) as caught:
        judge(record, made_up, spoil(record.signal))
    assert caught.value.hint


@pytest.mark.parametrize("factor", [1000, 200, 1 / 1000])
def test_a_wrong_unit_is_said(record, made_up, factor):
    """Microvolts, steps of the recorder or volts taken for mV: the first note says so, and how to say what they are."""
    found = judge(record, made_up, record.signal * factor)
    assert "far " in found.notes[0]
    assert "--unit" in found.notes[0]
    assert ("more" in found.notes[0]) == (factor > 1)


@pytest.mark.parametrize("factor", [0.1, 1, 10])
def test_a_small_or_large_heart_is_not_a_wrong_unit(record, made_up, factor):
    """A tenth of the usual voltage, or ten times as much, may be a heart's."""
    assert not any("--unit" in note for note in judge(record, made_up, record.signal * factor).notes)


def test_the_scale_of_nothing_is_not_odd():
    """Gaps and flat lines say nothing of the unit."""
    assert describe_scale(np.full(5000, np.nan), 250.0, "II") == ""
    assert describe_scale(np.zeros(5000), 250.0, "II") == ""
    assert describe_scale(np.zeros(3), 250.0, "II") == ""


def test_noise_alone_is_an_answer(made_up):
    """White noise is not a rhythm: it is reported as unreadable, whatever the detector makes of it."""
    x = np.random.default_rng(3).normal(0, 0.5, (15000, 1)).astype(np.float32)
    found = analyze(Record(x, 250.0, ("II",)), model=made_up.WidthModel(), settings=PLAIN)
    assert found.summary.unreadable_s == pytest.approx(60)
    assert found.summary.n_judged == 0


HOSTILE = "$\\frac{ ../../<script>alert(1)</script>\n\x1b[31m'\"&{{7*7}}\u202e"


def test_hostile_names_are_only_text(made_up, tmp_path):
    """Names are never paths, markup, escape codes or templates, wherever they are written."""
    record = made_up.make_record([(0.8, "N")] * 30)
    named = replace(record, name=HOSTILE, lead_names=("<img src=x onerror=alert(2)>",), source=HOSTILE, notes=(HOSTILE,))
    folder = analyze(named, model=made_up.WidthModel(), settings=PLAIN).save(tmp_path / "deep" / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "<img" not in page
    assert "{{7*7}}" in page
    assert json.loads((folder / "analysis.json").read_text(encoding="utf-8"))["recording"]["name"] == HOSTILE
    for figure in (folder / "figures").glob("*.svg"):
        assert "<script>" not in figure.read_text(encoding="utf-8")
