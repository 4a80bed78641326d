"""``beatlens train rhythm-lstm``: from a database, or a folder of one's own, to weights with a card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beatlens.cli import console

if TYPE_CHECKING:
    from beatlens.training.rhythm import RhythmTraining
    from beatlens.training.rhythm_data import TrainingSet


def train_rhythm_lstm(
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The run's folder.")],
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Your own data: a folder of WFDB records with beat annotations. DS1 if not given."),
    ] = None,
    patients: Annotated[
        Path | None,
        typer.Option("--patients", help="CSV table of your records: the columns record, patient and, if wanted, fold."),
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Train a rhythm-lstm further: its name, run folder or file. With --data.")
    ] = None,
    annotator: Annotated[str | None, typer.Option(help="Extension of your annotation files; atr if not given.")] = None,
    name: Annotated[str | None, typer.Option(help="What your data are called; the folder's name if not given.")] = None,
    licence: Annotated[str | None, typer.Option(help="Licence of your data, for the card.")] = None,
    folds: Annotated[int | None, typer.Option(help="Patient-wise folds, where the table names none; 4 if not given.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="A TOML file of settings; your data in a table [data].")
    ] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="One setting, name=value; may be repeated.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Start anew where a run is.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Train rhythm-lstm: patient-wise folds first, then all of the data.

    On DS1 of the MIT-BIH Arrhythmia Database (DS2 is not looked at), or on records of your own with --data and --patients.
    """
    from beatlens.training.devices import join_hosts, spread_over
    from beatlens.training.rhythm_run import train_rhythm_lstm as train
    from beatlens.training.run import open_run

    join_hosts()
    own = {
        "folder": str(data) if data else None,
        "patients": str(patients) if patients else None,
        "annotator": annotator,
        "name": name,
        "licence": licence,
        "folds": folds,
    }
    given = {field: value for field, value in own.items() if value is not None}
    chosen, source = _choose(out, given, start, config, settings or [], resume=resume)
    spread_over(chosen.devices, chosen.batch_size)  # refused before anything is written
    open_run(out, chosen, resume=resume, force=force)
    model = train(chosen, out, lambda line: console.errors.print(line, highlight=False), resume=resume, data=source)
    if as_json:
        console.print_json(model.card.figures)
        return
    for protocol, figures in model.card.figures.items():
        console.output.print(protocol)
        for figure, value in figures.items():
            console.output.print(f"  {figure:12} {value:.4f}", highlight=False)


def _choose(
    out: Path, own: dict[str, Any], start: str | None, config: Path | None, overrides: list[str], *, resume: bool
) -> tuple[RhythmTraining, TrainingSet | None]:
    """Return the settings and, if it is one's own, the data."""
    from beatlens.errors import ConfigurationError
    from beatlens.training.config import build_config, load_values
    from beatlens.training.own_data import OwnTraining, own_set, own_settings
    from beatlens.training.rhythm import RhythmTraining
    from beatlens.training.run import CONFIGURATION, run_configuration

    if resume and config is None and not overrides and not own and start is None:
        is_own = '"data"' in (out / CONFIGURATION).read_text(encoding="utf-8") if (out / CONFIGURATION).is_file() else False
        chosen: RhythmTraining = run_configuration(OwnTraining if is_own else RhythmTraining, out)
    else:
        values = load_values(config, overrides)
        if own or "data" in values:
            values["data"] = {**values.get("data", {}), **own}
            for field, option in (("folder", "--data FOLDER"), ("patients", "--patients TABLE.csv")):
                if field not in values["data"]:
                    raise ConfigurationError(
                        f"a training on your own data needs {option}", hint="See 'Your own data' in the documentation."
                    )
        if start is not None:
            values["start_from"] = start
        if "data" not in values:
            if "start_from" in values:
                raise ConfigurationError(
                    "a training from a model's weights needs data of your own, --data FOLDER and --patients TABLE.csv",
                    hint="The shipped model has seen all of DS1: its folds would say nothing.",
                )
            return build_config(RhythmTraining, values), None
        chosen = own_settings(values)
    if not isinstance(chosen, OwnTraining):
        return chosen, None
    with console.errors.status("reading annotations"):
        found = own_set(chosen)
    for number, fold in enumerate(found.folds, start=1):
        console.errors.print(f"fold {number}: {' '.join(fold)}", highlight=False, markup=False)
    return chosen, found
