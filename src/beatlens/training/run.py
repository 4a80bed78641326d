"""A run's folder: what was asked, with which versions and data, and what came of it."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from beatlens._io import write_json
from beatlens._version import __version__
from beatlens.errors import ConfigurationError, OutputError
from beatlens.training.config import Config, build_config
from beatlens.training.fit import CHECKPOINT, EpochFigures

CONFIGURATION, HISTORY, WEIGHTS, CARD, METRICS = (
    "configuration.json",
    "history.json",
    "model.keras",
    "model.json",
    "metrics.json",
)
CHANGEABLE = ("checkpoint_every_s", "devices")
"""Settings that a run may be resumed without: they change no figure."""


def open_run(folder: Path, configuration: BaseModel, *, resume: bool = False, force: bool = False) -> None:
    """Make a run's folder and write the configuration down.

    Raises
    ------
    OutputError
        If the folder already holds a run, and neither ``resume`` nor ``force`` (start anew) is given.
    ConfigurationError
        If a run is resumed under another configuration.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} must be a folder; it is a file")
    written = folder / CONFIGURATION
    if written.is_file() and resume:
        _check_same(json.loads(written.read_text(encoding="utf-8")), configuration)
    elif folder.is_dir() and any(folder.iterdir()):
        if not (force and written.is_file()):
            hint = "Add --resume to go on with it, or --force to start anew." if written.is_file() else "Name a new folder."
            raise OutputError(f"{folder} already holds {'a run' if written.is_file() else 'other files'}", hint=hint)
        shutil.rmtree(folder)
    write_json(written, configuration.model_dump(mode="json"))


def run_configuration(kind: type[Config], folder: Path) -> Config:
    """Return the configuration that a run was started with.

    Raises
    ------
    ConfigurationError
        If there is no run in the folder, or its configuration cannot be read.
    """
    try:
        return build_config(kind, json.loads((folder / CONFIGURATION).read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise ConfigurationError(f"there is no run to resume in {folder}", hint="Leave --resume out to start one.") from error
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{folder / CONFIGURATION} is not JSON: {error}") from error


def write_history(folder: Path, history: list[EpochFigures]) -> None:
    """Write one entry an epoch."""
    write_json(folder / HISTORY, [asdict(figures) for figures in history])


def package_versions() -> dict[str, str]:
    """Return the versions of Python, Beatlens, and the packages that decide what a training comes to."""
    found = {"python": platform.python_version(), "beatlens": __version__}
    for name in ("keras", "jax", "jaxlib", "numpy", "scipy", "wfdb"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


def source_commit() -> str:
    """Return the commit of the working copy that runs, with ``+`` if it has changes; empty outside a working copy."""
    here = Path(__file__).parent
    git = shutil.which("git")
    if git is None:
        return ""

    def ask(*arguments: str) -> str | None:
        done = subprocess.run([git, "-C", str(here), *arguments], capture_output=True, text=True, check=False)  # noqa: S603
        return done.stdout.strip() if done.returncode == 0 else None

    if ask("ls-files", "--error-unmatch", Path(__file__).name) is None:
        return ""
    changed = ask("status", "--porcelain", "--untracked-files=no", "--", str(here.parent))
    return (ask("rev-parse", "--short=12", "HEAD") or "") + ("+" if changed else "")


def has_checkpoint(folder: Path) -> bool:
    """Return whether a run in this folder can be resumed."""
    return (folder / CHECKPOINT).is_file()


def _check_same(before: dict[str, Any], configuration: BaseModel) -> None:
    now = configuration.model_dump(mode="json")
    before = {"devices": 1, **before}  # runs that were begun before there was this setting
    changed = sorted(name for name in now if name not in CHANGEABLE and before.get(name) != now[name])
    if changed:
        raise ConfigurationError(
            f"a run must be resumed with the settings that it started with; {', '.join(changed)} changed",
            hint="Leave the settings out: they are read from the run's folder.",
        )
