"""Whether probabilities hold: of the beats that are given 80 %, four in five should be so.

Expected calibration error over bins of equal width: Naeini MP, Cooper GF, Hauskrecht M. Obtaining well calibrated
probabilities using Bayesian binning. AAAI (2015). Reliability diagram: DeGroot MH, Fienberg SE. The Statistician 32 (1983).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from beatlens.errors import ConfigurationError
from beatlens.evaluation.bootstrap import Interval, draw_records, interval_of
from beatlens.evaluation.metrics import Figure, Floats
from beatlens.evaluation.result import Measured

N_BINS: Final = 15
_NO_BEAT: Final = "no beat with a probability"


@dataclass(frozen=True, eq=False)
class Reliability:
    """How often what was given a probability came true.

    Parameters
    ----------
    counts : ndarray of float, shape (n_bins, 4)
        For bins of equal width from 0 to 1: beats, sum of their probabilities, how many came true, sum of squared errors.
    ece : Measured
        Expected calibration error: mean distance of probability and share over the bins, weighed by their beats; 0 to 1.
    brier : Measured
        Mean squared distance of the probability from what came true; 0 to 1.
    """

    counts: Floats
    ece: Measured
    brier: Measured

    @property
    def edges(self) -> Floats:
        """Ends of the bins, shape (n_bins + 1,)."""
        return np.linspace(0, 1, len(self.counts) + 1)

    @property
    def n_beats(self) -> int:
        """How many beats had a probability."""
        return int(self.counts[:, 0].sum())

    def bins(self) -> list[tuple[int, float, float]]:
        """Return beats, mean probability, and share that came true, of each bin; NaN twice where it is empty."""
        n = np.where(self.counts[:, 0] > 0, self.counts[:, 0], np.nan)
        columns = self.counts[:, 0].astype(int), self.counts[:, 1] / n, self.counts[:, 2] / n
        return list(zip(*(column.tolist() for column in columns), strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; None for what an empty bin has not."""
        edges = self.edges.tolist()
        return {
            "n_beats": self.n_beats,
            "expected_calibration_error": self.ece.to_dict(),
            "brier": self.brier.to_dict(),
            "bins": [
                {
                    "from": edges[k],
                    "to": edges[k + 1],
                    "n_beats": n,
                    "mean_probability": probability if n else None,
                    "share": share if n else None,
                }
                for k, (n, probability, share) in enumerate(self.bins())
            ],
        }


def count_bins(probability: npt.ArrayLike, came_true: npt.ArrayLike, *, n_bins: int = N_BINS) -> Floats:
    """Sort beats into bins by their probability; counts of several records can be added up.

    Parameters
    ----------
    probability : array_like of float, shape (n_beats,)
        From 0 to 1; beats where it is NaN are left out.
    came_true : array_like of bool, shape (n_beats,)
        Whether the beat is what the probability was of.
    n_bins : int
        Of equal width.

    Returns
    -------
    ndarray of float, shape (n_bins, 4)
        See `Reliability.counts`.

    Raises
    ------
    ConfigurationError
        If the lengths differ or a probability is out of range.
    """
    p, true = np.asarray(probability, np.float64), np.asarray(came_true, np.float64)
    if p.shape != true.shape or p.ndim != 1:
        raise ConfigurationError(f"probability and outcome must be one a beat; got shapes {p.shape} and {true.shape}")
    p, true = p[~np.isnan(p)], true[~np.isnan(p)]
    if p.size and (p.min() < -1e-6 or p.max() > 1 + 1e-6):
        raise ConfigurationError(f"'probability' must lie between 0 and 1; got {p.min():g} to {p.max():g}")
    place = np.clip((p * n_bins).astype(np.int64), 0, n_bins - 1)
    columns = (np.ones(len(p)), p, true, (p - true) ** 2)
    return np.stack([np.bincount(place, weights=column, minlength=n_bins) for column in columns], axis=1)


def measure_reliability(records: Sequence[Floats], *, n_resamples: int = 1000) -> Reliability:
    """Measure calibration over records, with intervals of a bootstrap over them.

    Parameters
    ----------
    records : sequence of ndarray
        Of `count_bins`, one a record.
    n_resamples : int
        Resamples of the records; no interval if 0.
    """
    stacked = np.stack(records)
    total = stacked.sum(axis=0)
    intervals: list[Interval | None] = [None, None]
    if n_resamples and len(stacked) > 1:
        draws = [np.tensordot(times, stacked, 1) for times in draw_records(len(stacked), n_resamples=n_resamples)]
        intervals = [interval_of(measure(draw).value for draw in draws) for measure in (_ece, _brier)]
    return Reliability(total, Measured(_ece(total), intervals[0]), Measured(_brier(total), intervals[1]))


def _ece(counts: Floats) -> Figure:
    return Figure.share(float(np.abs(counts[:, 1] - counts[:, 2]).sum()), float(counts[:, 0].sum()), _NO_BEAT)


def _brier(counts: Floats) -> Figure:
    return Figure.share(float(counts[:, 3].sum()), float(counts[:, 0].sum()), _NO_BEAT)
