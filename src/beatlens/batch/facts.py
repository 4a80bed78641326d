"""One row a recording: its summary in plain numbers and words."""

from __future__ import annotations

from typing import Any

from beatlens.analysis.result import Analysis


def summarise_row(analysis: Analysis) -> dict[str, Any]:
    """Return the summary of an analysis as one flat row; None where a value cannot be computed.

    Parameters
    ----------
    analysis : Analysis

    Returns
    -------
    dict
        Name, length, leads and rate of the recording; beats, and beats of each class (``n_X``) with the share of each ectopic
        class (``burden_X_percent``); heart rate, intervals and events. Units stand in the names.
    """
    record, summary = analysis.record, analysis.summary
    rate, intervals = summary.heart_rate, summary.intervals
    longest, fastest, pause = summary.longest_run, summary.fastest_run, summary.longest_pause
    episodes = {kind: sum(counts.values()) for kind, counts in summary.episodes.items()}
    return {
        "recording": record.name,
        "format": record.source,
        "start_time": record.start_time.isoformat() if record.start_time else None,
        "duration_s": summary.duration_s,
        "unreadable_s": summary.unreadable_s,
        "fs_hz": float(record.fs),
        "leads": " ".join(record.lead_names),
        "n_beats": summary.n_beats,
        "n_judged": summary.n_judged,
        "n_uncertain": summary.n_uncertain,
        "n_abnormal": summary.n_abnormal,
        **{f"n_{name}": count for name, count in summary.counts.items()},
        **{f"burden_{name}_percent": share for name, share in summary.burden_percent.items()},
        "mean_rate_bpm": rate.mean,
        "lowest_rate_bpm": rate.lowest,
        "highest_rate_bpm": rate.highest,
        "sdnn_ms": intervals.sdnn_ms,
        "rmssd_ms": intervals.rmssd_ms,
        "pnn50_percent": intervals.pnn50_percent,
        "n_pauses": summary.n_pauses,
        "longest_pause_s": pause.end_s - pause.start_s if pause else None,
        "n_couplets": episodes.get("couplet", 0),
        "n_runs": episodes.get("run", 0),
        "n_bigeminy": episodes.get("bigeminy", 0),
        "longest_run_beats": longest.n_beats if longest else None,
        "fastest_run_bpm": fastest.rate_bpm if fastest else None,
        "notes": "; ".join(note.rstrip(".") for note in analysis.notes),
    }
