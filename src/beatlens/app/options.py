"""What the app is told when it starts, by `beatlens.app.launch`, in environment variables."""

from __future__ import annotations

import inspect
import os
from typing import Final

FILE: Final = "BEATLENS_APP_FILE"
MODEL: Final = "BEATLENS_APP_MODEL"
FS: Final = "BEATLENS_APP_FS"
UNIT: Final = "BEATLENS_APP_UNIT"

MOST_MB: Final = 400
"""Largest file that may be uploaded, in MB."""


def start_file() -> str | None:
    """Return the recording that the app was started with, if any."""
    return os.environ.get(FILE) or None


def start_rate() -> float | None:
    """Return the sampling rate that was given with it, in Hz."""
    return float(os.environ[FS]) if os.environ.get(FS) else None


def start_unit() -> str | None:
    """Return the unit that was given with it."""
    return os.environ.get(UNIT) or None


def default_model() -> str:
    """Return the model that is used unless another is chosen: the one that was asked for, or that of `analyze`."""
    from beatlens.analysis import analyze  # the command that starts the app needs none of it

    return os.environ.get(MODEL) or str(inspect.signature(analyze).parameters["model"].default)
