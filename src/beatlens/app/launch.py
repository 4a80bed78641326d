"""How the app is started: Streamlit with its own command, told where to listen, how to look, and to keep quiet."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from beatlens.app import options
from beatlens.errors import MissingDependencyError

SCRIPT: Final = Path(__file__).with_name("main.py")

THEME: Final = {
    "baseRadius": "6px",
    "sizes": "1.9rem,1.5rem,1.25rem,1.1rem,1rem,0.9rem",
    "light": {
        "primaryColor": "#0B6E6E",
        "backgroundColor": "#FFFFFF",
        "secondaryBackgroundColor": "#F2F5F7",
        "textColor": "#16202B",
        "borderColor": "#D5DBE1",
    },
    "dark": {
        "primaryColor": "#1F8F86",
        "backgroundColor": "#12171C",
        "secondaryBackgroundColor": "#1B232B",
        "textColor": "#E8EDF2",
        "borderColor": "#36414C",
    },
}


def check_streamlit() -> None:
    """Say what to install if Streamlit is missing.

    Raises
    ------
    MissingDependencyError
    """
    if find_spec("streamlit") is None:
        raise MissingDependencyError("the app needs the package streamlit", hint="Install it with: pip install 'beatlens[app]'")


def make_command(*, address: str, port: int, theme: str = "system") -> list[str]:
    """Return the command that starts the app.

    Parameters
    ----------
    address : str
        Where to listen; ``127.0.0.1`` for this machine only.
    port : int
        On which port.
    theme : {"system", "light", "dark"}
        Colours; of the reader's system if not given.
    """
    settings: dict[str, object] = {
        "server.address": address,
        "server.port": port,
        "server.headless": "true",  # asks for no e-mail address and opens no window by itself
        "server.fileWatcherType": "none",
        "server.maxUploadSize": options.MOST_MB,
        "server.enableXsrfProtection": "true",
        "browser.gatherUsageStats": "false",
        "client.showErrorDetails": "none",
        "client.toolbarMode": "minimal",
        "logger.level": "warning",
        "logger.hideWelcomeMessage": "true",  # the command has told the address already
        "theme.baseRadius": THEME["baseRadius"],
        "theme.headingFontSizes": THEME["sizes"],
    }
    for kind in ("light", "dark"):
        colours = THEME[kind]
        if isinstance(colours, dict):
            settings |= {f"theme.{kind}.{name}": value for name, value in colours.items()}
    if theme != "system":
        settings["theme.base"] = theme
        colours = THEME[theme]
        if isinstance(colours, dict):
            settings |= {f"theme.{name}": value for name, value in colours.items()}
            settings = {name: value for name, value in settings.items() if not name.startswith(("theme.light", "theme.dark"))}
    flags = [f"--{name}={value}" for name, value in settings.items()]
    return [sys.executable, "-m", "beatlens.app", "run", str(SCRIPT), *flags]


def make_environment(*, file: Path | None, model: str | None, fs: float | None, unit: str | None) -> Mapping[str, str]:
    """Return the environment in which the app runs: this one, and what the app is told."""
    told = {
        options.FILE: str(file.resolve()) if file else None,
        options.MODEL: model,
        options.FS: f"{fs:g}" if fs else None,
        options.UNIT: unit,
    }
    return {**os.environ, **{name: value for name, value in told.items() if value}}


def run(command: list[str], environment: Mapping[str, str]) -> None:
    """Become the app: this process ends when it does, and whoever stops this process stops it."""
    if os.name == "posix":
        os.execve(command[0], command, dict(environment))  # noqa: S606 - our own command
    # Windows has no such call: there the process waits for its child.
    sys.exit(subprocess.run(command, env=dict(environment), check=False).returncode)  # noqa: S603 - our own command
