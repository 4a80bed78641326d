"""Shuffled weights, disturbances and planted waves."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beatlens.explain import sanity
from beatlens.explain.methods import attribute
from beatlens.explain.subject import Subject


def make_matched_filter() -> Subject:
    """Return a model that calls a beat abnormal if a wave of 25 ms stands anywhere in it: it knows no position."""
    import jax

    bell = np.exp(-0.5 * (np.arange(-20, 21) / 9) ** 2).astype(np.float32)
    bell -= bell.mean()

    everywhere = np.stack([np.convolve(row, bell, mode="same") for row in np.eye(180, dtype=np.float32)])

    def logits(inputs: dict[str, Any]) -> Any:
        return jax.nn.logsumexp(inputs["window"] @ everywhere, axis=1) - 12

    return Subject("filter", ("normal", "abnormal"), logits, ("window",), 360.0, 90)


def test_rank_correlation_is_spearmans_of_the_sizes() -> None:
    a = np.array([[1.0, -2, 3, -4], [1, 2, 3, 4], [1, 1, 1, 1]])
    b = np.array([[10.0, 20, -30, 40], [4, 3, 2, 1], [1, 2, 3, 4]])
    found = sanity.rank_correlations(a, b)
    np.testing.assert_allclose(found[:2], [1, -1])
    assert np.isnan(found[2])


def test_with_their_signs_opposite_pictures_are_opposite() -> None:
    """By their sizes they are the same."""
    a = np.array([[1.0, -2, 3, -4]])
    assert sanity.rank_correlations(a, -a) == pytest.approx(1)
    assert sanity.rank_correlations(a, -a, signed=True) == pytest.approx(-1)


@pytest.mark.parametrize("kind", ["noise", "shift"])
def test_a_disturbance_is_small(kind: str) -> None:
    wave = np.sin(np.linspace(0, 12, 180, dtype=np.float32))[None]
    moved = sanity.disturb(wave, kind)
    assert 0 < np.abs(moved - wave).max() < 0.25
    assert np.corrcoef(moved[0], wave[0])[0, 1] > 0.99


def test_a_linear_model_is_explained_stably(linear: Subject, draw_inputs: Any) -> None:
    """Its gradient does not move at all; with the input it moves a little."""
    inputs = draw_inputs(linear, 5)
    for method, least in (("saliency", 1 - 1e-6), ("gradient-x-input", 0.8)):
        found = attribute(linear, inputs, method=method)
        stable = sanity.measure_stability(linear, inputs, found, "noise")
        assert (stable >= least).all()
        assert (stable <= 1 + 1e-9).all()


@pytest.mark.parametrize("method", ["saliency", "integrated-gradients", "occlusion", "stretch-shapley"])
def test_a_planted_wave_is_found_wherever_it_stands(method: str) -> None:
    """In at least 95 % of 200 placements that the model noticed, alike in each third of the window."""
    subject = make_matched_filter()
    quiet = np.random.default_rng(4).normal(scale=1, size=(10, 180)).astype(np.float32)
    planted, places, bases = sanity.plant_where_it_counts(subject, {"window": quiet}, target=1, n_wanted=200, least=2.0)
    assert len(places) == 200
    assert planted["window"].shape == bases["window"].shape == (200, 180)
    after, before = (attribute(subject, x, method=method).values["window"] for x in (planted, bases))
    hit = sanity.find_planted(after - before, places, smooth=19, reach=14)
    assert hit.mean() >= 0.95
    assert min(hit[places * 3 // 180 == third].mean() for third in range(3)) >= 0.9


def test_waves_that_nothing_notices_are_not_drawn_for_ever(linear: Subject, draw_inputs: Any) -> None:
    """The linear model notices some places only: all that are wanted if they can be had, else none."""
    inputs = draw_inputs(linear, 5)
    for least, expected in ((2.0, 30), (1e9, 0)):
        planted, places, bases = sanity.plant_where_it_counts(linear, inputs, target=1, n_wanted=30, least=least, scaled=False)
        assert len(places) == len(planted["window"]) == len(bases["window"]) == expected
        moved = np.abs(sanity.score_of(linear, planted, 1 + 0 * places) - sanity.score_of(linear, bases, 1 + 0 * places))
        assert (moved >= least).all()


def test_what_is_elsewhere_is_not_found() -> None:
    """The measure can fail: an explainer that always points at the end misses waves elsewhere."""
    values = np.zeros((10, 180))
    values[:, 170] = -1
    found = sanity.find_planted(values, np.arange(10) * 18, smooth=3, reach=14)
    assert found.tolist() == [False] * 9 + [True]


def test_shuffling_starts_at_the_end_and_spares_the_model() -> None:
    """Each step shuffles one more layer; the sizes of the weights stay."""
    from beatlens.models.card import ModelCard
    from beatlens.models.engine import load_keras
    from beatlens.models.seed_lstm import SeedLSTM

    keras = load_keras()
    keras.utils.set_random_seed(0)
    layers = keras.layers
    stack = [
        keras.Input((180, 1)),
        layers.Conv1D(2, 9, strides=9, name="first"),
        layers.Flatten(),
        layers.Dense(1, activation="sigmoid", name="last"),
    ]
    model = SeedLSTM(keras.Sequential(stack), ModelCard.model_construct(name="seed-lstm"))
    before = [values.copy() for values in model.keras_model.get_weights()]
    copies = list(sanity.randomise_cascade(model))
    assert [name for name, _ in copies] == ["last", "first"]
    for values, original in zip(model.keras_model.get_weights(), before, strict=True):
        assert (values == original).all()
    first, both = (copy.keras_model.get_weights() for _, copy in copies)
    assert (first[0] == before[0]).all()
    assert (first[2] != before[2]).any()
    assert (both[0] != before[0]).any()
    np.testing.assert_allclose(np.sort(both[0].ravel()), np.sort(before[0].ravel()))


@pytest.mark.parametrize(("flipped", "words"), [(False, ["no", "no"]), (True, ["no", "yes"])])
def test_shuffled_labels_are_told_by_sizes_and_by_signs(
    flipped: bool, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Pictures that lie where those of the true labels lie differ by no measure; if they say the opposite, by their signs."""
    bench = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "explanations.py"))
    picture = np.random.default_rng(0).normal(size=(4, 50))
    bench["tell_likeness"]("some method", [picture] * 3 + [-picture if flipped else picture] * 3)
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == words
