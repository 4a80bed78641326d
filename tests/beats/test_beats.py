"""A recording as beats: windows at the model's rate, intervals, quality."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from beatlens.beats.beats import RR_FEATURES, rr_features, segment_beats
from beatlens.beats.detector import detect_r_peaks
from beatlens.errors import SignalError
from beatlens.records import Record


def as_record(*leads: Any, fs: float = 360.0) -> Record:
    """Return a recording of these leads."""
    return Record(np.stack(leads, axis=1).astype(np.float32), fs, ("MLII", "V1", "V5")[: len(leads)], name="made")


def test_a_row_is_a_beat(regular_ecg: Any) -> None:
    """R samples, windows, intervals, quality and confidence are as long as each other, and say what they should."""
    ecg, times = regular_ecg
    beats = segment_beats(as_record(ecg, -ecg))
    assert len(beats) == len(times)
    np.testing.assert_array_equal(beats.r_samples, detect_r_peaks(as_record(ecg, -ecg)))
    assert beats.windows.shape == (len(times), 180, 2)
    assert beats.windows.dtype == np.float32
    assert beats.rr.shape == (len(times), len(RR_FEATURES))
    assert beats.quality.shape == (len(times), 2)
    assert (beats.quality > 0.5).all()
    assert (beats.confidence > 0.5).all()
    np.testing.assert_allclose(beats.times_s, times, atol=0.004)


def test_windows_hold_the_r_peak_in_the_same_place(regular_ecg: Any) -> None:
    """At sample ``before``, in the recording's own voltage."""
    ecg, _ = regular_ecg
    beats = segment_beats(as_record(ecg))
    whole = beats.windows[beats.complete]
    assert (whole[:, :, 0].argmax(axis=1) == 90).all()
    np.testing.assert_array_equal(whole[5, :, 0], ecg.astype(np.float32)[beats.r_samples[beats.complete][5] - 90 :][:180])


@pytest.mark.parametrize("fs", [250.0, 500.0])
def test_windows_come_at_the_model_s_rate(make_ecg: Callable[..., Any], fs: float) -> None:
    """A recording of another rate gives nearly the same windows."""
    times = np.arange(1.0, 29.0, 0.8)
    ours = segment_beats(as_record(make_ecg(times, 30, fs), fs=fs), r_samples=np.rint(times * fs).astype(int))
    expected = segment_beats(as_record(make_ecg(times, 30, 360)), r_samples=np.rint(times * 360).astype(int))
    assert ours.windows_fs == 360
    assert np.abs(ours.windows - expected.windows).mean() < 0.05


def test_beats_at_the_ends_have_incomplete_windows(regular_ecg: Any) -> None:
    """They stay in the table; their window is NaN."""
    ecg, _ = regular_ecg
    beats = segment_beats(as_record(ecg), r_samples=[10, 1000, len(ecg) - 5])
    assert beats.complete.tolist() == [False, True, False]
    assert np.isnan(beats.windows[0]).all()


def test_no_beat_is_made_in_a_gap(regular_ecg: Any) -> None:
    """Given R peaks in a gap are left out with a note, and no interval reaches across it."""
    ecg, times = regular_ecg
    gappy = ecg.copy()
    gappy[7200:9000] = np.nan
    given = np.rint(times * 360).astype(int)
    beats = segment_beats(as_record(gappy), r_samples=given)
    inside = (given >= 7200) & (given < 9000)
    np.testing.assert_array_equal(beats.r_samples, given[~inside])
    assert any(f"{inside.sum()} given R peaks were left out" in note for note in beats.notes)
    after = int(np.argmax(beats.r_samples >= 9000))
    assert np.isnan(beats.rr[after, 0])
    assert np.isnan(beats.rr[after - 1, 1])
    assert np.isfinite(beats.rr[1:after, 0]).all()
    found = segment_beats(as_record(gappy))
    assert not ((found.r_samples >= 7200) & (found.r_samples < 9000)).any()


def test_intervals_are_seconds_and_ratios() -> None:
    """A premature beat has a short interval before and a long one after; the ends have none."""
    times = np.array([0.0, 0.8, 1.6, 2.1, 3.2, 4.0, 4.8])
    rr = rr_features(times)
    np.testing.assert_allclose(rr[3], [0.5, 1.1, 0.5 / 0.8, 1.1 / 0.8, 0.5 / 0.8], rtol=1e-5)
    assert np.isnan(rr[0, 0])
    assert np.isnan(rr[-1, 1])
    assert rr_features(np.zeros(0)).shape == (0, 5)
    assert np.isnan(rr_features(np.array([1.0]))).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([-1, 5], "must lie in 0 to 21599; got -1 to 5"),
        ([5, 21600], "must lie in"),
        ([5, 5], "must increase; got 5 after 5"),
        ([9, 5], "must increase; got 5 after 9"),
        ([1.5, 2.5], "must be whole numbers"),
        ([[1, 2]], "must be whole numbers of shape"),
    ],
)
def test_wrong_r_peaks_are_refused(regular_ecg: Any, given: Any, message: str) -> None:
    """In one sentence that says what is wrong."""
    with pytest.raises(SignalError, match=message):
        segment_beats(as_record(regular_ecg[0]), r_samples=given)


def test_no_beats_are_a_table_without_rows(regular_ecg: Any) -> None:
    """Not an error."""
    beats = segment_beats(as_record(regular_ecg[0]), r_samples=np.zeros(0, int))
    assert len(beats) == 0
    assert beats.windows.shape == (0, 180, 1)
