"""``beatlens models``: which models there are, their cards, and files of them for other programs."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Any

import typer

from beatlens.cli import console
from beatlens.errors import OutputError


class Format(enum.StrEnum):
    """Of an exported model."""

    ONNX = "onnx"


app = typer.Typer(help="List models, show their cards, and export them.", no_args_is_help=True)


@app.command("list")
def list_models(*, as_json: Annotated[bool, typer.Option("--json", help="Print the cards as JSON.")] = False) -> None:
    """List the models that come with the package."""
    from rich.table import Table

    from beatlens.models.registry import list_models as find_cards

    cards = find_cards()
    if as_json:
        console.print_json([card.model_dump(mode="json") for card in cards])
        return
    table = Table(box=None, pad_edge=False)
    for title in ("name", "version", "classes", "parameters", "protocol", "SHA-256"):
        table.add_column(title, justify="right" if title == "parameters" else "left")
    for card in cards:
        classes = ", ".join(card.classes)
        table.add_row(card.name, card.version, classes, f"{card.n_parameters:,}", card.protocol, card.sha256[:12])
    console.output.print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A model of the package, a .keras file, or a run's folder.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the card as JSON.")] = False,
) -> None:
    """Show a model's card: what it is, what it saw, how it did, and what it must not be used for."""
    from beatlens.models.registry import load_card

    card = load_card(name).model_dump(mode="json")
    if as_json:
        console.print_json(card)
        return
    for field, value in card.items():
        if value not in ("", {}, [], None):
            console.output.print(f"[bold]{field.replace('_', ' ')}[/]", end="  ")
            console.output.print(_in_words(value), markup=False)


@app.command()
def export(
    name: Annotated[str, typer.Argument(help="A model of the package, a .keras file, or a run's folder.")],
    *,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The file; NAME.onnx here if not given.")] = None,
    format_: Annotated[Format, typer.Option("--format", help="Of the file.")] = Format.ONNX,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Write a model as a file for other programs, and check it against the original on made-up beats."""
    from beatlens._io import sha256_of
    from beatlens.models import load_model
    from beatlens.models.onnx_export import export_onnx

    model = load_model(name)
    path = out or Path(f"{model.card.name}.{format_.value}")
    if path.is_dir() or (path.exists() and not force):
        raise OutputError(f"{path} is there already", hint="Name another file with --out, or add --force.")
    with console.errors.status(f"writing and checking {path}"):
        difference = export_onnx(model, path)
    said = {"file": str(path), "bytes": path.stat().st_size, "sha256": sha256_of(path), "largest_difference": difference}
    if as_json:
        console.print_json(said)
        return
    console.output.print(f"{path}  {path.stat().st_size:,} bytes  SHA-256 {said['sha256']}", markup=False)
    console.output.print(f"largest difference from Keras on made-up beats: {difference:.1g}", markup=False)


def _in_words(value: Any, indent: int = 2) -> str:
    if isinstance(value, dict):
        margin = "\n" + " " * indent
        return "".join(f"{margin}{key}: {_in_words(inner, indent + 2)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(_in_words(inner, indent) for inner in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
