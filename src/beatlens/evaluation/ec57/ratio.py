"""A share, kept as its two counts: so that it can be added up, and be undefined."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """Number of hits among a number of cases.

    Parameters
    ----------
    hits : int
        Numerator.
    cases : int
        Denominator. With none, the ratio is not defined.

    Examples
    --------
    >>> Ratio(3, 4).percent
    75.0
    >>> Ratio(0, 0).value
    nan
    """

    hits: int
    cases: int

    @property
    def value(self) -> float:
        """Share between 0 and 1; NaN where there was no case."""
        return self.hits / self.cases if self.cases else math.nan

    @property
    def percent(self) -> float:
        """Share between 0 and 100; NaN where there was no case."""
        return 100 * self.hits / self.cases if self.cases else math.nan

    @property
    def whole_percent(self) -> int | None:
        """Percentage rounded half up to a whole number; None where there was no case."""
        return (200 * self.hits + self.cases) // (2 * self.cases) if self.cases else None

    def __add__(self, other: Ratio) -> Ratio:
        return Ratio(self.hits + other.hits, self.cases + other.cases)
