"""Where the command writes: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from beatlens.errors import BeatlensError


@dataclass
class State:
    """Options that hold for the whole command."""

    debug: bool = False


state = State()
output = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def show_error(error: BeatlensError) -> None:
    """Print an ``error:`` line and, where there is one, a ``hint:``."""
    errors.print("[bold red]error:[/] ", end="")
    errors.print(error.message, markup=False)
    if error.hint:
        errors.print("\n[bold cyan]hint:[/] ", end="")
        errors.print(error.hint, markup=False)


def print_json(value: object) -> None:
    """Print one JSON document on stdout."""
    print(json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False))  # noqa: T201


def progress_bar(unit: str) -> Progress:
    """Return a progress bar on stderr; it stays silent where stderr is not a terminal.

    Parameters
    ----------
    unit : str
        What is counted, in the plural.
    """
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn(f"{{task.completed:.0f}}/{{task.total:.0f}} {unit}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=errors,
        disable=not errors.is_terminal,
        transient=True,
    )
