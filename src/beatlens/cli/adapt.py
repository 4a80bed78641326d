"""``beatlens adapt``: a model that knows one patient better."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from beatlens.cli import console


def adapt(
    record: Annotated[Path, typer.Argument(help="The recording.")],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the adapted model.")],
    labels: Annotated[
        str,
        typer.Option(help="first-5-min: of the annotations beside it. Or your own: an annotation file, or its extension."),
    ] = "first-5-min",
    model: Annotated[str, typer.Option(help="The rhythm-lstm to start from.")] = "rhythm-lstm",
    config: Annotated[Path | None, typer.Option("--config", help="A TOML file of settings.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="One setting, name=value; may be repeated.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Start anew where a run is.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Adapt rhythm-lstm to one patient, from labelled beats of the first minutes of a recording.

    The adapted model is for this patient alone. Where the recording has labels behind those minutes, both models are measured
    there; no evaluation mixes these figures with those of patients that a model has not seen.
    """
    from beatlens.models import load_model
    from beatlens.training.adapt import Adaptation
    from beatlens.training.adapt_run import adapt_record, check_start, read_labelled
    from beatlens.training.config import load_config
    from beatlens.training.run import open_run

    chosen = load_config(Adaptation, config, settings or [])
    start = check_start(load_model(model))
    labelled = read_labelled(record, labels)
    open_run(out, chosen, force=force)
    adapted = adapt_record(start, labelled, out, chosen, lambda line: console.errors.print(line, markup=False))
    if as_json:
        console.print_json(adapted.card.figures)
        return
    for title, figures in adapted.card.figures.items():
        console.output.print(title, markup=False)
        for name, value in figures.items():
            console.output.print(f"  {name:12} {value:.4f}")
    console.output.print(f"{out}: adapted to {labelled.record.name}, for this patient alone", markup=False)
