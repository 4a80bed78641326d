"""The models, and what is easy to beat, beside each other on DS2: one table for the README and the page of results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results"
COLUMNS = ("on DS2, reference R peaks, paper mapping", "macro-F1", "S F1", "V F1", "F F1", "abnormal F1", "AUROC")
ROWS = (
    ("rhythm-lstm-inter-patient", "`rhythm-lstm`"),
    ("rhythm-lstm-inter-patient-first-lead", "`rhythm-lstm`, shown the first lead only"),
    ("baseline-boosting", "gradient boosting on the same columns, each beat for itself"),
    ("seed-lstm-ds1-inter-patient", "the architecture of `seed-lstm`, trained on DS1: normal or abnormal only"),
)
"""File of a kept run, and what it is called; a run that is not kept has no row."""
SUBSETS = (("without 232", "without record 232"), ("without 213", "without record 213"))
NONE = "-"


def rows(folder: Path = RESULTS, *, subsets: bool = True) -> list[tuple[str, ...]]:
    """Return the rows of the table, in percent, as text; if asked, `rhythm-lstm` without single records too."""
    found = []
    for stem, title in ROWS:
        path = folder / f"{stem}.json"
        if not path.is_file():
            continue
        kept = json.loads(path.read_text(encoding="utf-8"))
        if "figures" not in kept:
            found.append((title, *(percent(kept["DS2"].get(name)) for name in COLUMNS[1:])))
            continue
        measured = kept["figures"]["mappings"]["paper"]["subsets"]
        binary = "seed-lstm" in stem
        found.append((title, *cells(measured["all"], binary=binary)))
        if subsets and stem == ROWS[0][0]:
            found += [(f"{title}, {name}", *cells(measured[key], binary=False)) for key, name in SUBSETS]
    return found


def cells(subset: dict[str, Any], *, binary: bool) -> list[str]:
    """Return the cells of a kept run; of a model that knows normal and abnormal only, those of that."""
    classes = [subset["macro_f1"], *(subset["classes"][name]["f1"] for name in "SVF")] if not binary else [{"value": None}] * 4
    return [percent(each["value"]) for each in (*classes, subset["abnormal"]["f1"], subset["auroc"])]


def percent(value: float | None) -> str:
    """Return a share in percent."""
    return NONE if value is None else f"{100 * value:.1f}"
