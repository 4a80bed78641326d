"""The report of all tests of a model's explanations."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
import pytest

from beatlens.errors import ConfigurationError
from beatlens.explain import evaluate
from beatlens.explain.evaluate import Sample
from beatlens.explain.evaluate_seed import evaluate_seed_explanations, pick_seed_sample
from beatlens.explain.options import Options
from beatlens.explain.seed import USUAL, WINDOW

FAST = Options(steps=4, samples=2, patch_ms=80, stride_ms=80, group_ms=100)


def make_sample(n_beats: int = 12) -> Sample:
    """Draw windows with a QRS-like spike, every second one wide and of class V."""
    rng = np.random.default_rng(0)
    time = np.arange(180) - 90
    classes = np.array(["N", "V"] * (n_beats // 2))
    width = np.where(classes == "V", 20.0, 5.0)[:, None]
    x = np.exp(-0.5 * (time / width) ** 2) + rng.normal(scale=0.05, size=(n_beats, 180))
    x = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    segments = np.where(np.abs(time) <= 2 * width, 3, np.where(time < 0, 0, 6)).astype(np.int32)
    inputs = {WINDOW: x.astype(np.float32), USUAL: np.zeros_like(x, np.float32)}
    return Sample(inputs, classes, np.array(["a", "b", "c"] * (n_beats // 3)), segments, scaled=False)


@pytest.fixture(scope="module")
def small_model() -> Any:
    """Return a seed-lstm of one small convolution, that calls wide beats abnormal."""
    from beatlens.models.card import ModelCard
    from beatlens.models.engine import load_keras
    from beatlens.models.seed_lstm import SeedLSTM

    keras = load_keras()
    layers = keras.layers
    stack = [keras.Input((180, 1)), layers.Flatten(), layers.Dense(4, activation="tanh"), layers.Dense(1, activation="sigmoid")]
    model = keras.Sequential(stack)
    shoulder = np.exp(-0.5 * ((np.abs(np.arange(180) - 90) - 18) / 5) ** 2)
    model.layers[1].set_weights([np.repeat(shoulder[:, None], 4, axis=1) / 20, np.zeros(4)])
    model.layers[2].set_weights([np.full((4, 1), 2.0), np.zeros(1)])
    return SeedLSTM(model, ModelCard.model_construct(name="seed-lstm"))


@pytest.fixture(scope="module")
def report(small_model: Any) -> evaluate.Report:
    return evaluate_seed_explanations(small_model, make_sample(), n_planted=10, options=FAST)


def test_every_table_has_its_rows(report: evaluate.Report) -> None:
    """Each class and order, with both baselines; each method elsewhere."""
    assert {row["class"] for row in report.faithfulness} == {"all", "N", "V"}
    orders = {row["order"] for row in report.faithfulness}
    assert orders > {*evaluate.BASELINES, "saliency", "segment-shapley"}
    assert {row["method"] for row in report.localisation} == orders - set(evaluate.BASELINES)
    assert [row["class"] for row in report.localisation] == ["V"] * len(report.localisation)
    assert len(report.randomisation) == 2
    assert all(row[row["method"]] == pytest.approx(1) for row in report.agreement)
    assert {row["method"] for row in report.lateness} == orders - {*evaluate.BASELINES, "segment-shapley"}


def test_evidence_beats_chance_where_the_model_is_simple(report: evaluate.Report) -> None:
    """Integrated gradients delete faster than a random order, with the whole interval."""
    (row,) = (row for row in report.faithfulness if (row["class"], row["order"]) == ("V", "integrated-gradients"))
    high = float(row["less than random"].rstrip("]").split(", ")[1])
    assert high < 0


def test_shuffled_weights_change_the_picture(report: evaluate.Report) -> None:
    assert report.randomisation[-1]["saliency"] < 0.7


def test_the_report_is_json_and_markdown(report: evaluate.Report) -> None:
    document = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert document["n_beats"] == {"N": 6, "S": 0, "V": 6, "F": 0}
    assert "training" in document["note"]
    text = report.to_markdown()
    there = [name for name in evaluate.TABLES if f"### {name.capitalize()}" in text]
    assert there == [name for name in evaluate.TABLES if name not in {"rhythm", "shares"}]  # the model reads no rhythm
    assert "| V | integrated-gradients |" in text


@pytest.mark.database
def test_the_sample_is_spread_over_the_records() -> None:
    """As many of each class as asked for, from as many records as have it, the same every time."""
    if not os.environ.get("BEATLENS_DATA"):
        pytest.skip("the MIT-BIH Arrhythmia Database is not here (set BEATLENS_DATA)")
    once, again = (pick_seed_sample(per_class=4, records=("213", "200", "232")) for _ in range(2))
    assert {label: int((once.classes == label).sum()) for label in "NSVF"} == {"N": 4, "S": 4, "V": 4, "F": 4}
    assert len(set(once.records[once.classes == "V"])) >= 2
    assert (once.inputs[WINDOW] == again.inputs[WINDOW]).all()
    assert (once.segments[:, 90] == 3).mean() > 0.9  # the R peak lies in the QRS


def test_a_sample_of_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'per_class' must be at least 1; got 0"):
        pick_seed_sample(per_class=0)
