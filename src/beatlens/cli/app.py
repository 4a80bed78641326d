"""``beatlens app``: review a recording in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from beatlens.cli import console
from beatlens.errors import ConfigurationError, RecordNotFoundError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def app(
    file: Annotated[
        Path | None, typer.Argument(help="A recording of any format that is read; chosen in the browser if not given.")
    ] = None,
    *,
    model: Annotated[str | None, typer.Option("--model", help="rhythm-lstm or seed-lstm.")] = None,
    fs: Annotated[float | None, typer.Option("--fs", help="Sampling rate in Hz, where the file does not state it.")] = None,
    unit: Annotated[str | None, typer.Option("--unit", help="mV, uV, V or nV, where the file does not state it.")] = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Where the browser finds it.")] = 8501,
    address: Annotated[
        str, typer.Option("--address", help="Where to listen. Anything but this machine needs a guard: see docs/guides/app.md.")
    ] = "127.0.0.1",
    theme: Annotated[str, typer.Option("--theme", help="system, light or dark.")] = "system",
) -> None:
    """Review a recording beat by beat in the browser, on this machine."""
    from beatlens.app import launch
    from beatlens.models.registry import load_card

    launch.check_streamlit()
    if theme not in {"system", "light", "dark"}:
        raise ConfigurationError(f"'theme' must be system, light or dark; got '{theme}'")
    if model is not None:
        load_card(model)
    if file is not None and not file.exists() and not file.with_name(file.name + ".hea").is_file():
        raise RecordNotFoundError(
            f"no recording at {file}", hint="Check the path; a WFDB record may be given without extension."
        )
    if address not in LOOPBACK:
        console.errors.print(
            "warning: whoever reaches this address sees and corrects what is open; docs/guides/app.md says how to guard it",
            markup=False,
        )
    console.errors.print(
        f"Beatlens: http://{'localhost' if address in LOOPBACK else address}:{port} (Ctrl+C to stop)", markup=False
    )
    environment = launch.make_environment(file=file, model=model, fs=fs, unit=unit)
    launch.run(launch.make_command(address=address, port=port, theme=theme), environment)
