"""The seed protocol's figures from arrays."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import sklearn.metrics as reference

from beatlens.errors import ConfigurationError
from beatlens.evaluation.protocols.seed import SeedFigures, evaluate_seed


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    symbols = rng.choice(list("NNNLV"), 300)
    true = (symbols != "N").astype(int)
    return {
        "true": true,
        "probability": np.clip(rng.normal(0.3 + 0.4 * true, 0.25), 0, 1),
        "records": rng.choice(["100", "208"], 300),
        "symbols": symbols,
    }


def measured(arrays: dict[str, np.ndarray]) -> SeedFigures:
    return evaluate_seed(
        arrays["true"], arrays["probability"], records=arrays["records"], symbols=arrays["symbols"], threshold=0.5
    )


def test_figures_agree_with_scikit_learn(arrays: dict[str, np.ndarray]) -> None:
    found = measured(arrays)
    true, called = arrays["true"], arrays["probability"] >= 0.5
    assert found.accuracy.value == pytest.approx(reference.accuracy_score(true, called))
    assert found.precision.value == pytest.approx(reference.precision_score(true, called))
    assert found.recall.value == pytest.approx(reference.recall_score(true, called))
    assert found.f1.value == pytest.approx(reference.f1_score(true, called))
    assert found.specificity.value == pytest.approx(reference.recall_score(true, called, pos_label=0))
    assert found.auroc.value == pytest.approx(reference.roc_auc_score(true, arrays["probability"]))
    assert found.average_precision.value == pytest.approx(reference.average_precision_score(true, arrays["probability"]))
    np.testing.assert_array_equal(found.confusion, reference.confusion_matrix(true, called))


def test_groups_hold_every_beat_once(arrays: dict[str, np.ndarray]) -> None:
    """By symbol, the most frequent first, and by record."""
    found = measured(arrays)
    for groups in (found.by_symbol, found.by_record):
        assert sum(group.n_beats for group in groups) == found.n_beats == 300
        assert sum(group.n_right for group in groups) == np.trace(found.confusion)
        assert sum(group.n_abnormal for group in groups) == arrays["true"].sum()
    assert [group.name for group in found.by_record] == ["100", "208"]
    assert found.by_symbol[0].name == "N"
    assert found.by_symbol[0].n_abnormal == 0


def test_threshold_itself_counts_as_abnormal() -> None:
    found = evaluate_seed([0, 1], [0.5, 0.49], records=["a", "a"], symbols=["N", "V"])
    assert found.confusion.tolist() == [[0, 1], [1, 0]]


def test_one_class_alone_leaves_figures_undefined() -> None:
    found = evaluate_seed([0, 0], [0.1, 0.2], records=["a", "a"], symbols=["N", "N"])
    assert math.isnan(found.auroc.value)
    assert found.recall.reason == "no beat of class abnormal"


def test_plain_values_go_into_json() -> None:
    """What is not defined is null; the headline is part of the whole."""
    found = evaluate_seed([0, 0], [0.1, 0.7], records=["a", "b"], symbols=["N", "N"])
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["auroc"] is None
    assert document["accuracy"] == found.headline()["accuracy"] == 0.5
    assert document["by_record"][1] == {
        "name": "b",
        "n_beats": 1,
        "n_abnormal": 0,
        "n_right": 0,
        "n_called_abnormal": 1,
        "accuracy": 0.0,
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probability": [0.1, math.nan]}, "'probability' must lie between 0 and 1; got nan for beat 1"),
        ({"probability": [0.1, 1.5]}, "'probability' must lie between 0 and 1; got 1.5 for beat 1"),
        ({"true": [0, 2]}, "'true' must hold the classes 0, 1; got 2"),
        ({"records": ["a"]}, "must be one a beat; got 2, 2, 1 and 2"),
    ],
)
def test_bad_input_is_refused(change: dict[str, list[object]], message: str) -> None:
    arrays = {"true": [0, 1], "probability": [0.1, 0.9], "records": ["a", "a"], "symbols": ["N", "V"], **change}
    with pytest.raises(ConfigurationError, match=message):
        evaluate_seed(arrays["true"], arrays["probability"], records=arrays["records"], symbols=arrays["symbols"])
