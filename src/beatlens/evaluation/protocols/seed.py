"""The ``seed`` protocol's figures: of a split with beats of one patient on both sides, and never more than that."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from beatlens.errors import ConfigurationError
from beatlens.evaluation.metrics import ClassFigures, Figure, Ranking, accuracy, class_figures, confusion_matrix

LABELS: Final = ("normal", "abnormal")


@dataclass(frozen=True)
class GroupFigures:
    """Beats of one symbol or of one record.

    Parameters
    ----------
    name : str
        The symbol or the record.
    n_beats, n_abnormal : int
        How many there are, and how many of them are abnormal.
    n_right : int
        How many were called right.
    n_called_abnormal : int
        How many were called abnormal.
    """

    name: str
    n_beats: int
    n_abnormal: int
    n_right: int
    n_called_abnormal: int

    @property
    def accuracy(self) -> Figure:
        """Share that was called right."""
        return Figure.share(self.n_right, self.n_beats, "no beat")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "accuracy": _plain(self.accuracy)}


@dataclass(frozen=True, eq=False)
class SeedFigures:
    """Figures of a binary model under the ``seed`` protocol; abnormal is the positive class.

    Parameters
    ----------
    confusion : ndarray of int64, shape (2, 2)
        True normal and abnormal in rows, predicted in columns.
    threshold : float
        From this probability on a beat was called abnormal.
    accuracy, precision, recall, f1, specificity, auroc, average_precision : Figure
        As usual; not defined where a class is missing.
    by_symbol, by_record : tuple of GroupFigures
        The same beats apart by annotation symbol (the most frequent first) and by record.
    """

    confusion: npt.NDArray[np.int64]
    threshold: float
    accuracy: Figure
    precision: Figure
    recall: Figure
    f1: Figure
    specificity: Figure
    auroc: Figure
    average_precision: Figure
    by_symbol: tuple[GroupFigures, ...]
    by_record: tuple[GroupFigures, ...]

    @property
    def n_beats(self) -> int:
        """How many beats were judged."""
        return int(self.confusion.sum())

    @property
    def by_class(self) -> tuple[ClassFigures, ...]:
        """Sensitivity, precision and F1 of normal and of abnormal."""
        return class_figures(self.confusion, LABELS)

    def headline(self) -> dict[str, float | int | None]:
        """Return the figures that a model's card keeps; None for what is not defined."""
        names = ("accuracy", "precision", "recall", "f1", "specificity", "auroc", "average_precision")
        return {"n_beats": self.n_beats, **{name: _plain(getattr(self, name)) for name in names}}

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values for JSON; None for what is not defined."""
        return {
            **self.headline(),
            "threshold": self.threshold,
            "confusion": self.confusion.tolist(),
            "by_class": {
                row.label: {name: _plain(getattr(row, name)) for name in ("sensitivity", "precision", "f1")}
                for row in self.by_class
            },
            "by_symbol": [group.to_dict() for group in self.by_symbol],
            "by_record": [group.to_dict() for group in self.by_record],
        }


def evaluate_seed(
    true: npt.ArrayLike,
    probability: npt.ArrayLike,
    *,
    records: npt.ArrayLike,
    symbols: npt.ArrayLike,
    threshold: float = 0.5,
) -> SeedFigures:
    """Measure a binary model on the protocol's held-out beats.

    Parameters
    ----------
    true : array_like of int, shape (n_beats,)
        0 normal, 1 abnormal.
    probability : array_like of float, shape (n_beats,)
        Of being abnormal, between 0 and 1.
    records, symbols : array_like of str, shape (n_beats,)
        Where each beat comes from and how it is annotated.
    threshold : float
        From this probability on a beat is called abnormal.

    Returns
    -------
    SeedFigures

    Raises
    ------
    ConfigurationError
        If lengths differ, a label is neither 0 nor 1, or a probability is missing or out of range.
    """
    labels, scores = np.asarray(true), np.asarray(probability, dtype=np.float64)
    names, marks = np.asarray(records, dtype=str), np.asarray(symbols, dtype=str)
    if not labels.shape == scores.shape == names.shape == marks.shape:
        raise ConfigurationError(
            f"labels, probabilities, records and symbols must be one a beat; got {labels.size}, {scores.size}, "
            f"{names.size} and {marks.size}"
        )
    outside = ~((scores >= 0) & (scores <= 1))
    if outside.any():
        where = int(np.argmax(outside))
        raise ConfigurationError(f"'probability' must lie between 0 and 1; got {scores[where]} for beat {where}")
    called = (scores >= threshold).astype(np.int64)
    matrix = confusion_matrix(labels, called, labels=(0, 1))
    normal, abnormal = class_figures(matrix, LABELS)
    curve = Ranking(labels == 1, scores).curve()
    return SeedFigures(
        confusion=matrix,
        threshold=threshold,
        accuracy=accuracy(matrix),
        precision=abnormal.precision,
        recall=abnormal.sensitivity,
        f1=abnormal.f1,
        specificity=normal.sensitivity,
        auroc=curve.auroc,
        average_precision=curve.average_precision,
        by_symbol=tuple(sorted(_groups(marks, labels, called), key=lambda group: -group.n_beats)),
        by_record=_groups(names, labels, called),
    )


def _groups(
    keys: npt.NDArray[np.str_], labels: npt.NDArray[np.int64], called: npt.NDArray[np.int64]
) -> tuple[GroupFigures, ...]:
    unique, inverse = np.unique(keys, return_inverse=True)
    n = len(unique)
    counts = [
        np.bincount(inverse, weights=weights, minlength=n).astype(int).tolist()
        for weights in (np.ones(len(keys)), labels, labels == called, called)
    ]
    return tuple(GroupFigures(name, *numbers) for name, *numbers in zip(unique.tolist(), *counts, strict=True))


def _plain(figure: Figure) -> float | None:
    return figure.value if figure.defined else None
