"""``beatlens train rhythm-lstm``: from the database to weights with a card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from beatlens.cli import console


def train_rhythm_lstm(
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The run's folder.")],
    config: Annotated[Path | None, typer.Option("--config", help="A TOML file of settings.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="One setting, name=value; may be repeated.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Start anew where a run is.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Train rhythm-lstm on DS1: patient-wise folds first, then all of it. DS2 is not looked at."""
    from beatlens.training.config import load_config
    from beatlens.training.rhythm import RhythmTraining
    from beatlens.training.rhythm_run import train_rhythm_lstm as train
    from beatlens.training.run import open_run, run_configuration

    settings = settings or []
    chosen = run_configuration(RhythmTraining, out) if resume and config is None and not settings else None
    chosen = chosen or load_config(RhythmTraining, config, settings)
    open_run(out, chosen, resume=resume, force=force)
    model = train(chosen, out, lambda line: console.errors.print(line, highlight=False), resume=resume)
    if as_json:
        console.print_json(model.card.figures)
        return
    for protocol, figures in model.card.figures.items():
        console.output.print(protocol)
        for name, value in figures.items():
            console.output.print(f"  {name:12} {value:.4f}", highlight=False)
