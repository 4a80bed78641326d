"""The reports as text, byte for byte as ``bxb``, ``rxr`` and ``sumstats`` of WFDB 10.7.0 print them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from beatlens.evaluation.ec57.beat_by_beat import LABELS, BeatComparison, F, N, O, Q, S, V, X
from beatlens.evaluation.ec57.ratio import Ratio
from beatlens.evaluation.ec57.run_by_run import RUN_LENGTHS, RunComparison
from beatlens.evaluation.ec57.summary import BEAT_FIGURES, RUN_FIGURES, run_figure, summarize_beats, summarize_runs

LINE_HEADER = (
    "Record Nn' Sn' Vn' Fn' On'  Ns  Ss  Vs  Fs' Os' Nv  Sv   Vv  Fv' Ov' No' So' Vo' Fo'"
    "  Q Se   Q +P   V Se   V +P   S Se   S +P RR err\n"
)
SHUTDOWN_HEADER = (
    "Record Nx   Sx   Vx   Fx   Qx  % beats  % N    % S    % V    % F   Total Shutdown\n"
    "                                missed missed missed missed missed      Time\n"
)
RUN_HEADER = "Record CTs CFN CTp CFP STs SFN STp SFP LTs LFN LTp LFP  CSe C+P SSe S+P LSe L+P\n"

_GROUPED_ROWS = ([N], [S], [V], [F, Q], [O, X])
_GROUPED_COLUMNS = ([N, F, Q], [S], [V], [O, X])


def format_line(name: str, found: BeatComparison) -> str:
    """Return a record's line of ``bxb -L``'s first file."""
    figures = [_percent(getattr(found, figure)) for figure in BEAT_FIGURES]
    return f"{name:>4}{_counts(found)}{''.join(figures)} {_fixed(found.rr_error_ms)}\n"


def format_shutdown(name: str, found: BeatComparison) -> str:
    """Return a record's line of ``bxb -L``'s second file: beats missed in shutdowns."""
    missed = "".join(f" {found.sum([row], [X]):4d}" for row in (N, S, V, F, Q))
    shares = "".join(_percent(found.missed_in_shutdown(row)) for row in (None, N, S, V, F))
    totals = " ".join(str(found.sum([row], range(7))) for row in (N, S, V, F, Q))
    return f"{name:>4}{missed}  {shares} {_seconds(found):4d} seconds {totals}\n"


def format_standard(name: str, found: BeatComparison, *, reference: str, test: str) -> str:
    """Return a record's table of ``bxb -S``."""
    rows = []
    for row, label in enumerate(LABELS):
        columns = 7 if row < O else 5
        rows.append(f" {label} |" + "".join(f"{count:5d}" for count in found.counts[row, :columns].tolist()) + "\n")
    figures = [
        ("QRS sensitivity", found.qrs_sensitivity),
        ("QRS positive predictivity", found.qrs_predictivity),
        ("VEB sensitivity", found.veb_sensitivity),
        ("VEB positive predictivity", found.veb_predictivity),
        ("SVEB sensitivity", found.sveb_sensitivity),
        ("SVEB positive predictivity", found.sveb_predictivity),
    ]
    lines = [f"{title:>26}: {_fixed(ratio.percent)}{_sign(ratio)} ({ratio.hits}/{ratio.cases})\n" for title, ratio in figures]
    return (
        f"Beat-by-beat comparison results for record {name}\n"
        f"Reference annotator: {reference}\n"
        f"     Test annotator: {test}\n"
        "\n               Algorithm\n"
        "        n    s    v    f    q    o    x\n"
        "   ____________________________________\n"
        f"{''.join(rows)}\n{''.join(lines)}"
        f"     RMS RR interval error: {_fixed(found.rr_error_ms)} ms\n"
    )


def format_runs(name: str, found: RunComparison) -> str:
    """Return a record's line of ``rxr -L``."""
    figures = "".join(_whole(run_figure(found, figure).whole_percent) for figure in RUN_FIGURES)
    return f"{name:>4}{_run_counts(found)} {figures}\n"


def line_report(names: Sequence[str], found: Sequence[BeatComparison]) -> str:
    """Return ``bxb_line.txt``: one line a record."""
    return LINE_HEADER + "".join(map(format_line, names, found))


def shutdown_report(names: Sequence[str], found: Sequence[BeatComparison]) -> str:
    """Return ``bxb_sd.txt``: what each record lost in shutdowns."""
    return SHUTDOWN_HEADER + "".join(map(format_shutdown, names, found))


def standard_report(names: Sequence[str], found: Sequence[BeatComparison], *, reference: str, test: str) -> str:
    """Return ``bxb_standard.txt``: one table a record."""
    return "".join(format_standard(name, item, reference=reference, test=test) for name, item in zip(names, found, strict=True))


def run_report(names: Sequence[str], found: Sequence[RunComparison], *, supraventricular: bool) -> str:
    """Return ``rxr_ve.txt`` or ``rxr_sve.txt``: one line a record."""
    title = "(SVE run detection)\n" if supraventricular else ""
    return title + RUN_HEADER + "".join(map(format_runs, names, found))


def summarize_line_report(names: Sequence[str], found: Sequence[BeatComparison]) -> str:
    """Return what ``sumstats`` makes of ``bxb_line.txt``."""
    summary = summarize_beats(found)
    total = summary.total
    gross = "".join(_percent(summary.gross[figure]) for figure in BEAT_FIGURES)
    average = "".join(f" {_fixed(summary.average_percent[figure])}" for figure in BEAT_FIGURES)
    return (
        f"{line_report(names, found)}{'_' * 132}\n"
        f"Sum {_counts(total)}\n"
        f"Gross   {' ' * 75}{gross}\n"
        f"Average {' ' * 75}{average} {_fixed(summary.average_rr_error_ms)}\n"
        f"Total QRS complexes: {total.qrs_sensitivity.cases}  Total VEBs: {total.veb_sensitivity.cases}"
        f"  Total SVEBs: {total.sveb_sensitivity.cases}\n{_closing(summary.n_records)}"
    )


def summarize_shutdown_report(names: Sequence[str], found: Sequence[BeatComparison]) -> str:
    """Return what ``sumstats`` makes of ``bxb_sd.txt``."""
    total = summarize_beats(found).total
    missed = "".join(f" {total.sum([row], [X]):4d}" for row in (N, S, V, F, Q))
    seconds = sum(_seconds(item) for item in found)
    return f"{shutdown_report(names, found)}{'_' * 72}\nSum {missed}{' ' * 36}{seconds:6d} seconds\n{_closing(len(names))}"


def summarize_run_report(names: Sequence[str], found: Sequence[RunComparison], *, supraventricular: bool) -> str:
    """Return what ``sumstats`` makes of ``rxr_ve.txt`` or ``rxr_sve.txt``."""
    summary = summarize_runs(found)
    gross = "".join(_whole(run_figure(summary.total, figure).whole_percent) for figure in RUN_FIGURES)
    average = "".join(_whole(_half_up(summary.average_percent[figure])) for figure in RUN_FIGURES)
    totals = [summary.total.sensitivity(sort).cases for sort in RUN_LENGTHS]
    return (
        f"{run_report(names, found, supraventricular=supraventricular)}{'_' * 77}\n"
        f"Sum   {_run_counts(summary.total)}\n"
        f"Gross{' ' * 50}{gross}\n"
        f"Average{' ' * 48}{average}\n"
        f"Total couplets: {totals[0]}  Total short runs: {totals[1]}  Total long runs: {totals[2]}\n"
        f"{_closing(summary.n_records)}"
    )


def _counts(found: BeatComparison) -> str:
    """Return the counts of a line: F and Q together, O and X together, beats of neither kind under what they are called."""
    cells = [found.sum(row, column) for column in _GROUPED_COLUMNS for row in _GROUPED_ROWS][:-1]
    widths = [5, *[3] * 11, 4, *[3] * 6]
    return "".join(f" {cell:{width}d}" for cell, width in zip(cells, widths, strict=True))


def _run_counts(found: RunComparison) -> str:
    cells = []
    for figure in RUN_FIGURES:
        ratio = run_figure(found, figure)
        cells += [ratio.hits, ratio.cases - ratio.hits]
    return "".join(f" {cell:3d}" for cell in cells)


def _closing(n_records: int) -> str:
    return f"\nSummary of results from {n_records} records\n"


def _percent(ratio: Ratio) -> str:
    return f" {_fixed(ratio.percent)}"


def _fixed(value: float) -> str:
    return "     -" if math.isnan(value) else f"{value:6.2f}"


def _sign(ratio: Ratio) -> str:
    return "%" if ratio.cases else " "


def _whole(percent: int | None) -> str:
    return f" {'-' if percent is None else percent:>3}"


def _half_up(value: float) -> int | None:
    return None if math.isnan(value) else int(value + 0.5)


def _seconds(found: BeatComparison) -> int:
    return int(found.shutdown_s + 0.5)
