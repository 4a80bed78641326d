"""Draw whether the main model's probabilities hold on DS2; `docs/tools/results.py` calls it."""

from __future__ import annotations

from typing import Any

from boxes import document, text

from beatlens.reports.style import PAPER, RIGHT, RULE, SOFT_INK

SIDE, TOP, LEFT, APART = 240, 66, 60, 340
FEW = 30
"""Bins of fewer beats are drawn hollow."""
TITLES = {"abnormal": "Abnormal", "called class": "The called class"}


def at(share: float, column: int) -> float:
    """Return the place, from the left, of a probability between 0 and 1."""
    return LEFT + APART * column + share * SIDE


def up(share: float) -> float:
    """Return the place, from the top, of a share between 0 and 1."""
    return TOP + SIDE - share * SIDE


def draw(found: dict[str, Any]) -> str:
    """Return the drawing of a kept inter-patient evaluation."""
    kinds = found["figures"]["calibration"]
    parts = [
        text(20, 26, f"{found['provenance']['model']} on DS2: how often what was given a probability came true", bold=True)
    ]
    for column, (name, title) in enumerate(TITLES.items()):
        error = 100 * kinds[name]["expected_calibration_error"]["value"]
        parts.append(text(at(0, column), 50, f"{title}: calibration error {error:.1f} %", size=12))
        for percent in range(0, 101, 20):
            x, y = at(percent / 100, column), up(percent / 100)
            parts.append(f'<path d="M{x:g} {up(1):g}V{up(0):g}M{at(0, column):g} {y:g}H{at(1, column):g}" stroke="{RULE}"/>')
            parts.append(text(x, up(0) + 16, str(percent), size=11, colour=SOFT_INK, anchor="middle"))
            parts.append(text(at(0, column) - 8, y + 4, str(percent), size=11, colour=SOFT_INK, anchor="end"))
        ends = f"M{at(0, column):g} {up(0):g}L{at(1, column):g} {up(1):g}"
        parts.append(f'<path d="{ends}" stroke="{SOFT_INK}" stroke-dasharray="4 4"/>')
        bins = [each for each in kinds[name]["bins"] if each["n_beats"]]
        places = [(at(each["mean_probability"], column), up(each["share"])) for each in bins]
        line = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(f'<path d="M{line}" fill="none" stroke="{RIGHT}" stroke-width="1.6"/>')
        for each, (x, y) in zip(bins, places, strict=True):
            fill = RIGHT if each["n_beats"] >= FEW else PAPER
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{fill}" stroke="{RIGHT}" stroke-width="1.4"/>')
    parts.append(
        text(LEFT, up(0) + 38, f"Across: probability, %. Up: share that came true, %. Hollow: fewer than {FEW} beats.", size=12)
    )
    return document(parts, at(1, 1) + 40, up(0) + 52, "Reliability diagrams of rhythm-lstm on DS2")
