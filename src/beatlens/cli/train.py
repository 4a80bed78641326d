"""``beatlens train``: from the database to a trained model in a run's folder."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beatlens.cli import console
from beatlens.cli.train_rhythm import train_rhythm_lstm

if TYPE_CHECKING:
    from beatlens.beats.seed_windows import SeedSplit
    from beatlens.evaluation.protocols.seed import SeedFigures
    from beatlens.models.seed_lstm import SeedLSTM
    from beatlens.training.fit import StepReport

app = typer.Typer(help="Train a model.", no_args_is_help=True)
app.command("rhythm-lstm")(train_rhythm_lstm)


@app.command("seed-lstm")
def train_seed_lstm(
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The run's folder.")],
    config: Annotated[Path | None, typer.Option("--config", help="A TOML file of settings.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="One setting, name=value; may be repeated.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Start anew where a run is.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Train seed-lstm on the seed protocol, and measure it on the held-out part.

    Beats of one patient stand on both sides of this split: its figures say nothing of patients that the model has not seen.
    With --set protocol=inter-patient it is trained on patients of DS1 and stopped on others of them; measure it on DS2 with
    'beatlens evaluate RUN --protocol inter-patient'.
    """
    from beatlens.training.config import SeedTraining, load_config
    from beatlens.training.devices import join_hosts, spread_over
    from beatlens.training.run import open_run, run_configuration
    from beatlens.training.seed import prepare_seed_split
    from beatlens.training.seed import train_seed_lstm as train

    join_hosts()
    settings = settings or []
    if resume and config is None and not settings:
        chosen = run_configuration(SeedTraining, out)
    else:
        chosen = load_config(SeedTraining, config, settings)
    spread_over(chosen.devices, chosen.batch_size)  # refused before anything is written
    with console.progress_bar("records") as bar:
        task = bar.add_task("reading", total=len(chosen.records) or 48)
        split = prepare_seed_split(chosen, on_record=lambda name: bar.update(task, advance=1, description=f"reading {name}"))
    open_run(out, chosen, resume=resume, force=force)
    parts = f"{len(split.train):,} beats train, {len(split.validation):,} validate, {len(split.test):,} test"
    console.errors.print(f"{parts}; the run is kept in {out}")
    with console.progress_bar("steps") as bar:
        model = train(chosen, split, folder=out, resume=resume, on_step=_StepPrinter(bar, chosen.epochs))
    figures = _finish(model, split, out)
    if as_json:
        console.print_json(figures.to_dict())
    else:
        for name, value in figures.headline().items():
            console.output.print(f"{name.replace('_', ' '):20}{value:.4f}" if isinstance(value, float) else f"{name:20}{value}")


class _StepPrinter:
    """Moves the bar at every step, and logs one line an epoch where there is no terminal to draw a bar on."""

    def __init__(self, bar: Any, epochs: int) -> None:
        self.bar = bar
        self.epochs = epochs
        self.task: Any = None
        self.started = time.monotonic()

    def __call__(self, report: StepReport) -> None:
        done = report.epoch * report.steps_per_epoch + report.step
        if self.task is None:
            self.task = self.bar.add_task("training", total=self.epochs * report.steps_per_epoch, completed=done - 1)
        now = f"epoch {report.epoch + 1}/{self.epochs}  loss {report.loss:.4f}  accuracy {report.accuracy:.4f}"
        if report.history:
            last = report.history[-1]
            now += f"  (validation {last.validation_loss:.4f}, {last.validation_accuracy:.4f})"
        self.bar.update(self.task, completed=done, description=now)
        if not console.errors.is_terminal and report.step == report.steps_per_epoch:
            console.errors.print(f"{now}  {time.monotonic() - self.started:.0f} s")


def _finish(model: SeedLSTM, split: SeedSplit, out: Path) -> SeedFigures:
    """Measure the model on the test part; write the figures into the run's folder and onto the card."""
    from beatlens._io import write_json
    from beatlens.evaluation.protocols.seed import evaluate_seed
    from beatlens.models.card import write_card
    from beatlens.reports.seed_run import write_seed_figures
    from beatlens.training.run import CARD, HISTORY, METRICS
    from beatlens.training.seed_patients import FIGURES_OF

    test = split.test
    measured_on = "seed" if model.card.protocol == "seed" else FIGURES_OF
    with console.errors.status(f"measuring on {len(test):,} held-out beats and drawing"):
        abnormal = model.predict_abnormal(test.windows)
        figures = evaluate_seed(test.labels, abnormal, records=test.records, symbols=test.symbols)
        history = json.loads((out / HISTORY).read_text(encoding="utf-8"))
        write_json(out / METRICS, figures.to_dict())
        write_card(out / CARD, model.card.model_copy(update={"figures": {measured_on: figures.headline()}}))
        write_seed_figures(model, test, abnormal, folder=out, history=history, measured_on=measured_on)
    return figures
