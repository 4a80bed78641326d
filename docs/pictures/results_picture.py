"""Draw the main model's figures with their intervals; `docs/tools/results.py` calls it."""

from __future__ import annotations

from typing import Any

from boxes import document, text

from beatlens.reports.style import RIGHT, RULE, SOFT_INK, WRONG

LEFT, RIGHT_EDGE, TOP, ROW = 130, 620, 64, 46
SUBSETS = (("all", "all 22 records", RIGHT, -7), ("without 232", "without record 232", WRONG, 7))


def at(share: float) -> float:
    """Return the place of a share between 0 and 1."""
    return LEFT + share * (RIGHT_EDGE - LEFT)


def draw(found: dict[str, Any]) -> str:
    """Return the drawing of a kept inter-patient evaluation."""
    subsets = found["figures"]["mappings"]["paper"]["subsets"]
    parts = [text(20, 26, f"{found['provenance']['model']} on DS2: F1 in percent, 95 % intervals over records", bold=True)]
    for place, (_, words, colour, _) in enumerate(SUBSETS):
        x = LEFT + 190 * place
        parts += [f'<circle cx="{x:g}" cy="44" r="5" fill="{colour}"/>', text(x + 12, 48, words, size=12)]
    names = ("macro", "N", "S", "V", "F", "abnormal")
    bottom = TOP + ROW * len(names)
    for percent in range(0, 101, 20):
        x = at(percent / 100)
        parts.append(f'<path d="M{x:g} {TOP - 6}V{bottom:g}" stroke="{RULE}"/>')
        parts.append(text(x, bottom + 16, str(percent), size=11, colour=SOFT_INK, anchor="middle"))
    for row, name in enumerate(names):
        y = TOP + ROW * row + 20
        parts.append(text(LEFT - 14, y + 5, name, anchor="end", bold=True))
        for subset, _, colour, shift in SUBSETS:
            one = subsets[subset]
            figure = (
                one["macro_f1"] if name == "macro" else (one["abnormal"] if name == "abnormal" else one["classes"][name])["f1"]
            )
            if figure["value"] is None:
                continue
            low, high = figure.get("interval_95", [figure["value"]] * 2)
            line = f'stroke="{colour}" stroke-width="2.4" stroke-opacity="0.45"'
            parts.append(f'<path d="M{at(low):.1f} {y + shift}H{at(high):.1f}" {line}/>')
            parts.append(f'<circle cx="{at(figure["value"]):.1f}" cy="{y + shift}" r="5" fill="{colour}"/>')
            parts.append(text(RIGHT_EDGE + 12, y + shift + 4, f"{100 * figure['value']:.1f}", size=11, colour=colour))
    return document(parts, 670, bottom + 30, "F1 of rhythm-lstm on DS2 with intervals, with and without record 232")
