"""From the figures of a protocol to a `Result` that can be printed."""

from __future__ import annotations

from typing import Any

from beatlens.beats.seed_windows import LEAK_NOTE
from beatlens.evaluation.ec57.ratio import Ratio
from beatlens.evaluation.ec57.report import comparison_as_dict
from beatlens.evaluation.ec57.run_by_run import RUN_LENGTHS, RunComparison
from beatlens.evaluation.ec57.summary import BEAT_FIGURES
from beatlens.evaluation.metrics import Figure
from beatlens.evaluation.protocols.ec57 import Ec57Figures
from beatlens.evaluation.protocols.inter_patient import (
    LABELS,
    MAPPINGS,
    SPECIFICITIES,
    ClassRow,
    InterPatientFigures,
    SubsetFigures,
)
from beatlens.evaluation.protocols.seed import SeedFigures
from beatlens.evaluation.result import Cell, Measured, Provenance, Result, Table

Row = tuple[Cell, ...]

INTERVAL_NOTE = "Figures in percent; 95 % intervals in brackets are of a bootstrap over records."


def report_seed(figures: SeedFigures, provenance: Provenance) -> Result:
    """Return the ``seed`` protocol's figures for printing."""
    names = ("accuracy", "precision", "recall", "f1", "specificity", "auroc", "average_precision")
    headline = {name: Measured(getattr(figures, name)) for name in names}
    (tn, fp), (fn, tp) = figures.confusion.tolist()
    groups = [("annotation symbol", figures.by_symbol), ("record", figures.by_record)]
    tables = [
        Table("All held-out beats", ("figure", "%"), tuple((name, value) for name, value in headline.items())),
        Table("Confusion", ("", "called normal", "called abnormal"), (("normal", tn, fp), ("abnormal", fn, tp))),
        *(
            Table(
                f"By {title}",
                (title, "beats", "abnormal", "called abnormal", "right %"),
                tuple(
                    (group.name, group.n_beats, group.n_abnormal, group.n_called_abnormal, Measured(group.accuracy))
                    for group in found
                ),
            )
            for title, found in groups
        ),
    ]
    key = {name: headline[name] for name in ("accuracy", "f1", "auroc")}
    return Result(provenance, tuple(tables), figures.to_dict(), key, (LEAK_NOTE,))


def report_inter_patient(figures: InterPatientFigures, provenance: Provenance, notes: tuple[str, ...] = ()) -> Result:
    """Return the ``inter-patient`` protocol's figures for printing, both mappings side by side."""
    tables = [_binary_table(figures)]
    if figures.has_classes:
        tables = [*(_class_table(figures, subset) for subset in _subset_names(figures)), *tables]
        tables += [_confusion_table(figures, mapping) for mapping in MAPPINGS]
    if figures.calibration:
        tables.append(_calibration_table(figures))
    tables.append(_record_table(figures))
    everything = figures.subsets["paper", "all"]
    key = {"abnormal F1": everything.abnormal.f1, "AUROC": everything.auroc}
    if figures.has_classes:
        classes = {f"{row.counts.label} F1": row.f1 for row in everything.classes if row.counts.label in "SVF"}
        key = {"macro-F1": everything.macro_f1, **classes, **key}
    if "abnormal" in figures.calibration:
        key["calibration error"] = figures.calibration["abnormal"].ece
    counts = f"{figures.n_beats} beats, {figures.n_missed} missed, {figures.n_unjudged} not judged, {figures.n_false} false"
    return Result(
        provenance,
        tuple(tables),
        _inter_patient_dict(figures),
        key,
        (f"{counts} detections.", INTERVAL_NOTE, "Every error counts, also a V called on a fusion beat.", *notes),
    )


def report_ec57(figures: Ec57Figures, provenance: Provenance, notes: tuple[str, ...] = ()) -> Result:
    """Return the ``ec57`` protocol's figures for printing."""
    comparison = figures.comparison
    titles = {"qrs": "QRS", "veb": "VEB", "sveb": "SVEB"}
    gross_rows: list[Row] = []
    for name, title in titles.items():
        both = f"{name}_sensitivity", f"{name}_predictivity"
        averages = [Measured(Figure(comparison.beats.average_percent[figure] / 100)) for figure in both]
        gross_rows.append((title, *(figures.gross[figure] for figure in both), *averages))
    run_rows: list[Row] = [
        (f"{sort} ({kind})", *_run_cells(total, sort))
        for kind, total in (
            ("ventricular", comparison.ventricular.total),
            ("supraventricular", comparison.supraventricular.total),
        )
        for sort in RUN_LENGTHS
    ]
    record_rows: list[Row] = [
        (record.name, *(_measured(getattr(record.beats, figure)) for figure in BEAT_FIGURES)) for record in comparison.records
    ]
    heads = tuple(f"{title} {figure}" for title in titles.values() for figure in ("Se", "+P"))
    tables = (
        Table("Beats", ("", "gross Se", "gross +P", "average Se", "average +P"), tuple(gross_rows)),
        Table("Runs, gross", ("", "in reference", "Se", "in test", "+P"), tuple(run_rows)),
        Table("By record", ("record", *heads), tuple(record_rows)),
    )
    start = f"The first {comparison.start_s:g} s of each record are not counted."
    key = {name.replace("_sensitivity", " Se").replace("_predictivity", " +P"): figures.gross[name] for name in BEAT_FIGURES}
    gross = {name: measured.to_dict() for name, measured in figures.gross.items()}
    everything = {**comparison_as_dict(comparison), "gross_with_intervals": gross}
    return Result(provenance, tables, everything, key, (start, INTERVAL_NOTE, *notes))


def _subset_names(figures: InterPatientFigures) -> list[str]:
    return [subset for mapping, subset in figures.subsets if mapping == MAPPINGS[0]]


def _class_table(figures: InterPatientFigures, subset: str) -> Table:
    """Return the classes' figures under both mappings."""
    pair = [figures.subsets[mapping, subset] for mapping in MAPPINGS]
    heads = tuple(f"{head} ({mapping})" for mapping in MAPPINGS for head in ("beats", "Se", "+P", "F1"))
    rows: list[Row] = []
    for rows_of_class in zip(*(each.classes for each in pair), strict=True):
        cells: list[Cell] = [rows_of_class[0].counts.label]
        for row in rows_of_class:
            cells += [row.counts.n_true, row.sensitivity, row.precision, row.f1]
        rows.append(tuple(cells))
    macro: list[Cell] = ["macro-F1 (N S V F)"]
    for each in pair:
        macro += ["", "", "", each.macro_f1]
    title = "Classes, all records" if subset == "all" else f"Classes, {subset}"
    return Table(title, ("class", *heads), (*rows, tuple(macro)))


def _binary_table(figures: InterPatientFigures) -> Table:
    pair = [figures.subsets[mapping, "all"] for mapping in MAPPINGS]
    rows: list[Row] = [
        ("abnormal beats", *(each.abnormal.counts.n_true for each in pair)),
        ("Se", *(each.abnormal.sensitivity for each in pair)),
        ("+P", *(each.abnormal.precision for each in pair)),
        ("F1", *(each.abnormal.f1 for each in pair)),
        ("specificity", *(each.specificity for each in pair)),
        ("AUROC", *(each.auroc for each in pair)),
        ("AUPRC", *(each.average_precision for each in pair)),
    ]
    rows += [
        (f"Se at {100 * level:g} % specificity", *(each.sensitivity_at[level] for each in pair)) for level in SPECIFICITIES
    ]
    return Table("Abnormal (any class but N) against normal, all records", ("figure", *MAPPINGS), tuple(rows))


def _calibration_table(figures: InterPatientFigures) -> Table:
    rows: list[Row] = [(name, each.n_beats, each.ece, each.brier) for name, each in figures.calibration.items()]
    heads = ("probability of", "beats", "expected calibration error", "Brier score")
    return Table("Calibration, all records, paper mapping", heads, tuple(rows))


def _confusion_table(figures: InterPatientFigures, mapping: str) -> Table:
    matrix = figures.subsets[mapping, "all"].confusion.tolist()
    rows = tuple((label, *counts) for label, counts in zip(LABELS, matrix, strict=True))
    return Table(f"Confusion, {mapping} mapping (rows: reference)", ("", *LABELS), rows)


def _record_table(figures: InterPatientFigures) -> Table:
    """Return each record's figures under the paper mapping; the JSON has both."""
    rows: list[Row] = []
    for each in figures.by_record["paper"]:
        cells: list[Cell] = [each.records[0], each.abnormal.counts.n_true, each.abnormal.f1, each.auroc]
        if figures.has_classes:
            for row in each.classes:
                if row.counts.label in "SVF":
                    cells += [row.counts.n_true, row.sensitivity, row.precision]
        rows.append(tuple(cells))
    heads = tuple(f"{label} {head}".strip() for label in "SVF" for head in ("", "Se", "+P")) if figures.has_classes else ()
    return Table("By record, paper mapping", ("record", "abnormal", "F1", "AUROC", *heads), tuple(rows))


def _run_cells(total: RunComparison, sort: str) -> tuple[Cell, ...]:
    sensitivity, predictivity = total.sensitivity(sort), total.predictivity(sort)
    return sensitivity.cases, _measured(sensitivity), predictivity.cases, _measured(predictivity)


def _measured(ratio: Ratio) -> Measured:
    return Measured(Figure.share(ratio.hits, ratio.cases, "no case"))


def _inter_patient_dict(figures: InterPatientFigures) -> dict[str, Any]:
    counts = {name: getattr(figures, name) for name in ("n_beats", "n_missed", "n_false", "n_unjudged")}
    return {
        **counts,
        "labels": list(LABELS),
        "mappings": {
            mapping: {
                "subsets": {name: _subset_dict(figures.subsets[mapping, name]) for name in _subset_names(figures)},
                "records": {each.records[0]: _subset_dict(each) for each in figures.by_record[mapping]},
            }
            for mapping in MAPPINGS
        },
        "calibration": {name: each.to_dict() for name, each in figures.calibration.items()},
    }


def _subset_dict(found: SubsetFigures) -> dict[str, Any]:
    return {
        "records": list(found.records),
        "confusion": found.confusion.tolist(),
        "classes": {row.counts.label: _row_dict(row) for row in found.classes},
        "macro_f1": found.macro_f1.to_dict(),
        "abnormal": {**_row_dict(found.abnormal), "specificity": found.specificity.to_dict()},
        "auroc": found.auroc.to_dict(),
        "average_precision": found.average_precision.to_dict(),
        "sensitivity_at_specificity": {str(level): value.to_dict() for level, value in found.sensitivity_at.items()},
    }


def _row_dict(row: ClassRow) -> dict[str, Any]:
    return {
        "n": row.counts.n_true,
        "n_called": row.counts.n_predicted,
        **{name: getattr(row, name).to_dict() for name in ("sensitivity", "precision", "f1")},
    }
