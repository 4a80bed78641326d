"""Streams: the same beats however the signal is cut, told in time, and nothing grows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import beatlens as bl
from beatlens.analysis import Settings, analyze
from beatlens.analysis.stream import CONTEXT_S, DELAY_S, FIRST_S, BeatStream, stream
from beatlens.errors import RecordNotFoundError, SignalError, UnknownNameError
from beatlens.records.bundled import read_bundled


def run(source, signal, sizes):
    """Push a signal in chunks of these sizes, over and over, and finish."""
    beats, at = [], 0
    for size in itertools.cycle(sizes):
        if at >= len(signal):
            return beats + source.finish()
        beats += source.push(signal[at : at + size])
        at += size
    raise AssertionError("sizes must not be empty")


@pytest.fixture(scope="module")
def record(made_up):
    return made_up.make_record(made_up.RHYTHM)


@pytest.fixture(scope="module")
def whole(record, made_up):
    """All of it in one chunk."""
    return run(BeatStream(record.fs, record.lead_names, model=made_up.WidthModel()), record.signal, [record.n_samples])


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(1, 9000), min_size=1, max_size=12))
@example(sizes=[1250])
@example(sizes=[1249, 1, 1251])
@example(sizes=[7])
def test_chunks_do_not_matter(record, whole, made_up, sizes):
    """However the signal is cut: the same beats, told at the same time, with the same numbers, exactly."""
    beats = run(BeatStream(record.fs, record.lead_names, model=made_up.WidthModel()), record.signal, sizes)
    assert repr(beats) == repr(whole)


def test_the_same_as_the_recording(record, whole, made_up):
    """Where all that a beat needs was there, the stream says what the analysis of the whole recording says."""
    batch = analyze(record, model=made_up.WidthModel(), settings=Settings(explanations=0)).beats
    assert [beat.sample for beat in whole] == batch["sample"].tolist()
    assert [beat.beat_class for beat in whole] == batch["class"].tolist()
    np.testing.assert_allclose([beat.probability for beat in whole], batch["probability"])
    np.testing.assert_allclose([beat.rr_s for beat in whole], batch["rr_s"])


def test_every_beat_is_told_in_time_and_once(whole, record):
    """In order, never twice, at most `DELAY_S` late; those of the first half minute when that is over."""
    times = np.array([beat.time_s for beat in whole])
    told = np.array([beat.told_s for beat in whole])
    assert (np.diff(times) > 0.15).all()
    assert (np.diff(told) >= 0).all()
    last = told == record.duration_s  # these were told because the stream ended
    assert (told[~last] - times[~last] <= np.where(times[~last] < FIRST_S - DELAY_S, FIRST_S, DELAY_S)).all()
    assert told.min() == FIRST_S


def test_beats_come_while_the_signal_does(record, made_up):
    """`bl.stream` asks for no more chunks than a beat needs."""
    asked = []

    def chunks():
        for at in range(0, record.n_samples, 500):
            asked.append(at)
            yield record.signal[at : at + 500]

    found = bl.stream(chunks(), fs=record.fs, lead_names=record.lead_names, model=made_up.WidthModel())
    first = next(found)
    assert asked[-1] + 500 == FIRST_S * record.fs
    assert first.time_s == pytest.approx(0.8, abs=0.01)


def test_a_gap_is_not_bridged(made_up):
    """No beat is told in a gap, the next one has no interval before it, and beats go on after it."""
    record = made_up.make_record([(0.8, "N")] * 90)
    x = record.signal.copy()
    x[5000:7500] = np.nan
    beats = run(BeatStream(record.fs, record.lead_names, model=made_up.WidthModel()), x, [333])
    times = np.array([beat.time_s for beat in beats])
    assert not ((times > 20.1) & (times < 29.9)).any()
    after = int(np.argmax(times >= 30))
    assert np.isnan(beats[after].rr_s)
    assert np.isfinite([beat.rr_s for beat in beats[after + 1 :]]).all()
    assert len(beats) - after >= 50


def test_nothing_but_a_flat_line_has_no_beats(made_up):
    """A lead that is off gives no beats and no error; when it comes back, so do the beats."""
    record = made_up.make_record([(0.8, "N")] * 60)
    x = np.concatenate([np.zeros((int(40 * record.fs), 1), np.float32), record.signal])
    beats = run(BeatStream(record.fs, record.lead_names, model=made_up.WidthModel()), x, [1000])
    assert beats[0].time_s > 40
    assert len(beats) >= 59


def test_memory_does_not_grow(made_up):
    """What is kept of a stream is bounded by the context, however long it runs."""
    source = BeatStream(50.0, ("II",), model=made_up.WidthModel())
    piece = made_up.make_record([(0.8, "N")] * 250, fs=50.0).signal[: 50 * 200]
    sizes = []
    for _ in range(5):
        source.push(piece)
        sizes.append((source._buffer.nbytes, len(source._found) <= CONTEXT_S / 0.5))
    assert set(sizes) == {(50 * int(CONTEXT_S) * 4, True)}
    assert source.duration_s == 1000


def test_a_chunk_is_not_kept_or_changed(made_up):
    """The caller may use its array again."""
    source = BeatStream(250.0, ("II",), model=made_up.WidthModel())
    chunk = np.full((100, 1), 0.5, np.float32)
    source.push(chunk)
    chunk[:] = 7
    assert source._buffer[:100].max() == 0.5


@pytest.mark.parametrize("length", [0, 1, 249])
def test_less_than_a_second_is_nothing(made_up, length):
    """A stream that ends at once ends without beats, and may be finished twice."""
    source = BeatStream(250.0, ("II",), model=made_up.WidthModel())
    assert source.push(np.zeros((length, 1))) == []
    assert source.finish() == source.finish() == []


@pytest.mark.parametrize("fs", [100.0, 360.0, 1000.0])
def test_five_seconds_are_told_at_the_end(made_up, fs):
    """A stream shorter than any block still gives its beats."""
    record = made_up.make_record([(0.8, "N")] * 5, fs=fs)
    beats = run(BeatStream(fs, record.lead_names, model=made_up.WidthModel()), record.signal, [77])
    np.testing.assert_allclose([beat.time_s for beat in beats], 0.8 * np.arange(1, 6), atol=0.02)


def test_familiar_leads_are_used(made_up):
    """Of many leads two are read, II first; others if they are asked for."""
    names = ("I", "aVR", "II", "V5")
    assert [names[i] for i in BeatStream(250.0, names, model=made_up.WidthModel())._columns] == ["II", "V5"]
    assert [names[i] for i in BeatStream(250.0, names, model=made_up.WidthModel(), leads=("I",))._columns] == ["I"]


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"fs": 0.0}, SignalError, "'fs' must be at least 50 Hz; got 0"),
        ({"fs": float("nan")}, SignalError, "'fs' must be at least 50 Hz; got nan"),
        ({"lead_names": ()}, SignalError, "must name at least one lead"),
        ({"leads": ("V9",)}, RecordNotFoundError, "no lead 'V9'"),
        ({"model": "seed-lstn"}, UnknownNameError, "no model 'seed-lstn'"),
    ],
)
def test_what_a_stream_cannot_be_is_said_at_once(made_up, options, error, sentence):
    """Before the first sample."""
    with pytest.raises(error, match=sentence):
        BeatStream(**{"fs": 250.0, "lead_names": ("II",), "model": made_up.WidthModel(), **options})


@pytest.mark.parametrize(
    ("chunk", "sentence"),
    [
        (np.zeros((10, 2)), r"shape \(n_samples, 1\); got \(10, 2\)"),
        (np.zeros((1, 10, 1)), r"got \(1, 10, 1\)"),
        (np.array([["a"]]), "must hold real numbers"),
    ],
)
def test_a_wrong_chunk_is_refused_and_changes_nothing(made_up, chunk, sentence):
    """One sentence; the stream goes on with the next chunk."""
    source = BeatStream(250.0, ("II",), model=made_up.WidthModel())
    with pytest.raises(SignalError, match=sentence):
        source.push(chunk)
    assert source.duration_s == 0


def test_nothing_comes_after_the_end(made_up):
    """A finished stream takes no more."""
    source = BeatStream(250.0, ("II",), model=made_up.WidthModel())
    source.finish()
    with pytest.raises(SignalError, match="before the stream is finished"):
        source.push(np.zeros((10, 1)))


def test_seed_lstm_says_in_a_stream_what_it_says_of_a_recording(made_up):
    """It judges every beat by itself: the same probabilities, but for the last bits of a float."""
    model = made_up.untrained_seed_lstm()
    record = made_up.make_record([(0.8, "N")] * 50, fs=360.0)
    beats = run(BeatStream(record.fs, record.lead_names, model=model), record.signal, [500])
    batch = analyze(record, model=model, settings=Settings(explanations=0)).beats
    assert [beat.sample for beat in beats] == batch["sample"].tolist()
    assert [beat.beat_class for beat in beats] == batch["class"].tolist()
    np.testing.assert_allclose([beat.abnormal for beat in beats], batch["abnormal"], atol=1e-5)


def test_rhythm_lstm_agrees_with_the_recording():
    """On five minutes of real ECG: the same R peaks, and of 100 beats at least 97 with the same class; any chunks will do."""
    record = read_bundled()
    model = bl.load_model("rhythm-lstm")
    batch = analyze(record, model=model, settings=Settings(explanations=0)).beats
    beats = run(BeatStream(record.fs, record.lead_names, model=model), record.signal, [997])
    assert [beat.sample for beat in beats] == batch["sample"].tolist()
    assert np.mean([beat.beat_class == name for beat, name in zip(beats, batch["class"], strict=True)]) >= 0.97
    part = record.signal[: 50 * 360]
    cut = [part[at : at + 4321] for at in range(0, len(part), 4321)]
    again = list(stream(cut, fs=record.fs, lead_names=record.lead_names, model=model))
    assert repr(again) == repr(run(BeatStream(record.fs, record.lead_names, model=model), part, [len(part)]))
