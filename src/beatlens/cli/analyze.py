"""``beatlens analyze``: from a recording to a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beatlens.cli import console

if TYPE_CHECKING:
    from beatlens.analysis import Analysis
    from beatlens.records import Record


def analyze(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE...", help="Recordings of any format that is read, or folders of them; a bundled one if not given."
        ),
    ] = None,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder to write; NAME-report if not given, for several 'reports'.")
    ] = None,
    model: Annotated[str, typer.Option("--model", help="Name or path of a model.")] = "rhythm-lstm",
    lead: Annotated[list[str] | None, typer.Option("--lead", help="A lead to use, the first first; may be repeated.")] = None,
    method: Annotated[
        str, typer.Option("--method", help="How beats are explained; the way that measured best for the model if not given.")
    ] = "",
    explanations: Annotated[int, typer.Option("--explanations", min=0, help="How many beats are explained.")] = 12,
    pause: Annotated[float, typer.Option("--pause", help="Length from which an interval is a pause, in s.")] = 2.0,
    fs: Annotated[float | None, typer.Option("--fs", help="Sampling rate in Hz, where the file does not state it.")] = None,
    unit: Annotated[str | None, typer.Option("--unit", help="mV, uV, V or nV, where the file does not state it.")] = None,
    patient: Annotated[bool, typer.Option("--patient", help="Show in the report who the patient is.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier analysis.")] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes for several recordings; as many as fit if not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Find, classify and explain the beats of a recording, and write a report.

    The folder holds report.html, analysis.json, fhir.json, beats.csv, WFDB annotations (beats.bl) and figures. Several, or a
    folder of them, are analysed in processes, each into a folder of its own; run again, it goes on where it was stopped.
    """
    from beatlens._io import safe_name
    from beatlens.analysis import Settings
    from beatlens.analysis import analyze as run
    from beatlens.reports.saving import check_target, save_analysis

    settings = Settings(method=method, explanations=explanations, pause_s=pause)
    if files and (len(files) > 1 or files[0].is_dir()):
        from beatlens.batch import Wanted
        from beatlens.cli.many import analyze_many

        wanted = Wanted(model, tuple(lead or ()), fs=fs, unit=unit, patient=patient, settings=settings)
        analyze_many(files, wanted, out=out or Path("reports"), force=force, workers=workers, as_json=as_json)
        return
    file = files[0] if files else None
    record = _read(file, fs=fs, unit=unit, patient=patient)
    target = out or Path(f"{safe_name(record.name)}-report")
    check_target(target, force=force)
    with _progress() as tell:
        analysis = run(record, model=model, leads=tuple(lead or ()), settings=settings, progress=tell)
        folder = save_analysis(analysis, target, force=force, progress=tell)
    if as_json:
        console.print_json(_summary(analysis, folder))
    else:
        _show(analysis, folder)


def _read(file: Path | None, *, fs: float | None, unit: str | None, patient: bool) -> Record:
    if file is None:
        from beatlens.records.bundled import read_bundled

        return read_bundled()
    from beatlens.records import read

    return read(file, fs=fs, unit=unit, patient=patient)


@contextmanager
def _progress() -> Iterator[Callable[[str, float], None]]:
    """Yield what moves a bar on stderr: the stage by name, and the share of all stages that is done."""
    from beatlens.analysis.pipeline import STAGES
    from beatlens.reports.saving import STAGES as WRITING

    stages = (*STAGES, *WRITING)
    with console.progress_bar("stages") as bar:
        task = bar.add_task("starting", total=len(stages))

        def tell(stage: str, share: float) -> None:
            bar.update(task, description=stage, completed=stages.index(stage) + share)

        yield tell


def _summary(analysis: Analysis, folder: Path) -> dict[str, object]:
    from beatlens.reports.document import make_document

    document = make_document(analysis)
    kept = ("notice", "beatlens", "recording", "model", "words", "summary", "not_judged", "notes")
    return {"folder": str(folder), **{name: document[name] for name in kept}}


def _show(analysis: Analysis, folder: Path) -> None:
    from beatlens._io import plain_text
    from beatlens.reports.words import describe_analysis

    console.output.print(plain_text(analysis.record.name), style="bold", markup=False)
    for sentence in describe_analysis(analysis):
        console.output.print(f"  {sentence}", markup=False)
    console.output.print(f"Report: {folder / 'report.html'}", markup=False)
    for note in analysis.notes:
        console.errors.print(f"note: {plain_text(note)}", markup=False)
    console.errors.print(f"{analysis.model.name} {analysis.model.version}; for research; not a medical device", markup=False)
