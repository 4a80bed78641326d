"""The command's frame: its groups, and how an error is shown."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Annotated, NoReturn

import typer

from beatlens._version import __version__
from beatlens.cli import adapt, analyze, batch, console, data, ec57, evaluate, explain, models, peaks, read, serve, train
from beatlens.cli.app import app as run_app
from beatlens.errors import BeatlensError

app = typer.Typer(
    name="beatlens",
    help="Read ECG recordings, classify every heartbeat, and show what decided each call. For research; not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"beatlens {__version__}")
        raise typer.Exit


app.command("analyze")(analyze.analyze)
app.command("batch")(batch.batch)
app.command("app")(run_app)
app.command("info")(read.info)
app.command("peaks")(peaks.peaks)
app.add_typer(explain.app, name="explain")
app.command("evaluate")(evaluate.evaluate)
app.add_typer(train.app, name="train")
app.command("adapt")(adapt.adapt)
app.add_typer(models.app, name="models")
app.command("serve")(serve.serve)
app.add_typer(ec57.app, name="ec57")
app.add_typer(data.app, name="data")


@app.callback()
def frame(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Take the options that come before every command."""
    del version
    console.state.debug = debug


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    """Leave in order, so that what was begun is cleared away; the status is the one that shells give to this signal."""
    console.errors.print("stopped: nothing is half-written")
    sys.exit(128 + number)


def main() -> None:
    """Run the command; exit 0 on success, 1 on failure, 2 on wrong usage."""
    if threading.current_thread() is threading.main_thread():  # no other may set them
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _stop)
    try:
        app()
    except BeatlensError as error:
        if console.state.debug:
            raise
        console.show_error(error)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)
