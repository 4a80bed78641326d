"""R peaks: found whatever the rate, unit, polarity, offset or lead; never in a gap; and as often as promised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from beatlens.beats import detector, qrs_candidates
from beatlens.beats.detector import detect_r_peaks, find_r_peaks
from beatlens.beats.signals import resample
from beatlens.errors import RecordNotFoundError, SignalError
from beatlens.records import Record


def test_every_beat_is_found_on_its_peak(regular_ecg: Any) -> None:
    """None too many, each within 3 ms of the top of its R wave."""
    ecg, times = regular_ecg
    found = detect_r_peaks(ecg, 360)
    assert found.dtype == np.int64
    assert len(found) == len(times)
    assert np.abs(found / 360 - times).max() <= 0.003


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda x: -x, id="inverted"),
        pytest.param(lambda x: x + 500, id="offset"),
        pytest.param(lambda x: x + 1e6, id="large offset"),
        pytest.param(lambda x: 1000 * x, id="uV"),
        pytest.param(lambda x: x / 1000, id="V"),
        pytest.param(lambda x: (200 * x).astype(np.int16) + 1024, id="digital units"),
        pytest.param(lambda x: x.astype(np.float32)[:, None], id="column"),
        pytest.param(lambda x: x + np.sin(2 * np.pi * 0.2 * np.arange(len(x)) / 360), id="baseline wander"),
        pytest.param(lambda x: x + 0.1 * np.sin(2 * np.pi * 50 * np.arange(len(x)) / 360), id="mains hum"),
    ],
)
def test_unit_polarity_and_offset_do_not_matter(toy_ecg: Any, unmatched: Callable[..., Any], change: Any) -> None:
    """The same beats are found in a changed copy of a real recording."""
    ecg, fs = toy_ecg
    expected = detect_r_peaks(ecg, fs)
    missed, added = unmatched(expected / fs, detect_r_peaks(change(ecg), fs) / fs)
    assert max(missed, added) <= 2, f"{missed} of {len(expected)} beats lost, {added} new"


@pytest.mark.parametrize("rate", [100, 128, 250, 257.03, 500, 1000])
def test_the_rate_does_not_matter(toy_ecg: Any, unmatched: Callable[..., Any], rate: float) -> None:
    """From 100 to 1000 Hz, whole or not, the same beats are found."""
    ecg, fs = toy_ecg
    missed, added = unmatched(detect_r_peaks(ecg, fs) / fs, detect_r_peaks(resample(ecg, fs, rate), rate) / rate)
    assert max(missed, added) <= 2


def test_the_start_does_not_matter(toy_ecg: Any, unmatched: Callable[..., Any]) -> None:
    """A recording cut off at its start has the same beats, but for the ones beside the cut."""
    ecg, fs = toy_ecg
    cut = 5003
    expected = detect_r_peaks(ecg, fs)
    found = detect_r_peaks(ecg[cut:], fs) + cut
    later = expected[expected > cut + 2 * fs]
    assert sum(unmatched(later / fs, found[found > cut + 2 * fs] / fs)) <= 2


def test_the_reference_beats_of_the_bundled_recording_are_found(toy_ecg: Any) -> None:
    """Record 208 has 1.7 beats a second; wide ventricular beats and fusions are among them."""
    ecg, fs = toy_ecg
    found = detect_r_peaks(ecg, fs)
    assert 495 <= len(found) <= 515
    assert np.diff(found).min() >= 0.15 * fs


def test_no_beat_lies_in_a_gap(toy_ecg: Any, unmatched: Callable[..., Any]) -> None:
    """And those beside it stay where they are."""
    ecg, fs = toy_ecg
    expected = detect_r_peaks(ecg, fs)
    begin, end = 36_000, 39_600
    broken = ecg.copy()
    broken[begin:end] = np.nan
    found = detect_r_peaks(broken, fs)
    assert not ((found >= begin) & (found < end)).any()
    outside = (expected < begin - fs / 2) | (expected > end + fs / 2)
    assert unmatched(expected[outside] / fs, found / fs)[0] == 0


def test_one_lead_fills_in_for_the_other(toy_ecg: Any, unmatched: Callable[..., Any]) -> None:
    """Where the first lead has a gap, its beats are found in the second."""
    ecg, fs = toy_ecg
    both = np.stack([ecg, ecg], axis=1)
    both[36_000:39_600, 0] = np.nan
    assert sum(unmatched(detect_r_peaks(ecg, fs) / fs, detect_r_peaks(both, fs) / fs)) <= 1


@pytest.mark.parametrize("dead", [0.0, 3.0, np.nan])
def test_a_dead_lead_is_left_out_with_a_note(regular_ecg: Any, dead: float) -> None:
    """Flat or empty: the other lead's beats are found, as if it were alone."""
    ecg, _ = regular_ecg
    record = Record(np.stack([np.full(len(ecg), dead), ecg], axis=1).astype(np.float32), 360.0, ("II", "V5"))
    found = find_r_peaks(record)
    assert found.lead_names == ("V5",)
    assert "'II' was left out: it is flat or empty" in found.notes
    np.testing.assert_array_equal(found.samples, detect_r_peaks(ecg, 360))


@pytest.mark.parametrize("seconds", [1, 2, 5])
def test_a_short_recording_works(regular_ecg: Any, seconds: int) -> None:
    """From one second on."""
    ecg, times = regular_ecg
    inside = (times < seconds - 0.1).sum()
    assert abs(len(detect_r_peaks(ecg[: seconds * 360], 360)) - inside) <= 1


@pytest.mark.parametrize(
    ("signal", "fs", "message"),
    [
        (np.ones(100), 360, "must last at least 1 s; got 0.278 s"),
        (np.zeros(3600), 360, "must have a lead with a signal; got 1 flat or empty"),
        (np.full((3600, 2), np.nan), 360, "must have a lead with a signal; got 2 flat or empty"),
        (np.zeros(0), 360, r"must have shape \(n_samples,\)"),
        (np.zeros((4, 4, 4)), 360, "must have shape"),
        (np.array(["a", "b"]), 360, "must hold real numbers"),
        (np.ones(3600), None, "'fs' must be given with an array"),
        (np.ones(3600), 0, "'fs' must be at least 50 Hz; got 0"),
        (np.ones(3600), np.nan, "'fs' must be at least 50 Hz; got nan"),
    ],
)
def test_what_cannot_be_used_is_refused(signal: Any, fs: Any, message: str) -> None:
    """In one sentence."""
    with pytest.raises(SignalError, match=message):
        detect_r_peaks(signal, fs)


def test_an_unknown_lead_is_refused_with_the_known_ones(regular_ecg: Any) -> None:
    """The hint asks whether another was meant."""
    record = Record(regular_ecg[0].astype(np.float32)[:, None], 360.0, ("MLII",))
    with pytest.raises(RecordNotFoundError, match="has no lead 'MLI2'") as caught:
        detect_r_peaks(record, leads=("MLI2",))
    assert caught.value.hint == "Did you mean 'MLII'? Known: MLII."


def test_the_input_is_not_changed(regular_ecg: Any) -> None:
    """Not even where it has gaps."""
    ecg = regular_ecg[0].copy()
    ecg[1000:1500] = np.nan
    before = ecg.copy()
    detect_r_peaks(ecg, 360)
    np.testing.assert_array_equal(ecg, before)


def test_confidence_falls_with_noise(regular_ecg: Any) -> None:
    """From near 1 in a clean recording."""
    ecg, _ = regular_ecg
    clean = find_r_peaks(ecg, 360).confidence
    noisy = find_r_peaks(ecg + 0.3 * np.random.default_rng(0).standard_normal(len(ecg)), 360).confidence
    assert clean.min() >= 0.5
    assert noisy.mean() < clean.mean() - 0.005
    assert np.median(clean) > 0.99


@pytest.mark.database
@pytest.mark.parametrize(
    ("only_first", "target"),
    [
        pytest.param(True, 99.75, id="first lead"),
        pytest.param(False, 99.85, id="both leads", marks=pytest.mark.slow),
    ],
)
def test_gross_figures_on_mit_bih(mitdb_folder: Any, only_first: bool, target: float) -> None:
    """Gross QRS sensitivity and predictivity over all 48 records reach what is promised, as WFDB's bxb counts them.

    The 22 records of DS1 trained the network; ``benchmarks/r_peaks.py`` reports DS2 apart.
    """
    from beatlens.databases.mitdb import RECORDS, read_mitdb
    from beatlens.evaluation.ec57 import compare_beats
    from beatlens.records import Annotations

    hits = beats = detections = 0
    for name in RECORDS:
        record = read_mitdb(name, mitdb_folder)
        found = detect_r_peaks(record, leads=record.lead_names[:1] if only_first else None)
        test = Annotations(found, np.full(len(found), "N"))
        result = compare_beats(record.annotations, test, fs=record.fs, n_samples=record.n_samples)
        hits += result.qrs_sensitivity.hits
        beats += result.qrs_sensitivity.cases
        detections += result.qrs_predictivity.cases
    assert beats == 91_285
    assert 100 * hits / beats >= target
    assert 100 * hits / detections >= target


@pytest.mark.parametrize("n", [1, 5, 6, 7, 500, 1000, 1001])
@pytest.mark.parametrize("parts", [1, 4])
def test_largest_of_six_is_scipys_filter(n: int, parts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three steps over each piece of the array give what the filter gives, at the ends and the seams too."""
    monkeypatch.setattr(qrs_candidates, "_PIECE", 250)
    values = np.random.default_rng(2).normal(size=n).astype(np.float32)
    expected = ndimage.maximum_filter1d(np.abs(values) / np.float32(parts), 6)
    assert np.array_equal(qrs_candidates._largest_of_six(values, parts), expected)


@pytest.mark.parametrize("noise", [0.01, 0.5])
def test_candidates_do_not_depend_on_the_pieces(noise: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece ends where nothing is near, however far that is; in noise the rest may be one piece."""
    rng = np.random.default_rng(3)
    lead = noise * rng.normal(size=120 * 200)
    lead[60::90] += 5 * rng.uniform(0.2, 1, len(lead[60::90]))
    trace = qrs_candidates.trace_lead(lead.astype(np.float32), 120.0)
    whole = qrs_candidates.find_candidates(trace)
    monkeypatch.setattr(qrs_candidates, "_PIECE", 500)
    assert len(whole) > 100
    np.testing.assert_array_equal(qrs_candidates.find_candidates(trace), whole)


@pytest.mark.parametrize("distance", [1, 3, 10, 1000])
def test_of_two_places_too_close_the_stronger_is_kept(distance: int) -> None:
    """As one by one from left to right, whatever the clusters; of two alike the first."""
    rng = np.random.default_rng(distance)
    for n in (0, 1, 2, 3, 400):
        places = np.sort(rng.integers(0, 4 * n + 1, n))
        logits = rng.integers(0, 5, n).astype(np.float64)
        kept: list[int] = []
        for i in range(n):
            if not kept or places[i] - places[kept[-1]] >= distance:
                kept.append(i)
            elif logits[i] > logits[kept[-1]]:
                kept[-1] = i
        assert detector._strongest(places, logits, distance).tolist() == kept
