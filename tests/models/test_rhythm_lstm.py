"""rhythm-lstm: what it promises whatever its weights, and what its shipped weights must hold to."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import resample_poly

from beatlens.beats.detector import detect_r_peaks
from beatlens.errors import SignalError
from beatlens.models.rhythm_encoding import FEATURES, choose_leads, encode_beats, stretches
from beatlens.models.rhythm_lstm import OVERLAP, SEQUENCE, sequence_pieces, sequences
from beatlens.models.rhythm_network import CLASSES, N_FEATURES, build_rhythm_network
from beatlens.records import Record
from beatlens.records.bundled import read_bundled

FS = 250.0


def made_record(
    n_beats: int = 60, *, fs: float = FS, n_leads: int = 2, early: tuple[int, ...] = ()
) -> tuple[Record, np.ndarray]:
    """Return a drawn recording; ``early`` beats are wide, turned and premature."""
    rng = np.random.default_rng(5)
    at = np.arange(n_beats) * 0.8 + 0.7
    at[list(early)] -= 0.25
    t = np.arange(int((at[-1] + 1) * fs)) / fs
    x = np.zeros(len(t))
    for k, peak in enumerate(at):
        waves = (
            ((0.02, 0.05, -1.8), (0.3, 0.06, 0.5)) if k in early else ((-0.16, 0.02, 0.15), (0, 0.012, 1.1), (0.28, 0.04, 0.25))
        )
        for centre, width, height in waves:
            x += height * np.exp(-0.5 * ((t - peak - centre) / width) ** 2)
    leads = [x * (1 - 0.3 * k) + rng.normal(0, 0.01, len(t)) for k in range(n_leads)]
    names = ("MLII", "V1", "V5")[:n_leads]
    return Record(np.stack(leads, axis=1).astype(np.float32), fs, names, name="drawn"), np.round(at * fs).astype(np.int64)


@pytest.mark.parametrize("n", [0, 1, 255, 256, 257, 449, 2500])
def test_pieces_ask_about_every_beat_once(n: int) -> None:
    """Each beat is asked about in one sequence, with its context on both sides where the recording has it."""
    pieces = sequence_pieces(n)
    asked = [beat for _, keep in pieces for beat in range(keep.start, keep.stop)]
    assert asked == list(range(n))
    for read, keep in pieces:
        assert read.stop - read.start <= SEQUENCE
        assert keep.start - read.start >= min(OVERLAP, keep.start)
        assert read.stop - keep.stop >= min(OVERLAP, n - keep.stop)


def test_network_is_small_enough_for_a_wearable() -> None:
    assert build_rhythm_network(seed=0).count_params() <= 300_000
    assert len(FEATURES) == N_FEATURES


def test_lead_order_does_not_matter() -> None:
    """The network averages over the leads there are: swapping two changes nothing."""
    network = build_rhythm_network(seed=1)
    record, r = made_record(20)
    beats = encode_beats(record.signal, record.fs, r)
    whole = [(slice(0, 20), slice(0, 20))]
    short = sequences(beats, whole, size=1, length=20)
    swapped = {**short, "windows": short["windows"][..., ::-1], "dominant": short["dominant"][..., ::-1]}
    base = np.asarray(network(short))
    np.testing.assert_allclose(np.asarray(network(swapped)), base, atol=1e-4)
    assert np.abs(base).max() > 0


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("MLII", "V1"), (0, 1)),
        (("V5", "MLII"), (0, 1)),
        (("I", "II", "III", "V1", "V2"), (1, 3)),
        (("X", "Y", "Z"), (0, 1)),
        (("ECG",), (0,)),
    ],
)
def test_leads_are_chosen_by_name_where_there_are_many(names: tuple[str, ...], expected: tuple[int, ...]) -> None:
    signal = np.random.default_rng(0).normal(size=(1000, len(names)))
    assert choose_leads(signal, names) == expected


@pytest.mark.parametrize("fill", [0.0, np.nan])
def test_a_lost_lead_is_left_out(fill: float) -> None:
    signal = np.random.default_rng(0).normal(size=(1000, 2))
    signal[:, 0] = fill
    assert choose_leads(signal, ("MLII", "V1")) == (1,)


def test_long_recordings_are_read_in_stretches() -> None:
    """Every beat of two hours is in one stretch of half an hour, with some signal to spare around it."""
    r = np.arange(100, 7200 * 250, 200)
    found = stretches(r, 7200 * 250, 250.0)
    assert len(found) == 4
    assert [b for beats, _, _ in found for b in range(beats.start, beats.stop)] == list(range(len(r)))
    for beats, first, last in found:
        assert first <= r[beats.start]
        assert r[beats.stop - 1] < last


@pytest.fixture(scope="module")
def model():
    """Return the shipped model."""
    from beatlens.models.registry import load_model

    return load_model("rhythm-lstm")


@pytest.fixture(scope="module")
def bundled(model):
    """Return five minutes of record 208, its detected R peaks and what the shipped model says of them."""
    record = read_bundled()
    r = np.asarray(detect_r_peaks(record))
    return record, r, model.predict_record(record, r)


class TestShippedWeights:
    """What the weights that come with the package must hold to."""

    def test_prediction_is_complete(self, model) -> None:
        record, r = made_record()
        found = model.predict_record(record, r)
        assert found.class_names == CLASSES
        assert found.probabilities.shape == (60, 4)
        np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(found.abnormal, 1 - found.probabilities[:, 0], atol=1e-6)
        assert set(found.classes) <= set(CLASSES)
        assert [bool(reason) for reason in found.reasons] == found.uncertain.tolist()

    @pytest.mark.parametrize("fs", [128.0, 250.0, 360.0, 1000.0])
    @pytest.mark.parametrize("n_leads", [1, 2])
    def test_wide_early_beats_are_ventricular_at_any_rate(self, model, fs: float, n_leads: int) -> None:
        """A strip of drawn beats: the three wide, early ones are V and the rest N, on one lead or two, at any rate."""
        early = (13, 29, 47)
        found = model.predict_record(*made_record(fs=fs, n_leads=n_leads, early=early))
        assert (found.classes[list(early)] == "V").all()
        assert (np.delete(found.classes, early) == "N").mean() >= 0.95

    @pytest.mark.parametrize("change", ["gain", "polarity", "swap", "offset", "jitter"])
    def test_classes_do_not_depend_on(self, model, change: str) -> None:
        """Gain, polarity, order of the leads, a constant, and marks some 10 ms off leave the classes as they are."""
        record, r = made_record(early=(13, 29, 47))
        x = record.signal
        moved = r + np.random.default_rng(2).integers(-2, 3, len(r))
        changed = {"gain": 2.5 * x, "polarity": -x, "swap": x[:, ::-1], "offset": x + 3, "jitter": x}[change]
        before = model.predict_record(record, r)
        after = model.predict_record(Record(changed, record.fs, record.lead_names), moved if change == "jitter" else r)
        assert (after.classes == before.classes).mean() >= 0.98

    def test_a_lead_of_noise_is_left_out_and_that_is_said(self, model) -> None:
        """What is said of the beats is what is said of them by the quiet lead alone."""
        record, r = made_record(early=(13, 29, 47))
        x = record.signal.copy()
        x[:, 1] += np.random.default_rng(3).normal(0, 0.3, len(x))
        noisy = Record(x, record.fs, record.lead_names)
        found = model.predict_record(noisy, r)
        alone = model.predict_record(noisy.select_leads(("MLII",)), r)
        np.testing.assert_array_equal(found.probabilities, alone.probabilities)
        assert found.notes == ("the model read MLII alone: V1 is more than 1.7 times as noisy",)
        assert alone.notes == model.predict_record(record, r).notes == ()

    def test_real_beats_keep_their_class_when_the_recording_starts_later(self, model, bundled) -> None:
        """Without its first 20.3 s the rest of a real recording is judged alike, but for a beat in a hundred."""
        record, r, before = bundled
        start = int(20.3 * record.fs)
        rest = r > start + 0.3 * record.fs
        later = Record(record.signal[start:], record.fs, record.lead_names)
        after = model.predict_record(later, r[rest] - start)
        assert (after.classes == before.classes[rest]).mean() >= 0.98

    @pytest.mark.parametrize("fs", [128, 250, 500, 1000])
    def test_real_beats_keep_their_class_at_another_rate(self, model, bundled, fs: int) -> None:
        record, r, before = bundled
        x = resample_poly(record.signal.astype(float), fs, int(record.fs), axis=0).astype(np.float32)
        after = model.predict_record(Record(x, float(fs), record.lead_names), np.round(r * fs / record.fs).astype(np.int64))
        assert (after.classes == before.classes).mean() >= 0.98

    def test_thirty_seconds_are_judged_like_the_whole(self, model, bundled) -> None:
        """Strips know less of what is usual: nine beats of ten keep their class, nearly all do or are uncertain."""
        record, r, before = bundled
        kept, told = [], []
        for start in range(0, record.n_samples, int(30 * record.fs)):
            stop = start + int(30 * record.fs)
            inside = (r > start + 0.3 * record.fs) & (r < stop - 0.3 * record.fs)
            found = model.predict_record(Record(record.signal[start:stop], record.fs, record.lead_names), r[inside] - start)
            same = found.classes == before.classes[inside]
            kept.append(same)
            told.append(same | found.uncertain | before.uncertain[inside])
        assert np.concatenate(kept).mean() >= 0.9
        assert np.concatenate(told).mean() >= 0.95

    def test_beats_in_a_gap_are_not_judged(self, model) -> None:
        record, r = made_record()
        signal = record.signal.copy()
        signal[r[20] - 100 : r[20] + 100] = np.nan
        found = model.predict_record(Record(signal, record.fs, record.lead_names), r)
        assert found.classes[20] == ""
        assert np.isnan(found.probabilities[20]).all()
        assert found.reasons[20] == "the signal is missing around the beat"

    @pytest.mark.parametrize("n_beats", [0, 1, 3])
    def test_few_beats_are_uncertain(self, model, n_beats: int) -> None:
        record, r = made_record(10)
        found = model.predict_record(record, r[:n_beats])
        assert len(found) == n_beats
        assert found.uncertain.all()
        assert set(found.reasons) <= {"too few beats to know the usual one"}

    def test_beats_outside_the_recording_are_refused(self, model) -> None:
        record, _ = made_record(10)
        with pytest.raises(SignalError, match="'r_samples' must be in order and inside the recording; got others, in drawn"):
            model.predict_record(record, np.array([10, 10**7]))

    def test_logits_can_be_differentiated(self, model) -> None:
        """The gradient with regard to every input exists, is finite and is not zero."""
        import jax

        record, r = made_record(20)
        inputs = sequences(encode_beats(record.signal, record.fs, r), [(slice(0, 20), slice(0, 20))], size=1, length=20)
        slopes = jax.grad(lambda given: model.logits(given)[0, 10, 2])({k: jax.numpy.asarray(v) for k, v in inputs.items()})
        for name in {"features", "windows"} & {tensor.name for tensor in model.keras_model.inputs}:
            assert np.isfinite(slopes[name]).all()
            assert np.abs(slopes[name]).max() > 0
