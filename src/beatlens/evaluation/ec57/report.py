"""A comparison as one JSON document, and as a table for a reader."""

from __future__ import annotations

import math
from typing import Any

from beatlens.evaluation.ec57.beat_by_beat import LABELS, BeatComparison
from beatlens.evaluation.ec57.folder import Comparison, RecordComparison
from beatlens.evaluation.ec57.ratio import Ratio
from beatlens.evaluation.ec57.run_by_run import RUN_LENGTHS, RunComparison
from beatlens.evaluation.ec57.summary import BEAT_FIGURES, RunSummary, run_figure

_RATES = ("veb_false_positive_rate", "sveb_false_positive_rate")


def comparison_as_dict(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as plain values for JSON; what is not defined is None.

    Parameters
    ----------
    comparison : Comparison
        Two annotators over several records.
    """
    beats = comparison.beats
    return {
        "reference": comparison.reference,
        "test": comparison.test,
        "start_s": comparison.start_s,
        "mapping": "bxb",
        "labels": list(LABELS),
        "records": [_record(record) for record in comparison.records],
        "gross": {
            **{name: ratio_as_dict(beats.gross[name]) for name in BEAT_FIGURES},
            **{name: ratio_as_dict(getattr(beats.total, name)) for name in _RATES},
            "ventricular_runs": _runs(comparison.ventricular.total),
            "supraventricular_runs": _runs(comparison.supraventricular.total),
        },
        "average_percent": {
            **{name: defined(value) for name, value in beats.average_percent.items()},
            "rr_error_ms": defined(beats.average_rr_error_ms),
            "ventricular_runs": _averages(comparison.ventricular),
            "supraventricular_runs": _averages(comparison.supraventricular),
        },
        "counts": beats.total.counts.tolist(),
    }


def format_comparison(comparison: Comparison) -> str:
    """Return the gross and average figures of a comparison as a table of plain text.

    Parameters
    ----------
    comparison : Comparison
        Two annotators over several records.
    """
    beats = comparison.beats
    names = f"{comparison.test} against {comparison.reference}"
    rates = [_fixed(getattr(beats.total, name).percent) for name in _RATES]
    lines = [
        f"{names} in {len(comparison.records)} records, from {comparison.start_s:g} s on, classes as bxb maps them",
        "",
        f"{'':<28}{'gross Se %':>11}{'':<18}{'gross +P %':>11}{'':<18}{'mean Se %':>10}{'mean +P %':>11}",
    ]
    for title, name in (("QRS", "qrs"), ("VEB", "veb"), ("SVEB", "sveb")):
        figures = f"{name}_sensitivity", f"{name}_predictivity"
        lines.append(
            f"{title:<28}{''.join(_cells(beats.gross[figure]) for figure in figures)}"
            f"{_fixed(beats.average_percent[figures[0]]):>10}{_fixed(beats.average_percent[figures[1]]):>11}"
        )
    for kind, summary in (("ventricular", comparison.ventricular), ("supraventricular", comparison.supraventricular)):
        for sort in RUN_LENGTHS:
            average = [summary.average_percent[side, sort] for side in ("sensitivity", "predictivity")]
            lines.append(
                f"{_plural(sort) + ', ' + kind:<28}"
                f"{_cells(summary.total.sensitivity(sort))}{_cells(summary.total.predictivity(sort))}"
                f"{_fixed(average[0]):>10}{_fixed(average[1]):>11}"
            )
    lines += [
        "",
        f"RR interval error, mean of the records' RMS: {_fixed(beats.average_rr_error_ms)} ms",
        f"false positive rates, gross: VEB {rates[0]} %, SVEB {rates[1]} %",
    ]
    return "\n".join(lines) + "\n"


def ratio_as_dict(ratio: Ratio) -> dict[str, float | int | None]:
    """Return a ratio with its counts; its value, between 0 and 1, is None where there was no case."""
    return {"hits": ratio.hits, "cases": ratio.cases, "value": defined(ratio.value)}


def defined(value: float) -> float | None:
    """Return a number, or None for NaN, which JSON does not have."""
    return None if math.isnan(value) else value


def _record(record: RecordComparison) -> dict[str, Any]:
    return {
        "name": record.name,
        "counts": record.beats.counts.tolist(),
        **_beats(record.beats),
        "ventricular_runs": _runs(record.ventricular),
        "supraventricular_runs": _runs(record.supraventricular),
    }


def _beats(found: BeatComparison) -> dict[str, Any]:
    return {
        **{name: ratio_as_dict(getattr(found, name)) for name in (*BEAT_FIGURES, *_RATES)},
        "rr_error_ms": defined(found.rr_error_ms),
        "shutdown_s": found.shutdown_s,
    }


def _runs(found: RunComparison) -> dict[str, Any]:
    return {
        **{
            _plural(sort).replace(" ", "_"): {
                side: ratio_as_dict(run_figure(found, (side, sort))) for side in ("sensitivity", "predictivity")
            }
            for sort in RUN_LENGTHS
        },
        "sensitivity_counts": found.sensitivity_counts.tolist(),
        "predictivity_counts": found.predictivity_counts.tolist(),
    }


def _averages(summary: RunSummary) -> dict[str, Any]:
    return {
        _plural(sort).replace(" ", "_"): {
            side: defined(summary.average_percent[side, sort]) for side in ("sensitivity", "predictivity")
        }
        for sort in RUN_LENGTHS
    }


def _plural(sort: str) -> str:
    return "couplets" if sort == "couplet" else f"{sort} runs"


def _cells(ratio: Ratio) -> str:
    return f"{_fixed(ratio.percent):>11}{f' ({ratio.hits}/{ratio.cases})':<18}"


def _fixed(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"
