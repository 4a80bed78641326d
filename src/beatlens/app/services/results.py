"""What the models' cards and kept results say, as tables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from beatlens.models.card import ModelCard

FOLDERS: Final = (Path(__file__).parents[1] / "results", Path(__file__).parents[4] / "docs" / "results")
"""Where results are: in an installed package, and in the repository."""

_LABELS: Final = ("N", "S", "V", "F", "Q")
_NAMES: Final = {
    "f1": "F1",
    "auroc": "AUROC",
    "average_precision": "average precision",
    "n_beats": "beats",
    "recall": "sensitivity",
    "precision": "precision (+P)",
}
_SUBSETS: Final = {"all": "all 22 records", "without 232": "without 232", "without 213": "without 213"}


@dataclass(frozen=True)
class Confusion:
    """A confusion matrix: who was measured on what, the labels, and the counts, rows being the reference's."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Figures:
    """A table of figures, in words."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def figures_of(card: ModelCard) -> tuple[Figures, ...]:
    """Return every figure that a model's card and its kept result hold; those of other weights are left out."""
    tables = []
    for protocol, figures in card.figures.items():
        rows = tuple(
            (_NAMES.get(name, name.replace("_", " ")), _write(value)) for name, value in figures.items() if _plain(value)
        )
        if rows:
            tables.append(Figures(f"Protocol: {protocol}", ("figure", "value"), rows))
    result = _inter_patient(card)
    if result is not None:
        tables.append(_inter_patient_table(result))
    return tuple(tables)


def confusions_of(card: ModelCard) -> tuple[Confusion, ...]:
    """Return the confusion matrices of a model that are known."""
    found = []
    seed = card.figures.get("seed", {})
    if {"n_beats", "accuracy", "recall", "specificity"} <= set(seed):
        found.append(_seed_confusion(seed))
    result = _inter_patient(card)
    if result is not None:
        subset = result["figures"]["mappings"]["paper"]["subsets"]["all"]
        counts = tuple(tuple(row) for row in subset["confusion"])
        rows = (*_LABELS, "no beat")[: len(counts)]
        columns = (*_LABELS, "not called")[: len(counts[0])]
        found.append(Confusion("Inter-patient, 22 records of DS2, reference R peaks, paper mapping", rows, columns, counts))
    return tuple(found)


def _seed_confusion(figures: dict[str, Any]) -> Confusion:
    """Return the counts that these figures are made of: they are whole numbers, and there is one solution."""
    n, right = figures["n_beats"], figures["accuracy"] * figures["n_beats"]
    sensitivity, specificity = figures["recall"], figures["specificity"]
    abnormal = round((right - specificity * n) / (sensitivity - specificity))
    hits, kept = round(sensitivity * abnormal), round(specificity * (n - abnormal))
    counts = ((kept, n - abnormal - kept), (abnormal - hits, hits))
    labels = ("normal", "abnormal")
    return Confusion("Seed protocol, the held-out fifth", labels, labels, counts)


def _inter_patient_table(result: dict[str, Any]) -> Figures:
    subsets = result["figures"]["mappings"]["paper"]["subsets"]
    shown = [key for key in _SUBSETS if key in subsets]
    cells = [_inter_patient_cells(subsets[key]) for key in shown]
    rows = tuple((title, *(column[title] for column in cells)) for title in cells[0])
    columns = ("figure", *(_SUBSETS[key] for key in shown))
    return Figures("Protocol: inter-patient, in percent, 95 % intervals over records in brackets", columns, rows)


def _inter_patient_cells(subset: dict[str, Any]) -> dict[str, str]:
    return {
        "macro-F1": _percent(subset["macro_f1"]),
        **{f"{name} F1": _percent(subset["classes"][name]["f1"]) for name in "NSVF"},
        "abnormal F1": _percent(subset["abnormal"]["f1"]),
        "AUROC": _percent(subset["auroc"]),
    }


def _inter_patient(card: ModelCard) -> dict[str, Any] | None:
    result = _read_result(f"{card.name}-inter-patient.json")
    # A result of other weights says nothing of these.
    return result if result is not None and result["provenance"]["weights"] == card.sha256 else None


@cache
def _read_result(name: str) -> dict[str, Any] | None:
    for folder in FOLDERS:
        if (folder / name).is_file():
            found: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
            return found
    return None


def _plain(value: object) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool)


def _write(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _percent(figure: dict[str, Any]) -> str:
    value, interval = figure["value"], figure.get("interval_95")
    if value is None:
        return "–"
    return f"{100 * value:.1f}" + (f" [{100 * interval[0]:.0f}, {100 * interval[1]:.0f}]" if interval else "")
