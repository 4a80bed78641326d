"""Write what ``beatlens explain evaluate`` kept into docs/concepts/explanations.md and into the package.

The package's part is what readers of the app and of the report are shown. ``make explanations`` runs the tests, then this.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from beatlens import _io
from beatlens.explain.evaluate import BASELINES
from beatlens.explain.measured import FILE, gather_measured
from beatlens.explain.methods import DEFAULTS, METHODS

DOCS = Path(__file__).parent
PACKAGE = DOCS.parent / "src" / "beatlens" / "explain"
PAGE = DOCS / "concepts" / "explanations.md"
START, END = "<!-- measured: made by docs/update_explanations.py -->", "<!-- /measured -->"
AMPLITUDE = (
    "**How much sooner the call is lost than by pointing at the largest voltages** (difference of the deletion areas, mean of "
    "both replacements; below 0 is better; in brackets 95 % over records):"
)
OF_RHYTHM = (
    "**The rhythm features** (taken away one after another instead of the signal; pointing at the most unusual ones is the "
    "second baseline):"
)
SANITY = (
    "**Sanity** (rank correlations with the original picture; of shuffled weights first of the sizes, then of the values with "
    "their signs; of planted waves those that moved the logit by 2 or more, in brackets found by one sample):"
)
UNSURE = "beats both on average, not with its whole interval"
CLASSES = ("all", "N", "S", "V", "F")


def main() -> None:
    """Replace what stands between the two marks, and what the package holds."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(START)
    _, after = rest.split(END)
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((DOCS / "results").glob("explanations-*.json"))]
    parts = [describe_model(report) for report in reports]
    PAGE.write_text(before + "\n\n".join([START, *parts, END]) + after, encoding="utf-8")
    _io.write_json(PACKAGE / FILE, {report["model"]: gather_measured(report) for report in reports})


def describe_model(report: dict[str, Any]) -> str:
    """Return the tables of one model."""
    model, default = report["model"], DEFAULTS[report["model"]]
    counts = ", ".join(f"{name} {n}" for name, n in report["n_beats"].items())
    parts = [
        f"### {model}: `{default}` is the default",
        f"Beats of DS2 by the reference's class: {counts}. {report['note']}",
        verdict(report["faithfulness"], default),
        AMPLITUDE,
        table_by_class(report["faithfulness"], "less than amplitude"),
        "**The same against a random order:**",
        table_by_class(report["faithfulness"], "less than random"),
    ]
    if report["rhythm"]:
        parts += [
            OF_RHYTHM,
            table_by_class(report["rhythm"], "less than amplitude"),
        ]
    if report["shares"]:
        parts += [
            f"**What the evidence lies on** (`{default}`, mean part by size, %):",
            table_of_shares(report["shares"], default),
        ]
    parts += [
        "**Where a cardiologist would look** (pointing game: the largest value lies there; in brackets 95 % over records):",
        table_of_places(report["localisation"]),
        SANITY,
        table_of_sanity(report),
    ]
    return "\n\n".join(parts)


def verdict(rows: list[dict[str, Any]], default: str) -> str:
    """Say for which classes the default beats both baselines, with its whole interval, on the mean, or not."""
    said = []
    for label in CLASSES:
        found = [row for row in rows if (row["class"], row["order"]) == (label, default)]
        if not found:
            continue
        sure = [high_of(found[0][key]) < 0 for key in ("less than random", "less than amplitude")]
        better = [mean_of(found[0][key]) < 0 for key in ("less than random", "less than amplitude")]
        how = UNSURE if all(better) and not all(sure) else "beats both baselines" if all(sure) else "does not beat both"
        said.append(f"{label}: {how}")
    return f"Deletion by `{default}`: " + "; ".join(said) + "."


def mean_of(cell: str) -> float:
    """Return the mean of a cell such as ``-0.1 [-0.2, 0.0]``."""
    return float(cell.split(" [", maxsplit=1)[0])


def high_of(cell: str) -> float:
    """Return the upper end of its interval."""
    return float(cell.rstrip("]").split(", ")[1])


def table_by_class(rows: list[dict[str, Any]], key: str) -> str:
    """Return one row a method, one column a class."""
    labels = [label for label in CLASSES if any(row["class"] == label for row in rows)]
    orders = [order for order in dict.fromkeys(row["order"] for row in rows) if order not in BASELINES]
    cells = {(row["class"], row["order"]): row[key] for row in rows}
    return table(["method", *labels], [[order, *(cells[label, order] for label in labels)] for order in orders])


def table_of_places(rows: list[dict[str, Any]]) -> str:
    """Return one row a method, one column a class."""
    labels = list(dict.fromkeys((row["class"], row["segments"]) for row in rows))
    methods = list(dict.fromkeys(row["method"] for row in rows))
    cells = {(row["class"], row["method"]): row["pointing game"] for row in rows}
    chance = {row["class"]: row["chance"] for row in rows}
    body = [[method, *(cells[label, method] for label, _ in labels)] for method in methods]
    return table(
        ["method", *(f"{label}: {where}" for label, where in labels)],
        [*body, ["chance", *(chance[label] for label, _ in labels)]],
    )


def table_of_shares(rows: list[dict[str, Any]], default: str) -> str:
    """Return one row a class, one column a name."""
    own = [row for row in rows if row["method"] == default]
    names = [key for key in own[0] if key not in {"class", "method"}] if own else []
    return table(["class", *names], [[row["class"], *(f"{100 * row[name]:.0f}" for name in names)] for row in own])


def table_of_sanity(report: dict[str, Any]) -> str:
    """Return one row a method."""
    noise = {row["method"]: row for row in report["stability"]}
    late = {row["method"]: row for row in report["lateness"]}
    layers = [row["shuffled from"] for row in report["randomisation"]]
    body = []
    for method in METHODS:
        if method not in report["randomisation"][0]:
            continue
        by_sign = report.get("signed") or [{}] * len(layers)
        fallen = [tell_both(row, signed, method) for row, signed in zip(report["randomisation"], by_sign, strict=True)]
        calm, own = noise.get(method, {}), late.get(method, {})
        planted = own.get("found", "-")
        found = f"{planted:.3f} of {own['planted']}" if isinstance(planted, float) else "-"
        if isinstance(by_one := own.get("found by one sample"), float):
            found += f" ({by_one:.3f})"
        body.append([method, *fallen, calm.get("noise", "-"), calm.get("shift", "-"), own.get("late share", "-"), found])
    return table(
        ["method", *(f"shuffled from `{layer}`" for layer in layers), "noise", "shift", "last third", "planted, found"], body
    )


def tell_both(sizes: dict[str, Any], signed: dict[str, Any], method: str) -> str:
    """Return the rank correlation of the sizes, and that of the values with their signs where it was measured."""
    return f"{sizes[method]:.2f}" + (f", {signed[method]:.2f}" if method in signed else "")


def table(head: list[str], body: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


if __name__ == "__main__":
    main()
