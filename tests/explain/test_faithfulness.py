"""The measures of faithfulness, on models of which the truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from beatlens.explain import faithfulness
from beatlens.explain.faithfulness import bootstrap_mean
from beatlens.explain.methods import attribute
from beatlens.explain.subject import Subject
from beatlens.explain.units import cut_units


def test_units_cover_every_value_once(convolutional: Subject, draw_inputs: Any) -> None:
    """Leads apart, features and neighbours each one unit; summing ones counts the values."""
    inputs = draw_inputs(convolutional, 2)
    units = cut_units(convolutional, inputs)
    assert set(np.concatenate([ids.ravel() for ids in units.ids.values()])) == set(range(units.n_units))
    assert not set(units.ids["windows"][:, 0]) & set(units.ids["windows"][:, 1])
    assert [len(set(units.ids[name].ravel())) for name in ("rhythm", "near")] == [3, 2]
    counts = units.sum_over({name: np.ones_like(x) for name, x in inputs.items()})
    assert counts.sum() == 2 * (120 + 3 + 10)


@pytest.mark.parametrize("kind", faithfulness.REPLACEMENTS)
def test_a_replacement_has_the_form_of_the_inputs(kind: str, convolutional: Subject, draw_inputs: Any) -> None:
    inputs = draw_inputs(convolutional, 4)
    replaced = faithfulness.replace_inputs(convolutional, inputs, kind)
    assert {name: x.shape for name, x in replaced.items()} == {name: x.shape for name, x in inputs.items()}
    assert not np.allclose(replaced["windows"], inputs["windows"])


def test_matched_noise_has_the_spectrum_of_the_beat(linear: Subject, draw_inputs: Any) -> None:
    x = draw_inputs(linear, 3)["window"]
    noise = faithfulness.replace_inputs(linear, {"window": x}, "matched noise")["window"]
    np.testing.assert_allclose(*(np.abs(np.fft.rfft(each, axis=1))[:, :-1] for each in (noise, x)), rtol=1e-3, atol=1e-3)
    assert np.abs((noise * x).mean()) < 0.5 * (x * x).mean()


def test_the_local_average_of_a_slow_wave_is_the_wave(linear: Subject) -> None:
    slow = np.linspace(-1, 1, 60, dtype=np.float32)[None]
    usual = faithfulness.replace_inputs(linear, {"window": slow}, "local average")["window"]
    np.testing.assert_allclose(usual[:, 10:-10], slow[:, 10:-10], atol=1e-5)


def test_evidence_deletes_better_than_chance_and_its_opposite_worse(linear: Subject, draw_inputs: Any) -> None:
    """In a linear model weight times value is the truth: no order takes the probability down faster."""
    inputs = draw_inputs(linear, 30)
    units = cut_units(linear, inputs)
    target = np.ones(30, np.int64)
    gone = {"window": np.zeros_like(inputs["window"])}
    truth = faithfulness.order_by_method(units, attribute(linear, inputs, method="gradient-x-input", target=1))
    chance = faithfulness.order_at_random(units, 30)

    def area(order: npt.NDArray[np.float64], *, insert: bool = False) -> float:
        curve = faithfulness.trace_curve(linear, inputs, target, units, order, gone, insert=insert)
        return float(faithfulness.area_under(curve).mean())

    assert area(truth) < area(chance) - 0.05
    assert area(chance) < area(-truth) - 0.05
    assert area(truth, insert=True) > area(chance, insert=True) + 0.05


def test_curves_begin_and_end_where_they_should(linear: Subject, draw_inputs: Any) -> None:
    inputs = draw_inputs(linear, 5)
    units, gone = cut_units(linear, inputs), {"window": np.zeros((5, 60), np.float32)}
    order, target = faithfulness.order_at_random(units, 5), np.zeros(5, np.int64)
    deleted, inserted = (
        faithfulness.trace_curve(linear, inputs, target, units, order, gone, insert=flag) for flag in (False, True)
    )
    np.testing.assert_allclose(deleted[:, 0], inserted[:, -1], atol=1e-6)
    np.testing.assert_allclose(deleted[:, -1], inserted[:, 0], atol=1e-6)
    np.testing.assert_allclose(deleted[:, -1], 1 / (1 + np.exp(0.5)), atol=1e-6)


def test_the_area_of_a_straight_line_is_its_middle() -> None:
    assert faithfulness.area_under(np.linspace(1, 0, 13)[None]) == pytest.approx([0.5])


def test_intervals_are_over_records() -> None:
    """Many alike beats of two records say little more than two beats; NaN is left out."""
    values = np.concatenate([np.zeros(500), np.ones(500), [np.nan]])
    records = np.concatenate([np.full(500, "a"), np.full(500, "b"), ["c"]])
    by_record, by_beat = bootstrap_mean(values, records), bootstrap_mean(values, np.arange(1001).astype(str))
    assert (by_record.mean, by_record.n) == (0.5, 1000)
    assert (by_record.low, by_record.high) == (0.0, 1.0)
    assert by_beat.high - by_beat.low < 0.1
    assert str(by_record) == "0.500 [0.000, 1.000]"
    assert str(bootstrap_mean(np.array([np.nan]), np.array(["a"]))) == "-"
