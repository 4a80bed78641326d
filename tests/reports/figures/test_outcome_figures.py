"""Figures of training and of outcomes, judged by what they show."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from beatlens.errors import ConfigurationError
from beatlens.reports import style
from beatlens.reports.figures import plot_confusion_matrix, plot_history, plot_outcomes


def texts_of(axes):
    return [text.get_text() for text in axes.texts]


def test_confusion_matrix_shows_counts_and_row_shares():
    """Each cell shows its count and its share of the true class, in row order."""
    figure = plot_confusion_matrix([[1980, 20], [5, 95]], ["normal", "abnormal"], title="Confusion matrix, seed protocol")
    axes = figure.axes[0]
    assert texts_of(axes) == ["1,980", "99.0 %", "20", "1.0 %", "5", "5.0 %", "95", "95.0 %"]
    np.testing.assert_allclose(np.asarray(axes.images[0].get_array()), [[99, 1], [5, 95]])
    assert axes.get_title(loc="left") == "Confusion matrix, seed protocol"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Predicted class", "True class")
    assert [label.get_text() for label in axes.get_xticklabels()] == ["normal", "abnormal"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["normal\n2,000 beats", "abnormal\n100 beats"]
    assert figure.axes[1].get_ylabel() == "Share of the true class (%)"


def test_confusion_matrix_says_where_a_class_has_no_beats():
    """A class without beats has no share: it says so, and nothing is divided by zero."""
    axes = plot_confusion_matrix([[3, 1], [0, 0]], ["N", "Q"]).axes[0]
    assert texts_of(axes)[4:] == ["0", "no beats", "0", "no beats"]


def test_confusion_matrix_writes_light_on_dark_cells():
    """The text of a full cell is light, that of an empty one dark."""
    colours = [to_hex(text.get_color()).upper() for text in plot_confusion_matrix(np.diag([9, 9]), ["N", "V"]).axes[0].texts]
    assert colours == [style.PAPER] * 2 + [style.INK] * 4 + [style.PAPER] * 2


@pytest.mark.parametrize("counts", [[[1, 2]], [1, 2], [[1, 2, 3]] * 3])
def test_confusion_matrix_refuses_other_shapes(counts):
    """Rows, columns and names must agree."""
    with pytest.raises(ConfigurationError, match=r"'counts' must have shape \(2, 2\)"):
        plot_confusion_matrix(counts, ["normal", "abnormal"])


def test_history_draws_training_and_validation():
    """Each panel has both curves with their values, apart by dash and marker too; accuracy in per cent."""
    history = {"loss": [0.5, 0.3], "val_loss": [0.6, 0.4], "accuracy": [0.8, 0.9], "val_accuracy": [0.7, 0.85]}
    loss, accuracy = plot_history(history, best_epoch=2).axes
    assert [line.get_label() for line in loss.lines] == ["training", "validation", "weights kept: epoch 2"]
    np.testing.assert_allclose(loss.lines[0].get_data(), [[1, 2], [0.5, 0.3]])
    np.testing.assert_allclose(accuracy.lines[1].get_data(), [[1, 2], [70, 85]])
    assert loss.lines[0].get_linestyle() != loss.lines[1].get_linestyle()
    assert loss.lines[0].get_marker() != loss.lines[1].get_marker()
    assert (loss.get_xlabel(), accuracy.get_ylabel()) == ("Epoch", "Accuracy (%)")


def test_history_leaves_out_what_is_not_there():
    """Without a validation part, no curve is made up."""
    loss, _ = plot_history({"loss": [0.5], "accuracy": [0.8]}).axes
    assert [line.get_label() for line in loss.lines] == ["training"]


def test_history_refuses_nothing():
    """A history without a curve is a mistake, said in a sentence."""
    with pytest.raises(ConfigurationError, match="'history' must hold loss or accuracy"):
        plot_history({"lr": [0.1]})


def test_outcomes_show_share_and_counts_per_group():
    """Each group's bar is its share of right beats; the text counts the wrong ones; the largest group is on top."""
    groups = ["N"] * 8 + ["V"] * 4
    correct = [True] * 7 + [False] + [True] * 3 + [False]
    axes = plot_outcomes(groups, correct).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["V", "N"]
    assert [bar.get_width() for bar in axes.patches] == [75, 87.5, 25, 12.5]
    assert [" ".join(text.split()) for text in texts_of(axes)] == ["75.0 % 1 wrong of 4", "87.5 % 1 wrong of 8"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["right (10)", "wrong (2)"]
    assert axes.patches[-1].get_hatch()


@pytest.mark.parametrize(("groups", "correct"), [([], []), (["N"], [True, False])])
def test_outcomes_refuse_empty_and_unequal(groups, correct):
    """No beats, or lengths that differ, are refused."""
    with pytest.raises(ConfigurationError, match="one entry per beat"):
        plot_outcomes(groups, correct)
