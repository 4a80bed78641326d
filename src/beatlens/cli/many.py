"""``beatlens analyze`` for several recordings: in processes, with one table at the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from beatlens.cli import console
from beatlens.errors import OutputError

if TYPE_CHECKING:
    from beatlens.batch import Outcome, Source, Wanted


def analyze_many(places: Sequence[Path], wanted: Wanted, *, out: Path, force: bool, workers: int | None, as_json: bool) -> None:
    """Analyse recordings into one folder each, and print one table; exit status 1 if any failed.

    Raises
    ------
    BeatlensError
        If nothing can be begun: no such model or method, no recording, or nowhere to write.
    """
    from beatlens.batch import find_sources
    from beatlens.batch.folders import FolderStore, name_targets
    from beatlens.batch.processes import count_workers, run_in_processes
    from beatlens.explain.methods import find_method

    wanted.describe()  # a model or method that does not exist is said once, before any work
    if wanted.settings.method:
        find_method(wanted.settings.method)
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out} must be a folder; it is a file", hint="Choose a folder with --out.")
    if (out / "analysis.json").is_file():
        raise OutputError(f"{out} holds the analysis of one recording", hint="Choose another folder with --out.")
    sources = find_sources(places, leave_out=[out])
    store = FolderStore(name_targets(sources, out), force=force)
    store.remove_leftovers()
    number = count_workers(workers, len(sources))
    outcomes: dict[str, Outcome] = {}
    with console.progress_bar("recordings") as bar:
        task = bar.add_task(f"{number} at a time", total=len(sources))
        for outcome in run_in_processes(sources, wanted, store, workers=number):
            outcomes[outcome.source] = outcome
            bar.update(task, advance=1, description=outcome.name[-30:])
    _show(sources, outcomes, out, as_json=as_json)


def _show(sources: Sequence[Source], outcomes: dict[str, Outcome], out: Path, *, as_json: bool) -> None:
    from beatlens.batch.one import DONE, FAILED, KEPT

    rows = [outcomes[source.url] for source in sources]
    counts = {status: sum(row.status == status for row in rows) for status in (DONE, KEPT, FAILED)}
    if as_json:
        console.print_json({"folder": str(out), **counts, "recordings": [row.to_dict() for row in rows]})
    else:
        for line in make_table(rows):
            console.output.print(line, markup=False)
        kept = f" ({counts[KEPT]} of them before)" if counts[KEPT] else ""
        console.output.print(
            f"{counts[DONE] + counts[KEPT]} analysed{kept}, {counts[FAILED]} failed. Reports: {out}", markup=False
        )
    _say_failures([row for row in rows if row.status == FAILED], len(rows))


def make_table(rows: Sequence[Outcome]) -> list[str]:
    """Return what became of each recording as lines of one table: beats by class, heart rate, events.

    Parameters
    ----------
    rows : sequence of Outcome
    """
    from beatlens.reports.words import write_duration

    classes = [key for key in _class_keys(rows) if any(row.facts.get(key) for row in rows)]
    titles = ("length", "beats", *(key.removeprefix("n_") for key in classes), "doubtful", "rate/min", "pauses", "runs")
    lines = [["recording", *titles]]
    for row in rows:
        facts = row.facts
        if not facts:
            lines.append([row.name, "failed", *([""] * (len(titles) - 1))])
            continue
        numbers = [facts["n_beats"], *(facts.get(key, 0) for key in classes), facts["n_uncertain"]]
        rate = facts["mean_rate_bpm"]
        events = [f"{facts[key]:,}" for key in ("n_pauses", "n_runs")]
        shown = [f"{value:,}" for value in numbers] + ["" if rate is None else f"{rate:.0f}", *events]
        lines.append([row.name, write_duration(facts["duration_s"]), *shown])
    first, *rest = (max(len(line[place]) for line in lines) for place in range(len(titles) + 1))
    return [
        "  ".join([f"{line[0]:<{first}}", *(f"{value:>{width}}" for value, width in zip(line[1:], rest, strict=True))]).rstrip()
        for line in lines
    ]


def _class_keys(rows: Sequence[Outcome]) -> list[str]:
    """Return which facts count the beats of a class, in the model's order."""
    keys = dict.fromkeys(key for row in rows for key in row.facts)
    aami = [key for key in keys if key in {"n_N", "n_S", "n_V", "n_F", "n_Q"}]
    return aami or [key for key in ("n_normal", "n_abnormal") if key in keys]


def _say_failures(failed: Sequence[Outcome], n_all: int) -> None:
    """Say on stderr which recordings failed and why, and end with status 1 if any did."""
    if not failed:
        return
    console.errors.print(f"[bold red]error:[/] {len(failed)} of {n_all} recordings failed")
    for row in failed:
        console.errors.print(f"  {row.name}: {row.reason}", markup=False)
    hints = list(dict.fromkeys(row.hint for row in failed if row.hint))
    console.errors.print("\n[bold cyan]hint:[/] ", end="")
    console.errors.print(
        hints[0] if len(hints) == 1 else "The same command again tries them anew, and keeps the others.", markup=False
    )
    raise typer.Exit(1)
