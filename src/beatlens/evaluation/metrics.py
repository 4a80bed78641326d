"""Figures of a classifier: what cannot be computed is NaN with a reason, never 0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from beatlens.errors import ConfigurationError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """A number, or the reason why there is none.

    Parameters
    ----------
    value : float
        NaN where the figure is not defined.
    reason : str
        Why it is not defined; empty where it is.
    """

    value: float
    reason: str = ""

    @property
    def defined(self) -> bool:
        """Whether there is a number."""
        return not math.isnan(self.value)

    @classmethod
    def share(cls, hits: float, cases: float, reason: str) -> Figure:
        """Return hits over cases, or the reason where there is no case."""
        return cls(hits / cases) if cases else cls(math.nan, reason)


@dataclass(frozen=True)
class ClassFigures:
    """How one class was recognised.

    Parameters
    ----------
    label : str
        The class.
    n_hits, n_true, n_predicted : int
        Beats of the class that were called so; beats of the class; beats called so.
    """

    label: str
    n_hits: int
    n_true: int
    n_predicted: int

    @property
    def sensitivity(self) -> Figure:
        """Share of the class that was called so (recall)."""
        return Figure.share(self.n_hits, self.n_true, f"no beat of class {self.label}")

    @property
    def precision(self) -> Figure:
        """Share of what was called so that is of the class (+P)."""
        return Figure.share(self.n_hits, self.n_predicted, f"no beat called {self.label}")

    @property
    def f1(self) -> Figure:
        """Harmonic mean of sensitivity and precision; not defined without a beat of the class, as its sensitivity is not."""
        if not self.n_true:
            return Figure(math.nan, f"no beat of class {self.label}")
        return Figure(2 * self.n_hits / (self.n_true + self.n_predicted))


def confusion_matrix(true: npt.ArrayLike, predicted: npt.ArrayLike, *, labels: Sequence[object]) -> npt.NDArray[np.int64]:
    """Count the beats by true and predicted class.

    Parameters
    ----------
    true, predicted : array_like, shape (n_beats,)
        Class of each beat.
    labels : sequence
        The classes, in the order of the rows and columns.

    Returns
    -------
    ndarray of int64, shape (n_labels, n_labels)
        True classes in rows, predicted ones in columns.

    Raises
    ------
    ConfigurationError
        If the lengths differ or a class is not one of the labels.

    Examples
    --------
    >>> confusion_matrix(["N", "V", "V"], ["N", "N", "V"], labels=["N", "V"]).tolist()
    [[1, 0], [1, 1]]
    """
    pair = np.asarray(true), np.asarray(predicted)
    _check_lengths(*pair)
    rows, columns = (_index(values, labels, name) for values, name in zip(pair, ("true", "predicted"), strict=True))
    n = len(labels)
    return np.bincount(rows * n + columns, minlength=n * n).reshape(n, n).astype(np.int64)


def class_figures(matrix: npt.NDArray[np.integer], labels: Sequence[str]) -> tuple[ClassFigures, ...]:
    """Return the figures of each class from a confusion matrix.

    Parameters
    ----------
    matrix : ndarray of int, shape (n_labels, n_labels)
        Of `confusion_matrix`.
    labels : sequence of str
        The classes, in its order.
    """
    return tuple(
        ClassFigures(label, int(matrix[at, at]), int(matrix[at].sum()), int(matrix[:, at].sum()))
        for at, label in enumerate(labels)
    )


def accuracy(matrix: npt.NDArray[np.integer]) -> Figure:
    """Return the share of a confusion matrix that lies on its diagonal."""
    return Figure.share(float(np.trace(matrix)), float(matrix.sum()), "no beat")


def mean_figure(figures: Sequence[Figure]) -> Figure:
    """Return the plain mean, which is defined only if every figure is."""
    missing = [figure.reason for figure in figures if not figure.defined]
    if missing or not figures:
        return Figure(math.nan, "; ".join(missing) or "no figure")
    return Figure(math.fsum(figure.value for figure in figures) / len(figures))


@dataclass(frozen=True, eq=False)
class RankingCurve:
    """How many beats are called abnormal as the threshold falls past each score.

    Parameters
    ----------
    hits, alarms : ndarray of float, shape (n_thresholds,)
        Abnormal and normal beats called abnormal, never decreasing.
    """

    hits: Floats
    alarms: Floats

    @property
    def auroc(self) -> Figure:
        """Area under the receiver operating characteristic: ties count half."""
        if reason := self._one_sided():
            return Figure(math.nan, reason)
        x, y = np.r_[0, self.alarms], np.r_[0, self.hits]
        area = np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2)
        return Figure(float(area / (x[-1] * y[-1])))

    @property
    def average_precision(self) -> Figure:
        """Area under the precision-recall curve, summed in steps and not interpolated."""
        if not (self.hits.size and self.hits[-1]):
            return Figure(math.nan, "no abnormal beat")
        called = self.hits + self.alarms
        precision = np.divide(self.hits, called, out=np.zeros_like(called), where=called > 0)
        return Figure(float(np.sum(np.diff(self.hits, prepend=0) * precision) / self.hits[-1]))

    def sensitivity_at(self, specificity: float) -> Figure:
        """Return the highest sensitivity among the thresholds whose specificity (0 to 1) is at least this."""
        if reason := self._one_sided():
            return Figure(math.nan, reason)
        allowed = self.alarms <= (1 - specificity) * self.alarms[-1] * (1 + 1e-12)
        return Figure(float(self.hits[allowed].max(initial=0) / self.hits[-1]))

    def _one_sided(self) -> str:
        """Return why there is nothing to tell apart; empty if there is."""
        if not (self.hits.size and self.hits[-1]):
            return "no abnormal beat"
        return "" if self.alarms[-1] else "no normal beat"


class Ranking:
    """Beats ranked by a score; those with the same score stand or fall together.

    Parameters
    ----------
    positive : array_like of bool, shape (n_beats,)
        Whether each beat is of the positive class (abnormal).
    score : array_like of float, shape (n_beats,)
        The higher, the more likely positive.

    Raises
    ------
    ConfigurationError
        If the lengths differ or a score is not a number.
    """

    def __init__(self, positive: npt.ArrayLike, score: npt.ArrayLike) -> None:
        flags, scores = np.asarray(positive, dtype=bool), np.asarray(score, dtype=np.float64)
        _check_lengths(flags, scores)
        if np.isnan(scores).any():
            raise ConfigurationError(f"'score' must be a number for every beat; got {int(np.isnan(scores).sum())} NaN")
        self._order = np.argsort(-scores, kind="stable")
        self._positive = flags[self._order]
        ranked = scores[self._order]
        self._last = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], np.ones(min(1, len(ranked)), bool)])

    def curve(self, weights: Floats | None = None) -> RankingCurve:
        """Return hits and false alarms over all thresholds.

        Parameters
        ----------
        weights : ndarray of float, shape (n_beats,), optional
            How often each beat counts: a bootstrap sorts once and weighs often.
        """
        weight = np.ones(len(self._order)) if weights is None else np.asarray(weights, dtype=np.float64)[self._order]
        hits = np.cumsum(np.where(self._positive, weight, 0.0))[self._last]
        called = np.cumsum(weight)[self._last]
        return RankingCurve(hits, called - hits)


def _check_lengths(first: npt.NDArray[np.generic], second: npt.NDArray[np.generic]) -> None:
    if first.ndim != 1 or first.shape != second.shape:
        raise ConfigurationError(f"both must be one value a beat; got shapes {first.shape} and {second.shape}")


def _index(values: npt.NDArray[np.generic], labels: Sequence[object], name: str) -> npt.NDArray[np.intp]:
    place = {label: at for at, label in enumerate(labels)}
    unique, inverse = np.unique(values, return_inverse=True)
    unknown = [value for value in unique.tolist() if value not in place]
    if unknown:
        raise ConfigurationError(f"'{name}' must hold the classes {', '.join(map(str, labels))}; got {unknown[0]!r}")
    return np.array([place[value] for value in unique.tolist()], dtype=np.intp)[inverse]
