"""ANSI/AAMI EC57: two annotators compared beat by beat and run by run, as WFDB's ``bxb``, ``rxr`` and ``sumstats`` do it."""

from __future__ import annotations

from beatlens.evaluation.ec57.beat_by_beat import LABELS, BeatComparison, compare_beats
from beatlens.evaluation.ec57.folder import (
    Comparison,
    RecordComparison,
    compare_folder,
    compare_record,
    make_reports,
    write_reports,
)
from beatlens.evaluation.ec57.ratio import Ratio
from beatlens.evaluation.ec57.run_by_run import RunComparison, compare_runs
from beatlens.evaluation.ec57.summary import BeatSummary, RunSummary, summarize_beats, summarize_runs

__all__ = [
    "LABELS",
    "BeatComparison",
    "BeatSummary",
    "Comparison",
    "Ratio",
    "RecordComparison",
    "RunComparison",
    "RunSummary",
    "compare_beats",
    "compare_folder",
    "compare_record",
    "compare_runs",
    "make_reports",
    "summarize_beats",
    "summarize_runs",
    "write_reports",
]
