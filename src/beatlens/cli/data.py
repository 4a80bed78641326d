"""``beatlens data``: bring a database here, and check that it is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from beatlens.cli import console
from beatlens.errors import FormatError, UnknownNameError, closest

app = typer.Typer(help="Fetch and verify databases.", no_args_is_help=True)
DATABASES = ("mitdb",)

Database = Annotated[str, typer.Argument(help="Which database: mitdb, the MIT-BIH Arrhythmia Database 1.0.0.")]


@app.command()
def fetch(
    database: Database,
    *,
    source: Annotated[Path | None, typer.Option("--from", help="A zip archive or a folder, in place of PhysioNet.")] = None,
    to: Annotated[Path | None, typer.Option("--to", help="The folder that will hold it.")] = None,
) -> None:
    """Bring a database to this machine, every file checked; an interrupted fetch goes on where it stopped."""
    from beatlens.databases.fetch import expected_sums, fetch_database

    _check_known(database)
    with console.progress_bar("files") as progress:
        task = progress.add_task("verifying", total=len(expected_sums()))
        folder = fetch_database(
            source=source,
            destination=to,
            on_progress=lambda name, done, total: progress.update(task, completed=done, total=total, description=name),
        )
    console.output.print(str(folder))


@app.command()
def verify(database: Database, *, folder: Annotated[Path | None, typer.Option(help="Where it is.")] = None) -> None:
    """Check every file of a database against its SHA-256."""
    from beatlens.databases.fetch import expected_sums, verify_database
    from beatlens.databases.mitdb import find_database

    _check_known(database)
    place = find_database(folder)
    wrong = verify_database(place)
    if wrong:
        raise FormatError(
            f"{len(wrong)} of {len(expected_sums())} files in {place} are missing or damaged, the first {wrong[0]}",
            hint="Run 'beatlens data fetch mitdb' to bring what is missing.",
        )
    console.output.print(f"{place}: all {len(expected_sums())} files are whole")


def _check_known(database: str) -> None:
    if database not in DATABASES:
        raise UnknownNameError(f"there is no database '{database}'", hint=closest(database, DATABASES))
