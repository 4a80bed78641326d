"""Figures agree with scikit-learn's where both are defined, and are NaN with a reason where they are not."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from beatlens.errors import ConfigurationError
from beatlens.evaluation.metrics import Figure, Ranking, accuracy, class_figures, confusion_matrix, mean_figure

CLASSES = ("N", "S", "V", "F")


def beats(seed: int, n: int = 500) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    true = rng.choice(CLASSES, n, p=[0.7, 0.1, 0.15, 0.05])
    return true, np.where(rng.random(n) < 0.8, true, rng.choice(CLASSES, n))


def scores(seed: int, n: int = 400, levels: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and scores with many ties."""
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.3
    return positive, np.round((rng.normal(size=n) + positive) * levels / 6) / levels


@pytest.mark.parametrize("seed", range(5))
def test_confusion_and_class_figures(seed: int) -> None:
    true, predicted = beats(seed)
    matrix = confusion_matrix(true, predicted, labels=CLASSES)
    np.testing.assert_array_equal(matrix, reference.confusion_matrix(true, predicted, labels=CLASSES))
    expected = reference.precision_recall_fscore_support(true, predicted, labels=CLASSES)
    for at, figures in enumerate(class_figures(matrix, CLASSES)):
        assert figures.precision.value == pytest.approx(expected[0][at])
        assert figures.sensitivity.value == pytest.approx(expected[1][at])
        assert figures.f1.value == pytest.approx(expected[2][at])
        assert figures.n_true == expected[3][at]
    assert accuracy(matrix).value == pytest.approx(reference.accuracy_score(true, predicted))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_areas(seed: int, weighted: bool) -> None:
    """Ties included, and with whole-number weights, some of them zero."""
    positive, score = scores(seed)
    weights = np.random.default_rng(seed).integers(0, 4, len(score)).astype(float) if weighted else None
    curve = Ranking(positive, score).curve(weights)
    assert curve.auroc.value == pytest.approx(reference.roc_auc_score(positive, score, sample_weight=weights))
    expected = reference.average_precision_score(positive, score, sample_weight=weights)
    assert curve.average_precision.value == pytest.approx(expected)


@pytest.mark.parametrize("specificity", [0.5, 0.9, 0.95, 0.99, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_sensitivity_at_a_specificity(seed: int, specificity: float) -> None:
    """The best threshold that keeps the specificity."""
    positive, score = scores(seed)
    false_alarms, hits, _ = reference.roc_curve(positive, score, drop_intermediate=False)
    expected = hits[1 - false_alarms >= specificity - 1e-9].max()
    assert Ranking(positive, score).curve().sensitivity_at(specificity).value == pytest.approx(expected)


@given(
    pairs=st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=30),
    repeats=st.lists(st.integers(0, 3), min_size=30, max_size=30),
)
@settings(max_examples=100, deadline=None)
def test_a_weight_is_a_repetition(pairs: list[tuple[bool, int]], repeats: list[int]) -> None:
    """Counting a beat twice is the same as having it twice."""
    positive, score = np.array([p for p, _ in pairs]), np.array([s for _, s in pairs], float)
    times = np.array(repeats[: len(pairs)])
    weighted = Ranking(positive, score).curve(times.astype(float))
    repeated = Ranking(np.repeat(positive, times), np.repeat(score, times)).curve()
    for here, there in (
        (weighted.auroc, repeated.auroc),
        (weighted.average_precision, repeated.average_precision),
        (weighted.sensitivity_at(0.6), repeated.sensitivity_at(0.6)),
    ):
        assert here.value == pytest.approx(there.value, nan_ok=True)
        assert here.reason == there.reason


@pytest.mark.parametrize(
    ("positive", "reasons"),
    [
        ([True, True], {"auroc": "no normal beat", "average_precision": ""}),
        ([False, False], {"auroc": "no abnormal beat", "average_precision": "no abnormal beat"}),
        ([], {"auroc": "no abnormal beat", "average_precision": "no abnormal beat"}),
    ],
)
def test_nothing_to_tell_apart(positive: list[bool], reasons: dict[str, str]) -> None:
    """A figure that has no meaning is NaN, and says why."""
    curve = Ranking(positive, np.linspace(0, 1, len(positive))).curve()
    for name, reason in reasons.items():
        figure = getattr(curve, name)
        assert figure.reason == reason
        assert figure.defined == (not reason)
    assert curve.sensitivity_at(0.9).reason == reasons["auroc"]


def test_a_class_that_is_missing_is_not_zero() -> None:
    """Neither in the reference nor among the calls."""
    missing = class_figures(confusion_matrix(["N"], ["N"], labels=("N", "F")), ("N", "F"))[1]
    assert missing.sensitivity.reason == "no beat of class F"
    assert missing.precision.reason == "no beat called F"
    assert missing.f1.reason == "no beat of class F"
    assert all(math.isnan(figure.value) for figure in (missing.sensitivity, missing.precision, missing.f1))
    wrongly_called = class_figures(confusion_matrix(["N"], ["F"], labels=("N", "F")), ("N", "F"))[1]
    assert wrongly_called.precision == Figure(0.0)
    assert not wrongly_called.f1.defined
    never_called = class_figures(confusion_matrix(["F"], ["N"], labels=("N", "F")), ("N", "F"))[1]
    assert never_called.f1 == Figure(0.0)
    assert mean_figure([Figure(1.0), missing.f1]).reason == missing.f1.reason
    assert mean_figure([Figure(1.0), Figure(0.5)]) == Figure(0.75)
    assert accuracy(np.zeros((2, 2), int)).reason == "no beat"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: confusion_matrix(["N"], ["N", "N"], labels=("N",)), r"one value a beat; got shapes \(1,\) and \(2,\)"),
        (lambda: confusion_matrix(["N"], ["X"], labels=("N", "V")), "'predicted' must hold the classes N, V; got 'X'"),
        (lambda: Ranking([True], [math.nan]), "'score' must be a number for every beat; got 1 NaN"),
        (lambda: Ranking([True], [0.1, 0.2]), "one value a beat"),
    ],
)
def test_bad_input_is_refused(call: object, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        call()  # type: ignore[operator]
