"""``rhythm-lstm`` opened for explanations: the numbers are the network's own, and every method keeps its promises on them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

from beatlens.beats.likeness_features import LIKENESS_FEATURES, likeness_features
from beatlens.beats.morphology import align_beats, describe_shapes, prepare_signal
from beatlens.beats.rhythm import RHYTHM_FEATURES, rhythm_features
from beatlens.beats.shape_features import SHAPE_FEATURES, shape_features
from beatlens.explain.likeness_port import build_likeness_context, likeness_columns
from beatlens.explain.methods import METHODS, attribute, methods_for, predict_logits
from beatlens.explain.options import Options
from beatlens.explain.rhythm import COMPANY, REACH, RHYTHM, WINDOW, RhythmBeats, read_rhythm_beats, rhythm_subject
from beatlens.explain.rhythm_context import build_context
from beatlens.explain.rhythm_record import NAMES, explain_rhythm_beats
from beatlens.explain.shape_port import scale_windows, shape_columns
from beatlens.explain.subject import Subject
from beatlens.models import ModelCard
from beatlens.models.rhythm_encoding import encode_beats
from beatlens.models.rhythm_lstm import RhythmLSTM
from beatlens.models.rhythm_network import N_FEATURES, average_networks, build_rhythm_network
from beatlens.records.record import Record

FS = 250.0
FAST = Options(steps=8, samples=2)


@pytest.fixture(scope="module", autouse=True)
def compile_fast() -> Any:
    """Most of the time here would go into optimising programs that run once."""
    import jax

    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


def make_record(n_leads: int = 2, seconds: float = 60.0) -> tuple[Record, np.ndarray]:
    """Return beats with P, QRS and T, every ninth early and wide and without P; and their R peaks."""
    rng = np.random.default_rng(4)
    number = np.arange(max(200, int(2 * seconds)))
    steps = np.where(number % 9 == 5, 0.5, np.where(number % 9 == 6, 1.1, 0.8)) + rng.normal(0, 0.01, len(number))
    times = np.cumsum(steps)
    times = times[times < seconds - 1]
    t = np.arange(int(seconds * FS)) / FS
    x = rng.normal(0, 0.01, (len(t), n_leads))
    for place, at in enumerate(times):
        wide = place % 9 == 5
        waves = ((0.0, 0.045, 1.4), (0.3, 0.06, -0.4)) if wide else ((-0.16, 0.02, 0.15), (0.0, 0.012, 1.0), (0.28, 0.05, 0.3))
        for lead in range(n_leads):
            for centre, width, height in waves:
                x[:, lead] += (1 - 0.4 * lead) * height * np.exp(-(((t - at - centre) / width) ** 2) / 2)
    return Record(x.astype(np.float32), FS, ("II", "V1")[:n_leads], name="made up"), np.round(times * FS).astype(np.int64)


def make_model(*, windows: bool, networks: int = 2) -> RhythmLSTM:
    built = [build_rhythm_network(seed=k, n_units=6, windows=windows) for k in range(networks)]
    features = np.random.default_rng(0).normal(size=(1, 400, N_FEATURES)).astype(np.float32)
    for network in built:
        network.get_layer("scaling").adapt(features)
    return RhythmLSTM(average_networks(built), ModelCard.model_construct(name="rhythm-lstm", calibration={"temperature": 1.5}))


@pytest.fixture(scope="module", params=[False, True], ids=["features", "windows"])
def model(request: pytest.FixtureRequest) -> RhythmLSTM:
    """Networks that see the features alone, and such that see the shape of the beats as well."""
    return make_model(windows=request.param)


@pytest.fixture(scope="module")
def beats(model: RhythmLSTM) -> RhythmBeats:
    record, r_samples = make_record()
    return read_rhythm_beats(record, r_samples, model)


@cache
def seeing() -> tuple[Subject, RhythmBeats]:
    """Return one network that sees shapes, and beats for it."""
    own = make_model(windows=True, networks=1)
    return rhythm_subject(own), read_rhythm_beats(*make_record(), own, np.arange(8))


@pytest.mark.parametrize("n_leads", [1, 2])
def test_the_differentiable_features_are_those_of_the_encoder(n_leads: int) -> None:
    """Column by column, for every beat."""
    record, r_samples = make_record(n_leads)
    x, times = prepare_signal(record.signal, FS), r_samples / FS
    aligned = align_beats(x, np.round(times * 128).astype(np.int64))
    shapes, rhythm = describe_shapes(x, aligned), rhythm_features(times)
    expected = shape_features(shapes, rhythm[:, RHYTHM_FEATURES.index("pre_to_local")], rhythm[:, 0])
    voltage, context = build_context(x, aligned, shapes, expected, rhythm[:, 0])
    jax_context: Any = context
    w = scale_windows(voltage, jax_context)
    np.testing.assert_allclose(w, shapes.windows, atol=1e-5)
    found = np.asarray(shape_columns(w, jax_context))
    for column, name in enumerate(SHAPE_FEATURES):
        np.testing.assert_allclose(found[:, column], expected[:, column], atol=2e-3, err_msg=name)
    pre_to_local = rhythm[:, RHYTHM_FEATURES.index("pre_to_local")]
    expected = likeness_features(shapes, pre_to_local)
    jax_context |= build_likeness_context(shapes, expected, pre_to_local, np.arange(len(expected)))
    found = np.asarray(likeness_columns(w, jax_context))
    for column, name in enumerate(LIKENESS_FEATURES):
        np.testing.assert_allclose(found[:, column], expected[:, column], atol=2e-3, err_msg=name)


def check_opened(model: RhythmLSTM, record, r_samples, *, atol: float) -> None:
    """The opened network says what the sequence model says; with the beats of its shape, what is predicted."""
    found = read_rhythm_beats(record, r_samples, model)
    own = model.own_probabilities(encode_beats(record.signal[:, found.leads], record.fs, r_samples))
    np.testing.assert_allclose(softmax(predict_logits(rhythm_subject(model), found.inputs), axis=1), own, atol=atol)
    np.testing.assert_allclose(found.probabilities, model.predict_record(record, r_samples).probabilities, atol=1e-6)


@pytest.mark.parametrize(("n_leads", "networks"), [(1, 1), (2, 2)])
def test_beat_by_beat_the_network_says_the_same(n_leads: int, networks: int, model: RhythmLSTM) -> None:
    """The logits of the opened network are those of the sequence model, at the ends of the recording as in its middle."""
    own = make_model(windows="windows" in model._names, networks=networks)
    check_opened(own, *make_record(n_leads), atol=2e-5)


def test_the_shipped_network_can_be_opened() -> None:
    from beatlens.models import load_model

    check_opened(load_model("rhythm-lstm"), *make_record(), atol=1e-4)


def test_a_call_that_its_shape_decided_is_explained_as_it_stands(monkeypatch) -> None:
    """The class that is called is explained, and the sentence says that the beat alone would have been called otherwise."""
    from beatlens.models import load_model

    shipped = load_model("rhythm-lstm")
    record, r_samples = make_record()
    alone = shipped.predict_record(record, r_samples).classes[5]
    called = next(name for name in shipped.classes if name != alone)
    sure = np.where(np.array(shipped.classes) == called, 0.97, 0.01).astype(np.float32)
    monkeypatch.setattr(type(shipped), "predict_encoded", lambda _self, beats: np.tile(sure, (len(beats), 1)))
    (why,) = explain_rhythm_beats(record, r_samples, shipped, which=np.array([5]), method="gradient-x-input")
    assert (why.target, why.predicted) == (called, called)
    assert why.probability == pytest.approx(0.97)
    assert why.sentence.startswith(f"Called {called} (0.97)")
    assert why.sentence.endswith(f"By itself it would have been called {alone}; the beats of its shape decided.")


def test_every_method_suits_that_suits_any_model(model: RhythmLSTM) -> None:
    """Grad-CAM needs the convolutional encoder of the networks that see the shape of the beats."""
    without = set() if "windows" in model._names else {"grad-cam", "guided-grad-cam"}
    assert set(methods_for(rhythm_subject(model))) == set(METHODS) - without


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_keeps_the_contract(method: str) -> None:
    """A finite value for each sample, feature and state, some of them not 0; the gap is a number only where it adds up.

    On a network that sees the shape of the beats as well: one that does not is a part of it, and Grad-CAM needs it.
    """
    subject, beats = seeing()
    few = {name: values[:3] for name, values in beats.inputs.items()}
    found = attribute(subject, few, method=method, options=FAST)
    assert {name: values.shape for name, values in found.values.items()} == {
        name: few[name].shape for name in (WINDOW, RHYTHM, COMPANY)
    }
    assert all(np.isfinite(values).all() for values in found.values.values())
    assert np.abs(found.values[WINDOW]).max() > 0
    assert np.isfinite(found.gap).all() == METHODS[method].complete


def test_the_gradient_is_that_of_the_encoder_itself(model: RhythmLSTM, beats: RhythmBeats) -> None:
    """A small change of one sample moves the logit as the slope says."""
    subject = rhythm_subject(model)
    inputs = {name: values[10:11] for name, values in beats.inputs.items()}
    slope = attribute(subject, inputs, method="saliency", target=2).values[WINDOW][0]
    sample, lead = np.unravel_index(np.abs(slope).argmax(), slope.shape)
    scores = []
    for change in (-2e-3, 2e-3):
        moved = inputs[WINDOW].copy()
        moved[0, sample, lead] += change
        logits = predict_logits(subject, {**inputs, WINDOW: moved})[0].astype(np.float64)
        scores.append(logits[2] - np.log(np.exp(np.delete(logits, 2)).sum()))
    assert (scores[1] - scores[0]) / 4e-3 == pytest.approx(slope[sample, lead], rel=0.05, abs=1e-3)


def test_a_neighbour_counts_for_what_the_network_makes_of_it(model: RhythmLSTM, beats: RhythmBeats) -> None:
    """Every neighbour but those beyond the ends has a state of its own; without change there is no fall."""
    assert sorted(beats.near) == [*range(-REACH, 0), *range(1, REACH + 1)]
    own = beats.inputs[COMPANY]
    for place, brought in beats.near.items():
        same = (brought == own).all(axis=(1, 2, 3))
        at_end = np.arange(len(beats)) < -place if place < 0 else np.arange(len(beats)) >= len(beats) - place
        assert (same == at_end).all(), place
        untouched = slice(2, 4) if place < 0 else slice(0, 2)
        assert (brought[:, untouched] == own[:, untouched]).all()


def test_an_explanation_covers_window_features_and_neighbours(model: RhythmLSTM) -> None:
    """And its shares, of segments, intervals and other beats, add up to one."""
    record, r_samples = make_record()
    (why,) = explain_rhythm_beats(record, r_samples, model, which=np.array([14]), method="occlusion", options=FAST)
    assert why.attribution.shape == why.signal.shape == why.usual.shape == (112, 2)
    assert set(why.features) == set(RHYTHM_FEATURES)
    assert sorted(why.neighbours) == [*range(-REACH, 0), *range(1, REACH + 1)]
    assert sum(abs(part) for part in why.shares.values()) == pytest.approx(1)
    assert set(why.shares) == set(NAMES)
    assert why.measured["pre_ms"] == pytest.approx(500, abs=40)
    assert why.predicted == why.target
    assert why.lead_names == ("II", "V1")
    assert abs(float(why.times_ms[np.abs(why.signal[:, 0]).argmax()])) < 60
    start, end = why.segments["QRS"]
    assert start < 0 < end
    assert set(why.rhythm_frame()["kind"]) == {"feature", "neighbour"}
    assert {"segment", "II_mv", "V1_attribution"} <= set(why.to_frame())


def test_slopes_have_no_share_in_other_units(model: RhythmLSTM) -> None:
    record, r_samples = make_record()
    (why,) = explain_rhythm_beats(record, r_samples, model, which=np.array([3]), method="saliency")
    assert set(why.shares) == set(NAMES[:7])


def test_weights_as_an_input_give_the_same_logits_and_shuffled_ones_do_not() -> None:
    """What the test by shuffled weights rests on."""
    from beatlens.explain.evaluate import Sample
    from beatlens.explain.evaluate_rhythm import open_weights

    own = make_model(windows=False, networks=1)
    found = read_rhythm_beats(*make_record(), own, np.arange(6))
    sample = Sample(found.inputs, np.array(["N"] * 6), np.array(["a"] * 6), np.zeros((6, 112), np.int32), scaled=False)
    subject, with_weights = open_weights(own)
    trained = own.steps.weights
    expected = predict_logits(rhythm_subject(own), found.inputs)
    np.testing.assert_allclose(predict_logits(subject, with_weights(sample, trained).inputs), expected, atol=1e-5)
    other = {**trained, "logits": tuple(values[:, ::-1] for values in trained["logits"])}
    assert np.abs(predict_logits(subject, with_weights(sample, other).inputs) - expected).max() > 1e-3


def test_a_shuffled_layer_keeps_its_values() -> None:
    from beatlens.explain.evaluate_rhythm import _shuffle

    given = (np.arange(12.0).reshape(1, 3, 4),)
    (mixed,) = _shuffle(given, np.random.default_rng(0))
    assert mixed.shape == (1, 3, 4)
    assert (np.asarray(mixed) != given[0]).any()
    assert sorted(np.asarray(mixed).ravel().tolist()) == list(range(12))


def test_what_the_model_said_already_is_not_asked_again(monkeypatch) -> None:
    """With its predictions at hand the same beats are laid out, and the network is not run over the others."""
    model = make_model(windows=False, networks=1)
    record, r_samples = make_record()
    plain = read_rhythm_beats(record, r_samples, model, np.array([5]))
    said = model.predict_record(record, r_samples)
    monkeypatch.setattr(RhythmLSTM, "predict_encoded", None)
    known = read_rhythm_beats(record, r_samples, model, np.array([5]), predictions=said)
    assert known.leads == plain.leads == said.leads
    np.testing.assert_allclose(known.probabilities, plain.probabilities, atol=1e-6)
    for name, values in plain.inputs.items():
        np.testing.assert_array_equal(known.inputs[name], values)
    unjudged = replace(said, classes=np.where(np.arange(len(said)) == 5, "", said.classes))
    assert not len(read_rhythm_beats(record, r_samples, model, np.array([5]), predictions=unjudged))


def test_a_few_beats_are_laid_out_as_among_all() -> None:
    """Only the sequences next to the beats in question are read, and nothing of these beats changes by it."""
    model = make_model(windows=False, networks=1)
    record, r_samples = make_record(1, seconds=400)
    some = np.array([3, 222, 226, len(r_samples) - 1])
    every, few = read_rhythm_beats(record, r_samples, model), read_rhythm_beats(record, r_samples, model, some)
    for name, values in few.inputs.items():
        np.testing.assert_array_equal(values, every.inputs[name][some], err_msg=name)
    for place, values in few.near.items():
        np.testing.assert_array_equal(values, every.near[place][some])
