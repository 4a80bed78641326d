"""The ``ec57`` protocol: annotations made from the raw signal, compared with the reference as ANSI/AAMI EC57 asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from beatlens.errors import ConfigurationError
from beatlens.evaluation.bootstrap import Interval, draw_records, interval_of
from beatlens.evaluation.ec57 import Comparison, compare_record
from beatlens.evaluation.ec57.beat_by_beat import F, S
from beatlens.evaluation.ec57.ratio import Ratio
from beatlens.evaluation.ec57.summary import BEAT_FIGURES
from beatlens.evaluation.metrics import Figure
from beatlens.evaluation.result import Measured
from beatlens.records import Annotations


@dataclass(frozen=True, eq=False)
class Ec57Figures:
    """Figures of the ``ec57`` protocol.

    Parameters
    ----------
    comparison : Comparison
        Every record, and their sums.
    gross : dict of str to Measured
        Gross figures with 95 % intervals, by the names of `beatlens.evaluation.ec57.summary.BEAT_FIGURES`.
    """

    comparison: Comparison
    gross: dict[str, Measured]


def evaluate_ec57(
    annotated: Mapping[str, Annotations],
    reference: Mapping[str, Annotations],
    *,
    n_samples: Mapping[str, int],
    fs: float = 360.0,
    start_s: float = 300.0,
    n_resamples: int = 1000,
    names: tuple[str, str] = ("atr", "test"),
) -> Ec57Figures:
    """Compare annotations with the reference, beat by beat and run by run.

    Parameters
    ----------
    annotated, reference : mapping of str to Annotations
        By record.
    n_samples : mapping of str to int
        Length of each record in samples.
    fs : float
        Sampling rate in Hz.
    start_s : float
        Where each comparison starts, in seconds: what comes before is the learning period.
    n_resamples : int
        Resamples of the records for the 95 % intervals.
    names : (str, str)
        What the reference and the test are called.

    Returns
    -------
    Ec57Figures

    Raises
    ------
    ConfigurationError
        If no record is given, or the two name different records.
    AnnotationError
        If annotations lie outside their record or are of another sampling rate.
    """
    if not annotated or set(annotated) != set(reference):
        odd = sorted(set(annotated) ^ set(reference))
        raise ConfigurationError(f"annotations and reference must be of the same records, at least one; they differ in {odd}")
    records = tuple(
        compare_record(reference[name], annotated[name], fs=fs, n_samples=n_samples[name], start_s=start_s, name=name)
        for name in sorted(annotated)
    )
    comparison = Comparison(reference=names[0], test=names[1], start_s=start_s, records=records)
    return Ec57Figures(comparison, {name: _gross(comparison, name, n_resamples) for name in BEAT_FIGURES})


def _gross(comparison: Comparison, name: str, n_resamples: int) -> Measured:
    """Return a gross figure with its interval over records."""
    ratio = comparison.beats.gross[name]
    figure = Figure.share(ratio.hits, ratio.cases, "no case")
    if len(comparison.records) < 2:
        return Measured(figure)
    own: list[Ratio] = [getattr(record.beats, name) for record in comparison.records]
    if name == "sveb_predictivity":  # the gross figure leaves out fusion beats called S
        fusion = [int(record.beats.counts[F, S]) for record in comparison.records]
        own = [Ratio(item.hits, item.cases - n) for item, n in zip(own, fusion, strict=True)]
    draws = draw_records(len(own), n_resamples=n_resamples)
    hits, cases = draws @ np.array([item.hits for item in own]), draws @ np.array([item.cases for item in own])
    shares = np.divide(hits, cases, out=np.full(len(draws), np.nan), where=cases > 0)
    interval: Interval = interval_of(shares.tolist())
    return Measured(figure, interval)
