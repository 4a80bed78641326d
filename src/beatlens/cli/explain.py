"""``beatlens explain``: what decided the call of a beat, and how far to trust the picture."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from beatlens.cli import console
from beatlens.errors import ConfigurationError, RecordNotFoundError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from beatlens.explain.evaluate import Report
    from beatlens.explain.explanation import Explanation
    from beatlens.records.record import Record


class RecordFirst(TyperGroup):
    """A group whose first word is a recording unless it is a command: ``beatlens explain 208``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command ``beats`` before everything that does not name a command."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["beats", *args]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed


class Peaks(enum.StrEnum):
    """Where the beats come from."""

    ANNOTATIONS = "annotations"
    DETECT = "detect"


app = typer.Typer(
    cls=RecordFirst,
    help="Show what decided the call of a beat. 'beatlens explain RECORD' is short for 'beatlens explain beats RECORD'.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def beats(
    record: Annotated[
        str | None,
        typer.Argument(help="A recording of any format, or the name of an MIT-BIH record; the bundled ECG if missing."),
    ] = None,
    model: Annotated[str, typer.Option(help="Name or path of a model.")] = "rhythm-lstm",
    beat: Annotated[int | None, typer.Option(min=0, help="Place of the beat in the recording, from 0.")] = None,
    sample: Annotated[int | None, typer.Option(min=0, help="The beat whose R peak is nearest to this sample.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every beat.")] = False,
    method: Annotated[
        str | None, typer.Option(help="Attribution method; the one that measured best for the model if not given.")
    ] = None,
    peaks: Annotated[Peaks | None, typer.Option(help="Where the beats come from; annotations if there are any.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the table of explanations as CSV.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for explanations.csv, explanations.json and attribution.npz.")
    ] = None,
) -> None:
    """Explain one beat of a recording (the first that fits, unless told which), or all of them."""
    if sum((beat is not None, sample is not None, every)) > 1 or (as_json and as_csv):
        raise typer.BadParameter("give one of --beat, --sample and --all, and one of --json and --csv")
    from beatlens.explain.record import explain_beats
    from beatlens.models import load_model

    chosen, loaded = _find_record(record), load_model(model)
    found, truth = _find_beats(chosen, peaks, loaded.classes)
    which = _select(chosen, found, beat=beat, sample=sample, every=every)
    explanations = explain_beats(chosen, found, loaded, which=which, true=truth, method=method)
    if beat is None and sample is None and not every:
        explanations = explanations[:1]
    if out is not None:
        _write(out, explanations)
    _show(explanations, as_json=as_json, as_csv=as_csv)


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="Name or path of a model.")],
    per_class: Annotated[int, typer.Option("--beats-per-class", min=1, help="Beats of each AAMI class, from DS2.")] = 30,
    planted: Annotated[int, typer.Option(min=1, help="Waves to plant.")] = 200,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn at random.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for explanations-MODEL.json and explanations-MODEL.md.")
    ] = None,
    log: Annotated[Path | None, typer.Option(help="Log of looks at DS2 to append a line to.")] = None,
) -> None:
    """Test how faithful the explanations of a model are, method by method."""
    from dataclasses import replace

    from beatlens import _io
    from beatlens.explain.evaluate_rhythm import evaluate_rhythm_explanations, pick_rhythm_sample
    from beatlens.explain.evaluate_seed import evaluate_seed_explanations, pick_seed_sample
    from beatlens.models import load_model
    from beatlens.models.rhythm_lstm import RhythmLSTM

    loaded = load_model(model)

    def tell(step: str) -> None:
        console.errors.print(step, markup=False)

    if isinstance(loaded, RhythmLSTM):
        sample = pick_rhythm_sample(loaded, per_class=per_class, seed=seed)
        report = evaluate_rhythm_explanations(loaded, sample, n_planted=planted, seed=seed, tell=tell)
    else:
        sample = pick_seed_sample(per_class=per_class, seed=seed)
        report = evaluate_seed_explanations(loaded, sample, n_planted=planted, seed=seed, tell=tell)
    report = replace(report, weights=loaded.card.sha256)
    if out is not None:
        _io.write_json(out / f"explanations-{report.model}.json", report.to_dict())
        _io.write_text(out / f"explanations-{report.model}.md", report.to_markdown())
    if log is not None:
        _log_look(log, report, loaded.card.sha256)
    if as_json:
        console.print_json(report.to_dict())
    else:
        print(report.to_markdown(), end="")  # noqa: T201


def _log_look(log: Path, report: Report, weights: str) -> None:
    """Say in the log of looks at DS2 that explanations were tested on it, and how the default method did."""
    import datetime as dt

    from beatlens.evaluation.look_log import append_look
    from beatlens.explain.methods import DEFAULTS
    from beatlens.training.run import source_commit

    method = DEFAULTS[report.model]
    row = next(row for row in report.faithfulness if (row["class"], row["order"]) == ("all", method))
    figures = f"{method}: deletion area less than random {row['less than random']}, than amplitude {row['less than amplitude']}"
    counts = ", ".join(f"{name} {n}" for name, n in report.n_beats.items())
    today = str(dt.datetime.now(dt.UTC).date())
    cells = [today, source_commit() or "not known", report.model, weights[:12], "explanations", f"DS2; beats {counts}", figures]
    append_look(log, cells)


def _find_record(name: str | None) -> Record:
    """Return any file that `beatlens.read` takes, a database record by its name, or the bundled recording."""
    from beatlens.databases import mitdb
    from beatlens.records import read
    from beatlens.records.bundled import read_bundled

    if name is None:
        return read_bundled()
    path = Path(name)
    if path.is_file() or path.with_name(path.name + ".hea").is_file():
        return read(path)
    if name in mitdb.RECORDS:
        return mitdb.read_mitdb(name)
    raise RecordNotFoundError(
        f"there is no recording '{name}' here, and no record of that name in the MIT-BIH Arrhythmia Database",
        hint=f"Give the path of a recording, or a name such as {mitdb.DS2[0]}.",
    )


def _find_beats(record: Record, peaks: Peaks | None, classes: tuple[str, ...]) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    from beatlens.explain.record import find_beats

    source = peaks or (Peaks.DETECT if record.annotations is None else Peaks.ANNOTATIONS)
    return find_beats(record, peaks=source.value, classes=classes)


def _select(
    record: Record, samples: npt.NDArray[np.int64], *, beat: int | None, sample: int | None, every: bool
) -> npt.NDArray[np.int64]:
    """Return the places of the beats that were asked for."""
    import numpy as np

    if beat is not None and beat >= len(samples):
        raise ConfigurationError(f"'beat' must be less than {len(samples)}, the number of beats; got {beat}, in {record.name}")
    if sample is not None and sample >= record.n_samples:
        raise ConfigurationError(f"'sample' must be less than {record.n_samples}; got {sample}, in {record.name}")
    if sample is not None:
        beat = int(np.abs(samples - sample).argmin())
    if beat is not None:
        return np.array([beat])
    return np.arange(
        len(samples) if every else min(8, len(samples))
    )  # the first beats may lie too near the start to have a window


def _write(folder: Path, explanations: list[Explanation]) -> None:
    import numpy as np

    from beatlens import _io
    from beatlens.explain.explanation import stack_explanations, tabulate_explanations

    _io.write_text(folder / "explanations.csv", tabulate_explanations(explanations).to_csv(index=False))
    _io.write_json(folder / "explanations.json", [each.to_dict() for each in explanations])
    with _io.replacing(folder / "attribution.npz") as temporary:
        np.savez(temporary, **stack_explanations(explanations))  # type: ignore[arg-type]
    console.errors.print(f"wrote explanations.csv, explanations.json and attribution.npz to {folder}", markup=False)


def _show(explanations: list[Explanation], *, as_json: bool, as_csv: bool) -> None:
    from beatlens.explain.explanation import tabulate_explanations

    if as_json:
        console.print_json([each.to_dict() for each in explanations])
        return
    if as_csv:
        print(tabulate_explanations(explanations).to_csv(index=False), end="")  # noqa: T201
        return
    for each in explanations:
        console.output.print(f"{each.record}, sample {each.sample}: {each.sentence}", markup=False)
    first = explanations[0]
    console.errors.print(f"{first.model}, {first.method}; for research; not a medical device", markup=False)
