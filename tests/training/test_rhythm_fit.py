"""Fitting rhythm-lstm: what is drawn, how it is laid out, and that the compiled pass learns what its steps would."""

from __future__ import annotations

import numpy as np
import pytest

from beatlens.beats.morphology import AFTER, BEFORE
from beatlens.errors import ConfigurationError
from beatlens.models.rhythm_encoding import FEATURES, EncodedBeats
from beatlens.models.rhythm_network import N_FEATURES, build_rhythm_network
from beatlens.training.config import build_config
from beatlens.training.rhythm import Example, RhythmTraining, fit_threshold
from beatlens.training.rhythm_fit import LEAST_RATE, compile_pass, draw, fit, fit_network, lay_out

SETTINGS = RhythmTraining(unseen=(), epochs=8, batch_size=4, sequence=16, units=8, networks=1, learning_rate=0.01, composed=1)


def made_examples(n_beats: int = 150, n_examples: int = 4) -> list[Example]:
    """Return examples whose class is plain from the first column: ventricular where it is large."""
    rng = np.random.default_rng(3)
    examples = []
    for number in range(n_examples):
        labels = np.where(rng.random(n_beats) < 0.3, 2, 0).astype(np.int64)
        features = rng.normal(size=(n_beats, N_FEATURES)).astype(np.float32)
        features[:, 0] += 4 * (labels == 2)
        windows = np.zeros((n_beats, BEFORE + AFTER, 1), np.float32)
        beats = EncodedBeats(features, windows, windows[0], np.arange(n_beats))
        examples.append(Example("real", frozenset({str(number)}), beats, labels))
    return examples


def test_a_network_learns_and_the_same_seed_learns_the_same() -> None:
    """The loss falls to a fraction of the first, a second fit of the same seed has the same weights, another others."""
    examples = made_examples()
    losses: list[float] = []
    first = fit_network(SETTINGS, examples, lambda _, loss: losses.append(loss))
    again = fit_network(SETTINGS, examples)
    other = fit_network(SETTINGS.model_copy(update={"seed": 8}), examples)
    assert len(losses) == SETTINGS.epochs
    assert losses[-1] < 0.5 * losses[0]
    same = [np.array_equal(a, b) for a, b in zip(first.get_weights(), again.get_weights(), strict=True)]
    assert all(same)
    assert not np.array_equal(first.get_weights()[3], other.get_weights()[3])


def test_a_training_goes_on_from_the_weights_and_the_scaling_of_another() -> None:
    """With hardly any step it says what that one says."""
    examples = made_examples(100, 2)
    start = fit_network(SETTINGS.model_copy(update={"epochs": 1}), examples)
    still = SETTINGS.model_copy(update={"epochs": 1, "learning_rate": 1e-9, "weight_decay": 0.0, "seed": 9})
    tuned = fit_network(still, [example_of_other_scale(example) for example in examples], start=start)
    inputs = {"features": examples[0].beats.features[None], "mask": np.ones((1, 100, 1), np.float32)}
    np.testing.assert_allclose(tuned(inputs, training=False), start(inputs, training=False), atol=1e-4)


def example_of_other_scale(example: Example) -> Example:
    beats = example.beats
    other = EncodedBeats(beats.features * 3 + 5, beats.windows, beats.dominant, beats.r_samples)
    return Example(example.kind, example.patients, other, example.labels)


def test_a_pass_is_its_steps_one_after_another() -> None:
    """Two steps in one program leave the weights that Keras's own two steps leave, where nothing is dropped at random."""
    import keras

    examples = made_examples(64, 2)
    pieces = [(example, slice(start, start + 16)) for example in examples for start in range(0, 64, 16)]
    drawn = lay_out(SETTINGS, pieces, 0, 100)
    assert drawn.n_steps == 2

    def network():
        built = build_rhythm_network(seed=1, n_units=8, windows=False)
        for layer in built.layers:
            if hasattr(layer, "rate"):
                layer.rate = 0.0
        return built

    compiled, stepped = network(), network()
    optimizers = [keras.optimizers.AdamW(0.01, weight_decay=SETTINGS.weight_decay, clipnorm=1.0) for _ in range(2)]
    optimizers[0].build(compiled.trainable_variables)
    loss = compile_pass(compiled, optimizers[0], SETTINGS.batch_size)(drawn)
    stepped.compile(optimizers[1], loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = []
    for number in range(2):
        rows = slice(4 * number, 4 * number + 4)
        optimizers[1].learning_rate = drawn.rates[number]
        inputs = {name: values[rows] for name, values in drawn.inputs.items()}
        losses.append(float(stepped.train_on_batch(inputs, drawn.labels[rows], drawn.weights[rows])))
    assert loss == pytest.approx(np.mean(losses), rel=1e-4)
    for ours, theirs in zip(compiled.trainable_variables, stepped.trainable_variables, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-4)


def test_every_beat_of_a_real_recording_is_drawn_unless_all_are_normal() -> None:
    """Sequences lie at another phase each time and hold each ectopic beat once, but for a rest of less than four beats."""
    examples = made_examples(150, 1)
    drawn = draw(SETTINGS, examples, np.random.default_rng(0))
    beats = np.concatenate([np.arange(piece.start, piece.stop) for _, piece in drawn])
    assert len(beats) == len(set(beats.tolist()))
    missed = np.setdiff1d(np.flatnonzero(examples[0].labels), beats)
    assert len(missed) <= 6
    again = draw(SETTINGS, examples, np.random.default_rng(1))
    assert {piece.start % 16 for _, piece in drawn if piece.start} != {piece.start % 16 for _, piece in again if piece.start}


def test_padding_weighs_nothing_and_the_rate_falls() -> None:
    """Rows beyond those drawn have no weight; unlabelled beats neither; the learning rate ends near its least."""
    (example,) = made_examples(40, 1)
    labels = example.labels.copy()
    labels[5] = -1
    example = Example("real", example.patients, example.beats, labels)
    drawn = lay_out(SETTINGS, [(example, slice(0, 16)), (example, slice(32, 40))], SETTINGS.epochs - 1, 1000)
    assert (drawn.weights[2:] == 0).all()
    assert (drawn.weights[1, 8:] == 0).all()
    assert drawn.weights[0, 5] == 0
    assert (drawn.weights[0, [0, 1, 2]] > 0).all()
    assert LEAST_RATE * 0.01 <= drawn.rates[drawn.n_steps - 1] < 0.1 * 0.01


def test_networks_trained_beside_each_other_are_those_trained_one_by_one() -> None:
    """The number of jobs changes no weight."""
    settings = SETTINGS.model_copy(update={"epochs": 1, "networks": 2})
    examples = made_examples(60, 2)
    one, two = (fit(settings.model_copy(update={"jobs": jobs}), examples).get_weights() for jobs in (1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_the_threshold_of_abnormal_beats_is_the_one_of_most_f1() -> None:
    """Where normal beats reach 0.6 and abnormal ones start at 0.7, the limit lies between; uncounted beats do not matter."""
    abnormal = np.concatenate([np.linspace(0, 0.6, 90), np.linspace(0.7, 1, 30), np.full(50, 0.65)])
    labels = np.array([0] * 90 + [2] * 30 + [-1] * 50)
    assert 0.6 < fit_threshold(abnormal, labels) <= 0.7


def test_columns_that_are_not_to_be_seen_change_nothing() -> None:
    """A network trained without some columns answers the same whatever stands in them, and learns nothing from them."""
    examples = made_examples()
    losses: dict[bool, list[float]] = {True: [], False: []}
    fit_network(SETTINGS, examples, lambda _, loss: losses[True].append(loss))
    settings = SETTINGS.model_copy(update={"unseen": (FEATURES[0],)})
    network = fit_network(settings, examples, lambda _, loss: losses[False].append(loss))
    features = examples[0].beats.features[None, :16].copy()
    given = {"features": features, "mask": np.ones((1, 16, 1), np.float32)}
    other = {"features": features + 9 * (np.arange(N_FEATURES) == 0), "mask": given["mask"]}
    seen = {"features": features + 9 * (np.arange(N_FEATURES) == 1), "mask": given["mask"]}
    logits = [np.asarray(network(each)) for each in (given, other, seen)]
    np.testing.assert_allclose(logits[1], logits[0], atol=1e-5)
    assert np.abs(logits[2] - logits[0]).max() > 1e-3
    assert losses[True][-1] < 0.7 * losses[False][-1]  # the class is in the first column alone


def test_an_unknown_column_is_an_error_that_names_the_nearest() -> None:
    """A setting that names no column is refused, with a hint."""
    with pytest.raises(ConfigurationError, match=r"'pre_r' is not a column.*Did you mean 'pre_rr'"):
        build_config(RhythmTraining, {"unseen": ["pre_r"]})
