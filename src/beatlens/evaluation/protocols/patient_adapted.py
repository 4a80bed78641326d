"""The ``patient-adapted`` protocol: a model adapted to each record's first five minutes, measured on the rest of it.

Beside it stands the model as it was, on the same beats. EC57 sets the first five minutes of a record aside for a device to
learn; an adapted model has seen labels of the patient that it is measured on, and its figures compare with no others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from beatlens.databases import mitdb
from beatlens.evaluation.bootstrap import draw_records, interval_of
from beatlens.evaluation.metrics import Figure, class_figures, mean_figure
from beatlens.evaluation.result import Cell, Measured, Provenance, Result, Table
from beatlens.labels import AAMI_CLASSES, BEAT_SYMBOLS, classify_symbols
from beatlens.models.rhythm_lstm import RhythmLSTM
from beatlens.training.adapt import FEWEST_LABELS, Adaptation, Adapter
from beatlens.training.adapt_run import START_S, encode_labelled

SCORED: Final = ("N", "S", "V", "F")
LABELS: Final = (*AAMI_CLASSES, "-")
"""Rows and columns of the confusion matrices; ``-``: not judged."""
MODELS: Final = ("as it was", "adapted")
DIFFERENCE: Final = "difference"

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RecordCounts:
    """What both models said of a record's beats from 5:00 on.

    Parameters
    ----------
    name : str
    confusion : dict of str to ndarray of int64, shape (6, 6)
        By model: rows are of the reference, columns of the model, as in `LABELS`, by the paper mapping.
    binary : dict of str to ndarray of int64, shape (3,)
        By model: abnormal beats called so, abnormal beats, beats called abnormal.
    learned : tuple of int
        N, S, V and F beats of the first five minutes.
    adapted : bool
        False where those were too few: the model stayed as it was.
    """

    name: str
    confusion: dict[str, Counts]
    binary: dict[str, Counts]
    learned: tuple[int, ...]
    adapted: bool


def count_record(adapter: Adapter, name: str, folder: Path) -> RecordCounts:
    """Adapt to the first five minutes of a record of MIT-BIH, and count what is said of the rest."""
    record = mitdb.read_mitdb(name, folder)
    marks = record.annotations
    if marks is None:  # the reader of this database always sets them
        raise ValueError(name)
    beats = marks.select(np.isin(marks.symbols, list(BEAT_SYMBOLS)))
    classes = classify_symbols(beats.symbols)
    first, labels = encode_labelled(record, beats.samples, classes, START_S)
    enough = int((labels >= 0).sum()) >= FEWEST_LABELS
    weights = adapter.adapt(first, labels) if enough else adapter.start
    rest = beats.samples >= START_S * record.fs
    said = {
        title: adapter.with_weights(own).predict_record(record, beats.samples)
        for title, own in zip(MODELS, (adapter.start, weights), strict=True)
    }
    limit = adapter.model.abnormal_threshold
    confusion, binary = {}, {}
    for title, calls in said.items():
        confusion[title] = _confusion(classes[rest], np.asarray(calls.classes, "<U1")[rest])
        true, called = classes[rest] != "N", np.nan_to_num(calls.abnormal[rest]) >= limit
        binary[title] = np.array([(true & called).sum(), true.sum(), called.sum()], np.int64)
    counts = np.bincount(labels[labels >= 0], minlength=len(SCORED))
    return RecordCounts(name, confusion, binary, tuple(counts.tolist()), enough)


def _confusion(true: npt.NDArray[np.str_], called: npt.NDArray[np.str_]) -> Counts:
    matrix = np.zeros((len(LABELS), len(LABELS)), np.int64)
    rows = [LABELS.index(name) for name in true.tolist()]
    columns = [LABELS.index(name or "-") for name in called.tolist()]
    np.add.at(matrix, (rows, columns), 1)
    return matrix


def evaluate_adapted(
    model: RhythmLSTM,
    records: Sequence[str],
    settings: Adaptation,
    *,
    folder: Path,
    on_record: Callable[[str], None] = lambda _: None,
) -> tuple[RecordCounts, ...]:
    """Adapt a model to each of some records of MIT-BIH, and count.

    Parameters
    ----------
    model : RhythmLSTM
        That has seen none of their patients: see `beatlens.evaluation.protocols.models.check_leakage`.
    records : sequence of str
    settings : Adaptation
    folder : Path
        Where the database is.
    on_record : callable
        Called with the name of each record that is done.
    """
    adapter = Adapter(model, settings)
    counted = []
    for name in records:
        counted.append(count_record(adapter, name, folder))
        on_record(name)
    return tuple(counted)


def measure_adapted(counted: Sequence[RecordCounts], *, n_resamples: int = 1000) -> dict[str, dict[str, Measured]]:
    """Return F1 of each class, macro-F1 and abnormal F1 of both models and their difference, with paired intervals.

    Returns
    -------
    dict of str to dict of str to Measured
        By figure, then by ``as it was``, ``adapted`` and ``difference``.
    """
    once = np.ones(len(counted), np.int64)
    found = {title: _figures(counted, title, once) for title in MODELS}
    draws = draw_records(len(counted), n_resamples=n_resamples)
    drawn = {title: [_figures(counted, title, times) for times in draws] for title in MODELS}
    measured: dict[str, dict[str, Measured]] = {}
    for name in found[MODELS[0]]:
        values = {title: [each[name].value for each in drawn[title]] for title in MODELS}
        measured[name] = {title: Measured(found[title][name], interval_of(values[title])) for title in MODELS}
        before, after = (found[title][name] for title in MODELS)
        both = before.defined and after.defined
        change = Figure(after.value - before.value) if both else Figure(float("nan"), before.reason or after.reason)
        steps = (b - a for a, b in zip(*(values[title] for title in MODELS), strict=True))
        measured[name][DIFFERENCE] = Measured(change, interval_of(steps))
    return measured


def _figures(counted: Sequence[RecordCounts], title: str, times: npt.NDArray[np.int64]) -> dict[str, Figure]:
    confusion = np.tensordot(times, np.stack([each.confusion[title] for each in counted]), 1)
    hits, n_true, n_called = np.tensordot(times, np.stack([each.binary[title] for each in counted]), 1).tolist()
    rows = class_figures(confusion, LABELS)
    figures = {f"{row.label} F1": row.f1 for row in rows if row.label in SCORED}
    figures["macro-F1"] = mean_figure(list(figures.values()))
    figures["abnormal F1"] = Figure.share(2 * hits, n_true + n_called, "no abnormal beat")
    return figures


def report_adapted(
    counted: Sequence[RecordCounts], measured: Mapping[str, Mapping[str, Measured]], provenance: Provenance
) -> Result:
    """Return the figures for printing."""
    columns = (*MODELS, DIFFERENCE)
    rows: list[tuple[Cell, ...]] = [(name, *(of[title] for title in columns)) for name, of in measured.items()]
    by_record: list[tuple[Cell, ...]] = []
    for each in counted:
        wrong = [int(each.confusion[title].sum() - np.trace(each.confusion[title])) for title in MODELS]
        by_record.append((each.name, *each.learned, int(each.confusion[MODELS[0]].sum()), *wrong))
    tables = (
        Table("From 5:00 on, paper mapping, reference R peaks", ("figure", *columns), tuple(rows)),
        Table(
            "By record: beats learned from, beats measured, wrong calls",
            ("record", *SCORED, "measured", *(f"wrong {title}" for title in MODELS)),
            tuple(by_record),
        ),
    )
    kept = [each.name for each in counted if not each.adapted]
    notes = (
        "The model has seen labels of each record's first five minutes: compare with no figure of the inter-patient protocol.",
        "Figures in percent; 95 % intervals in brackets are of a bootstrap over records, that of the difference paired.",
        *((f"Not adapted, for there were fewer than {FEWEST_LABELS} labelled beats: {', '.join(kept)}.",) if kept else ()),
    )
    everything: dict[str, Any] = {
        "figures": {name: {title: of[title].to_dict() for title in columns} for name, of in measured.items()},
        "labels": list(LABELS),
        "records": {
            each.name: {
                "learned": dict(zip(SCORED, each.learned, strict=True)),
                "adapted": each.adapted,
                "confusion": {title: matrix.tolist() for title, matrix in each.confusion.items()},
            }
            for each in counted
        },
    }
    key = {f"{name} {title}": measured[name][title] for name in measured for title in MODELS if name != "N F1"}
    return Result(provenance, tables, everything, key, notes)
