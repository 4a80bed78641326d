"""One contract that every attribution method keeps, and a test that none is missing from it."""

from __future__ import annotations

import inspect
import itertools
from dataclasses import replace
from math import factorial
from typing import Any

import numpy as np
import pytest
from scipy.special import logsumexp

from beatlens.errors import ConfigurationError, SignalError, UnknownNameError
from beatlens.explain import gradients, perturbations, stretches
from beatlens.explain.methods import METHODS, attribute, find_method, methods_for, predict_logits
from beatlens.explain.options import Options
from beatlens.explain.players import Players, default_players
from beatlens.explain.subject import Subject


def log_odds(logits: np.ndarray, target: int) -> np.ndarray:
    """Return the log of the odds of one class against the others, shape (n_beats,)."""
    return logits[:, target] - logsumexp(np.delete(logits, target, axis=1), axis=1)


FAST = Options(steps=8, samples=3)
PROMISED = {
    "saliency",
    "gradient-x-input",
    "smoothgrad",
    "integrated-gradients",
    "grad-cam",
    "guided-grad-cam",
    "occlusion",
    "temporal-saliency-rescaling",
    "segment-shapley",
    "stretch-shapley",
}

for_any_model = pytest.mark.parametrize("method", sorted(name for name in METHODS if "grad-cam" not in name))
every_method = pytest.mark.parametrize("method", sorted(METHODS))


def test_no_method_is_missing() -> None:
    """What was promised is registered, and so is every function that builds a method."""
    builders = {
        function
        for module in (gradients, perturbations, stretches)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if not name.startswith("_") and list(inspect.signature(function).parameters)[:2] == ["subject", "options"]
    }
    assert set(METHODS) == PROMISED
    assert {method.build for method in METHODS.values()} == builders


@every_method
def test_each_input_value_gets_one_finite_value(method: str, convolutional: Subject, draw_inputs: Any) -> None:
    """And the inputs are as they were."""
    inputs = draw_inputs(convolutional, 3)
    before = {name: values.copy() for name, values in inputs.items()}
    found = attribute(convolutional, inputs, method=method, options=FAST)
    assert {name: values.shape for name, values in found.values.items()} == {name: x.shape for name, x in inputs.items()}
    assert all(np.isfinite(values).all() for values in found.values.values())
    assert any(np.abs(values).max() > 0 for values in found.values.values())
    assert all((inputs[name] == before[name]).all() for name in inputs)


@every_method
def test_a_beat_is_explained_alike_alone_and_among_many(
    method: str, convolutional: Subject, draw_inputs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also across the border of a batch."""
    monkeypatch.setattr("beatlens.explain.subject.BATCH_SIZES", (16, 32))
    inputs = draw_inputs(convolutional, 34)
    many = attribute(convolutional, inputs, method=method, options=FAST, target=1)
    first = attribute(convolutional, {name: x[:1] for name, x in inputs.items()}, method=method, options=FAST, target=1)
    for name, values in first.values.items():
        np.testing.assert_allclose(many.values[name][:1], values, atol=1e-5)
    twin = {name: np.concatenate([x[-1:], x[:-1]]) for name, x in inputs.items()}
    if method != "smoothgrad":  # its noise belongs to the place among the beats
        moved = attribute(convolutional, twin, method=method, options=FAST, target=1)
        for name, values in moved.values.items():
            np.testing.assert_allclose(many.values[name][-1], values[0], atol=1e-5)


@every_method
def test_the_same_question_has_the_same_answer(method: str, convolutional: Subject, draw_inputs: Any) -> None:
    inputs = draw_inputs(convolutional, 2)
    once, again = (attribute(convolutional, inputs, method=method, options=FAST) for _ in range(2))
    assert all((once.values[name] == again.values[name]).all() for name in inputs)


@for_any_model
def test_the_other_class_of_two_has_the_opposite_sign(method: str, linear: Subject, draw_inputs: Any) -> None:
    inputs = draw_inputs(linear, 2)
    pro, contra = (attribute(linear, inputs, method=method, options=FAST, target=k).values["window"] for k in (1, 0))
    np.testing.assert_allclose(pro, -contra, atol=1e-5)


@for_any_model
def test_what_the_model_does_not_read_gets_nothing(method: str, linear: Subject, draw_inputs: Any) -> None:
    """The linear model does not read after sample 40; a patch or segment may reach a little further."""
    values = attribute(linear, draw_inputs(linear, 4), method=method, options=FAST).values["window"]
    assert np.abs(values[:, 51:]).max() <= 1e-5
    assert np.abs(values[:, :40]).max() > 1e-2


@every_method
def test_the_gap_is_a_number_only_where_the_method_adds_up(method: str, convolutional: Subject, draw_inputs: Any) -> None:
    gap = attribute(convolutional, draw_inputs(convolutional, 2), method=method, options=FAST).gap
    assert np.isnan(gap).all() != METHODS[method].complete
    assert not METHODS[method].complete or np.isfinite(gap).all()


@pytest.mark.parametrize(
    ("method", "factor"), [("saliency", 0), ("smoothgrad", 0), ("gradient-x-input", 1), ("integrated-gradients", 1)]
)
def test_a_linear_model_is_its_weights(method: str, factor: int, linear: Subject, draw_inputs: Any) -> None:
    """A slope is the weight; the share of a sample is its weight times its value."""
    inputs = draw_inputs(linear, 3)
    weights = attribute(linear, {"window": np.zeros((1, 60), np.float32)}).values["window"][0]
    values = attribute(linear, inputs, method=method, options=FAST).values["window"]
    np.testing.assert_allclose(values, weights * inputs["window"] ** factor, atol=1e-5)


def test_integrated_gradients_add_up(convolutional: Subject, draw_inputs: Any) -> None:
    """The parts and the gap make the change of the logit from the baseline, and more steps close the gap."""
    inputs = draw_inputs(convolutional, 5)
    base = {name: np.zeros_like(x) for name, x in inputs.items()}
    base["rhythm"] += convolutional.baselines["rhythm"]
    change = log_odds(predict_logits(convolutional, inputs), 2) - log_odds(predict_logits(convolutional, base), 2)
    gaps = []
    for steps in (2, 64):
        found = attribute(convolutional, inputs, method="integrated-gradients", target=2, options=Options(steps=steps))
        total = sum(values.reshape(5, -1).sum(axis=1) for values in found.values.values())
        np.testing.assert_allclose(total + found.gap, change, atol=1e-4)
        gaps.append(np.abs(found.gap).max())
    assert gaps[1] < 0.05 < gaps[0]


def test_shapley_values_are_those_of_the_definition(convolutional: Subject, draw_inputs: Any) -> None:
    """Against the sum over every order in which the players can arrive."""
    inputs = draw_inputs(convolutional, 1)
    ids = {name: np.zeros(x.shape, np.int32) for name, x in inputs.items()}
    ids["rhythm"][:, 1:] = 1
    ids["rhythm"][:, 0] = 2
    ids["near"][:] = 3
    players = Players(("window", "rhythm", "prematurity", "neighbours"), ids)
    found = attribute(convolutional, inputs, method="segment-shapley", target=0, players=players)
    neutral = {"windows": inputs["windows"].mean(axis=1, keepdims=True), "rhythm": convolutional.baselines["rhythm"], "near": 0}

    def worth(present: tuple[int, ...]) -> float:
        mixed = {name: np.where(np.isin(ids[name], present), x, neutral[name]) for name, x in inputs.items()}
        return float(log_odds(predict_logits(convolutional, mixed), 0)[0])

    expected = np.zeros(4)
    for order in itertools.permutations(range(4)):
        for k, player in enumerate(order):
            expected[player] += (worth(order[: k + 1]) - worth(order[:k])) / factorial(4)
    shares = [sum(found.values[n][ids[n] == p].sum() for n in ids) for p in range(4)]
    np.testing.assert_allclose(shares, expected, atol=1e-4)
    assert abs(found.gap[0]) < 1e-4


def test_sampled_shapley_values_add_up_to_the_mean_of_both_falls(convolutional: Subject, draw_inputs: Any) -> None:
    """From the blank beat, here the local average (one pair of orders), and from the usual one."""
    inputs = draw_inputs(convolutional, 3)
    usual = {name: np.broadcast_to(convolutional.baselines.get(name, np.float32(0)), x.shape) for name, x in inputs.items()}
    blank = {**usual, "windows": np.asarray(perturbations.smooth_locally(convolutional, inputs["windows"]))}
    whole, *none = (log_odds(predict_logits(convolutional, values), 2) for values in (inputs, blank, usual))
    found = attribute(convolutional, inputs, method="stretch-shapley", target=2, options=Options(steps=64, orders=2))
    total = sum(values.reshape(3, -1).sum(axis=1) for values in found.values.values())
    np.testing.assert_allclose(total + found.gap, whole - np.mean(none, axis=0), atol=1e-4)
    assert np.abs(found.gap).max() < 0.05


def test_what_differs_from_the_usual_beat_is_found_beside_a_large_complex() -> None:
    """The large wave alone makes the call, and the small one undoes it; beside a blank beat alone the former would hide it."""
    time = np.arange(60)
    bell = lambda place: np.exp(-0.5 * ((time - place) / 2.0) ** 2).astype(np.float32)  # noqa: E731
    usual = 5 * bell(30)

    def logits(inputs: dict[str, Any]) -> Any:
        import jax.numpy as jnp

        large, small = inputs["window"] @ usual / (usual @ usual), inputs["window"] @ bell(12)
        return 12 * jnp.minimum(large, 1) * (1 - jnp.minimum(small, 1))

    subject = Subject(
        "fragile", ("a", "b"), logits, ("window",), 100.0, 30, fixed_inputs=("usual",), baseline_names={"window": "usual"}
    )
    beats = {"window": (usual + bell(12))[None], "usual": usual[None]}
    values = attribute(subject, beats, method="stretch-shapley", target=1).values["window"][0]
    assert abs(int(values.argmin()) - 12) <= 3


def test_every_second_order_is_the_one_before_it_from_its_end(convolutional: Subject, draw_inputs: Any) -> None:
    """And time is cut at other places in every pair, so that no edge of a stretch is in all of them."""
    game = stretches._draw_game(convolutional, Options(orders=6, unit_ms=60.0), draw_inputs(convolutional, 1))
    assert (game.orders[1::2, 1:] == game.orders[::2, :0:-1]).all()
    assert game.pair.tolist() == [0, 0, 1, 1, 2, 2]
    assert len({tuple(units.ids["windows"][:, 0]) for units in game.cuts}) > 1


def test_occlusion_hides_one_lead_at_a_time(convolutional: Subject, draw_inputs: Any) -> None:
    """A lead that a model does not read gets 0 while the other does not."""
    deaf = Subject("deaf", ("a", "b"), lambda inputs: inputs["windows"][:, 25, 0] ** 3, ("windows",), 100.0, 30)
    values = attribute(deaf, {"windows": draw_inputs(convolutional, 3)["windows"]}, method="occlusion").values["windows"]
    assert np.abs(values[:, :, 1]).max() == 0
    assert np.abs(values[:, :, 0]).argmax(axis=1).tolist() == pytest.approx([25] * 3, abs=4)


def test_a_hidden_stretch_is_a_line_between_its_neighbours() -> None:
    """A ramp with a spike on it becomes the ramp again; at an edge the level of the other side is kept."""
    import jax.numpy as jnp

    ramp = jnp.arange(20.0)[None]
    spiked = ramp.at[:, 8:12].add(5.0)
    mended = perturbations.draw_line(spiked, jnp.array([8]), jnp.array([11]), 1)
    np.testing.assert_allclose(mended, ramp, atol=1e-5)
    edge = perturbations.draw_line(ramp, jnp.array([0]), jnp.array([4]), 2)
    np.testing.assert_allclose(edge[0, :5], 5.5)


def test_default_players_cover_everything(convolutional: Subject, draw_inputs: Any) -> None:
    inputs = draw_inputs(convolutional, 2)
    players = default_players(convolutional, inputs)
    assert players.names[-2:] == ("rhythm", "near")
    assert set(np.unique(players.ids["windows"])) == set(range(len(players.names) - 2))
    assert players.names[3] == "-50 to +50 ms"


def test_a_model_without_an_encoder_has_every_other_method(linear: Subject, convolutional: Subject) -> None:
    assert set(METHODS) - set(methods_for(linear)) == {"grad-cam", "guided-grad-cam"}
    assert set(methods_for(convolutional)) == set(METHODS)


@pytest.mark.parametrize("method", ["saliency", "occlusion", "grad-cam", "segment-shapley"])
def test_fixed_inputs_are_read_but_not_attributed(method: str, convolutional: Subject, draw_inputs: Any) -> None:
    """The other inputs get what they would get if the fixed ones were part of the model."""
    inputs = draw_inputs(convolutional, 2)
    half = replace(convolutional, fixed_inputs=("rhythm", "near"))
    values = attribute(half, inputs, method=method, options=FAST, target=1).values
    assert set(values) == {"windows"}
    assert np.isfinite(values["windows"]).all()
    moved = attribute(half, {**inputs, "rhythm": inputs["rhythm"] + 1}, method=method, options=FAST, target=1)
    assert (moved.logits != attribute(half, inputs, target=1).logits).all()
    if method != "segment-shapley":  # the others take each input by itself
        whole = attribute(convolutional, inputs, method=method, options=FAST, target=1).values
        np.testing.assert_allclose(values["windows"], whole["windows"], atol=1e-5)


def test_too_many_players_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"'players' must be 1 to 12.*got 13"):
        Players(tuple("abcdefghijklm"), {})


def test_an_unknown_method_is_named_with_a_suggestion(linear: Subject) -> None:
    with pytest.raises(UnknownNameError, match="no explanation method 'salency'") as caught:
        find_method("salency", linear)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("Did you mean 'saliency'?")


def test_grad_cam_asks_for_an_encoder(linear: Subject, draw_inputs: Any) -> None:
    with pytest.raises(ConfigurationError, match="'grad-cam' needs a convolutional encoder, which 'linear' has not"):
        attribute(linear, draw_inputs(linear, 1), method="grad-cam")


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({"window": np.full((2, 60), np.nan)}, "'window' must be finite"),
        ({"window": np.zeros((0, 60))}, "at least one beat"),
        ({"window": np.zeros((2, 60)), "rhythm": np.zeros((3, 1))}, "one entry per beat"),
    ],
)
def test_inputs_that_cannot_be_explained_are_refused(inputs: dict[str, Any], sentence: str, linear: Subject) -> None:
    with pytest.raises(SignalError, match=sentence):
        attribute(linear, inputs)


@pytest.mark.parametrize(("name", "value"), [("steps", 0), ("noise", -1.0), ("stride_ms", 50.0)])
def test_options_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigurationError, match=f"'{name}' must"):
        Options(**{name: value})  # type: ignore[arg-type]
