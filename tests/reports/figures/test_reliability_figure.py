"""The reliability diagram, judged by what it shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from beatlens.errors import ConfigurationError
from beatlens.evaluation.calibration import count_bins, measure_reliability
from beatlens.evaluation.protocols.inter_patient import BeatCalls, evaluate_inter_patient
from beatlens.records import Annotations
from beatlens.reports.figures.reliability import plot_reliability, save_inter_patient_figures


def reliability_of(p: list[float], true: list[bool]):
    return measure_reliability([count_bins(p, true)], n_resamples=0)


def test_points_stand_at_probability_and_share():
    """In percent; bins of few beats are hollow; below, how many beats each bin has."""
    found = reliability_of([0.1] * 40 + [0.9] * 4, [True] * 4 + [False] * 36 + [True, True, True, False])
    figure = plot_reliability({"abnormal": found}, title="mine")
    diagram, counts = figure.axes
    points = {line.get_label(): line.get_xydata().tolist() for line in diagram.lines if line.get_marker() == "o"}
    np.testing.assert_allclose(points["measured"], [[10, 10]])
    np.testing.assert_allclose(points["fewer than 30 beats"], [[90, 75]])
    assert diagram.get_title(loc="left").startswith("Abnormal\ncalibration error 1.36 %")
    assert [patch.get_height() for patch in counts.patches if patch.get_height()] == [40, 4]
    assert figure.get_suptitle() == "mine"


def test_without_probabilities_nothing_is_drawn():
    with pytest.raises(ConfigurationError, match="at least one kind of probability"):
        plot_reliability({"abnormal": reliability_of([], [])})


@pytest.mark.parametrize("with_probabilities", [True, False])
def test_figures_of_an_evaluation(tmp_path: Path, with_probabilities: bool):
    """The diagram only where there are probabilities; the classes that occur in the confusion matrix."""
    samples = np.arange(1, 41) * 300
    classes = np.array(list("NNSV") * 10, "<U1")
    calls = BeatCalls(samples, classes, np.where(classes == "N", 0.1, 0.8) if with_probabilities else None)
    figures = evaluate_inter_patient({"100": calls}, {"100": Annotations(samples, classes)}, n_resamples=5)
    written = save_inter_patient_figures(figures, tmp_path, title="mine")
    expected = ["confusion", *(["reliability"] if with_probabilities else [])]
    assert sorted({path.stem for path in written}) == expected
    assert all(path.stat().st_size > 1000 for path in written)
