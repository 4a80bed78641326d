"""From a recording to explained beats."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.signal import resample_poly

from beatlens.explain import explain_seed_beats
from beatlens.explain.measure import measure_beats
from beatlens.explain.record import find_beats
from beatlens.explain.segments import SEGMENTS
from beatlens.records.record import Record

FS = 360.0
R = np.arange(300, 7000, 320)
WIDE = 10
"""The place of the one wide beat, which no P wave precedes."""


@pytest.fixture(scope="module")
def dense_model() -> Any:
    """Return a seed-lstm of one dense layer with a smooth kernel."""
    from beatlens.models.card import ModelCard
    from beatlens.models.engine import load_keras
    from beatlens.models.seed_lstm import SeedLSTM

    keras = load_keras()
    stack = [keras.Input((180, 1)), keras.layers.Flatten(), keras.layers.Dense(1, activation="sigmoid")]
    model = keras.Sequential(stack)
    kernel = np.exp(-0.5 * ((np.arange(180) - 90) / 15) ** 2) - 0.1
    model.layers[-1].set_weights([kernel[:, None].astype(np.float32), np.zeros(1, np.float32)])
    return SeedLSTM(model, ModelCard.model_construct(name="seed-lstm"))


def make_record(fs: float = FS, **fields: Any) -> Record:
    """Twenty beats with P, QRS and T; one is wide, inverted in T and has no P."""
    times = np.arange(7200) / FS * 1000
    x = np.random.default_rng(0).normal(scale=0.004, size=len(times))
    for k, r in enumerate(R / FS * 1000):
        waves = [(0, 30, 1.4), (280, 40, -0.4)] if k == WIDE else [(-160, 18, 0.15), (0, 10, 1.2), (250, 30, 0.3)]
        for centre, width, height in waves:
            x += height * np.exp(-0.5 * ((times - r - centre) / width) ** 2)
    if fs != FS:
        x = resample_poly(x, round(fs), round(FS))
    return Record(x.astype(np.float32)[:, None], fs, ("MLII",), name="made", **fields)


def test_shares_and_sentence_speak_of_the_segments(dense_model: Any) -> None:
    """The wide beat is called wide, unlike the usual one, and without a P wave; the others are not."""
    found = explain_seed_beats(make_record(), R, dense_model, true=["normal"] * len(R))
    assert [each.sample for each in found] == R.tolist()
    assert all(set(each.shares) == set(SEGMENTS) for each in found)
    assert all(sum(each.shares.values()) == pytest.approx(1) for each in found)
    wide, usual = found[WIDE].sentence, found[WIDE + 1].sentence
    assert "which is wide (" in wide
    assert "unlike this recording's usual one" in wide
    assert "no P wave was found" in wide
    assert not any(word in usual for word in ("wide", "unlike", "no P wave"))
    assert usual.endswith(("The reference agrees.", "The reference says normal."))


def test_one_beat_is_named_as_among_all(dense_model: Any) -> None:
    """If the recording's other beats are told of; what is usual cannot be known from one beat."""
    all_of_them = explain_seed_beats(make_record(), R, dense_model)
    (one,) = explain_seed_beats(make_record(), R[WIDE : WIDE + 1], dense_model, all_samples=R)
    (alone,) = explain_seed_beats(make_record(), R[WIDE : WIDE + 1], dense_model)
    assert one.sentence == all_of_them[WIDE].sentence
    assert "usual" not in alone.sentence


def test_shapley_values_are_those_of_the_named_segments(dense_model: Any) -> None:
    """Constant within each segment, and adding up to the change of the logit."""
    record = make_record()
    found = explain_seed_beats(record, R[3:6], dense_model, all_samples=R, method="segment-shapley")
    segments = measure_beats(record, R[3:6], R).segments
    for each, ids in zip(found, segments, strict=True):
        spread = [np.ptp(each.attribution[ids == k]) for k in np.unique(ids)]
        assert max(spread) < 1e-6
        assert {SEGMENTS[k] for k in np.unique(ids)} >= {"P", "PR", "QRS", "ST"}
        assert abs(each.completeness_gap) < 1e-4


def test_evidence_against_the_call_is_told_as_such(dense_model: Any) -> None:
    """The shares speak of 'abnormal', the sentence of the call: for a normal call their sides change."""
    found = explain_seed_beats(make_record(), R, dense_model, method="gradient-x-input")
    for each in found:
        top = max(each.shares.items(), key=lambda item: abs(item[1]))
        towards_call = top[1] if each.predicted == "abnormal" else -top[1]
        assert ("of the evidence, against it, is" in each.sentence) == (towards_call < 0)


def test_another_sampling_rate_gives_the_same_explanation(dense_model: Any) -> None:
    at_360 = explain_seed_beats(make_record(), R, dense_model)
    at_250 = explain_seed_beats(make_record(250.0), np.rint(R * 250 / 360).astype(int), dense_model)
    for a, b in zip(at_360, at_250, strict=True):
        assert b.logit == pytest.approx(a.logit, abs=0.5 + 0.1 * abs(a.logit))
        assert b.times_ms.tolist() == a.times_ms.tolist()
        np.testing.assert_allclose(b.signal, a.signal, atol=0.15)


def test_beats_in_a_gap_are_left_out(dense_model: Any) -> None:
    record = make_record()
    record.signal[R[5] - 10 : R[5] + 10] = np.nan
    found = explain_seed_beats(record, R, dense_model)
    assert [each.sample for each in found] == [r for k, r in enumerate(R.tolist()) if k != 5]


def test_detected_beats_are_where_they_were_put() -> None:
    samples, true = find_beats(make_record(), peaks="detect")
    assert set(true) == {""}
    assert np.abs(samples - R).max() <= 5


def test_the_usual_beat_is_compared_r_peak_on_r_peak() -> None:
    """Where a model's window is shifted, so is the usual beat that the beat is compared with and drawn over."""
    time = np.arange(7000)
    signal = sum(np.exp(-0.5 * ((time - at) / 6) ** 2) for at in R)
    record = Record(np.asarray(signal, np.float32)[:, None], FS, ("II",), name="alike")
    moved = measure_beats(record, R[5:6], R, offset_ms=np.array([50.0]))
    np.testing.assert_allclose(moved.usual, moved.voltage, atol=0.05)
    assert moved.facts[0].likeness > 0.99
    assert abs(float(moved.times_ms[0, moved.usual[0, :, 0].argmax()])) < 3
