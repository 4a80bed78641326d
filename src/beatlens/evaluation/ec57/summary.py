"""Many records as one, by the rules of WFDB's ``sumstats``: sums, gross figures, and averages of the records' own figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from beatlens.evaluation.ec57.beat_by_beat import BeatComparison, N, O, S, V, X
from beatlens.evaluation.ec57.ratio import Ratio
from beatlens.evaluation.ec57.run_by_run import RUN_LENGTHS, RunComparison

BEAT_FIGURES = (
    "qrs_sensitivity",
    "qrs_predictivity",
    "veb_sensitivity",
    "veb_predictivity",
    "sveb_sensitivity",
    "sveb_predictivity",
)
"""Figures of a beat-by-beat comparison, in the order that the reports have them."""

RUN_FIGURES = tuple((side, sort) for sort in RUN_LENGTHS for side in ("sensitivity", "predictivity"))
"""Figures of a run-by-run comparison, in the order that the reports have them."""


@dataclass(frozen=True, eq=False)
class BeatSummary:
    """Beat-by-beat figures of several records.

    Parameters
    ----------
    total : BeatComparison
        All records' counts, added up. Its RR error is that of all intervals together, which ``sumstats`` does not report.
    gross : dict of str to Ratio
        The figures of the sums, by the names of `BEAT_FIGURES`. As ``sumstats`` has it, fusion beats called SVEB are not
        counted against the SVEB +P here and in the averages, though they are in each record's own figure.
    average_percent : dict of str to float
        Mean of the records' defined figures, in percent; NaN where none is.
    average_rr_error_ms : float
        Mean of the records' defined RR errors in ms, each rounded to 0.01 ms first, as ``sumstats`` reads them.
    n_records : int
        How many records were summed up.
    """

    total: BeatComparison
    gross: dict[str, Ratio]
    average_percent: dict[str, float]
    average_rr_error_ms: float
    n_records: int


@dataclass(frozen=True, eq=False)
class RunSummary:
    """Run-by-run figures of several records.

    Parameters
    ----------
    total : RunComparison
        All records' counts, added up: its figures are the gross ones.
    average_percent : dict of (str, str) to float
        Mean of the records' defined percentages, by the names of `RUN_FIGURES`; NaN where none is.
    n_records : int
        How many records were summed up.
    """

    total: RunComparison
    average_percent: dict[tuple[str, str], float]
    n_records: int


def run_figure(comparison: RunComparison, figure: tuple[str, str]) -> Ratio:
    """Return one of the `RUN_FIGURES` of a comparison."""
    side, sort = figure
    return comparison.sensitivity(sort) if side == "sensitivity" else comparison.predictivity(sort)


def summarize_beats(comparisons: Sequence[BeatComparison]) -> BeatSummary:
    """Sum up the beat-by-beat comparisons of several records.

    Parameters
    ----------
    comparisons : sequence of BeatComparison
        One a record.
    """
    total = BeatComparison(
        counts=sum((item.counts for item in comparisons), np.zeros((7, 7), np.int64)),
        rr_squares=sum(item.rr_squares for item in comparisons),
        n_rr=sum(item.n_rr for item in comparisons),
        shutdown_samples=sum(item.shutdown_samples for item in comparisons),
        fs=comparisons[0].fs if comparisons else 1.0,
    )
    figures = [_figures(item) for item in comparisons]
    return BeatSummary(
        total=total,
        gross=_figures(total),
        average_percent={name: _mean(item[name].percent for item in figures) for name in BEAT_FIGURES},
        average_rr_error_ms=_mean(float(f"{item.rr_error_ms:.2f}") for item in comparisons),
        n_records=len(comparisons),
    )


def summarize_runs(comparisons: Sequence[RunComparison]) -> RunSummary:
    """Sum up the run-by-run comparisons of several records.

    Parameters
    ----------
    comparisons : sequence of RunComparison
        One a record.
    """
    zero = np.zeros((7, 7), np.int64)
    return RunSummary(
        total=RunComparison(
            sensitivity_counts=sum((item.sensitivity_counts for item in comparisons), zero),
            predictivity_counts=sum((item.predictivity_counts for item in comparisons), zero),
        ),
        average_percent={figure: _mean(run_figure(item, figure).percent for item in comparisons) for figure in RUN_FIGURES},
        n_records=len(comparisons),
    )


def _figures(found: BeatComparison) -> dict[str, Ratio]:
    """Return the figures as ``sumstats`` computes them, which does not see F beats called S on their own."""
    figures: dict[str, Ratio] = {name: getattr(found, name) for name in BEAT_FIGURES}
    return {**figures, "sveb_predictivity": Ratio(found.sum([S], [S]), found.sum([S, N, V, O, X], [S]))}


def _mean(values: Iterable[float]) -> float:
    """Return the mean of the defined values; NaN where there is none."""
    defined = [value for value in values if not math.isnan(value)]
    return math.fsum(defined) / len(defined) if defined else math.nan
