"""What the tests of explanations found for the shipped weights: how far to trust a method's pictures.

``measured.json`` beside this module is written by ``docs/update_explanations.py`` from what ``beatlens explain evaluate`` kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

FILE: Final = "measured.json"
RESEMBLES: Final = 0.5
"""Pictures of shuffled weights that are more alike than this owe much to the beat alone, and not to what was learned."""


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval over records."""

    mean: float
    low: float
    high: float

    @classmethod
    def parse(cls, cell: str) -> Interval:
        """Read a cell of a report.

        Examples
        --------
        >>> Interval.parse("-0.044 [-0.061, -0.019]")
        Interval(mean=-0.044, low=-0.061, high=-0.019)
        """
        mean, low, high = (float(part) for part in cell.rstrip("]").replace(" [", ", ").split(", "))
        return cls(mean, low, high)

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]".replace("-", "−")


@dataclass(frozen=True)
class Measured:
    """What the tests found for one method on one model's weights.

    Parameters
    ----------
    n_beats : int
        Beats of DS2 that were tested.
    amplitude, chance : Interval
        Area under the deletion curve less that of pointing at the largest voltages, and of random orders: below 0 the call is
        lost sooner by this method's order.
    planted : int or None
        Planted waves that moved the logit; None if the method was not asked to find them.
    found : float or None
        Share of them that it pointed at.
    shuffled : float or None
        Rank correlation of its pictures before and after every layer's weights were shuffled.
    """

    n_beats: int
    amplitude: Interval
    chance: Interval
    planted: int | None
    found: float | None
    shuffled: float | None

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """The figures as a table: what, and how much."""
        rows = [
            ("deletion area, less that of the largest voltages", str(self.amplitude)),
            ("deletion area, less that of a random order", str(self.chance)),
        ]
        if self.found is not None:
            rows.append(("planted waves found", f"{100 * self.found:.0f} % of {self.planted}"))
        if self.shuffled is not None:
            rows.append(("likeness to pictures of shuffled weights", f"{self.shuffled:.2f}".replace("-", "−")))
        return tuple(rows)

    @property
    def verdict(self) -> str:
        """The figures in one or two sentences."""
        sure = [each.high < 0 for each in (self.amplitude, self.chance)]
        said = (
            "It points at what the call rests on better than the largest voltages and chance do."
            if all(sure)
            else "It beats chance, but not surely pointing at the largest voltages."
            if sure[1]
            else "It does not surely beat chance."
        )
        if self.shuffled is not None and self.shuffled >= RESEMBLES:
            said += (
                " With shuffled weights its pictures stay much alike: much of them is the beat's shape, not what was learned."
            )
        return said


def find_measured(model: str, weights: str, method: str) -> Measured | None:
    """Return what the tests found; None if these weights, or this method on them, were not tested.

    Parameters
    ----------
    model : str
        The model's name.
    weights : str
        SHA-256 of its weights: figures of other weights say nothing of these.
    method : str
        One of `beatlens.explain.methods.METHODS`.
    """
    kept = _read().get(model, {})
    figures = kept.get("methods", {}).get(method)
    if figures is None or kept["weights"] != weights:
        return None
    return Measured(
        n_beats=kept["n_beats"],
        amplitude=Interval(*figures["amplitude"]),
        chance=Interval(*figures["chance"]),
        planted=figures["planted"],
        found=figures["found"],
        shuffled=figures["shuffled"],
    )


def gather_measured(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `find_measured` needs of a report of ``beatlens explain evaluate``, in the types of JSON."""
    shuffled = report["randomisation"][-1]  # every layer, from the last one to the first
    planted = {row["method"]: row for row in report["lateness"]}
    methods = {}
    for row in report["faithfulness"]:
        method = row["order"]
        if row["class"] != "all" or "-" in (row["less than random"], row["less than amplitude"]):
            continue  # of the baselines one is not measured against itself
        waves = planted.get(method, {})
        asked = isinstance(waves.get("found"), float)
        methods[method] = {
            "amplitude": _numbers(row["less than amplitude"]),
            "chance": _numbers(row["less than random"]),
            "planted": waves["planted"] if asked else None,
            "found": round(waves["found"], 3) if asked else None,
            "shuffled": round(shuffled[method], 3) if method in shuffled else None,
        }
    return {"weights": report["weights"], "n_beats": sum(report["n_beats"].values()), "methods": methods}


def _numbers(cell: str) -> list[float]:
    found = Interval.parse(cell)
    return [found.mean, found.low, found.high]


@cache
def _read() -> dict[str, Any]:
    kept: dict[str, Any] = json.loads((files("beatlens.explain") / FILE).read_text(encoding="utf-8"))
    return kept
